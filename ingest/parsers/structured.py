"""JSON and XML as lists, tables and paragraphs; YAML, TOML and INI as they are, for they are written to be read."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .html import read_html
from .spans import line_spans, paragraphs
from .text import decode

_AS_THEY_ARE = {
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".ini": "application/x-ini",
}
_DEEPEST_INDENT = 8
_LEAST_FILLED = 0.5
"""The share of a table's cells that hold something; records less alike are written as lists."""
_MOST_COLUMNS = 50
_LONGEST_CELL = 500

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding=[\"']([\w.:-]+)")
_HTML = re.compile(r"</(?:p|div|a|ul|ol|table|h[1-6]|span|b|i|em|strong)>|<(?:br|p|img)\b[^<>]*>", re.IGNORECASE)
_TITLES = frozenset("title head heading h1 h2 h3 h4 h5 h6 caption".split())
_PROSE = frozenset("p para simpara paragraph text line l seg abstract body content note quote verse".split())
_ITEMS = frozenset("li item listitem list-item".split())
_SILENT = frozenset("id class style href src url rid lang space type".split())
"""Attributes that say nothing to a reader."""
_LONGEST_HEADING = 400
_LONGEST_MIXED = 2000

_Record = Mapping[str, str]


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a file of structured data.

    Raises:
        ParseError: The file is not text, or not what its suffix says.
    """
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return _read_xml(data, path)
    text = decode(data, path)
    if suffix in _AS_THEY_ARE:
        return ParsedDocument(text, tuple(paragraphs(text, line_spans(text), "code")), _AS_THEY_ARE[suffix])
    builder = DocumentBuilder()
    if suffix in (".jsonl", ".ndjson"):
        lines = enumerate(text.split("\n"), start=1)
        _add_values(builder, [_load(line, path, number) for number, line in lines if line.strip()])
        return builder.build("application/jsonl")
    value = _load(text, path, 1)
    if isinstance(value, list):
        _add_values(builder, value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _add_value(builder, {key: inner})
    else:
        builder.paragraph(_scalar(value))
    return builder.build("application/json")


def _load(text: str, path: Path, line: int) -> Any:
    remedy = "Check how it was written"
    try:
        # Numbers as they are written.
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        what = f"the JSON is broken in line {line + error.lineno - 1} ({error.msg})"
        raise ParseError(what, remedy=remedy, path=path) from error
    except RecursionError as error:
        raise ParseError("the JSON is nested too deeply", remedy=remedy, path=path) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that it has several times has a list of its values."""
    found = dict(pairs)
    if len(found) < len(pairs):
        several: defaultdict[str, list[Any]] = defaultdict(list)
        for key, value in pairs:
            several[key].append(value)
        found |= {key: values for key, values in several.items() if len(values) > 1}
    return found


def _add_values(builder: DocumentBuilder, values: list[Any]) -> None:
    if rows := _table(values):
        builder.table(rows)
        return
    for value in values:
        if isinstance(value, dict | list):
            _add_value(builder, value, gap=True)
        else:
            builder.item(f"- {_scalar(value)}")


def _add_value(builder: DocumentBuilder, value: dict[str, Any] | list[Any], *, gap: bool = False) -> None:
    """Adds the lines of a value as one block, but for the tables among them."""
    add = partial(builder.add, "list") if gap else builder.item
    lines: list[str] = []
    for piece in _pieces(value):
        if isinstance(piece, str):
            lines.append(piece)
        else:
            add("\n".join(lines))
            lines.clear()
            builder.table(piece)
    add("\n".join(lines))


def _pieces(value: dict[str, Any] | list[Any]) -> Iterator[str | list[list[str]]]:
    """The lines and tables that tell a value. No recursion: values may be nested as deep as the stack."""
    open_values = [_entries(value)]
    while open_values:
        entry = next(open_values[-1], None)
        if entry is None:
            open_values.pop()
            continue
        key, inner = entry
        line = f"{'  ' * min(len(open_values) - 1, _DEEPEST_INDENT)}- {' '.join(key.split())}:"
        flat = _flat(inner)
        if flat is not None:
            yield f"{line} {flat}"
            continue
        yield line
        if rows := _table(inner):
            yield rows
        else:
            open_values.append(_entries(inner))


def _entries(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return ((str(number), inner) for number, inner in enumerate(value, start=1))


def _flat(value: Any) -> str | None:
    """A value as part of a line: a scalar, or a list of scalars; None if it is more than that."""
    if isinstance(value, dict):
        return None if value else ""
    if not isinstance(value, list):
        return _scalar(value)
    return None if any(isinstance(inner, dict | list) for inner in value) else ", ".join(map(_scalar, value))


def _scalar(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value)


def _table(value: Any) -> list[list[str]]:
    """The rows of a list of records that are flat and alike; none if it is something else."""
    if (
        not isinstance(value, list)
        or len(value) < 2
        or not all(isinstance(record, dict) and record for record in value)
    ):
        return []
    records: list[_Record] = []
    for record in value:
        cells = {key: cell for key, inner in record.items() if (cell := _flat(inner)) is not None}
        if len(cells) < len(record):
            return []
        records.append(cells)
    return _rows(records)


def _rows(records: list[_Record]) -> list[list[str]]:
    columns = list(dict.fromkeys(key for record in records for key in record))
    filled = sum(map(len, records))
    longest = max(len(cell) for record in records for cell in record.values())
    alike = filled >= _LEAST_FILLED * len(columns) * len(records)
    if not alike or len(columns) > _MOST_COLUMNS or longest > _LONGEST_CELL:
        return []
    return [columns, *([record.get(column, "") for column in columns] for record in records)]


def _read_xml(data: bytes, path: Path) -> ParsedDocument:
    declared = _DECLARED.match(data)
    text = decode(data, path, declared[1].decode("ascii", "replace") if declared else None)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(_DECLARATION.sub("", text, count=1).encode(), parser)
    except etree.XMLSyntaxError as error:
        what = f"the XML is broken in line {error.lineno} ({error.msg.partition(', line ')[0]})"
        raise ParseError(what, remedy="Check how it was written", path=path) from error
    builder = _XmlReader(root).read()
    return builder.build("application/xml", builder.first_heading)


class _XmlReader:
    """Reads XML of whatever vocabulary: titles, prose, lists and tables by their names, the rest as `name: text`."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._builder = DocumentBuilder()
        self._levels = [0, 0]
        """Of the open elements: the level of the heading that holds in them."""
        self._sizes: defaultdict[etree._Element, int] = defaultdict(int)
        for element in reversed(list(root.iter())):
            self._sizes[element] += len((element.text or "").strip())
            parent = element.getparent()
            if parent is not None:
                self._sizes[parent] += self._sizes[element] + len((element.tail or "").strip())

    def read(self) -> DocumentBuilder:
        """The document's blocks."""
        walker = etree.iterwalk(self._root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                self._levels.append(self._levels[-1])
                if self._whole(element):
                    walker.skip_subtree()
            else:
                self._levels.pop()
                if element is not self._root:
                    self._builder.paragraph(_line(element.tail))
        return self._builder

    def _whole(self, element: etree._Element) -> bool:
        """Adds an element that needs no look inside; of any other, what stands before its first child."""
        if _is_entity(element):
            self._builder.paragraph(_text(element))
            return True
        name = _name(element)
        if name == "table" and (rows := _cells(element)):
            for text in _beside_rows(element):
                self._builder.paragraph(text)
            self._builder.table(rows)
        elif name in _TITLES and self._sizes[element] <= _LONGEST_HEADING:
            self._levels[-2] = self._levels[-3] + 1
            self._builder.heading(_text(element), self._levels[-2])
        elif not len(element) or self._is_mixed(element):
            self._add_text(element, name)
        elif rows := _records(element):
            self._add_label(element, name)
            self._builder.paragraph(_line(element.text))
            self._builder.table(rows)
        else:
            self._add_label(element, name)
            self._builder.paragraph(_line(element.text))
            return False
        return True

    def _is_mixed(self, element: etree._Element) -> bool:
        own = len((element.text or "").strip()) + sum(len((child.tail or "").strip()) for child in element)
        return own > 0 and (self._sizes[element] <= _LONGEST_MIXED or own > self._sizes[element] / 5)

    def _add_text(self, element: etree._Element, name: str) -> None:
        text, attributes = _text(element), _attributes(element)
        if _HTML.search(text):
            self._builder.extend(read_html(text, "text/html"))
        elif name in _ITEMS and text:
            self._builder.item(f"- {text}")
        elif name in _PROSE or len(element):
            self._builder.paragraph(text)
        elif text:
            self._builder.item(f"- {name} ({attributes}): {text}" if attributes else f"- {name}: {text}")
        else:
            self._add_label(element, name)

    def _add_label(self, element: etree._Element, name: str) -> None:
        attributes = _attributes(element)
        if attributes and element is not self._root:
            self._builder.item(f"- {name} ({attributes})")


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _is_entity(element: etree._Element) -> bool:
    """Whether it is a reference such as `&name;`, which is not resolved."""
    return not isinstance(element.tag, str)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _text(element: etree._Element) -> str:
    """All that an element holds, on one line; children without words of its own between them are parted by spaces."""
    if _is_entity(element):
        return _line(element.text)
    own = (element.text or "").strip() or any((child.tail or "").strip() for child in element)
    return _line(("" if own else " ").join(element.itertext()))


def _attributes(element: etree._Element) -> str:
    named = ((etree.QName(name).localname, _line(value)) for name, value in element.attrib.items())
    return ", ".join(f"{name}: {value}" for name, value in named if value and name.lower() not in _SILENT)


def _records(element: etree._Element) -> list[list[str]]:
    """The rows of a table that children make which are flat and alike; none if they are something else."""
    children = list(element)
    if len(children) < 2 or any(child.tag != children[0].tag or _line(child.tail) for child in children):
        return []
    records = list(map(_record, children))
    return _rows([record for record in records if record]) if all(records) else []


def _record(element: etree._Element) -> _Record | None:
    """What a flat element says by its attributes and by its children; None if it says more than that, or nothing."""
    children = list(element)
    if _line(element.text) or any(_is_entity(child) or len(child) or _line(child.tail) for child in children):
        return None
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in element.attrib.items():
        fields[etree.QName(name).localname].append(_line(value))
    for child in children:
        text, attributes = _line(child.text), _attributes(child)
        fields[_name(child)].append(f"{text} ({attributes})".lstrip() if attributes else text)
    return {name: ", ".join(values) for name, values in fields.items()}


def _cells(table: etree._Element) -> list[list[str]]:
    """The cells of the rows of a table; none if it has no rows, or they hold something else."""
    rows = list(table.iter("{*}tr", "{*}row"))
    if any(_line(row.text) or any(_line(cell.tail) for cell in row) or (row.attrib and not len(row)) for row in rows):
        return []
    return [[_text(cell) for cell in row] for row in rows]


def _beside_rows(element: etree._Element) -> Iterator[str]:
    """What a table says outside its rows, such as its caption."""
    yield _line(element.text)
    for child in element:
        if _is_entity(child):
            yield _text(child)
        elif _name(child) not in ("tr", "row"):
            has_rows = child.find(".//{*}tr") is not None or child.find(".//{*}row") is not None
            yield from _beside_rows(child) if has_rows else (_text(child),)
        yield _line(child.tail)
