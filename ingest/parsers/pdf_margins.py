"""Headers, footers and page numbers: lines that stand in the margins of most pages of a document."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median

from .pdf_model import RawPage, Row

_MARGIN = 0.18
"""Of the page's height, at its top and at its bottom."""
_MOST_LINES = 3
"""Of a header."""
_LEAST_PAGES = 3
_LEAST_SHARE = 1 / 3
"""Of the pages with text: left and right pages often have headers of their own."""
_SAME_HEIGHT = 4.0
"""Points."""
_APART = 1.7
"""A margin's line stands this many letter sizes or more from the text: closer ones belong to it."""
_LARGE = 1.15
"""Times the size of the body's letters: a heading, not a header."""
_REGULAR = 0.7
"""The share of page turns at which a number stays the same or counts the pages."""
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line in a margin."""

    page: int
    row: Row
    height: float
    """Of its baseline, from the margin's outer edge."""


def drop_margins(pages: Sequence[RawPage], body: float) -> None:
    """Takes out the lines that repeat at one height in the margins of most pages, up to the number of the page.

    A line near the body's text stays, as does everything on a page that would be left without text.
    """
    filled = sum(bool(page.rows) for page in pages)
    if filled < _LEAST_PAGES:
        return
    least = max(_LEAST_PAGES, _LEAST_SHARE * filled)
    repeated: dict[int, list[Row]] = defaultdict(list)
    for lines in _candidates(pages, body).values():
        usual = median(line.height for line in lines)
        level = [line for line in lines if abs(line.height - usual) <= _SAME_HEIGHT]
        if len({line.page for line in level}) >= least and _counts_pages(level):
            for line in level:
                repeated[line.page].append(line.row)
    for index, rows in repeated.items():
        _drop(pages[index], rows)


def _candidates(pages: Sequence[RawPage], body: float) -> dict[tuple[bool, str], list[_Line]]:
    """The lines of the upper and lower margins, by their text without its numbers."""
    found: dict[tuple[bool, str], list[_Line]] = defaultdict(list)
    for index, page in enumerate(pages):
        height = page.size[1]
        for row in page.rows:
            if row.baseline is None or row.size > _LARGE * body:
                continue
            top = row.baseline < _MARGIN * height
            if top or row.baseline > (1 - _MARGIN) * height:
                text = "#" if page.label and row.text == page.label else _NUMBER.sub("#", row.text.casefold())
                found[top, text].append(_Line(index, row, row.baseline if top else height - row.baseline))
    return found


def _counts_pages(lines: Sequence[_Line]) -> bool:
    """Whether the numbers in the lines stay the same or grow with the pages, such as those of a table do not."""
    numbers = [[int(number) for number in _NUMBER.findall(line.row.text)] for line in lines]
    turns = [
        all(b - a in (0, next_line.page - line.page) for a, b in zip(before, after, strict=False))
        for (line, before), (next_line, after) in pairwise(zip(lines, numbers, strict=True))
    ]
    return sum(turns) >= _REGULAR * len(turns)


def _drop(page: RawPage, rows: Sequence[Row]) -> None:
    repeated = {id(row) for row in rows}
    dropped = {id(row) for from_top in (True, False) for row in _outer(page.rows, repeated, from_top)}
    kept = [row for row in page.rows if id(row) not in dropped]
    if kept:
        page.rows = kept


def _outer(rows: Sequence[Row], repeated: set[int], from_top: bool) -> list[Row]:
    """The repeated rows at the edge of a page: a few lines up to the first gap, with no other row among them."""
    placed = [(row.baseline, row) for row in rows if row.baseline is not None]
    placed.sort(key=lambda place: place[0], reverse=not from_top)
    outer: list[Row] = []
    for (baseline, row), (following, _) in pairwise([*placed, (inf, None)]):
        if row is None or id(row) not in repeated:
            return []
        outer.append(row)
        if abs(following - baseline) >= _APART * row.size:
            return outer if len({round(line.baseline or 0.0) for line in outer}) <= _MOST_LINES else []
    return []
