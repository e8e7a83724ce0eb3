"""Images: the text that is recognized in them, a page for each page of a TIFF."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from ...errors import ParseError
from ...retrieval.records import Line, Page
from ..parsed import ParsedDocument, ParseOptions
from . import ocr
from .ocr import Recognized
from .spans import line_spans, paragraphs
from .text import clean

_MEDIA_TYPES = {".png": "png", ".tif": "tiff", ".tiff": "tiff", ".bmp": "bmp", ".webp": "webp"}
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_USUAL_DPI = 96.0
_LEAST_DPI, _MOST_DPI = 30, 2400
_MOST_PAGES = 2000
_PARAGRAPH_GAP = 0.6
"""Of a line's height: a wider gap between two lines starts a paragraph."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads the text in an image. Rectangles are in points, by the image's own dots per inch, or else by 96.

    Raises:
        ParseError: The file is no image, or a corrupt or too large one, or recognition is off or not installed.
    """
    if options.ocr == "off" or not ocr.available():
        remedy = "Install the extra ragstone[ocr], and set ocr to auto"
        raise ParseError("the text of an image is read by recognition only", remedy=remedy, path=path)
    texts: list[str] = []
    pages: list[Page] = []
    start = 0
    for number, (image, dpi) in enumerate(_images(data, path), 1):
        text, lines = _laid_out(ocr.recognize(image), start, 72 / dpi)
        pages.append(Page(number, start, start + len(text), lines, ocr=True))
        texts.append(text)
        start += len(text) + len("\n\n")
        options.alive()
    text = "\n\n".join(texts)
    media_type = "image/" + _MEDIA_TYPES.get(path.suffix.lower(), "jpeg")
    return ParsedDocument(text, tuple(paragraphs(text, line_spans(text))), media_type, pages=tuple(pages))


def _images(data: bytes, path: Path) -> Iterator[tuple[Image.Image, float]]:
    """The pages of an image, upright by its EXIF data, each with its dots per inch."""
    remedy = "Open it in an image viewer and save it again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
                count = getattr(file, "n_frames", 1) if file.format == "TIFF" else 1  # those of others are animations
                if count > _MOST_PAGES:
                    what = f"the image has {count:,} pages, and at most {_MOST_PAGES:,} are read"
                    raise ParseError(what, remedy="Split it", path=path)
                for index in range(count):
                    file.seek(index)
                    yield ImageOps.exif_transpose(file), _dpi(file)
    except (ParseError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ParseError("the image has too many pixels", remedy="Save it with fewer", path=path) from error
    except Exception as error:  # Pillow lets through whatever corrupt data makes its readers stumble over
        raise ParseError(f"the image is corrupt ({type(error).__name__})", remedy=remedy, path=path) from error


def _dpi(image: Image.Image) -> float:
    try:
        dpi = float(image.info["dpi"][0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return _USUAL_DPI
    return dpi if _LEAST_DPI <= dpi <= _MOST_DPI else _USUAL_DPI


def _laid_out(found: Sequence[Recognized], start: int, scale: float) -> tuple[str, tuple[Line, ...]]:
    """The text of a page that starts at an offset of the document, and its lines, a blank line between paragraphs."""
    text = ""
    lines: list[Line] = []
    for index, line in enumerate(found):
        if index:
            text += "\n\n" if _parted(found[index - 1], line) else "\n"
        words = " ".join(clean(line.text).split())
        left, top, right, bottom = (side * scale for side in line.box)
        lines.append(Line(start + len(text), start + len(text) + len(words), (left, top, right, bottom)))
        text += words
    return text, tuple(lines)


def _parted(above: Recognized, below: Recognized) -> bool:
    height = min(line.box[3] - line.box[1] for line in (above, below))
    in_next_column = below.box[3] <= above.box[1]
    return in_next_column or below.box[1] - above.box[3] > _PARAGRAPH_GAP * height
