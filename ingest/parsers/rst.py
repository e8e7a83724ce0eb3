"""reStructuredText: the file's own text, with blocks at its underlined headings and its code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..parsed import Block, ParsedDocument, ParseOptions
from .spans import block, heading_title, line_spans, paragraphs
from .text import decode

_CODE_FOLLOWS = re.compile(
    r"(?s:\s*\.\.[ \t]+(?:code-block|code|sourcecode|parsed-literal|prompt)::.*|(?!\s*\.\. ).*::)"
)
_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a reStructuredText file.

    Raises:
        ParseError: The file is not text.
    """
    text = decode(data, path)
    blocks = _rst_blocks(text, line_spans(text))
    title = next((heading_title(text[b.char_start : b.char_end]) for b in blocks if b.kind == "heading"), "")
    return ParsedDocument(text, tuple(blocks), "text/x-rst", title)


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
        blocks.extend(_body(text, lines[done:row]))
        level = min(styles.index(style) + 1, 6)
        blocks.append(block(text, "heading", lines[row][0], lines[row + end - 1][1], level))
        done = row = row + end
    blocks.extend(_body(text, lines[done:]))
    return blocks


def _body(text: str, lines: list[tuple[int, int]]) -> Iterator[Block]:
    """The paragraphs of a section; those that stand further in than the one that announces code are one block of it."""
    code: Block | None = None
    margin: int | None = None
    for found in paragraphs(text, lines):
        indent = found.char_start - text.rfind("\n", 0, found.char_start) - 1
        if margin is not None and indent > margin:
            code = block(text, "code", code.char_start if code else found.char_start, found.char_end)
            continue
        if code:
            yield code
        yield found
        code = None
        margin = indent if _CODE_FOLLOWS.fullmatch(text, found.char_start, found.char_end) else None
    if code:
        yield code


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
