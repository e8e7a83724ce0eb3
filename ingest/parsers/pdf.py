"""PDF: pdfium reads the pages; pypdf, then OCR, have a look at those where it finds nothing or garbage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pypdf.errors import FileNotDecryptedError
from pypdfium2 import PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from ...errors import EncryptedError, ParseError
from ..parsed import ParsedDocument, ParseOptions, Part
from . import ocr
from .pdf_layout import lay_out
from .pdf_metadata import described, document_title
from .pdf_model import RawPage, RawPdf
from .pdf_ocr import recognize_pages
from .pdf_pdfium import attachments, read_with_pdfium
from .pdf_pypdf import PYPDF_ERRORS, read_with_pypdf
from .pdf_quality import rows_quality
from .spans import heading_title
from .text import clean

_GOOD_QUALITY = 0.8


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a PDF; pages without text, such as scans that nothing can read, are kept, empty.

    Raises:
        EncryptedError: The PDF needs a password, and none of those given fits.
        ParseError: The PDF is corrupt: no page of it could be opened.
    """
    pdf = _read(data, path, options)
    if all(page is None for page in pdf.pages):
        raise _corrupt(path)
    pages = [page or RawPage() for page in pdf.pages]
    _recognize(data, pages, path, options)
    text, blocks, laid = lay_out(pages, pdf.outline)
    metadata = described(pdf.metadata)
    headings = (heading_title(text[b.char_start : b.char_end]) for b in blocks if b.kind == "heading")
    title = document_title(metadata) or next(headings, "")
    return ParsedDocument(text, tuple(blocks), "application/pdf", title, tuple(laid), metadata)


def parts(data: bytes, path: Path, options: ParseOptions) -> Iterator[Part]:
    """The files that are attached to a PDF."""
    for number, (name, content) in enumerate(attachments(data, options.passwords), start=1):
        yield Part(clean(name).replace("\\", "/").strip("/") or f"attachment-{number}", content)


def _read(data: bytes, path: Path, options: ParseOptions) -> RawPdf:
    try:
        pdf = read_with_pdfium(data, options.passwords, options.alive)
    except PdfiumError as error:
        locked: PdfiumError | None = error if error.err_code == FPDF_ERR_PASSWORD else None
    else:
        return replace(pdf, pages=_second_look(data, pdf.pages, options))
    try:
        return read_with_pypdf(data, options.passwords, options.alive)
    except FileNotDecryptedError as error:
        raise _locked(path) from error
    except PYPDF_ERRORS as error:
        raise _locked(path) if locked else _corrupt(path) from error


def _second_look(data: bytes, pages: list[RawPage | None], options: ParseOptions) -> list[RawPage | None]:
    """The pages, with pypdf's reading of those that pdfium reads badly, where that is better."""
    quality = [rows_quality(page.rows) if page else 0.0 for page in pages]
    weak = {index for index, page in enumerate(pages) if quality[index] < _GOOD_QUALITY and not _is_bare(page)}
    if not weak:
        return pages
    try:
        others = read_with_pypdf(data, options.passwords, options.alive, weak).pages
    except PYPDF_ERRORS:  # then pdfium's reading stands, and its empty pages are reported as such
        return pages
    better = list(pages)
    for index, other in enumerate(others[: len(pages)]):
        if other is not None and (pages[index] is None or rows_quality(other.rows) > quality[index]):
            better[index] = replace(pages[index] or other, rows=other.rows)
    return better


def _is_bare(page: RawPage | None) -> bool:
    """Whether there is nothing on a page, or nothing but an image."""
    return page is not None and not page.rows and (page.blank or page.scanned)


def _recognize(data: bytes, pages: list[RawPage], path: Path, options: ParseOptions) -> None:
    """Puts what is recognized in the images of pages without readable text in its place."""
    if options.ocr == "off" or (options.ocr == "auto" and not ocr.available()):
        return
    wanted = {index for index, page in enumerate(pages) if options.ocr == "force" or _needs_ocr(page)}
    if not wanted:
        return
    try:
        for index, found in recognize_pages(data, options.passwords, wanted, options.alive):
            if found.rows and (options.ocr == "force" or _says_more(found, pages[index])):
                pages[index].rows, pages[index].ocr = found.rows, True
    except ocr.OcrMissing as error:
        remedy = "Install the extra ragstone[ocr], or set ocr to auto"
        raise ParseError(
            "its pages are to be recognized, but RapidOCR is not installed", remedy=remedy, path=path
        ) from error
    except PdfiumError:  # pypdf alone can open the file, and draws no pages
        return


def _needs_ocr(page: RawPage) -> bool:
    return not page.blank and (page.scanned or rows_quality(page.rows) < _GOOD_QUALITY)


def _says_more(found: RawPage, page: RawPage) -> bool:
    if rows_quality(page.rows) < _GOOD_QUALITY:
        return rows_quality(found.rows) > rows_quality(page.rows)
    return sum(len(row.text) for row in found.rows) > sum(len(row.text) for row in page.rows)


def _locked(path: Path) -> EncryptedError:
    remedy = "Give the password with --password, or save it without one"
    return EncryptedError("the PDF is locked with a password", remedy=remedy, path=path)


def _corrupt(path: Path) -> ParseError:
    remedy = "Open it in a PDF viewer and print it to a new PDF, or fetch it again"
    return ParseError("the PDF is corrupt: no page of it can be read", remedy=remedy, path=path)
