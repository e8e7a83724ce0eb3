"""From pdfium's characters of a page to rows with rectangles, fonts and baselines."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise, repeat
from math import hypot, isfinite
from typing import Any

import pypdfium2.raw as pdfium

from ...retrieval.records import Rect
from .pdf_model import Row
from .text import clean

ToDisplay = Callable[[float, float], tuple[float, float]]

_HYPHENS = "\x02\ufffe"  # pdfium writes one of them for a hyphen at the end of a line, but also for unknown glyphs
_HYPHEN = re.compile(f"[{_HYPHENS}]")
_ROW = re.compile(rf"[^\r\n{_HYPHENS}]+")
_SPACES = re.compile(r"[ \xa0]+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]{2,}")
_BOLD = re.compile(rb"bold|black|heavy|demi|cmbx|sfbx|-medi$", re.IGNORECASE)
_FONT_NAME_BYTES = 128
_COLUMN_GAP = 1.0
"""Letter sizes; pieces of a line are parted where the gap between them is wider."""
_WIDE_LETTERS = 0.55
"""A line whose characters are wider than this share of its height, on average, has gaps between them."""
_LEAST_ASPECT = 0.5
"""A line that is narrower in proportion to its height runs up or down the page."""


def shown_rect(left: float, top: float, right: float, bottom: float, to_display: ToDisplay) -> Rect | None:
    """A rectangle of the PDF's space as it is shown; None if its sides are no numbers."""
    (x0, y0), (x1, y1) = to_display(left, top), to_display(right, bottom)
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) if isfinite(x0 + y0 + x1 + y1) else None


class TextPage:
    """Reads the characters of an open text page of pdfium."""

    def __init__(self, handle: Any, to_display: ToDisplay) -> None:
        self._handle = handle
        self._to_display = to_display
        self._count = pdfium.FPDFText_CountChars(handle)
        self._numbers = tuple(ctypes.c_double() for _ in range(4))
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(_FONT_NAME_BYTES)
        self._text = self._units()

    def rows(self) -> list[Row]:
        """The lines in pdfium's order, parted where the gap between two words is as wide as a column's."""
        rows: list[Row] = []
        for match in _ROW.finditer(self._text):
            pieces = list(self._pieces(*match.span()))
            for piece in pieces[1:]:
                piece.follows = True
            if pieces and _HYPHEN.match(self._text, match.end()):
                pieces[-1].text += "-"
                pieces[-1].hyphenated = True
            rows += pieces
        return rows

    def _units(self) -> str:
        """One character for each index of pdfium's."""
        if self._count <= 0:
            return ""
        units = self._all_units()
        if units is None:
            codes = map(pdfium.FPDFText_GetUnicode, repeat(self._handle), range(self._count))
            units = "".join(chr(min(code, sys.maxunicode)) for code in codes)
        units = _HYPHEN.sub(lambda m: m[0] if pdfium.FPDFText_IsHyphen(self._handle, m.start()) == 1 else " ", units)
        return _RIGHT_TO_LEFT.sub(lambda m: "".join(self._by_glyph(m[0], m.start())), units)

    def _all_units(self) -> str | None:
        """All characters in one call; None where pdfium leaves some out of its text, so that indices would shift."""
        buffer = (ctypes.c_ushort * (2 * self._count + 2))()
        written = pdfium.FPDFText_GetText(self._handle, 0, self._count, buffer)
        units = bytes(buffer)[: 2 * max(written - 1, 0)].decode("utf-16-le", "surrogatepass")
        return units if len(units) == self._count else None

    def _pieces(self, start: int, end: int) -> Iterator[Row]:
        line = self._text[start:end]
        start, end = start + len(line) - len(line.lstrip()), end - len(line) + len(line.rstrip())
        rects = self._rects(start, end) if start < end else []
        if not rects:
            if text := clean(line).strip():
                yield Row(text)
            return
        style = self._style(start, end)
        cuts = self._cuts(start, end, _COLUMN_GAP * style[0], rects)
        for first, last in zip(
            [start, *(after for _, after in cuts)], [*(before for before, _ in cuts), end], strict=True
        ):
            found = self._rects(first, last) if cuts else rects
            text = clean(self._text[first:last]).strip()
            if text and found:
                yield Row(text, _around(found), self._baseline(first), *(self._style(first, last) if cuts else style))

    def _cuts(self, start: int, end: int, gap: float, rects: list[Rect]) -> list[tuple[int, int]]:
        """The ends and starts of the pieces between which there are wider gaps."""
        cuts: list[tuple[int, int]] = []
        if _may_have_gaps(self._text[start:end], rects, gap):
            for spaces in _SPACES.finditer(self._text, start, end):
                before, after = self._sides(spaces.start() - 1), self._sides(spaces.end())
                if max(after[0] - before[1], before[0] - after[1]) > gap:
                    cuts.append(spaces.span())
        return cuts

    def _sides(self, index: int) -> tuple[float, float]:
        """Where a character begins and ends across the page as it is shown."""
        left, right, bottom, top = self._numbers
        pdfium.FPDFText_GetCharBox(self._handle, index, left, right, bottom, top)
        one, other = self._to_display(left.value, bottom.value)[0], self._to_display(right.value, top.value)[0]
        return min(one, other), max(one, other)

    def _rects(self, start: int, end: int) -> list[Rect]:
        rects = []
        left, top, right, bottom = self._numbers
        for index in range(pdfium.FPDFText_CountRects(self._handle, start, end - start)):
            if pdfium.FPDFText_GetRect(self._handle, index, left, top, right, bottom):
                rect = shown_rect(left.value, top.value, right.value, bottom.value, self._to_display)
                if rect:
                    rects.append(rect)
        return rects

    def _style(self, start: int, end: int) -> tuple[float, bool]:
        """The size of the letter in the middle, for lines begin with bullets and end with marks of footnotes."""
        middle = (start + end) // 2
        while self._text[middle].isspace():  # such as pdfium puts in have no font
            middle += 1
        size, bold = self._font(middle)
        return size, bold and self._font(start)[1] and self._font(end - 1)[1]

    def _font(self, index: int) -> tuple[float, bool]:
        """The size of a character in points, and whether it is bold."""
        matrix = self._matrix
        size = pdfium.FPDFText_GetFontSize(self._handle, index)
        if pdfium.FPDFText_GetMatrix(self._handle, index, matrix):
            size *= hypot(matrix.c, matrix.d)
        if not isfinite(size):
            size = 0.0
        length = pdfium.FPDFText_GetFontInfo(self._handle, index, self._name, _FONT_NAME_BYTES, None)
        return size, 0 < length <= _FONT_NAME_BYTES and _BOLD.search(self._name.value) is not None

    def _baseline(self, index: int) -> float | None:
        baseline = self._to_display(*self._origin(index))[1]
        return baseline if isfinite(baseline) else None

    def _by_glyph(self, letters: str, start: int) -> Iterator[str]:
        """The letters with those of one glyph, such as the ligature lam-alef, turned around: pdfium reverses them."""
        places = [self._origin(index) for index in range(start, start + len(letters))]
        end = 0
        for _, glyph in groupby(places):
            first, end = end, end + len(list(glyph))
            of_glyph = letters[first:end]
            yield of_glyph[::-1] if sum(map(str.isalpha, of_glyph)) > 1 else of_glyph

    def _origin(self, index: int) -> tuple[float, float]:
        x, y = self._numbers[:2]
        pdfium.FPDFText_GetCharOrigin(self._handle, index, x, y)
        return x.value, y.value


def _may_have_gaps(line: str, rects: list[Rect], gap: float) -> bool:
    """Whether a line that runs across the page may have wide gaps, so that a closer look is worth its time."""
    left, top, right, bottom = _around(rects)
    if right - left < _LEAST_ASPECT * (bottom - top):
        return False
    if right - left > _WIDE_LETTERS * (bottom - top) * len(line) or "  " in line.strip():
        return True
    gaps = (max(b[0] - a[2], a[0] - b[2]) for a, b in pairwise(rects))
    return any(width > gap for width in gaps)


def _around(rects: list[Rect]) -> Rect:
    if len(rects) == 1:
        return rects[0]
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
