"""Tables: lines whose pieces stand in columns. What is doubtful stays as lines, for a wrong table is worse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .pdf_model import Row

_LEAST_ROWS = 3
_MOST_COLUMNS = 15
_LEAST_FILLED = 0.45
_LEAST_NAMED = 0.6
"""The shares of a table's cells, and of its header's, that are not empty."""
_PROSE = 14.0
"""Letter sizes: where all columns are wider than this, they are columns of text."""
_MOST_PITCH = 3.0
"""Letter sizes between the baselines of two rows."""
_MOST_SPANNING = 2
"""Rows above the header that may go over several columns; they stay outside of the table."""
_MOST_DIGITS = 4
_LEADERS = re.compile(r"(?:\. ?){4,}|…{2,}|_{4,}")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows `start` to `end`, exclusive, of a page; `grid` has the cells of each."""

    start: int
    end: int
    grid: tuple[tuple[str, ...], ...]


def find_tables(rows: Sequence[Row]) -> list[Table]:
    """The tables among the lines of a page, in their order."""
    return [table for start, end in _runs(rows) if (table := _table(rows, start, end))]


def _runs(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Lines of several pieces that follow one another."""
    in_cells = [*map(_in_cells, rows), False]
    start = 0
    for index in range(1, len(rows) + 1):
        if not (in_cells[index - 1] and in_cells[index] and _near(rows[index - 1], rows[index])):
            if index - start >= _LEAST_ROWS:
                yield start, index
            start = index


def _in_cells(row: Row) -> bool:
    return len(row.cells) > 1 and not row.level and not _LEADERS.search(row.text)


def _near(above: Row, row: Row) -> bool:
    pitch = (row.baseline or 0.0) - (above.baseline or 0.0)
    return 0 < pitch <= _MOST_PITCH * max(row.size, above.size)


def _table(rows: Sequence[Row], start: int, end: int) -> Table | None:
    for first in range(start, min(start + _MOST_SPANNING, end - _LEAST_ROWS) + 1):
        table = rows[first:end]
        columns = _columns(table)
        grid = tuple(cells for row in table if (cells := _placed(row, columns)))
        if len(grid) == len(table) and _is_sound(table, grid, columns):
            return Table(first, end, grid)
    return None


def _columns(table: Sequence[Row]) -> list[tuple[float, float]]:
    """Left and right of the columns: where the pieces of no line leave a gap."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted((cell.left, cell.right) for row in table for cell in row.cells):
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _placed(row: Row, columns: Sequence[tuple[float, float]]) -> tuple[str, ...] | None:
    """A line's pieces by column; None if two of them stand in the same."""
    cells = [""] * len(columns)
    for cell in row.cells:
        index = next(number for number, (left, right) in enumerate(columns) if left <= cell.left <= right)
        if cells[index]:
            return None
        cells[index] = cell.text
    return tuple(cells)


def _is_sound(table: Sequence[Row], grid: Sequence[Sequence[str]], columns: Sequence[tuple[float, float]]) -> bool:
    if not 2 <= len(columns) <= _MOST_COLUMNS or not _is_filled(grid):
        return False
    size = max(row.size for row in table)
    narrow = any(right - left < _PROSE * size for left, right in columns)
    return narrow and not _is_list(grid) and not _is_form(grid) and _has_header(table, grid)


def _is_filled(grid: Sequence[Sequence[str]]) -> bool:
    """Whether there is enough in the cells of a table, of its header and of its columns, and not but signs."""
    columns, cells = len(grid[0]), [cell for row in grid for cell in row if cell]
    return (
        len(cells) >= _LEAST_FILLED * columns * len(grid)
        and len([cell for cell in grid[0] if cell]) >= _LEAST_NAMED * columns
        and all(len([cell for cell in column if cell]) >= 2 for column in zip(*grid, strict=True))
        and len([cell for cell in cells if any(map(str.isalnum, cell))]) >= _LEAST_FILLED * len(cells)
    )


def _is_form(grid: Sequence[Sequence[str]]) -> bool:
    """Whether the rows are labels with values beside them, which need no header."""
    return sum(row[0].endswith((":", "：")) for row in grid) > len(grid) / 2


def _has_header(table: Sequence[Row], grid: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: its letters are others, it stands over numbers, or not over names."""
    columns = [(header, [cell for cell in cells if cell]) for header, *cells in zip(*grid, strict=True)]
    if any(set(cells) == {header} for header, cells in columns):
        return False
    numeric = [header for header, cells in columns if 2 * sum(map(_is_number, cells)) > len(cells)]
    if any(map(_is_number, numeric)):
        return False
    styled = (table[0].bold, round(table[0].size)) not in {(row.bold, round(row.size)) for row in table[1:]}
    return styled or bool(numeric) or not grid[0][0]


def _is_number(cell: str) -> bool:
    return any(map(str.isdigit, cell)) and not any(map(str.isalpha, cell))


def _is_list(grid: Sequence[Sequence[str]]) -> bool:
    """Whether the first of two columns has but the marks or numbers of a list."""
    if len(grid[0]) > 2:
        return False
    marks = [row[0].strip("()[].") for row in grid]
    counted = all(mark.isdecimal() and len(mark) <= _MOST_DIGITS for mark in marks) and all(
        int(b) == int(a) + 1 for a, b in pairwise(marks)
    )
    return counted or not any(map(str.isalnum, "".join(marks)))
