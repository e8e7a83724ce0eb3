"""PDF: pdfium reads the pages; pypdf has a second look where pdfium finds nothing or garbage."""

from __future__ import annotations

from pathlib import Path

from pypdf.errors import FileNotDecryptedError
from pypdfium2 import PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from ...errors import EncryptedError, ParseError
from ..parsed import ParsedDocument, ParseOptions
from .pdf_layout import Row, lay_out, page_quality, page_text, readable
from .pdf_readers import PYPDF_ERRORS, RawPdf, read_with_pdfium, read_with_pypdf
from .text import clean

_GOOD_QUALITY = 0.8
_NO_TITLES = {"untitled", "anonymous", "(anonymous)"}


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a PDF; pages without text, such as scans, are kept, empty.

    Raises:
        EncryptedError: The PDF needs a password.
        ParseError: The PDF is corrupt: no page of it could be opened.
    """
    pdf = _read(data, path)
    if all(rows is None for rows in pdf.pages):
        raise _corrupt(path)
    text, blocks, pages = lay_out([readable(rows or []) for rows in pdf.pages], pdf.outline)
    title = " ".join(clean(pdf.title).split())
    title = "" if title.casefold() in _NO_TITLES else title
    return ParsedDocument(text, tuple(blocks), "application/pdf", title, tuple(pages))


def _read(data: bytes, path: Path) -> RawPdf:
    try:
        pdf = read_with_pdfium(data)
    except PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise _locked(path) from error
    else:
        pdf.pages = _second_look(data, pdf.pages)
        return pdf
    try:
        return read_with_pypdf(data)
    except FileNotDecryptedError as error:
        raise _locked(path) from error
    except PYPDF_ERRORS as error:
        raise _corrupt(path) from error


def _second_look(data: bytes, pages: list[list[Row] | None]) -> list[list[Row] | None]:
    quality = [page_quality(page_text(rows or [])) for rows in pages]
    weak = {index for index, share in enumerate(quality) if share < _GOOD_QUALITY}
    if not weak:
        return pages
    try:
        others = read_with_pypdf(data, weak).pages
    except PYPDF_ERRORS:  # then pdfium's reading stands, and its empty pages are reported as such
        return pages
    better = list(pages)
    for index, rows in enumerate(others[: len(pages)]):
        if rows is not None and (pages[index] is None or page_quality(page_text(rows)) > quality[index]):
            better[index] = rows
    return better


def _locked(path: Path) -> EncryptedError:
    return EncryptedError("the PDF is locked with a password", remedy="Save it without one", path=path)


def _corrupt(path: Path) -> ParseError:
    remedy = "Open it in a PDF viewer and print it to a new PDF, or fetch it again"
    return ParseError("the PDF is corrupt: no page of it can be read", remedy=remedy, path=path)
