"""Plain text; also the decoding that every text format shares."""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .spans import line_spans, paragraphs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNSUITABLE = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf_7"}
"""Encodings that no document has, and that take long or write what the file does not hold."""
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # not the escape that starts a terminal's colours
_MOST_CONTROLS = 0.05
_LEAST_NULS, _MOST_NULS = 0.1, 0.9
_NUL_SAMPLE = 1 << 16
_DETECTION_SAMPLE = 1 << 18
_MOST_ASCII = 1 << 10
"""Bytes of ASCII with which a line of the sample may begin; of a longer one only the rest is looked at."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPOGRAPHIC = re.compile("[\u00ad\ufb00-\ufb06]")
_LETTERS = dict(
    zip("\u00ad\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", ",ff,fi,fl,ffi,ffl,st,st".split(","), strict=True)
)
# Nothing below U+0300 joins what stands before it, so a text may be normalized in pieces that start there. The limit is
# there because the time for a run of combining marks grows with its square.
_PIECE = re.compile("[\x00-\u02ff]*[^\x00-\u02ff]{0,1000}")


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads plain text, paragraph by paragraph.

    Raises:
        ParseError: The file is not text.
    """
    return parse_text(decode(data, path))


def parse_text(text: str) -> ParsedDocument:
    """Reads a text that is no file, as a plain text file of it would be."""
    text = clean(text)
    return ParsedDocument(text, tuple(paragraphs(text, line_spans(text))), "text/plain")


def decode(data: bytes, path: Path, declared: str | None = None) -> str:
    """Decodes a text file: by its byte order mark, else as UTF-8, else as declared, else as detected; then cleans it.

    Raises:
        ParseError: The file is not text.
    """
    text = clean(_decode(data, path, declared))
    if len(_CONTROLS.findall(text)) > _MOST_CONTROLS * len(text):
        raise _binary(path)
    return text


def clean(text: str) -> str:
    """Makes a text uniform: lines end with a line feed alone, letters are composed (Unicode NFC), Latin ligatures are
    spelled out; NULs and soft hyphens are dropped, surrogate pairs joined, lone surrogates replaced."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if text.isascii():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _TYPOGRAPHIC.sub(lambda match: _LETTERS[match[0]], text)
    if not unicodedata.is_normalized("NFC", text):
        text = _PIECE.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
    return text


def _decode(data: bytes, path: Path, declared: str | None) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data:
        return _decode_wide(data, path)
    if declared and declared.lower().replace("-", "_") in _UNSUITABLE:
        declared = None
    for encoding in filter(None, ("utf-8", declared)):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    sound = len(text) - len(text.encode("ascii", "ignore")) - damaged
    return text if sound > 10 * damaged else _detect(data, path)  # a few bad bytes do not make UTF-8 another encoding


def _decode_wide(data: bytes, path: Path) -> str:
    """Decodes UTF-16 or UTF-32 without a byte order mark: the first bytes of its Latin letters, or of all letters, are
    NULs, and the last ones are not."""
    size = min(len(data), _NUL_SAMPLE) // 4 * 4
    nuls = [data[at:size:4].count(0) / (size // 4 or 1) for at in range(4)]
    first, second = nuls[0] + nuls[2], nuls[1] + nuls[3]
    if min(nuls[:2]) > _MOST_NULS:
        encoding = "utf-32-be"
    elif min(nuls[2:]) > _MOST_NULS:
        encoding = "utf-32-le"
    elif first > 2 * _LEAST_NULS and first > 20 * second:
        encoding = "utf-16-be"
    elif second > 2 * _LEAST_NULS and second > 20 * first:
        encoding = "utf-16-le"
    else:
        raise _binary(path)
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise _binary(path) from error


def _detect(data: bytes, path: Path) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(_telling(data))
    # Short Western texts fit several code pages equally well, and then it is nearly always this one.
    western = (match for match in matches if "cp1252" in (match.encoding, *match.could_be_from_charset))
    best = next(western, matches.best())
    if best is None:
        raise _binary(path)
    return data.decode(best.encoding, "replace")


def _telling(data: bytes) -> bytes:
    """A sample of the lines that hold more than ASCII, wherever they stand: others look the same in all encodings."""
    lines: list[bytes] = []
    size = end = 0
    while size < _DETECTION_SAMPLE and (found := _NOT_ASCII.search(data, end)):
        first = found.start()
        start = max(data.rfind(b"\n", end, first) + 1, end)
        start = start if first - start <= _MOST_ASCII else first
        end = data.find(b"\n", first) + 1 or len(data)
        lines.append(data[start : min(end, first + _DETECTION_SAMPLE)])
        size += len(lines[-1])
    return b"".join(lines)


def _binary(path: Path) -> ParseError:
    return ParseError("the file is binary, not text", remedy="Give it its true suffix, or leave it out", path=path)
