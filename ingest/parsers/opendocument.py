"""OpenDocument (LibreOffice, OpenOffice): texts, presentations, and the cells of spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from ...errors import EncryptedError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .office_margins import open_margins
from .opendocument_text import (
    DRAW,
    OFFICE,
    PRESENTATION,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    Styles,
    TextWriter,
    row_cells,
    table_rows,
)
from .package import Package, described, whole_number
from .sheets import Sheet
from .slides import reading_order

_MEDIA_TYPES = {"presentation": "application/vnd.oasis.opendocument.presentation"}
_TEXT_TYPE = "application/vnd.oasis.opendocument.text"
_CONTENT, _STYLES, _META, _MANIFEST = "content.xml", "styles.xml", "meta.xml", "META-INF/manifest.xml"
_META_NAMES = {
    "title": "title",
    "initial-creator": "author",
    "creator": "editor",
    "creation-date": "created",
    "date": "modified",
    "subject": "subject",
    "keyword": "keywords",
    "language": "language",
}
_TITLE = "Title"
_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt|pc|px)")
_CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}
_ROW_SLACK = 1.0  # centimetres
_MOST_CELLS = 1 << 22
_MOST_CHARS = 256 << 20
"""Of a spreadsheet, in which a small file can repeat cells without end."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a text or a presentation.

    Raises:
        EncryptedError: The document is locked with a password.
        ParseError: The file is no such document, or a corrupt one.
    """
    package = Package(data, path)
    builder = DocumentBuilder()
    try:
        kind, body = _body(package)
        writer = TextWriter(builder, package, _styles(package, body))
        if kind in ("presentation", "drawing"):
            for number, slide in enumerate(body.iterchildren(f"{DRAW}page"), 1):
                start = builder.length
                _slide(slide, number, builder, writer)
                builder.page(start)
                options.alive()
        else:
            _text(package, body, builder, writer)
    except RecursionError as error:
        raise package.corrupt(error) from error
    title, metadata = document_metadata(package)
    return builder.build(_MEDIA_TYPES.get(kind, _TEXT_TYPE), title or builder.first_heading, metadata)


def is_opendocument(package: Package) -> bool:
    """Whether a package is a document of this family."""
    return _CONTENT in package or "encrypted-package" in package


def sheets(package: Package) -> Iterator[Sheet]:
    """The sheets of a spreadsheet, hidden ones too.

    Raises:
        EncryptedError: The spreadsheet is locked with a password.
        ParseError: The package is corrupt, or holds more cells than are read of one file.
    """
    _, body = _body(package)
    writer = TextWriter(DocumentBuilder(), package, Styles())
    cells, characters = _MOST_CELLS, _MOST_CHARS
    for table in body.iterchildren(f"{TABLE}table"):
        sheet, row = Sheet(table.get(f"{TABLE}name", "")), 0
        for element, height in table_rows(table):
            column = 0
            for cell, width in row_cells(element):
                if text := _cell_text(cell, writer):
                    cells, characters = cells - width * height, characters - width * height * len(text)
                    if cells < 0 or characters < 0:
                        raise package.too_large("its sheets hold more cells than are read of one file")
                    for at in range(width * height):
                        sheet.put(row + at // width, column + at % width, text)
                column += width
            row += height
        yield sheet


def document_metadata(package: Package) -> tuple[str, dict[str, str]]:
    """The document's title and metadata."""
    title, found = described(package.xml(_META), _META_NAMES) if _META in package else ("", {})
    editor = found.pop("editor", "")
    return title, {"author": editor} | found


def _body(package: Package) -> tuple[str, etree._Element]:
    """The kind of the document, and the element that holds it."""
    locked = _MANIFEST in package and any(True for _ in package.xml(_MANIFEST).iter("{*}encryption-data"))
    if locked:
        what = "the document is locked with a password"
        raise EncryptedError(what, remedy="Save it without one", path=package.path)
    body = package.xml(_CONTENT).find(f"{OFFICE}body")
    element = next(body.iterchildren("*"), None) if body is not None else None
    if element is None:
        raise package.corrupt("no content")
    return etree.QName(element).localname, element


def _styles(package: Package, body: etree._Element) -> Styles:
    roots = [body.getroottree().getroot(), *([package.xml(_STYLES)] if _STYLES in package else [])]
    numbered = frozenset(
        (style.get(f"{STYLE}name", ""), whole_number(level.get(f"{TEXT}level")))
        for root in roots
        for style in root.iter(f"{TEXT}list-style")
        for level in style.iterchildren(f"{TEXT}list-level-style-number")
        if level.get(f"{STYLE}num-format")
    )
    parents = ((style.get(f"{STYLE}name", ""), style) for root in roots for style in root.iter(f"{STYLE}style"))
    titles = frozenset(name for name, style in parents if style.get(f"{STYLE}parent-style-name") == _TITLE)
    return Styles(numbered, titles | {_TITLE})


def _text(package: Package, body: etree._Element, builder: DocumentBuilder, writer: TextWriter) -> None:
    """A text between its header and its footer, whose lines are left out where the text has them."""
    styles, text = package.xml(_STYLES) if _STYLES in package else etree.Element("none"), writer.text(body)
    header, footer = (open_margins(styles, kind, writer.text) for kind in ("header", "footer"))
    for line in header:
        if line not in text:
            builder.paragraph(line)
    writer.write(body)
    for line in footer:
        if line not in text:
            builder.paragraph(line)


def _slide(slide: etree._Element, number: int, builder: DocumentBuilder, writer: TextWriter) -> None:
    shapes = [shape for shape in slide.iterchildren("*") if shape.get(f"{PRESENTATION}placeholder") != "true"]
    title = next((shape for shape in shapes if shape.get(f"{PRESENTATION}class") == "title"), None)
    heading = writer.text(title) if title is not None else ""
    if heading or any(writer.text(shape) for shape in shapes):
        builder.heading(heading or f"Slide {number}", 1)
    for shape in reading_order((one for one in shapes if one is not title), _corner, _ROW_SLACK):
        writer.write(shape)
    for notes in slide.iterchildren(f"{PRESENTATION}notes"):
        if text := "\n".join(filter(None, map(writer.text, notes.iterchildren("*")))):
            builder.paragraph(f"Notes: {text}")


def _corner(shape: etree._Element) -> tuple[float, float]:
    moved = shape.get(f"{DRAW}transform", "").rpartition("translate")[2]
    across, down = (*_LENGTH.findall(moved), ("0", "cm"), ("0", "cm"))[:2]
    return _centimetres(shape.get(f"{SVG}y") or "".join(down)), _centimetres(shape.get(f"{SVG}x") or "".join(across))


def _centimetres(length: str) -> float:
    found = _LENGTH.fullmatch(length)
    try:
        return float(found[1]) * _CENTIMETRES[found[2]] if found else 0.0
    except ValueError:
        return 0.0


def _cell_text(cell: etree._Element, writer: TextWriter) -> str:
    """A cell as people read it, but dates as ISO 8601 writes them."""
    kind = cell.get(f"{OFFICE}value-type")
    if kind == "date":
        return str(cell.get(f"{OFFICE}date-value", "")).replace("T00:00:00", "").replace("T", " ")
    if kind == "boolean":
        return str(cell.get(f"{OFFICE}boolean-value", "")).upper()
    return writer.text(cell) or cell.get(f"{OFFICE}value", "")
