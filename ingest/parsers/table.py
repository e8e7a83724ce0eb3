"""CSV and TSV: one Markdown table, and what stands above it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .text import decode

_SAMPLE_CHARS = 1 << 16
_SAMPLE_ROWS = _SAMPLE_COLUMNS = 200
_DELIMITERS = "\t;|,"
"""Of two that part a table equally well, the earlier: it is the rarer in running text."""
_DELIMITER_LINE = re.compile(r"sep=([\t;|,])\n", re.IGNORECASE)
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\d[\d.,:/ -]*(?:[eE][-+]?\d+)?[%)]?")
_YEAR = re.compile(r"(?:19|20)\d\d")


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a table.

    Raises:
        ParseError: The file is not text, or not a table.
    """
    source = decode(data, path)
    tabs = path.suffix.lower() == ".tsv"
    declared = _DELIMITER_LINE.match(source)
    delimiter = declared[1] if declared else _delimiter(source, "\t" if tabs else ",")
    rows = _rows(source[declared.end() if declared else 0 :], delimiter, path)
    builder = DocumentBuilder()
    first = _first_row(rows)
    for row in rows[:first]:
        builder.paragraph(next(filter(None, row)))
    builder.table(_with_header(rows[first:]))
    return builder.build("text/tab-separated-values" if tabs else "text/csv")


def _delimiter(source: str, default: str) -> str:
    """The delimiter that parts most rows into one and the same number of cells."""
    sample = source[:_SAMPLE_CHARS]
    if len(source) > len(sample):
        sample = sample[: sample.rfind("\n") + 1] or sample
    uniform = {delimiter: _uniformity(sample, delimiter) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=uniform.__getitem__) if any(uniform.values()) else default


def _uniformity(sample: str, delimiter: str) -> float:
    """The share of rows that have the commonest number of cells, if that is more than one."""
    try:
        widths = [len(row) for row in islice(_read(sample, delimiter), _SAMPLE_ROWS) if row]
    except csv.Error:
        return 0.0
    common = Counter(width for width in widths if width > 1).most_common(1)
    return common[0][1] / len(widths) if common else 0.0


def _rows(source: str, delimiter: str, path: Path) -> list[list[str]]:
    # The limit belongs to the interpreter: it is only ever raised, and only for a field that needs it.
    csv.field_size_limit(max(csv.field_size_limit(), len(source)))
    try:
        rows = [row for row in _read(source, delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise ParseError(f"the table is broken ({error})", remedy="Export it again as CSV", path=path) from error
    if not rows:
        raise ParseError("the table has no cells", remedy="Fill it, or leave it out", path=path)
    return rows


def _read(source: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, skipinitialspace=delimiter != "\t")


def _first_row(rows: Sequence[Sequence[str]]) -> int:
    """The number of the table's first row: exports have a title or a date above, alone in its row."""
    alone = [sum(map(bool, row)) == 1 for row in rows[:_SAMPLE_ROWS]]
    return alone.index(False) if sum(alone) < len(alone) / 2 else 0


def _with_header(rows: list[list[str]]) -> list[list[str]]:
    """The rows below a header, in which every column that holds something has a name."""
    header, body = (
        (rows[0], rows[1:]) if _has_header([row[:_SAMPLE_COLUMNS] for row in rows[: _SAMPLE_ROWS + 1]]) else ([], rows)
    )
    if not body:
        return rows
    filled = [False] * max(map(len, body))
    for row in body:
        for column, cell in enumerate(row):
            if cell:
                filled[column] = True
    named = enumerate(zip_longest(header, filled, fillvalue=""), start=1)
    return [[name or (f"column {number}" if used else "") for number, (name, used) in named], *body]


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it does not if it holds numbers where the others do, and no words."""
    votes = [_is_name(name, column) for name, *column in zip_longest(*rows, fillvalue="")]
    return True in votes or False not in votes


def _is_name(cell: str, column: Sequence[str]) -> bool | None:
    """Whether a cell names the column of numbers below it; None if nothing tells. A year may name one."""
    below = [value.strip() for value in column if value.strip()]
    if not cell.strip() or not below or not all(map(_NUMBER.fullmatch, below)):
        return None
    year = _YEAR.fullmatch(cell.strip()) and not all(map(_YEAR.fullmatch, below))
    return bool(year or not _NUMBER.fullmatch(cell.strip()))
