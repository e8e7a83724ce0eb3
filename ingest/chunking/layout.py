"""A document's structure: where its text may be cut, and what stands above a place."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np

from ...retrieval.aligned import aligned_tables
from ..parsed import Block, BlockKind, ParsedDocument
from ..parsers.spans import heading_title
from .plan import Tokenize

Places = Sequence[int]
"""Offsets into the text, ascending."""

_INK = re.compile(r"\S")
_LINE = re.compile(r"[^\n]+")
_LINE_END = re.compile(r"\n+")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*+\s+|[。！？][\"'”’)\]」』）]*+\s*+")
_WORD = re.compile(r"\S+")
_RULE = re.compile(r"[|:\- ]*-[|:\- ]*")
_PIECE = re.compile(r"(?s).{1,16384}(?:\s|\Z)|.{1,16384}")
_PIECES = 64


@dataclass(frozen=True, slots=True)
class Table:
    """A table block, or lines of a paragraph that are one; its header ends at `body`, its start when it has none."""

    start: int
    body: int
    end: int


class Layout:
    """Where a document's text may be cut, and how many tokens lie between two places.

    A row of a table, or a line of code, is a unit: no line, sentence or word starts inside one. The header of a table
    is a unit with the first row below it.
    """

    def __init__(self, document: ParsedDocument, tokenize: Tokenize) -> None:
        self.document, self.text = document, document.text
        self.tokens = _token_starts(self.text, tokenize)
        runs = groupby(document.blocks, key=lambda block: block.kind)
        self.tables = [table for kind, blocks in runs for table in _tables(self.text, kind, list(blocks))]
        self._table_starts = [table.start for table in self.tables]
        self.rows = sorted(self._rows())
        self._row_starts = [start for start, _ in self.rows]
        self._block_starts = [block.char_start for block in document.blocks]
        self.blocks = self._outside_rows(self._block_starts)
        self._page_starts = [page.char_start for page in document.pages]
        self._headings = [block for block in document.blocks if block.kind == "heading"]
        self.headings: Places = [block.char_start for block in self._headings]
        self._paths = _paths([(b.level, self.text[b.char_start : b.char_end]) for b in self._headings])

    @cached_property
    def sections(self) -> Places:
        """The headings, but for one directly under another."""
        pairs = pairwise(self._headings)
        return [*self.headings[:1], *(b.char_start for a, b in pairs if self.ink(a.char_end) < b.char_start)]

    @cached_property
    def top_sections(self) -> Places:
        """The headings of the outermost level that has more than one, and those above it."""
        levels = [block.level for block in self._headings]
        top = next((level for level in sorted(set(levels)) if levels.count(level) > 1), 6)
        return [block.char_start for block in self._headings if block.level <= top]

    @cached_property
    def table_rows(self) -> Places:
        """The rows of tables and what follows a table."""
        ends = [self.ink(table.end) for table in self.tables]
        return sorted({*(start for start in self._row_starts if self.table(self.ink(start))), *ends})

    @cached_property
    def lines(self) -> Places:
        """The lines of lists, the rows of tables, the lines of code."""
        return self._outside_rows(place for place in self._line_starts if self.kind(place) != "paragraph")

    @cached_property
    def wraps(self) -> Places:
        """The lines of paragraphs, where mostly no thought ends."""
        return self._outside_rows(place for place in self._line_starts if self.kind(place) == "paragraph")

    @cached_property
    def sentences(self) -> Places:
        """The sentences."""
        return self._outside_rows(match.end() for match in _SENTENCE_END.finditer(self.text))

    @cached_property
    def words(self) -> Places:
        """The words."""
        return self._outside_rows(match.start() for match in _WORD.finditer(self.text))

    @cached_property
    def _line_starts(self) -> Places:
        return [match.end() for match in _LINE_END.finditer(self.text)]

    def ink(self, at: int) -> int:
        """The first place from here on that is not white space."""
        found = _INK.search(self.text, at)
        return found.start() if found else len(self.text)

    def token(self, at: int) -> int:
        """The number of the first token that starts here or later."""
        return bisect_left(self.tokens, at)

    def place(self, token: int) -> int:
        """Where a token starts; the text's end for those beyond the last."""
        return self.tokens[token] if token < len(self.tokens) else len(self.text)

    def kind(self, at: int) -> BlockKind | None:
        """What kind of block a place is in."""
        number = bisect_right(self._block_starts, at) - 1
        return self.document.blocks[number].kind if number >= 0 else None

    def with_indentation(self, at: int) -> int:
        """The start of a row whose first character but white space is here; else the place itself."""
        number = bisect_right(self._row_starts, at) - 1
        return self._row_starts[number] if number >= 0 and self.ink(self._row_starts[number]) == at else at

    def row_around(self, at: int) -> tuple[int, int] | None:
        """The row that would be cut here."""
        number = bisect_left(self._row_starts, at) - 1
        return self.rows[number] if number >= 0 and at < self.rows[number][1] else None

    def rows_between(self, start: int, end: int) -> Places:
        """Where rows start from `start` to `end`, both included."""
        return between(self._row_starts, start, end)

    def table(self, at: int) -> Table | None:
        """The table that a place is in."""
        number = bisect_right(self._table_starts, at) - 1
        return self.tables[number] if number >= 0 and at < self.tables[number].end else None

    def header(self, at: int) -> tuple[int, int] | None:
        """The header rows of the table that a place is in the body of."""
        table = self.table(at)
        return (table.start, table.body) if table and table.start < table.body <= at else None

    def heading(self, at: int) -> str:
        """The headings in force at a place, one that starts there included, and the definition that it is in."""
        number = bisect_right(self.headings, at)
        path = self._paths[number - 1] if number else ""
        block = bisect_right(self._block_starts, at) - 1
        name = self.document.blocks[block].name if block >= 0 else ""
        return " > ".join(filter(None, (path, name)))

    def page(self, at: int) -> int | None:
        """The number of the page that a place is on."""
        pages = self.document.pages
        return pages[max(bisect_right(self._page_starts, at) - 1, 0)].number if pages else None

    def _rows(self) -> Iterator[tuple[int, int]]:
        for table in self.tables:
            lines = [match.span() for match in _LINE.finditer(self.text, table.start, table.end)]
            first = 1 + sum(start < table.body for start, _ in lines)
            yield lines[0][0], lines[:first][-1][1]
            yield from lines[first:]
        for block in self.document.blocks:
            if block.kind == "code":
                start = block.char_start
                while self.text[start - 1 : start] in (" ", "\t"):  # the indentation of its first line
                    start -= 1
                yield from (match.span() for match in _LINE.finditer(self.text, start, block.char_end))

    def _outside_rows(self, places: Iterable[int]) -> Places:
        if not self.rows:
            return list(places)
        found = np.fromiter(places, dtype=np.int64)
        starts, ends = np.array(self.rows, dtype=np.int64).T
        row = np.maximum(np.searchsorted(starts, found) - 1, 0)
        kept: list[int] = found[(found <= starts[row]) | (found >= ends[row])].tolist()
        return kept


def between(places: Places, start: int, end: int) -> Places:
    """The places from `start` to `end`, both included."""
    return places[bisect_left(places, start) : bisect_right(places, end)]


def _token_starts(text: str, tokenize: Tokenize) -> array[int]:
    """Tokenized in pieces: that takes less memory, and several cores work on them."""
    starts = array("q")
    pieces = [match.span() for match in _PIECE.finditer(text)]
    for number in range(0, len(pieces), _PIECES):
        group = pieces[number : number + _PIECES]
        for (base, _), tokens in zip(group, tokenize([text[a:b] for a, b in group]), strict=True):
            starts.extend([base + start for start, _ in tokens])
    return starts


def _tables(text: str, kind: BlockKind, blocks: Sequence[Block]) -> Iterator[Table]:
    """What blocks of a kind that follow each other have of tables."""
    if kind == "table":
        for block in blocks:
            lines = _LINE.finditer(text, block.char_start, block.char_end)
            _, second, third = next(lines), next(lines, None), next(lines, None)
            has_header = second and third and _RULE.fullmatch(second[0])
            yield Table(block.char_start, third.start() if third and has_header else block.char_start, block.char_end)
    elif kind == "paragraph":
        for found in aligned_tables(text, blocks[0].char_start, blocks[-1].char_end):
            body = found.rows[0].start
            yield Table(found.header.start if found.header else body, body, found.rows[-1].end)


def _paths(headings: list[tuple[int, str]]) -> list[str]:
    """The heading path at each heading: its ancestors and itself, outermost first."""
    open_levels: list[tuple[int, str]] = []
    paths = []
    for level, text in headings:
        while open_levels and open_levels[-1][0] >= level:
            open_levels.pop()
        open_levels.append((level, heading_title(text)))
        paths.append(" > ".join(title for _, title in open_levels))
    return paths
