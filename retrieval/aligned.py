"""Tables without borders, as the text of a PDF has them: lines that end with as many numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_LABEL = 80
"""Characters before the numbers of a line."""

_LINE = re.compile(r"[^\n]+")
_FIGURE = re.compile(r"[-+\u2013\u2212(]?[€$£]?\d(?:[\d.,'’]*\d)?%?\)?|[-\u2013\u2014]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LAST = frozenset("0123456789%)-\u2013\u2014")


@dataclass(frozen=True, slots=True)
class AlignedLine:
    """A line of a table."""

    start: int
    end: int
    cells: tuple[str, ...]
    """What it begins with, and its numbers, two or more."""


@dataclass(frozen=True, slots=True)
class AlignedTable:
    """Two rows or more."""

    header: AlignedLine | None
    """A first line that has only years, but for what it may begin with."""
    rows: tuple[AlignedLine, ...]


def aligned_tables(text: str, start: int = 0, end: int | None = None) -> Iterator[AlignedTable]:
    """The tables of a part of a text; each consists of lines that follow each other and have as many numbers.

    A blank line may follow the header, which often stands apart.
    """
    block: list[AlignedLine] = []
    for match in _LINE.finditer(text, start, len(text) if end is None else end):
        line = match.group().rstrip()
        if not line:
            continue
        cells = _cells(line) if line[-1] in _LAST else ()
        if block and _is_header(block[0]):
            cells = _under(block[0], cells)
        if block:
            apart = text.count("\n", block[-1].end, match.start()) > (2 if _is_header(block[-1]) else 1)
            begins_anew = _is_years(cells) and cells[0] in ("", block[0].cells[0])
            if apart or begins_anew or len(cells) != len(block[0].cells):
                yield from _table(block)
                block = []
        if cells:
            block.append(AlignedLine(*match.span(), cells))
    yield from _table(block)


def _cells(line: str) -> tuple[str, ...]:
    """What a line begins with, and the numbers that it ends with; empty if these are not two."""
    words = line.split()
    first = len(words)
    while first and _FIGURE.fullmatch(words[first - 1]):
        first -= 1
    label, figures = " ".join(words[:first]), words[first:]
    names = any(map(str.isalpha, label)) and len(label) <= LONGEST_LABEL
    is_row = len(figures) > 1 and (names or (not label and all(map(_YEAR.fullmatch, figures))))
    return (label, *figures) if is_row else ()


def _under(header: AlignedLine, cells: tuple[str, ...]) -> tuple[str, ...]:
    """The cells of a line below a header: numbers beyond its columns belong to what the line begins with ("note 5")."""
    more = max(len(cells) - len(header.cells), 0)
    return (" ".join(cells[: more + 1]), *cells[more + 1 :]) if cells else ()


def _is_header(line: AlignedLine) -> bool:
    return _is_years(line.cells)


def _is_years(cells: tuple[str, ...]) -> bool:
    return bool(cells) and all(map(_YEAR.fullmatch, cells[1:]))


def _table(block: list[AlignedLine]) -> Iterator[AlignedTable]:
    has_header = bool(block) and _is_header(block[0])
    rows = tuple(block[has_header:])
    if len(rows) > 1:
        yield AlignedTable(block[0] if has_header else None, rows)
