"""The image of a PDF's page with places marked, made in a confined child process: a hostile file costs only that."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ...errors import ParseError
from ...ingest.confinement import confine, limit_memory
from ...retrieval.records import Rect

_SECONDS = 20
_MEMORY_MB = 2048
_WIDTH = 1400
"""Pixels: sharp on a screen of twice as many dots as points."""
_MOST_PIXELS = 6_000_000
_YELLOW, _EDGE = (255, 225, 90), (176, 96, 0)
_AROUND = 110
"""Points above and below what is marked, in a part of a page."""
_MARGIN = 1.5
"""Points around a line's glyphs."""


def page_image(path: Path, page: int, rects: Sequence[Rect], *, whole: bool = True) -> bytes:
    """A PNG of a page.

    Args:
        path: The PDF.
        page: Its number, from 1.
        rects: What to mark.
        whole: The whole page, or only its part around what is marked.

    Raises:
        ParseError: It cannot be drawn.
    """
    request = json.dumps({"path": str(path), "page": page, "rects": rects, "whole": whole})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],  # -P: a document called json.py is not to be imported
            input=request.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise ParseError(
            f"page {page} cannot be drawn", path=path, remedy="Read the text instead, or open the file"
        ) from error
    return done.stdout


def _draw(path: str, page: int, rects: Sequence[Rect], whole: bool) -> bytes:
    import pypdfium2
    from PIL import Image, ImageChops, ImageDraw

    shown = pypdfium2.PdfDocument(path)[page - 1]
    width, height = shown.get_size()
    scale = min(_WIDTH / width, (_MOST_PIXELS / (width * height)) ** 0.5)
    image = shown.render(scale=scale).to_pil().convert("RGB")
    boxes = [
        tuple(round(x * scale) for x in (x0 - _MARGIN, y0 - _MARGIN, x1 + _MARGIN, y1 + _MARGIN))
        for x0, y0, x1, y1 in rects
    ]
    tint = Image.new("RGB", image.size, "white")
    for box in boxes:
        ImageDraw.Draw(tint).rectangle(box, fill=_YELLOW)
    image = ImageChops.multiply(image, tint)  # the words stay black
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, outline=_EDGE, width=2)
    if boxes and not whole:
        above, below = min(box[1] for box in boxes), max(box[3] for box in boxes)
        room = round(_AROUND * scale)
        image = image.crop((0, max(above - room, 0), image.width, min(below + room, image.height)))
    out = io.BytesIO()
    image.quantize(64).save(out, "PNG")
    return out.getvalue()


if __name__ == "__main__":
    confine()
    limit_memory(_MEMORY_MB)
    sys.stdout.buffer.write(_draw(**json.loads(sys.stdin.buffer.read())))
