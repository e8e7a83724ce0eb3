"""Turns the XML of OpenDocument texts into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from .building import DocumentBuilder
from .lists import ListItem, add_list
from .package import Package, whole_number

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
OFFICE, TEXT, TABLE, DRAW, STYLE, PRESENTATION = (
    f"{{{_NAMESPACE.format(name)}}}" for name in ("office", "text", "table", "drawing", "style", "presentation")
)
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
CHART = f"{{{_NAMESPACE.format('chart')}}}"
MATH = "{http://www.w3.org/1998/Math/MathML}"

_SKIPPED = frozenset(
    (
        *(f"{TEXT}{name}" for name in ("tracked-changes", "sequence-decls", "variable-decls", "user-field-decls")),
        *(f"{TEXT}{name}" for name in ("note", "ruby-text", "bibliography-mark-source")),
        *(f"{OFFICE}{name}" for name in ("annotation", "annotation-end", "forms", "event-listeners", "binary-data")),
        *(f"{SVG}{name}" for name in ("title", "desc")),
        f"{PRESENTATION}notes",
    )
)
_PARAGRAPHS = frozenset((f"{TEXT}p", f"{TEXT}h"))
_MOST_SPACES = 16
"""That one element stands for."""
_MOST_REPEATED = 1 << 20
"""Characters by which repeated cells may lengthen a table: a small file could repeat them without end."""


@dataclass(frozen=True)
class Styles:
    """What a document's styles tell of its structure."""

    numbered: frozenset[tuple[str, int]] = frozenset()
    """List styles by name, and their levels (from 1) that have numbers."""
    titles: frozenset[str] = frozenset()
    """Paragraph styles by name that mark the document's title."""


@dataclass
class _Inline:
    """What a paragraph holds: its words, the shapes anchored in it, and its notes with their marks."""

    words: list[str] = field(default_factory=list)
    shapes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, etree._Element]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.words)


class TextWriter:
    """Adds what stands in an element of a text or a slide."""

    def __init__(self, builder: DocumentBuilder, package: Package, styles: Styles) -> None:
        self._builder = builder
        self._package = package
        self._styles = styles
        self._last_number = 0

    def write(self, element: etree._Element) -> None:
        """Add an element with all that it holds."""
        tag = element.tag
        if tag in _SKIPPED:
            return
        if tag in _PARAGRAPHS:
            self._paragraph(element)
        elif tag == f"{TEXT}list":
            items: list[ListItem] = []
            self._list(element, 0, "", items)
            self._end_list(items)
        elif tag == f"{TABLE}table":
            self._builder.table(self._rows(element))
        elif tag == f"{DRAW}frame":
            self._frame(element)
        else:
            for child in element.iterchildren("*"):
                self.write(child)

    def text(self, element: etree._Element) -> str:
        """The words of an element, its paragraphs on lines of their own."""
        return "\n".join(filter(str.strip, self._texts(element)))

    def _texts(self, element: etree._Element) -> Iterator[str]:
        if element.tag in _PARAGRAPHS:
            inline = self._inline(element)
            yield inline.text
            for shape in inline.shapes:
                yield from self._texts(shape)
        elif element.tag == f"{TEXT}list-item":
            yield "- " + " ".join(text for child in element.iterchildren("*") for text in self._texts(child))
        elif element.tag not in _SKIPPED:
            texts = [text for child in element.iterchildren("*") for text in self._texts(child) if text]
            yield from texts or [_description(element)]

    def _paragraph(self, element: etree._Element) -> None:
        inline = self._inline(element)
        if element.tag == f"{TEXT}h" or element.get(f"{TEXT}style-name") in self._styles.titles:
            self._builder.heading(inline.text, max(whole_number(element.get(f"{TEXT}outline-level")), 1))
        else:
            self._builder.paragraph(inline.text)
        self._beside(inline)

    def _beside(self, inline: _Inline) -> None:
        for shape in inline.shapes:
            self.write(shape)
        for mark, body in inline.notes:
            self._builder.paragraph(f"{mark} {self.text(body)}")

    def _inline(self, element: etree._Element) -> _Inline:
        inline = _Inline()
        self._gather(element, inline)
        return inline

    def _gather(self, element: etree._Element, inline: _Inline) -> None:
        inline.words.append(element.text or "")
        for child in element.iterchildren("*"):
            tag = child.tag
            if tag == f"{TEXT}s":
                inline.words.append(" " * min(whole_number(child.get(f"{TEXT}c"), 1), _MOST_SPACES))
            elif tag == f"{TEXT}tab":
                inline.words.append(" ")
            elif tag == f"{TEXT}line-break":
                inline.words.append("\n")
            elif tag == f"{TEXT}note":
                mark = f"[{child.findtext(f'{TEXT}note-citation', '').strip()}]"
                inline.words.append(mark)
                inline.notes += [(mark, body) for body in child.iterchildren(f"{TEXT}note-body")]
            elif tag.startswith(DRAW) and tag != f"{DRAW}a":
                self._shape(child, inline)
            elif tag not in _SKIPPED:
                self._gather(child, inline)
            inline.words.append(child.tail or "")

    def _shape(self, shape: etree._Element, inline: _Inline) -> None:
        formula = next((one for one in self._objects(shape) if one.tag == f"{MATH}math"), None)
        if formula is None:
            inline.shapes.append(shape)
        else:
            source = next(formula.iter(f"{MATH}annotation"), formula)
            inline.words.append(" ".join("".join(source.itertext()).split()))

    def _list(self, element: etree._Element, level: int, style: str, items: list[ListItem]) -> None:
        style = element.get(f"{TEXT}style-name", style)
        numbered = (style, level + 1) in self._styles.numbered
        number = self._last_number if element.get(f"{TEXT}continue-numbering") == "true" else 0
        for item in element.iterchildren(f"{TEXT}list-item", f"{TEXT}list-header"):
            words: list[str] = []
            number += 1
            at = len(items)
            for child in item.iterchildren("*"):
                if child.tag == f"{TEXT}list":
                    self._list(child, level + 1, style, items)
                elif child.tag == f"{TEXT}p":
                    inline = self._inline(child)
                    words.append(inline.text)
                    words += [self.text(shape) for shape in inline.shapes]
                    words += [f"{mark} {self.text(body)}" for mark, body in inline.notes]
                else:  # a numbered heading, or a table
                    self._end_list(items)
                    at = 0
                    self.write(child)
            if "".join(words).strip():
                items.insert(at, ListItem(level, number if numbered else None, " ".join(words)))
        if level == 0:
            self._last_number = number

    def _end_list(self, items: list[ListItem]) -> None:
        add_list(self._builder, items)
        items.clear()

    def _rows(self, table: etree._Element) -> list[list[str]]:
        rows: list[list[str]] = []
        spare = _MOST_REPEATED
        for row, height in table_rows(table):
            cells: list[str] = []
            for cell, width in row_cells(row):
                text = self.text(cell) if cell.tag == f"{TABLE}table-cell" else ""
                width = _affordable(width, len(text) + 1, spare)
                spare -= (width - 1) * (len(text) + 1)
                cells += [text] * width
            size = sum(map(len, cells)) + len(cells) + 1
            height = _affordable(height if any(cells) else 1, size, spare)
            spare -= (height - 1) * size
            rows += [cells] * height
        return rows

    def _frame(self, frame: etree._Element) -> None:
        start = self._builder.length
        for child in frame.iterchildren(f"{DRAW}text-box", f"{TABLE}table"):
            self.write(child)
        for chart in self._objects(frame):
            for title in (*chart.iter(f"{CHART}title"), *chart.iter(f"{CHART}subtitle")):
                self._builder.paragraph(self.text(title))
            for table in chart.iter(f"{TABLE}table"):
                self._builder.table(self._rows(table))
        if self._builder.length == start:
            self._builder.paragraph(_description(frame))

    def _objects(self, frame: etree._Element) -> Iterator[etree._Element]:
        """The charts and formulas in a frame: documents of their own, with a folder in the package."""
        for element in frame.iterchildren(f"{DRAW}object"):
            part = (element.get(f"{XLINK}href") or "").removeprefix("./").rstrip("/") + "/content.xml"
            if part in self._package:
                yield self._package.xml(part)


def _description(shape: etree._Element) -> str:
    return shape.findtext(f"{SVG}desc") or shape.findtext(f"{SVG}title") or ""


def _affordable(times: int, size: int, spare: int) -> int:
    """How often something of a size may be repeated."""
    return min(times, 1 + max(spare, 0) // size)


def table_rows(table: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """The rows of a table, and how often each is repeated."""
    for element in table.iterchildren("*"):
        if element.tag == f"{TABLE}table-row":
            yield element, _repeated(element, "rows")
        elif element.tag in (f"{TABLE}table-header-rows", f"{TABLE}table-rows", f"{TABLE}table-row-group"):
            yield from table_rows(element)


def row_cells(row: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """The cells of a row, those covered by others too, and how often each is repeated."""
    for cell in row.iterchildren(f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
        yield cell, _repeated(cell, "columns")


def _repeated(element: etree._Element, what: str) -> int:
    return max(whole_number(element.get(f"{TABLE}number-{what}-repeated")), 1)
