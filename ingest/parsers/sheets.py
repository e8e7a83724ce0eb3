"""What spreadsheets of every format share: the text of values, and the tables among the cells of a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby

from .building import DocumentBuilder

Value = int | float | str | bool | time | date | datetime | timedelta
Rows = Mapping[int, Mapping[int, str]]

_MOST_PADDING = 100
"""Empty cells for one cell of a table: with more, a table is written without them."""
_SIGNIFICANT_DIGITS = 15  # of a number, as spreadsheets show it
_MOST_DIGITS = 1e15


@dataclass(slots=True)
class Sheet:
    """A sheet's name and the texts of its cells, none empty, by row and column from 0."""

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    charts: list[tuple[str, list[list[str]]]] = field(default_factory=list)
    """The title of each, and its values as the rows of a table."""
    comments: list[str] = field(default_factory=list)

    def put(self, row: int, column: int, text: str) -> None:
        """Write a cell; one without words is left out."""
        if text and not text.isspace():
            self.rows.setdefault(row, {})[column] = text


def add_sheet(builder: DocumentBuilder, sheet: Sheet) -> None:
    """Add a sheet with anything in it: its name as a heading, then each group of adjoining cells as a table, or as a
    paragraph if it is a single column; then its charts and comments."""
    if sheet.rows or sheet.charts or any(sheet.comments):
        builder.heading(sheet.name, 2)
    for region in regions(sheet.rows):
        if max(map(len, region)) > 1:
            builder.table(region)
        else:
            builder.paragraph("\n".join(" ".join(row[0].split()) for row in region))
    for title, rows in sheet.charts:
        builder.paragraph(title)
        builder.table(rows)
    for comment in sheet.comments:
        builder.paragraph(comment)


def regions(rows: Rows) -> Iterator[list[list[str]]]:
    """The groups of cells that empty rows and columns part from one another."""
    for band in _runs(sorted(rows)):
        columns = _runs(sorted({column for row in band for column in rows[row]}))
        group_of = {column: group for group, run in enumerate(columns) for column in run}
        groups: list[dict[int, dict[int, str]]] = [{} for _ in columns]
        for row in band:
            for column, text in rows[row].items():
                groups[group_of[column]].setdefault(row, {})[column] = text
        for group in groups:
            for run in _runs(list(group)):
                yield _table([group[row] for row in run])


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers, parted where one is left out."""
    return [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]


def _table(rows: Sequence[Mapping[int, str]]) -> list[list[str]]:
    first, last = min(map(min, rows)), max(map(max, rows))
    cells = sum(map(len, rows))
    if (last - first) * len(rows) > _MOST_PADDING * (cells + _MOST_PADDING):
        return [[row[column] for column in sorted(row)] for row in rows]
    return [[row.get(column, "") for column in range(first, max(row) + 1)] for row in rows]


def value_text(value: Value) -> str:
    """A value as people read it: ISO dates, whole numbers without a fraction."""
    match value:
        case bool():
            return str(value).upper()
        case float():
            return number_text(value)
        case datetime():
            return date_text(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case _:
            return str(value)


def number_text(value: float) -> str:
    """A number with the digits that a spreadsheet shows of it."""
    if value.is_integer() and abs(value) < _MOST_DIGITS:
        return str(int(value))
    return f"{value:.{_SIGNIFICANT_DIGITS}g}"


def date_text(value: datetime) -> str:
    """A date, with its time unless that is midnight."""
    if value.time() == time():
        return value.date().isoformat()
    return value.isoformat(" ", "seconds" if value.second else "minutes")


def duration_text(value: timedelta) -> str:
    """Hours, minutes and seconds."""
    seconds = round(value.total_seconds())
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
