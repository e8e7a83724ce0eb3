"""How far the cells of binary workbooks reach: calamine gives every cell between the first and the last its memory, and
ends the process when there is none left."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import olefile

from ...errors import ParseError
from .package import Package, corrupt, related

_MOST_CELLS = 16 << 20
_XLS_CELLS = frozenset((0x06, 0xBD, 0xBE, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x206, 0x27E, 0x406))
_XLS_RUNS = frozenset((0xBD, 0xBE))  # several cells of a row; the record ends with the column of the last
_XLSB_ROW = 0
_XLSB_CELLS = range(1, 12)


def check_xls(data: bytes, path: Path) -> None:
    """Checks a workbook in the format of Excel 97 to 2003.

    Raises:
        ParseError: It is corrupt, or a sheet is larger than is read.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            name = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
            stream = container.openstream(name).read() if name else b""
    except Exception as error:  # olefile lets through whatever its reading of a corrupt file raises
        if isinstance(error, MemoryError):
            raise
        raise corrupt(path, error) from error
    if name is None:
        raise ParseError("the file is no spreadsheet", remedy="Give it its true suffix", path=path)
    _check(_xls_cells(stream), path)


def check_xlsb(package: Package) -> None:
    """Checks a workbook in Excel's binary format.

    Raises:
        ParseError: It is corrupt, or a sheet is larger than is read.
    """
    for part in related(package, "xl/workbook.bin", "worksheet").values():
        if part in package:
            _check(_xlsb_cells(package.read(part)), package.path)


def _check(cells: Iterable[tuple[int, int]], path: Path) -> None:
    rows = columns = 0
    for row, column in cells:
        rows, columns = max(rows, row + 1), max(columns, column + 1)
    if rows * columns > _MOST_CELLS:
        what = f"a sheet reaches over {rows:,} rows and {columns:,} columns"
        raise ParseError(what, remedy="Delete the stray cells far from the others, or save it as .xlsx", path=path)


def _xls_cells(stream: bytes) -> Iterator[tuple[int, int]]:
    """The row and column of every cell in any sheet of a BIFF stream."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if kind in _XLS_CELLS and 4 <= length <= len(stream) - at:
            row, column = struct.unpack_from("<HH", stream, at)
            if kind in _XLS_RUNS:
                column = max(column, struct.unpack_from("<H", stream, at + length - 2)[0])
            yield row, column
        at += length


def _xlsb_cells(stream: bytes) -> Iterator[tuple[int, int]]:
    """The row and column of every cell of a sheet in BIFF12."""
    at, row = 0, 0
    while at < len(stream):
        kind, at = _number(stream, at, 2)
        length, at = _number(stream, at, 4)
        if at + 4 > len(stream):
            return
        if kind == _XLSB_ROW:
            (row,) = struct.unpack_from("<I", stream, at)
        elif kind in _XLSB_CELLS:
            yield row, struct.unpack_from("<I", stream, at)[0]
        at += length


def _number(stream: bytes, at: int, most: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    number = 0
    for place, byte in enumerate(stream[at : at + most]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    return number, at + most
