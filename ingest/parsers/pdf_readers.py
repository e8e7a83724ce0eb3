"""The two readers of PDF pages: pdfium, fast and with rectangles, and pypdf, for what pdfium cannot read."""

from __future__ import annotations

import ctypes
import io
import logging
import re
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from ...retrieval.records import Rect
from .pdf_layout import Bookmark, Row, mark_paragraphs
from .text import clean

ToDisplay = Callable[[float, float], tuple[float, float]]

PYPDF_ERRORS = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pypdf raises on broken files."""

# Without a handler of its own pypdf's remarks on broken files would go straight to stderr.
logging.getLogger("pypdf").addHandler(logging.NullHandler())

_PDFIUM = threading.Lock()  # pdfium must not be entered by two threads at once
_MAX_OUTLINE_DEPTH = 6
_PIXELS = 100  # to a point, for pdfium maps to whole pixels
_HYPHEN = "\x02"
_ROW = re.compile(rf"[^\r\n{_HYPHEN}]+")
_LAM_ALEF = re.compile("[اأإآ]ل")


@dataclass(slots=True)
class RawPdf:
    """A PDF's pages as rows; a page that could not be opened is None."""

    title: str
    pages: list[list[Row] | None]
    outline: list[Bookmark]


def read_with_pdfium(data: bytes) -> RawPdf:
    """Reads all pages with pdfium.

    Raises:
        pypdfium2.PdfiumError: pdfium cannot open the file; `err_code` says why.
    """
    with _PDFIUM, pypdfium2.PdfDocument(data) as pdf:
        pages = [_pdfium_page(pdf, index) for index in range(len(pdf))]
        try:
            title = pdf.get_metadata_value("Title")
            outline = [mark for item in pdf.get_toc(_MAX_OUTLINE_DEPTH) if (mark := _bookmark(item))]
        except UnicodeDecodeError:  # the text does not depend on either
            title, outline = "", []
    return RawPdf(title, pages, outline)


def read_with_pypdf(data: bytes, wanted: Container[int] | None = None) -> RawPdf:
    """Reads all pages, or those whose index is wanted, with pypdf; its rows have no rectangles.

    Raises:
        PYPDF_ERRORS: pypdf cannot open the file.
    """
    reader = PdfReader(io.BytesIO(data))
    pages: list[list[Row] | None] = []
    for index in range(len(reader.pages)):
        if wanted is not None and index not in wanted:
            pages.append(None)
            continue
        try:
            pages.append(_pypdf_rows(reader.pages[index].extract_text()))
        except PYPDF_ERRORS:  # this page is broken; the caller sees the None
            pages.append(None)
    return RawPdf(str(reader.metadata.title or "") if reader.metadata else "", pages, [])


def _pypdf_rows(text: str) -> list[Row]:
    rows: list[Row] = []
    starts = False
    for line in clean(text).split("\n"):
        if words := line.strip():
            rows.append(Row(words, starts=starts and bool(rows)))
        starts = not words
    return rows


def _bookmark(item: Any) -> Bookmark | None:
    target = item.get_dest()
    page = target.get_index() if target else None
    return None if page is None else Bookmark(item.get_title(), page, item.level + 1)


def _pdfium_page(pdf: Any, index: int) -> list[Row] | None:
    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            rows = _pdfium_rows(textpage.raw, _to_display(page))
        finally:
            textpage.close()
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()
    mark_paragraphs(rows)
    return rows


def _to_display(page: Any) -> ToDisplay:
    """Maps a point of the PDF's space to points from the top left corner of the page as it is shown."""
    width, height = (round(side * _PIXELS) for side in page.get_size())

    def to_display(x: float, y: float) -> tuple[float, float]:
        right, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, x, y, right, down)
        return right.value / _PIXELS, down.value / _PIXELS

    return to_display


def _pdfium_rows(handle: Any, to_display: ToDisplay) -> list[Row]:
    codes = map(pdfium.FPDFText_GetUnicode, repeat(handle), range(pdfium.FPDFText_CountChars(handle)))
    units = "".join(chr(min(code, sys.maxunicode)) for code in codes)
    units = re.sub(_HYPHEN, lambda m: _HYPHEN if pdfium.FPDFText_IsHyphen(handle, m.start()) == 1 else " ", units)
    units = _LAM_ALEF.sub(lambda m: m[0][::-1] if _one_glyph(handle, m.start()) else m[0], units)
    rows: list[Row] = []
    for match in _ROW.finditer(units):
        start, end = match.span()
        text = clean(match[0]).strip()
        if not text:
            continue
        row = Row(text, _rect(handle, start, end, to_display))
        row.baseline = to_display(*_origin(handle, start + len(match[0]) - len(match[0].lstrip())))[1]
        if units[end : end + 1] == _HYPHEN:
            row.hyphenated = units[end + 1 : end + 2].islower()
            row.text += "" if row.hyphenated else "-"
        rows.append(row)
    return rows


def _one_glyph(handle: Any, index: int) -> bool:
    """Whether two characters come from one glyph: pdfium swaps the two letters of the Arabic ligature lam-alef."""
    return _origin(handle, index) == _origin(handle, index + 1)


def _origin(handle: Any, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(handle, index, x, y)
    return x.value, y.value


def _rect(handle: Any, start: int, end: int, to_display: ToDisplay) -> Rect | None:
    corners = []
    for index in range(pdfium.FPDFText_CountRects(handle, start, end - start)):
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        if pdfium.FPDFText_GetRect(handle, index, left, top, right, bottom):
            corners += [to_display(left.value, top.value), to_display(right.value, bottom.value)]
    if not corners:
        return None
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
