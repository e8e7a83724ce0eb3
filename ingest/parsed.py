"""What a parser makes of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..retrieval.records import Page

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document's text. Blocks are in order, do not overlap, and hold all text but white
    space."""

    kind: BlockKind
    char_start: int
    char_end: int
    level: int = 0
    """Of a heading: 1 (outermost) to 6. Otherwise 0."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's text with its structure; every offset counts code points of `text`."""

    text: str
    blocks: tuple[Block, ...]
    media_type: str
    title: str = ""
    """From the document's own metadata or first heading; empty when it has none."""
    pages: tuple[Page, ...] = ()
