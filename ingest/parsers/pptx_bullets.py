"""What python-pptx does not tell: which paragraphs have bullets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from lxml import etree
from pptx.shapes.autoshape import Shape
from pptx.slide import Slide

Bullet = Literal["none", "bullet", "number"]

_MAIN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SLIDES = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_BULLETS: dict[str, Bullet] = {
    f"{_MAIN}buNone": "none",
    f"{_MAIN}buChar": "bullet",
    f"{_MAIN}buBlip": "bullet",
    f"{_MAIN}buAutoNum": "number",
}
_TITLES = ("title", "ctrTitle")


class ListStyles:
    """Which levels of a shape's text have bullets: by its own style, its layout's, its master's."""

    def __init__(self, shape: Shape, slide: Slide) -> None:
        self._styles = [style for style in _styles(shape, slide) if style is not None]
        self._known: dict[int, Bullet] = {}

    def bullet(self, paragraph: etree._Element, level: int) -> Bullet:
        """What stands before a paragraph."""
        if level not in self._known:
            inherited = (_bullet(style.find(f"{_MAIN}lvl{level + 1}pPr")) for style in self._styles)
            self._known[level] = next(filter(None, inherited), "none")
        return _bullet(paragraph.find(f"{_MAIN}pPr")) or self._known[level]


def _styles(shape: Shape, slide: Slide) -> Iterator[etree._Element | None]:
    yield _list_style(shape._element)
    place = _place(shape._element)
    if place is None:
        return
    layout, title = slide.slide_layout, place.get("type") in _TITLES
    for element in layout._element.iter(f"{_SLIDES}sp"):
        if (other := _place(element)) is not None and other.get("idx") == place.get("idx"):
            yield _list_style(element)
    for element in layout.slide_master._element.iter(f"{_SLIDES}sp"):
        if (other := _place(element)) is not None and other.get("type") == ("title" if title else "body"):
            yield _list_style(element)
    yield layout.slide_master._element.find(f"{_SLIDES}txStyles/{_SLIDES}{'title' if title else 'body'}Style")


def _place(shape: etree._Element) -> etree._Element | None:
    return shape.find(f"{_SLIDES}nvSpPr/{_SLIDES}nvPr/{_SLIDES}ph")


def _list_style(shape: etree._Element) -> etree._Element | None:
    return shape.find(f"{_SLIDES}txBody/{_MAIN}lstStyle")


def _bullet(properties: etree._Element | None) -> Bullet | None:
    marks = properties if properties is not None else ()
    return next((_BULLETS[mark.tag] for mark in marks if mark.tag in _BULLETS), None)
