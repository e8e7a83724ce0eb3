"""CSV and TSV: each row becomes one line that names its columns, so that it can be understood alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .spans import block, line_spans
from .text import decode

_SAMPLE = 16_384
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\d[\d.,:/ -]*(?:[eE][-+]?\d+)?[%)]?")


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a table.

    Raises:
        ParseError: The file is not text, or not a table.
    """
    source = decode(data, path)
    tabs = path.suffix.lower() == ".tsv"
    text = "\n".join(_lines(_rows(source, _delimiter(source, "\t" if tabs else ","), path)))
    blocks = tuple(block(text, "table", start, end) for start, end in line_spans(text) if start < end)
    return ParsedDocument(text, blocks, "text/tab-separated-values" if tabs else "text/csv")


def _delimiter(source: str, default: str) -> str:
    try:
        return csv.Sniffer().sniff(source[:_SAMPLE], delimiters=",;\t|").delimiter
    except csv.Error:
        return default


def _rows(source: str, delimiter: str, path: Path) -> list[list[str]]:
    # The limit belongs to the interpreter: it is only ever raised, and only for a field that needs it.
    csv.field_size_limit(max(csv.field_size_limit(), len(source)))
    try:
        table = csv.reader(io.StringIO(source), delimiter=delimiter, skipinitialspace=True)
        rows = [[" ".join(cell.split()) for cell in row] for row in table]
    except csv.Error as error:
        raise ParseError(f"the table is broken ({error})", remedy="Export it again as CSV", path=path) from error
    return [row for row in rows if any(row)]


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    headed = len(rows) > 1 and not any(map(_NUMBER.fullmatch, rows[0]))
    header, body = (rows[0], rows[1:]) if headed else ((), rows)
    return [" | ".join(_cells(header, row)) for row in body]


def _cells(header: Sequence[str], row: Sequence[str]) -> list[str]:
    named = enumerate(zip_longest(header, row, fillvalue=""), start=1)
    return [f"{name or f'column {number}'}: {cell}" for number, (name, cell) in named if cell]
