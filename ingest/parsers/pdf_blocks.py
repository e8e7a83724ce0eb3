"""From the rows of a page to its blocks: headings, paragraphs, lists and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...retrieval.records import Rect
from ..parsed import BlockKind
from .building import markdown_table
from .pdf_lists import mark_lengths
from .pdf_model import Row
from .pdf_tables import Table, find_tables


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of a block: what is put before it, and the text that stands in its rectangle."""

    before: str
    text: str
    rect: Rect | None


@dataclass(slots=True)
class Passage:
    """A block before its place in the text is known."""

    kind: BlockKind
    pieces: list[Piece]
    level: int = 0


def passages(rows: Sequence[Row]) -> Iterator[Passage]:
    """The blocks of a page whose rows are marked."""
    tables = {table.start: table for table in find_tables(rows)}
    marks = mark_lengths(rows)
    index = 0
    while index < len(rows):
        if index in tables:
            yield _table(rows, tables[index])
            index = tables[index].end
            continue
        end = index + 1
        while end < len(rows) and end not in tables and not _ends(rows, marks, index, end):
            end += 1
        yield _passage(rows[index:end], marks.get(index))
        index = end


def _ends(rows: Sequence[Row], marks: dict[int, int], start: int, index: int) -> bool:
    """Whether the block that starts at one row ends before another."""
    first, above, row = rows[start], rows[index - 1], rows[index]
    if row.level != first.level:
        return True
    if above.hyphenated:
        return False
    if row.starts or index in marks:
        return True
    return start in marks and _stands_out(first, row)


def _stands_out(item: Row, row: Row) -> bool:
    """Whether a row stands to the left of an item's text, and begins like a new sentence."""
    return bool(item.rect and row.rect) and row.left <= item.left + 1 and not row.text[:1].islower()


def _passage(rows: Sequence[Row], mark: int | None) -> Passage:
    level = rows[0].level
    if level:
        return Passage("heading", list(_pieces(rows, f"{'#' * level} ", " ")), level)
    if mark is None:
        return Passage("paragraph", list(_pieces(rows, "", "\n")))
    pieces = list(_pieces(rows, "- " if mark else "", "\n"))
    pieces[0] = Piece(pieces[0].before, pieces[0].text[mark:], pieces[0].rect)
    return Passage("list", pieces)


def _pieces(rows: Sequence[Row], before: str, between: str) -> Iterator[Piece]:
    for row in rows:
        yield Piece(before, row.text, row.rect)
        before = "" if row.hyphenated else between


def _table(rows: Sequence[Row], table: Table) -> Passage:
    header, rule, *body = markdown_table(table.grid).split("\n")
    pieces = [Piece("", header, rows[table.start].rect)]
    for number, line in enumerate(body):
        row = rows[table.start + 1 + number]
        pieces.append(Piece("\n" if number else f"\n{rule}\n", line, row.rect))
    return Passage("table", pieces)
