"""The second reader of PDF files: pypdf, for what pdfium cannot read. Its rows have no rectangles."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable, Container, Sequence

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

from .pdf_model import RawPage, RawPdf, Row
from .text import clean

PYPDF_ERRORS = (
    PyPdfError,
    DependencyError,
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


def read_with_pypdf(
    data: bytes, passwords: Sequence[str], alive: Callable[[], None], wanted: Container[int] | None = None
) -> RawPdf:
    """Reads all pages, or those whose index is wanted.

    Raises:
        FileNotDecryptedError: No password fits.
        PYPDF_ERRORS: pypdf cannot open the file.
    """
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not any(map(reader.decrypt, ("", *passwords))):
        raise FileNotDecryptedError("no password fits")
    pages: list[RawPage | None] = []
    for index in range(len(reader.pages)):
        pages.append(_page(reader, index) if wanted is None or index in wanted else None)
        alive()
    metadata = {str(name).lstrip("/").lower(): str(value) for name, value in (reader.metadata or {}).items()}
    return RawPdf(pages, metadata=metadata)


def _page(reader: PdfReader, index: int) -> RawPage | None:
    try:
        return RawPage(_rows(reader.pages[index].extract_text()))
    except PYPDF_ERRORS:  # this page is broken; the caller sees the None
        return None


def _rows(text: str) -> list[Row]:
    rows: list[Row] = []
    starts = False
    for line in clean(text).split("\n"):
        if words := line.strip():
            rows.append(Row(words, starts=starts and bool(rows)))
        starts = not words
    return rows
