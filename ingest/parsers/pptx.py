"""PowerPoint: a page a slide, its shapes in reading order, its notes and comments last."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.shapes.picture import Picture
from pptx.slide import Slide

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .charts import drawing_text, read_chart
from .lists import ListItem, add_list
from .office_comments import slide_comments
from .office_lock import OLE, is_locked_package, unlock
from .package import Package, core_metadata
from .pptx_bullets import ListStyles
from .slides import reading_order

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_POWERPOINTS_OWN_TITLES = ("PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint")
_MOST_PLACEHOLDERS = 200
"""Of a layout: each is looked at for each placeholder of a slide."""
_ROWS = 20
"""Shapes whose tops differ by less than this part of the slide's height stand in one row."""
_FILE_NAME = re.compile(r"[^\s/]+\.[A-Za-z]{3,4}")
_REPEATED = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER)


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a PowerPoint presentation.

    Raises:
        EncryptedError: The presentation is locked with a password.
        ParseError: The file is no PowerPoint presentation, or a corrupt one.
    """
    if is_locked_package(data):
        data = unlock(data, path, options)
    elif data.startswith(OLE):
        raise ParseError("the file is an old PowerPoint presentation", remedy="Save it as .pptx", path=path)
    package = Package(data, path)
    builder = DocumentBuilder()
    titles: list[str] = []
    try:
        presentation = Presentation(io.BytesIO(package.plain_copy()))
        slack = (presentation.slide_height or 0) / _ROWS
        slides = {slide.part.partname: slide for slide in presentation.slides}  # a hostile file repeats one for ever
        for number, slide in enumerate(slides.values(), 1):
            if len(list(slide.slide_layout.placeholders)) > _MOST_PLACEHOLDERS:
                raise package.too_large(f"a slide's layout has more than {_MOST_PLACEHOLDERS} placeholders")
            start = builder.length
            titles.append(_Reader(builder, package, slide, slack).read(f"Slide {number}"))
            builder.page(start)
            options.alive()
    except (ParseError, MemoryError):
        raise
    except Exception as error:  # python-pptx lets through whatever a corrupt part makes its code raise
        raise package.corrupt(error) from error
    title, metadata = core_metadata(package)
    if not title or title in _POWERPOINTS_OWN_TITLES:
        title = next(filter(None, titles), "")
    return builder.build(_MEDIA_TYPE, title, metadata)


class _Reader:
    """Writes one slide."""

    def __init__(self, builder: DocumentBuilder, package: Package, slide: Slide, slack: float) -> None:
        self._builder = builder
        self._package = package
        self._slide = slide
        self._slack = slack

    def read(self, name: str) -> str:
        """Write the slide, under its title or, if it shows something but has no title, under its name; the title."""
        title = self._slide.shapes.title
        heading = title.text_frame.text.strip() if title is not None else ""
        shapes = [shape for shape in self._slide.shapes if title is None or shape.shape_id != title.shape_id]
        if heading or any(map(_shows_something, shapes)):
            self._builder.heading(heading or name, 1)
        self._shapes(shapes)
        notes = self._slide.notes_slide.notes_text_frame if self._slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            self._builder.paragraph(f"Notes: {_breaks(notes.text)}")
        slide = self._slide.part
        for comment in slide_comments(self._package, slide.package.presentation_part.partname, slide.partname):
            self._builder.paragraph(comment)
        return heading

    def _shapes(self, shapes: Iterable[BaseShape]) -> None:
        for shape in reading_order(shapes, _corner, self._slack):
            self._shape(shape)

    def _shape(self, shape: BaseShape) -> None:
        if isinstance(shape, GroupShape):
            self._shapes(shape.shapes)
        elif isinstance(shape, GraphicFrame):
            self._graphic(shape)
        elif isinstance(shape, Picture):
            self._builder.paragraph(_alternative_text(shape))
        elif isinstance(shape, Shape) and not _repeats_on_every_slide(shape):
            self._text(shape)

    def _graphic(self, frame: GraphicFrame) -> None:
        if frame.has_table:
            lines = frame.table._tbl.tr_lst  # the rows of the public API take time by their square
            self._builder.table([["" if cell.is_spanned else cell.text for cell in line.tc_lst] for line in lines])
        elif frame.has_chart:
            chart = self._package.xml(str(frame.chart_part.partname).lstrip("/"))
            title, rows = read_chart(chart)
            self._builder.paragraph(title)
            self._builder.table(rows)
        else:
            add_list(self._builder, (ListItem(0, None, text) for text in self._diagram(frame)))

    def _diagram(self, frame: GraphicFrame) -> Iterator[str]:
        """The texts of a SmartArt diagram."""
        for ids in frame._element.iter(f"{_DIAGRAM}relIds"):
            part = self._slide.part.related_part(ids.get(f"{_RELATION}dm", ""))
            for text in self._package.xml(str(part.partname).lstrip("/")).iter(f"{_DIAGRAM}t"):
                yield drawing_text(text)

    def _text(self, shape: Shape) -> None:
        styles = ListStyles(shape, self._slide)
        items: list[ListItem] = []
        numbers: Counter[int] = Counter()
        for paragraph in shape.text_frame.paragraphs:
            text, level = _breaks(paragraph.text), paragraph.level
            bullet = styles.bullet(paragraph._p, level) if text.strip() else "none"
            if bullet == "none":
                self._list(items)
                numbers.clear()
                self._builder.paragraph(text)
                continue
            numbers[level] += 1
            for deeper in [one for one in numbers if one > level]:
                del numbers[deeper]
            items.append(ListItem(level, numbers[level] if bullet == "number" else None, text))
        self._list(items)

    def _list(self, items: list[ListItem]) -> None:
        add_list(self._builder, items)
        items.clear()


def _corner(shape: BaseShape) -> tuple[float, float]:
    return shape.top or 0, shape.left or 0


def _shows_something(shape: BaseShape) -> bool:
    return not isinstance(shape, Shape) or bool(shape.text_frame.text.strip())


def _repeats_on_every_slide(shape: Shape) -> bool:
    return shape.is_placeholder and shape.placeholder_format.type in _REPEATED


def _alternative_text(picture: Picture) -> str:
    described = " ".join(picture._element.xpath("./p:nvPicPr/p:cNvPr/@descr"))
    return "" if _FILE_NAME.fullmatch(described) else described


def _breaks(text: str) -> str:
    return text.replace("\v", "\n")
