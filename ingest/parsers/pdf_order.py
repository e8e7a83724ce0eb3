"""Reading order: columns one after the other, and the pieces of a line together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from statistics import median
from typing import Literal
from unicodedata import bidirectional

from .pdf_model import Row

Side = Literal["left", "right", "across"]

_LEAST_ROWS = 3
"""That a column has."""
_LEAST_GUTTER = 0.6
"""Width of the space between columns, in letter sizes."""
_LEAST_WIDTH = 10.0
"""Of half of a column's lines, in letter sizes: shorter ones are a table's cells."""
_FULL_LINE = 0.6
"""Half of a column's lines are at least this share of its width."""
_ALMOST_ALL = 0.9
"""Of a column's lines are no wider than it is; the others may be headlines."""
_MOST_ACROSS = 0.5
"""The share of rows that may go across the gutter, such as titles and wide figures."""
_SAME_LINE = 2.0
"""Baselines closer than this many points belong to one line: a table's cells, an exponent."""
_RAISED = 0.7
_OVERLAP = 0.3
_CELL_GAP = 0.6
_WORD_GAP = 0.1
"""Letter sizes between the baselines and the sides of the pieces of one line."""
_FEW_LETTERS = 2
"""May be taller than wide and yet upright."""
_SAME_TOP = 3.0
"""Points."""
_WRAPPED = 1.5
"""Mean lines in a cell of a table whose text is wrapped."""
_MAX_DEPTH = 4


def in_reading_order(rows: Sequence[Row]) -> list[Row]:
    """The rows of a page column by column. The order of the file stands unless it jumps between columns."""
    upright = [row for row in rows if is_upright(row)]
    ordered = _ordered(upright, 0)
    if ordered == upright:
        return list(rows)
    return ordered + [row for row in rows if not is_upright(row)]


def whole_lines(rows: Sequence[Row]) -> list[Row]:
    """The rows with those that stand on one line, one after the other, put together; they become its cells."""
    lines: list[list[Row]] = []
    for row in rows:
        if lines and _continues(lines[-1], row):
            lines[-1].append(row)
        else:
            lines.append([row])
    return [_joined(line) if len(line) > 1 else line[0] for line in lines]


def is_upright(row: Row) -> bool:
    """Whether a row runs across the page, not up or down."""
    if row.rect is None:
        return False
    left, top, right, bottom = row.rect
    return len(row.text) <= _FEW_LETTERS or right - left >= (bottom - top) / 2


def _ordered(rows: list[Row], depth: int) -> list[Row]:
    gutter = _gutter(rows) if depth < _MAX_DEPTH and len(rows) >= 2 * _LEAST_ROWS else None
    if gutter is None or not _is_interleaved(rows, gutter):
        return rows
    ordered: list[Row] = []
    for band in _bands(rows, gutter):
        for side in ("left", "right", "across"):
            ordered += _ordered([row for row in band if _side(row, gutter) == side], depth + 1)
    return ordered


def _gutter(rows: Sequence[Row]) -> float | None:
    """The middle of the space that the fewest rows cross, if there are columns of prose on its sides."""
    least = _LEAST_GUTTER * median(row.size for row in rows)
    edges = sorted([(row.left, 1) for row in rows] + [(row.right, -1) for row in rows])
    begun = ended = 0
    best: tuple[float, float, float] | None = None
    for (x, step), (following, _) in pairwise(edges):
        begun, ended = begun + (step > 0), ended + (step < 0)
        crossing, width = begun - ended, following - x
        enough = ended >= _LEAST_ROWS and len(rows) - begun >= _LEAST_ROWS
        if enough and width > least and crossing <= _MOST_ACROSS * len(rows):
            best = min(best or (len(rows), 0.0, 0.0), (crossing, -width, (x + following) / 2))
    return best[2] if best and all(_is_prose(rows, best[2], side) for side in ("left", "right")) else None


def _is_prose(rows: Sequence[Row], gutter: float, side: Side) -> bool:
    column = [row for row in rows if _side(row, gutter) == side]
    widths = sorted(row.right - row.left for row in column)
    usual, full = median(widths), widths[int(_ALMOST_ALL * len(widths))]
    return usual >= _FULL_LINE * full and usual >= _LEAST_WIDTH * median(row.size for row in column)


def _side(row: Row, gutter: float) -> Side:
    return "left" if row.right <= gutter else "right" if row.left >= gutter else "across"


def _is_interleaved(rows: Sequence[Row], gutter: float) -> bool:
    """Whether the rows jump between the columns, and not as they do from cell to cell of a table."""
    runs = [(side, list(group)) for side, group in groupby(rows, key=lambda row: _side(row, gutter))]
    columns = [(side, group) for side, group in runs if side != "across"]
    bands = 1 + sum(side == "across" for side, _ in runs)
    if len(columns) <= 2 * bands:
        return False
    pairs = [(a[0], b[0]) for (one, a), (_, b) in pairwise(columns) if one == "left"]
    level = sum(abs(_baseline(a) - _baseline(b)) < _SAME_TOP for a, b in pairs)
    wrapped = sum(len({round(_baseline(row)) for row in group}) for _, group in columns) > _WRAPPED * len(columns)
    return not (wrapped and level > len(pairs) / 2)


def _bands(rows: Sequence[Row], gutter: float) -> list[list[Row]]:
    """The rows between those that go across the gutter, from top to bottom, each with such a row at its end."""
    across = sorted(_baseline(row) for row in rows if _side(row, gutter) == "across")
    bands: list[list[Row]] = [[] for _ in range(len(across) + 1)]
    for row in rows:
        bands[bisect_left(across, _baseline(row))].append(row)
    return bands


def _continues(line: list[Row], row: Row) -> bool:
    last = line[-1]
    if row.rect is None or last.rect is None or not (is_upright(last) and is_upright(row)):
        return False
    if row.follows:  # so pdfium found that they are one line, though a cell may stand a little higher
        near, right = _RAISED * row.size, row.right <= last.left + 1
    else:
        near, right = _SAME_LINE, False
    touching = row.left >= last.right - _OVERLAP * row.size
    return abs(_baseline(last) - _baseline(row)) <= near and (touching or right)


def _joined(line: list[Row]) -> Row:
    cells = [line[0]]
    for row in line[1:]:
        if row.left - cells[-1].right > _CELL_GAP * row.size or cells[-1].left > row.right:
            cells.append(row)
        else:
            apart = row.follows or row.left - cells[-1].right > _WORD_GAP * row.size
            cells[-1] = _one([cells[-1], row], " " if apart else "")
    if _is_right_to_left(cells):
        cells.sort(key=lambda cell: -cell.right)
    return replace(_one(cells, " "), cells=tuple(cells))


def _is_right_to_left(cells: Sequence[Row]) -> bool:
    return sum(bidirectional(letter) in ("R", "AL") for cell in cells for letter in cell.text[:1]) > len(cells) / 2


def _one(pieces: Sequence[Row], between: str) -> Row:
    lefts, tops, rights, bottoms = zip(*(piece.rect for piece in pieces if piece.rect), strict=True)
    return replace(
        pieces[0],
        text=between.join(piece.text for piece in pieces),
        rect=(min(lefts), min(tops), max(rights), max(bottoms)),
        bold=all(piece.bold for piece in pieces),
        hyphenated=pieces[-1].hyphenated,
    )


def _baseline(row: Row) -> float:
    return row.baseline if row.baseline is not None else 0.0
