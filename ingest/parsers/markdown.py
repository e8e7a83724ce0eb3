"""Markdown: the file's own text, with blocks where the CommonMark parser sees them."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ..parsed import Block, BlockKind, ParsedDocument, ParseOptions
from .spans import block, heading_title, line_spans, paragraphs
from .text import decode

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w-]+[ \t]*:)(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?=\n|\Z)")
_FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*(['\"]?)([^\s|>\[{&*!].*?)\1[ \t]*$", re.MULTILINE)
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "list_item_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a Markdown file.

    Raises:
        ParseError: The file is not text.
    """
    return read_markdown(decode(data, path), "text/markdown")


def read_markdown(text: str, media_type: str, title: str = "") -> ParsedDocument:
    """Finds the blocks of a Markdown text; without a title given, its front matter or first heading is the title."""
    matter = _FRONT_MATTER.match(text)
    front = matter[0] if matter else ""
    named = _FRONT_TITLE.search(front)
    blocks = _blocks(text, front)
    headings = (heading_title(text[b.char_start : b.char_end]) for b in blocks if b.kind == "heading")
    title = title or (named[2] if named else next(headings, ""))
    return ParsedDocument(text, tuple(blocks), media_type, title)


def _blocks(text: str, front: str) -> list[Block]:
    lines = line_spans(text)
    blocks = [block(text, "paragraph", 0, len(front))] if front else []
    done = front.count("\n") + 1 if front else 0
    # The front matter becomes blank lines, so that the parser's line numbers stay the file's.
    source = "\n" * front.count("\n") + text[len(front) :]
    parser = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])  # blocks are all that is needed
    for token in parser.parse(source):
        if token.map is None or not _is_block(token):
            continue
        first, end = token.map
        blocks.extend(paragraphs(text, lines[done:first]))  # what has no token: link definitions
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        found = block(text, _KINDS.get(token.type, "paragraph"), lines[first][0], lines[end - 1][1], level)
        if found.char_start < found.char_end:
            blocks.append(found)
        done = end
    blocks.extend(paragraphs(text, lines[done:]))
    return blocks


def _is_block(token: Token) -> bool:
    """Top-level blocks, but of a list its items."""
    if token.type == "list_item_open":
        return token.level == 1
    return token.level == 0 and not token.type.endswith("_list_open")
