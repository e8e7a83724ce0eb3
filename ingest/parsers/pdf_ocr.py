"""The pages of a PDF whose text has to be recognized in their image."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

from PIL import Image

from . import ocr
from .pdf_model import RawPage, Row
from .pdf_pdfium import images


def recognize_pages(
    data: bytes, passwords: Sequence[str], wanted: Container[int], alive: Callable[[], None]
) -> Iterator[tuple[int, RawPage]]:
    """Reads the images of some pages, one at a time: their indices, and what was recognized on them.

    Raises:
        OcrMissing: RapidOCR is not installed.
        pypdfium2.PdfiumError: pdfium cannot open the file.
    """
    for index, image, scale in images(data, passwords, wanted):
        yield index, RawPage(_rows(image, scale), ocr=True)
        alive()


def _rows(image: Image.Image, scale: float) -> list[Row]:
    rows = []
    for line in ocr.recognize(image):
        left, top, right, bottom = (side / scale for side in line.box)
        rows.append(Row(line.text, (left, top, right, bottom), baseline=bottom))
    return rows
