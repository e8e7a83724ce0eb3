"""The first reader of PDF files: pdfium, fast and with rectangles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import sqrt
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from .pdf_annotations import read_annotations, web_links
from .pdf_characters import TextPage, ToDisplay
from .pdf_model import MAX_LEVEL, Bookmark, RawPage, RawPdf, Row

_PDFIUM = threading.RLock()  # pdfium must not be entered by two threads; one may close a forgotten document within
_UNITS = 1000
"""Points between which the map to the page as it is shown is measured, and the root of its pixels to a side."""
_LITTLE_TEXT = 200
"""Characters of a page that may still be a scan with a stamp on it."""
_SCAN_SHARE = 0.6
"""Of a page's area, covered by images."""
_MOST_OBJECTS = 5000
"""Of a page that are looked at in search of images."""
_MOST_LINKS = 300
"""Of a page, next to which written addresses are looked for."""
_DPI = 200
_MOST_PIXELS = 4_000_000
"""An A4 page at 200 dpi; larger pages are drawn at a lower resolution."""


def read_with_pdfium(data: bytes, passwords: Sequence[str], alive: Callable[[], None]) -> RawPdf:
    """Reads all pages.

    Raises:
        pypdfium2.PdfiumError: pdfium cannot open the file; `err_code` says why.
    """
    with _open(data, passwords) as pdf, _PDFIUM:
        pdf.init_forms()
        pages = []
        for index in range(len(pdf)):
            pages.append(_page(pdf, index))
            alive()
        return RawPdf(pages, _outline(pdf), _metadata(pdf))


def attachments(data: bytes, passwords: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the files that a PDF holds; none if it cannot be opened."""
    try:
        with _open(data, passwords) as pdf:
            for index in range(pdf.count_attachments()):
                with _PDFIUM:
                    found = _attachment(pdf, index)
                if found:
                    yield found
    except pypdfium2.PdfiumError:
        return


def images(data: bytes, passwords: Sequence[str], wanted: Container[int]) -> Iterator[tuple[int, Image.Image, float]]:
    """Draws some pages, one at a time: their indices, their images, and the pixels to a point.

    Raises:
        pypdfium2.PdfiumError: pdfium cannot open the file.
    """
    with _open(data, passwords) as pdf:
        with _PDFIUM:
            pdf.init_forms()
            count = len(pdf)
        for index in range(count):
            if index in wanted and (drawn := _draw(pdf, index)):
                yield index, *drawn


@contextmanager
def _open(data: bytes, passwords: Sequence[str]) -> Iterator[Any]:
    with _PDFIUM:
        pdf = _unlocked(data, passwords)
    try:
        yield pdf
    finally:
        with _PDFIUM:
            pdf.close()


def _unlocked(data: bytes, passwords: Sequence[str]) -> Any:
    for password in (None, *passwords):
        try:
            return pypdfium2.PdfDocument(data, password=password)
        except pypdfium2.PdfiumError as error:
            if error.err_code != pdfium.FPDF_ERR_PASSWORD:
                raise
            refused = error
    raise refused


def _page(pdf: Any, index: int) -> RawPage | None:
    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            return _raw_page(pdf, index, page, textpage)
        finally:
            textpage.close()
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()


def _raw_page(pdf: Any, index: int, page: Any, textpage: Any) -> RawPage:
    to_display = _to_display(page)
    rows = TextPage(textpage.raw, to_display).rows()
    links, notes = read_annotations(pdf, page, to_display)
    if len(links) < _MOST_LINKS and _may_hold_addresses(rows):
        links += web_links(textpage, to_display, links)
    size = page.get_size()
    raw = RawPage(rows, notes, size, _label(pdf, index), tuple(links))
    raw.blank = not rows and pdfium.FPDFPage_CountObjects(page.raw) <= 0 and not notes
    raw.scanned = (
        sum(len(row.text) for row in rows) < _LITTLE_TEXT and _image_area(page) > _SCAN_SHARE * size[0] * size[1]
    )
    return raw


def _to_display(page: Any) -> ToDisplay:
    """Maps a point of the PDF's space to points from the top left corner of the page as it is shown."""
    width, height = page.get_size()
    right, down = pdfium.c_int(), pdfium.c_int()

    def shown(x: float, y: float) -> tuple[float, float]:
        side = _UNITS * _UNITS
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, side, side, 0, x, y, right, down)
        return right.value * width / side, down.value * height / side

    # The map is affine, so three points tell all of it.
    (x0, y0), (x1, y1), (x2, y2) = shown(0, 0), shown(_UNITS, 0), shown(0, _UNITS)
    a, b, c, d = (x1 - x0) / _UNITS, (y1 - y0) / _UNITS, (x2 - x0) / _UNITS, (y2 - y0) / _UNITS
    return lambda x, y: (a * x + c * y + x0, b * x + d * y + y0)


def _may_hold_addresses(rows: Sequence[Row]) -> bool:
    return any("://" in row.text or "www." in row.text or "@" in row.text for row in rows)


def _label(pdf: Any, index: int) -> str:
    """The page's label where it is not its number."""
    try:
        label = str(pdf.get_page_label(index)).strip()
    except (UnicodeDecodeError, ValueError):
        return ""
    return "" if label == str(index + 1) else label


def _image_area(page: Any) -> float:
    """Square points that images cover; one that lies in a form counts as large as the form."""
    area = 0.0
    for item in islice(page.get_objects(max_depth=1), _MOST_OBJECTS):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE or (
            item.type == pdfium.FPDF_PAGEOBJ_FORM and _holds_image(page, item)
        ):
            left, bottom, right, top = item.get_bounds()
            area += abs(right - left) * abs(top - bottom)
    return area


def _holds_image(page: Any, form: Any) -> bool:
    inner = islice(page.get_objects(max_depth=4, form=form, level=1), _MOST_OBJECTS)
    return any(item.type == pdfium.FPDF_PAGEOBJ_IMAGE for item in inner)


def _outline(pdf: Any) -> list[Bookmark]:
    try:
        return [mark for item in pdf.get_toc(MAX_LEVEL) if (mark := _bookmark(item))]
    except (UnicodeDecodeError, pypdfium2.PdfiumError):  # the text does not depend on it
        return []


def _bookmark(item: Any) -> Bookmark | None:
    target = item.get_dest()
    page = target.get_index() if target else None
    return None if page is None else Bookmark(item.get_title(), page, item.level + 1)


def _metadata(pdf: Any) -> dict[str, str]:
    found = {}
    for key in pdf.METADATA_KEYS:
        try:
            found[key.lower()] = str(pdf.get_metadata_value(key))
        except UnicodeDecodeError:
            continue
    return found


def _attachment(pdf: Any, index: int) -> tuple[str, bytes] | None:
    try:
        attachment = pdf.get_attachment(index)
        return str(attachment.get_name()), bytes(attachment.get_data())
    except (UnicodeDecodeError, pypdfium2.PdfiumError):
        return None


def _draw(pdf: Any, index: int) -> tuple[Image.Image, float] | None:
    with _PDFIUM:
        try:
            page = pdf[index]
        except pypdfium2.PdfiumError:
            return None
        try:
            width, height = page.get_size()
            scale = min(_DPI / 72, sqrt(_MOST_PIXELS / max(width * height, 1)))
            return page.render(scale=scale).to_pil(), scale
        except (pypdfium2.PdfiumError, ValueError):
            return None
        finally:
            page.close()
