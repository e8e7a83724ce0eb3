"""Markdown: the file's own text, with blocks where the CommonMark parser sees them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ..parsed import Block, BlockKind, ParsedDocument, ParseOptions
from .html import read_html
from .spans import block, heading_title, line_spans, paragraphs
from .text import decode

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w-]+[ \t]*:)(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?=\n|\Z)")
_FRONT_LINE = re.compile(r"^(title|author|date)[ \t]*:[ \t]*(['\"]?)([^\s|>\[{&*!'\"].*?)\2[ \t]*$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d)?(?:[T ][\d:.]+(?:Z| ?[+-]\d\d:?\d\d)?)?")
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
    """Finds the blocks of a Markdown text, in which HTML becomes Markdown too; without a title given, its front matter
    or first heading is the title."""
    matter = _FRONT_MATTER.match(text)
    front = matter[0] if matter else ""
    named = {match[1]: match[3] for match in reversed(list(_FRONT_LINE.finditer(front)))}
    tokens = _tokens(text, front)
    if any(map(_is_html, tokens)):
        text = _without_html(text, front, tokens)
        tokens = _tokens(text, front)
    blocks = _blocks(text, front, tokens)
    headings = (heading_title(text[b.char_start : b.char_end]) for b in blocks if b.kind == "heading")
    title = title or named.get("title") or next(headings, "")
    metadata = {"author": named["author"]} if "author" in named else {}
    if _DATE.fullmatch(named.get("date", "")):
        metadata["created"] = named["date"].replace(" ", "T", 1).replace(" ", "")
    return ParsedDocument(text, tuple(blocks), media_type, title, metadata=metadata)


def _tokens(text: str, front: str) -> list[Token]:
    return _parser().parse(text[len(front) :])


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])  # blocks are all that is needed


def _without_html(text: str, front: str, tokens: list[Token]) -> str:
    """The text with its blocks of HTML turned into Markdown, and its comments left out."""
    lines = line_spans(text)[front.count("\n") :]
    texts: list[str] = []
    done = 0
    for token in filter(_is_html, tokens):
        first, end = token.map or (0, 0)
        texts += text[done : lines[first][0]], read_html(token.content, "text/html").text
        done = lines[end - 1][1]
    return "".join(texts) + text[done:]


def _is_html(token: Token) -> bool:
    return token.type == "html_block" and token.level == 0 and token.map is not None


def _blocks(text: str, front: str, tokens: list[Token]) -> list[Block]:
    lines = line_spans(text)[front.count("\n") :]
    blocks = [block(text, "paragraph", 0, len(front))] if front else []
    done = 1 if front else 0
    for token in tokens:
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
