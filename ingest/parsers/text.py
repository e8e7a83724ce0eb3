"""Plain text and reStructuredText; also the decoding that every text format shares."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from ...errors import ParseError
from ..parsed import Block, ParsedDocument
from .spans import block, heading_title, line_spans, paragraphs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # not the escape that starts a terminal's colours
_MOST_CONTROLS = 0.05
_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")


def parse(data: bytes, path: Path) -> ParsedDocument:
    """Reads plain text, paragraph by paragraph, and in .rst files the underlined headings.

    Raises:
        ParseError: The file is not text.
    """
    text = decode(data, path)
    lines = line_spans(text)
    if path.suffix.lower() != ".rst":
        return ParsedDocument(text, tuple(paragraphs(text, lines)), "text/plain")
    blocks = _rst_blocks(text, lines)
    title = next((heading_title(text[b.char_start : b.char_end]) for b in blocks if b.kind == "heading"), "")
    return ParsedDocument(text, tuple(blocks), "text/x-rst", title)


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


def _rst_blocks(text: str, lines: list[tuple[int, int]]) -> list[Block]:
    blocks: list[Block] = []
    styles: list[str] = []
    done = row = 0
    while row < len(lines):
        end, style = _rst_heading([text[start:stop] for start, stop in lines[row : row + 3]])
        if not end or (row and text[slice(*lines[row - 1])].strip()):
            row += 1
            continue
        if style not in styles:
            styles.append(style)
        blocks.extend(paragraphs(text, lines[done:row]))
        level = min(styles.index(style) + 1, 6)
        blocks.append(block(text, "heading", lines[row][0], lines[row + end - 1][1], level))
        done = row = row + end
    blocks.extend(paragraphs(text, lines[done:]))
    return blocks


def _rst_heading(lines: list[str]) -> tuple[int, str]:
    """How many of the lines are a heading, and its style: the underline's character, twice if there is an overline."""
    above, title, below = (*lines, "", "")[:3]
    if above.rstrip() == below.rstrip() and _underlines(below, title):
        return 3, below[0] * 2
    if not above[:1].isspace() and _underlines(title, above):
        return 2, title[0]
    return 0, ""


def _underlines(line: str, title: str) -> bool:
    """Whether a line of marks stands under a title; shorter than the title it must be four marks at least."""
    if not title.strip() or _UNDERLINE.fullmatch(title):
        return False
    return bool(_UNDERLINE.fullmatch(line)) and len(line.rstrip()) >= min(4, len(title.strip()))
