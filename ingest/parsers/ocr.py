"""The text in an image, recognized by RapidOCR with the models that its wheel holds; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from itertools import chain
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]
Box = tuple[float, float, float, float]

MIN_CONFIDENCE = 0.7
"""Lines that the model is less sure of are mostly drawings and dirt."""
MAX_PIXELS = 4_000_000
"""Larger images are made smaller: an A4 page is then read at 200 dpi."""
_MAX_ASPECT = 8
"""Longer strips are put on a wider canvas, for the detector scales their short side up."""
_MIN_HEIGHT = 32
_INK = 48
"""Brightness (of 255) that differs within a column of pixels which holds ink."""
_MIN_GAP = 0.6
"""Of a line's height: narrower gaps are the spaces between words."""
_MIN_GUTTER_LINES = 4
_MARGIN = 4
"""Pixels left of the gap on either side of a cut, for the recognizer reads letters at the edge badly."""
_HEAD_ASPECT, _MOST_HEADS = 4, 20
"""As much of as many lines tells whether a page is upside down."""
_MIN_COLUMN_LINES = 3
_MIN_COLUMN_ASPECT = 6.0
"""Width by height of a line of prose in a column; what is shorter is taken for the cells of a table or form."""


class OcrMissing(Exception):  # noqa: N818 - not an error of its own: callers say what it means for their file
    """RapidOCR is not installed."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """A line of text in an image."""

    text: str
    box: Box
    """Left, top, right, bottom in pixels from the image's top left."""
    confidence: float
    """From 0 to 1."""


def available() -> bool:
    """Whether RapidOCR and its runtime are installed; neither is imported."""
    return all(find_spec(name) for name in ("rapidocr", "onnxruntime"))


def recognize(image: Image.Image) -> list[Recognized]:
    """The lines of text in an image, in reading order: columns of prose one after the other, tables row by row.

    A page that lies on its side or upside down is read all the same.

    Raises:
        OcrMissing: RapidOCR is not installed.
    """
    canvas, scale = _fitted(image)
    boxes, crops, quarters = _detect(canvas)
    if not boxes:
        return []
    size = canvas.size if quarters % 2 == 0 else canvas.size[::-1]
    upright = [_turned(box, quarters, canvas.size) for box in boxes]
    pieces = list(_cut_at_gutters(list(zip(upright, crops, strict=True)), size[0]))
    return [
        replace(line, box=_placed(_turned(line.box, -quarters % 4, size), scale, image.size))
        for line in _in_reading_order(_read(pieces))
    ]


def _detect(canvas: Image.Image) -> tuple[list[Box], list[Pixels], int]:
    """The lines in an image, each one's pixels, upright, and by how many quarters the image must be turned
    counterclockwise to stand upright itself.
    """
    engine = _engine()
    from rapidocr.main import RapidOCRError

    try:
        crops, found = engine.detect_and_crop(engine.load_img(canvas), {})
    except RapidOCRError:  # there is no text
        return [], [], 0
    boxes = [_bounds(polygon) for polygon in found.boxes]
    # The engine has turned the crop of each tall box by a quarter already. Asked line by line which are upside down it
    # errs now and then; all together they do not.
    lying = sum(1 if _is_tall(box) else -1 for box in boxes) > 0
    heads = [crop[:, : _HEAD_ASPECT * len(crop)] for crop in crops[:: len(crops) // _MOST_HEADS + 1]]
    _, votes = engine.cls_and_rotate(heads)
    if sum(score if label == "180" else -score for label, score in votes.cls_res) > 0:
        return boxes, [crop[::-1, ::-1].copy() for crop in crops], lying + 2
    return boxes, crops, int(lying)


def _cut_at_gutters(lines: list[tuple[Box, Pixels]], width: int) -> Iterator[tuple[Box, Pixels]]:
    """Parts lines where several have a gap in the same place, because the detector runs across narrow gutters; what
    is no column of prose is joined again later.
    """
    gaps = [list(_gaps(box, crop)) for box, crop in lines]
    crossing = np.zeros(width + 2, int)
    for left, right in chain.from_iterable(gaps):
        crossing[int(left)] += 1
        crossing[int(right) + 1] -= 1
    gutter = np.cumsum(crossing) >= _MIN_GUTTER_LINES
    for (box, crop), own in zip(lines, gaps, strict=True):
        start = box[0]
        per_pixel = (box[2] - box[0]) / crop.shape[1]
        for left, right in [*(gap for gap in own if gutter[int(gap[0]) : int(gap[1]) + 1].any()), (box[2], box[2])]:
            first, last = (int((side - box[0]) / per_pixel) for side in (start, left))
            yield (start, box[1], left, box[3]), crop[:, max(0, first - _MARGIN) : last + _MARGIN]
            start = right


def _gaps(box: Box, crop: Pixels) -> Iterator[tuple[float, float]]:
    """Left and right of the gaps in a line that are wider than the space between two words."""
    if _is_tall(box):
        return
    inked = np.flatnonzero(np.ptp(crop, axis=(0, 2)) > _INK)
    per_pixel = (box[2] - box[0]) / crop.shape[1]
    for index in np.flatnonzero(np.diff(inked) > _MIN_GAP * len(crop)):
        yield box[0] + (inked[index] + 1) * per_pixel, box[0] + inked[index + 1] * per_pixel


def _read(pieces: list[tuple[Box, Pixels]]) -> list[Recognized]:
    read = _engine().recognize_txt([crop for _, crop in pieces])
    boxes = [box for box, _ in pieces]
    lines = map(Recognized, read.txts, boxes, map(float, read.scores))
    return [line for line in lines if line.text.strip() and line.confidence >= MIN_CONFIDENCE]


@cache
def _engine() -> Any:
    if not available():
        raise OcrMissing("RapidOCR is not installed")
    import rapidocr
    from psutil import cpu_count

    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_vertical_padding": False,  # _fitted() has padded strips already
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),  # a path that is given is never downloaded
            "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": cpu_count(logical=False) or -1,
        }
    )


def _fitted(image: Image.Image) -> tuple[Image.Image, float]:
    """The image as the engine can read it within bounds of time and memory, and its scale."""
    width, height = image.size
    room = max(width, height // _MAX_ASPECT), max(height, width // _MAX_ASPECT)
    room = max(room[0], _MIN_HEIGHT), max(room[1], _MIN_HEIGHT)
    scale = min(1.0, sqrt(MAX_PIXELS / (room[0] * room[1])))
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value * (1 / 256) + 0).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    fitted = image.convert(mode)
    if scale < 1:
        fitted = fitted.resize((max(1, int(width * scale)), max(1, int(height * scale))), Image.Resampling.LANCZOS)
    if room != (width, height):
        canvas = Image.new(mode, (int(room[0] * scale), int(room[1] * scale)), "white" if mode == "RGB" else 0)
        canvas.paste(fitted)
        fitted = canvas
    return fitted, scale


def _bounds(polygon: Any) -> Box:
    (left, top), (right, bottom) = polygon.min(axis=0), polygon.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _is_tall(box: Box) -> bool:
    return box[3] - box[1] >= 1.5 * (box[2] - box[0])


def _turned(box: Box, quarters: int, size: tuple[int, int]) -> Box:
    """Where a box of an image of this size stands when the image is turned counterclockwise."""
    (left, top, right, bottom), (width, height) = box, size
    if quarters == 1:
        return top, width - right, bottom, width - left
    if quarters == 2:
        return width - right, height - bottom, width - left, height - top
    if quarters == 3:
        return height - bottom, left, height - top, right
    return box


def _placed(box: Box, scale: float, size: tuple[int, int]) -> Box:
    left, top, right, bottom = (side / scale for side in box)
    return min(left, size[0]), min(top, size[1]), min(right, size[0]), min(bottom, size[1])


def _in_reading_order(lines: Iterable[Recognized]) -> list[Recognized]:
    """Upright pieces of lines as whole lines, columns of prose one after the other, all else row by row."""
    return [_joined(row) for run in _runs(list(lines)) for row in _run_rows(run)]


def _run_rows(run: list[Recognized]) -> Iterator[list[Recognized]]:
    columns = _columns(run)
    if not columns:
        yield from _rows(run)
    for column in columns:
        for inner in _runs(column):
            yield from _run_rows(inner)


def _runs(lines: list[Recognized]) -> Iterator[list[Recognized]]:
    """Cuts a page across where a line spans the gutter of the columns above or below it."""
    run: list[Recognized] = []
    for band in _bands(lines):
        if run and not _gutters(run + band):
            yield run
            run = []
        run = run + band
    if run:
        yield run


def _bands(lines: list[Recognized]) -> Iterator[list[Recognized]]:
    """Groups of lines with a gap between each and the next that goes across the whole width."""
    band: list[Recognized] = []
    end = 0.0
    for line in sorted(lines, key=lambda line: line.box[1]):
        margin = _height(line) / 4  # the detector's boxes are a little larger than the letters
        if band and line.box[1] + margin >= end:
            yield band
            band = []
        band.append(line)
        end = max(end, line.box[3] - margin) if len(band) > 1 else line.box[3] - margin
    if band:
        yield band


def _columns(lines: list[Recognized]) -> list[list[Recognized]]:
    """The two sides of the widest gutter between columns of prose, if there is one."""
    for gutter in _gutters(lines):
        sides = [line for line in lines if line.box[0] < gutter], [line for line in lines if line.box[0] >= gutter]
        if all(map(_is_prose, sides)):
            return list(sides)
    return []


def _gutters(lines: list[Recognized]) -> list[float]:
    """Where a vertical line crosses no text, in gaps of half a line's height or more, the widest gap first."""
    least = median(map(_height, lines)) / 2
    gaps = []
    end = float("inf")
    for left, _, right, _ in sorted(line.box for line in lines):
        if left - end >= least:
            gaps.append((left - end, left))
        end = right if end == float("inf") else max(end, right)
    return [left for _, left in sorted(gaps, reverse=True)]


def _is_prose(lines: Sequence[Recognized]) -> bool:
    aspects = [(line.box[2] - line.box[0]) / max(_height(line), 1) for line in lines]
    return len(lines) >= _MIN_COLUMN_LINES and median(aspects) >= _MIN_COLUMN_ASPECT


def _rows(lines: list[Recognized]) -> Iterator[list[Recognized]]:
    row: list[Recognized] = []
    for line in sorted(lines, key=_middle):
        if row and _middle(line) - _middle(row[0]) > min(_height(line), _height(row[0])) / 2:
            yield row
            row = []
        row.append(line)
    if row:
        yield row


def _joined(row: list[Recognized]) -> Recognized:
    pieces = sorted(row, key=lambda piece: piece.box[0])
    lefts, tops, rights, bottoms = zip(*(piece.box for piece in pieces), strict=True)
    box = min(lefts), min(tops), max(rights), max(bottoms)
    return Recognized(" ".join(piece.text for piece in pieces), box, min(piece.confidence for piece in pieces))


def _height(line: Recognized) -> float:
    return line.box[3] - line.box[1]


def _middle(line: Recognized) -> float:
    return (line.box[1] + line.box[3]) / 2
