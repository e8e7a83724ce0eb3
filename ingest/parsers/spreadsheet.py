"""Spreadsheets: a heading a sheet, and a table for each group of cells. Formulas keep the values last seen."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from ..parsed import ParsedDocument, ParseOptions
from . import opendocument, xlsx
from .building import DocumentBuilder
from .cell_area import check_xls, check_xlsb
from .office_lock import OLE, unlock
from .package import Package, core_metadata, corrupt
from .sheets import Sheet, add_sheet, value_text

_MEDIA_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".xls": "application/vnd.ms-excel",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a spreadsheet, whichever of the formats it is in.

    Raises:
        EncryptedError: The spreadsheet is locked with a password.
        ParseError: The file is no spreadsheet, or a corrupt one.
    """
    if data.startswith(OLE):
        data = unlock(data, path, options)
    title, metadata = "", dict[str, str]()
    if data.startswith(OLE):
        check_xls(data, path)
        found = _calamine(data, path)
    else:
        package = Package(data, path)
        if opendocument.is_opendocument(package):
            found = opendocument.sheets(package)
            title, metadata = opendocument.document_metadata(package)
        else:
            title, metadata = core_metadata(package)
            found = _binary(package, path) if "xl/workbook.bin" in package else xlsx.sheets(package)
    builder = DocumentBuilder()
    for sheet in found:
        add_sheet(builder, sheet)
        options.alive()
    return builder.build(_MEDIA_TYPES.get(path.suffix.lower(), _MEDIA_TYPES[".xlsx"]), title, metadata)


def _binary(package: Package, path: Path) -> Iterator[Sheet]:
    check_xlsb(package)
    return _calamine(package.plain_copy(also=(".bin",)), path)


def _calamine(data: bytes, path: Path) -> Iterator[Sheet]:
    """The sheets of a workbook in a binary format."""
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            for name in workbook.sheet_names:
                yield _sheet(workbook, name)
    except (CalamineError, ValueError, OSError, OverflowError) as error:
        raise corrupt(path, error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # calamine is written in Rust, whose panics are no Exceptions
            raise
        raise corrupt(path, "calamine stopped") from error


def _sheet(workbook: CalamineWorkbook, name: str) -> Sheet:
    sheet, cells = Sheet(name), workbook.get_sheet_by_name(name)
    left = cells.start[1] if cells.start else 0
    for number, row in enumerate(cells.iter_rows()):
        for column, value in enumerate(row, left):
            sheet.put(number, column, value_text(value))
    return sheet
