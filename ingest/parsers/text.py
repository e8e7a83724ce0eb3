"""Plain text; also the decoding that every text format shares."""

from __future__ import annotations

import codecs
import re
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
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # not the escape that starts a terminal's colours
_MOST_CONTROLS = 0.05


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads plain text, paragraph by paragraph.

    Raises:
        ParseError: The file is not text.
    """
    text = decode(data, path)
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
    """Ends lines with a line feed alone, drops NULs, joins surrogate pairs and replaces lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _decode(data: bytes, path: Path, declared: str | None) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data:
        raise _binary(path)
    for encoding in filter(None, ("utf-8", declared)):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    sound = len(text) - len(text.encode("ascii", "ignore")) - damaged
    return text if sound > 10 * damaged else _detect(data, path)  # a few bad bytes do not make UTF-8 another encoding


def _detect(data: bytes, path: Path) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data)
    # Short Western texts fit several code pages equally well, and then it is nearly always this one.
    western = (match for match in matches if "cp1252" in (match.encoding, *match.could_be_from_charset))
    best = next(western, matches.best())
    if best is None:
        raise _binary(path)
    return str(best)


def _binary(path: Path) -> ParseError:
    return ParseError("the file is binary, not text", remedy="Give it its true suffix, or leave it out", path=path)
