"""What a parser is told, and what it makes of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ParseError
from ..retrieval.records import Page

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]
OcrMode = Literal["auto", "off", "force"]


def _nobody() -> None:
    pass


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How files are read."""

    ocr: OcrMode = "auto"
    """`auto` recognizes the text of images and of pages without readable text; `force` of every PDF page."""
    passwords: tuple[str, ...] = ()
    """Tried in turn on a locked file."""
    alive: Callable[[], None] = _nobody
    """Called after every step of a long reading (a page, a part), so that a slow file is not taken for a hung one."""


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document's text. Blocks are in order, do not overlap, and hold all text but white
    space.

    A table is one block of Markdown: a row a line, the second line parts the header from the body.
    """

    kind: BlockKind
    char_start: int
    char_end: int
    level: int = 0
    """Of a heading: 1 (outermost) to 6. Otherwise 0."""
    name: str = ""
    """Of a definition in source code: its qualified name, which follows the headings in the heading path."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's text with its structure; every offset counts code points of `text`."""

    text: str
    blocks: tuple[Block, ...]
    media_type: str
    title: str = ""
    """From the document's own metadata or first heading; empty when it has none."""
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the file says of itself (author, created, subject, sender, ...); dates in ISO 8601."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a file: a member of an archive, an attachment."""

    name: str
    """Its path inside, with forward slashes. Several parts may have the same."""
    content: bytes | ParseError
    """Its bytes, or why they cannot be had."""
