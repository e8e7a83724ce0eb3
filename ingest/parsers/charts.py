"""DrawingML: the words of a shape, and what a chart shows, in any Office Open XML document."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from .package import Package, related, whole_number
from .sheets import number_text

_NUMBER = re.compile(r"-?\d*\.?\d+(E[+-]?\d{1,2})?", re.ASCII)
_MOST_POINTS = 10_000
"""Of a series of a chart."""


def drawing_text(element: etree._Element | None) -> str:
    """The words of an element, on one line."""
    if element is None:
        return ""
    paragraphs = ("".join(text.text or "" for text in one.iter("{*}t")) for one in element.iter("{*}p"))
    return " ".join(filter(None, paragraphs))


def read_chart(chart: etree._Element) -> tuple[str, list[list[str]]]:
    """A chart's title, and its values as the rows of a table: a column a series, its name first."""
    series = list(chart.iter("{*}ser"))
    columns = [_numbers(_points(one, "val") or _points(one, "yVal")) for one in series]
    labels: dict[int, str] = {}
    for one in series:
        labels = (_points(one, "cat") or _points(one, "xVal")) | labels
    names = [" ".join(_points(one, "tx").values()) for one in series]
    places = sorted({place for column in columns for place in column} | set(labels))
    rows = [[labels.get(place, ""), *(column.get(place, "") for column in columns)] for place in places]
    return drawing_text(chart.find("{*}chart/{*}title")), [["", *names], *rows] if rows else []


def sheet_charts(package: Package, sheet: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The charts on a sheet of a workbook, as `read_chart` gives them.

    Raises:
        ParseError: A part is corrupt.
    """
    for drawing in dict.fromkeys(related(package, sheet, "drawing").values()):
        for chart in dict.fromkeys(related(package, drawing, "chart").values()):
            if chart in package:
                yield read_chart(package.xml(chart))


def _numbers(points: dict[int, str]) -> dict[int, str]:
    return {place: number_text(float(value)) if _NUMBER.fullmatch(value) else value for place, value in points.items()}


def _points(series: etree._Element, name: str) -> dict[int, str]:
    found = series.find(f"{{*}}{name}")
    points = found.iter("{*}pt") if found is not None else ()
    places = ((whole_number(point.get("idx"), _MOST_POINTS), point.findtext("{*}v") or "") for point in points)
    return {place: value for place, value in places if place < _MOST_POINTS}
