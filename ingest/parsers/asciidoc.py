"""AsciiDoc: its headings, lists, tables and listings as Markdown; comments, attributes and addresses go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest
from pathlib import Path

from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .text import decode

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)")
_ATTRIBUTE = re.compile(r":!?([\w-]+)!?:(?:[ \t]+(.*))?")
_BLOCK_ATTRIBUTES = re.compile(r"\[.*\]")
_LANGUAGE = re.compile(r"\[(?:source)?[^,\]]*,\s*([\w+#-]+)")
_COLUMNS = re.compile(r"cols=\"?(?:(\d+)\*|([^\"\]]*))")
_TITLE = re.compile(r"\.([^\s.].*)")
_ITEM = re.compile(r"([ \t]*)(\*{1,6}|-|\.{1,6}|\d{1,4}\.|<\d{1,3}>)[ \t]+(\S.*)")
_TERM = re.compile(r"([ \t]*)(\S.*?)(::{1,3}|;;)(?:[ \t]+(.*))?")
_VERBATIM = re.compile(r"-{4,}|\.{4,}|\+{4,}|```[\w+#-]*")
_COMMENT = re.compile(r"/{4,}")
_FRAME = re.compile(r"={4,}|\*{4,}|_{4,}|--|'{3,}|<{3}")
_TABLE = re.compile(r"\|={3,}")
_BAR_ROW = re.compile(r"\|.+\|")
_DIRECTIVE = re.compile(r"(?:include|ifdef|ifndef|ifeval|endif|toc)::.*|//(?!/).*")
_CELL = re.compile(r"((?<!\S)(?:(\d*)(?:\.\d+)?[+*])?(?:[<^>]?(?:\.[<^>])?)[adehlmsv]?)?(?<!\\)\|")
_REFERENCE = re.compile(r"\{([\w-]+)\}")
# What may stand in these is limited, because each of their many beginnings would be followed to the end of the line.
_MACRO = re.compile(r"\b(?:image|video|audio)::?[^\s\[\]]{0,300}\[([^\[\],]{0,300})[^\[\]]{0,300}\]")
_LINK = re.compile(
    r"\b(?:(?:link|mailto|xref):|https?://)[^\s\[\]]{0,300}\[([^\[\]]{1,300}?)\^?\]|<<[^<>,]{0,300},([^<>]{1,300})>>"
)
_LABEL = re.compile(r"\b(?:btn|kbd|menu|footnote|pass|stem):[^\s\[\]]{0,300}\[([^\[\]]{0,300})\]")
_ANCHOR = re.compile(r"\[\[[^\[\]]{0,300}\]\]")
_LONGEST_ATTRIBUTE = 200
_DEEPEST_LIST = 8
_MOST_SPANNED = 20
"""Columns of a row up to which a cell may span several."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads an AsciiDoc file.

    Raises:
        ParseError: The file is not text.
    """
    return _Reader(decode(data, path).split("\n")).read()


class _Reader:
    """Goes over the lines once, and adds a block whenever one ends."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = iter(lines)
        self._builder = DocumentBuilder()
        self._attributes: dict[str, str] = {}
        self._block_attributes = ""
        self._paragraph: list[str] = []
        self._item: list[str] = []
        self._markers: list[tuple[str, str]] = []
        self._open = False
        """Whether the next line goes on with the list's item."""

    def read(self) -> ParsedDocument:
        for line in self._lines:
            self._add(line.rstrip())
        self._end()
        metadata = {"author": self._attributes.get("author", "")}
        return self._builder.build("text/asciidoc", self._builder.first_heading, metadata)

    def _add(self, line: str) -> None:
        if not line:
            self._end_paragraph()
        elif _COMMENT.fullmatch(line):
            self._until(line)
        elif _DIRECTIVE.fullmatch(line) or _FRAME.fullmatch(line):
            self._end_paragraph()
        elif _VERBATIM.fullmatch(line):
            self._end()
            named = _LANGUAGE.match(self._block_attributes)
            language = line.strip("`") if line.startswith("`") else named[1] if named else ""
            self._builder.code("\n".join(self._until("```" if line.startswith("`") else line)), language)
            self._block_attributes = ""
        elif _TABLE.fullmatch(line):
            self._end()
            self._builder.table(self._table(self._until(line)))
            self._block_attributes = ""
        elif line == "+":
            self._open = True
        elif not self._is_metadata(line):
            self._add_text(line)

    def _is_metadata(self, line: str) -> bool:
        """Whether a line only says how to show the next block, or sets an attribute."""
        if named := _ATTRIBUTE.fullmatch(line):
            self._attributes[named[1]] = (named[2] or "")[:_LONGEST_ATTRIBUTE]
            return True
        if _BLOCK_ATTRIBUTES.fullmatch(line) and not self._paragraph:
            self._block_attributes = line
            return True
        return False

    def _add_text(self, line: str) -> None:
        heading, title, item = _HEADING.fullmatch(line), _TITLE.fullmatch(line), _ITEM.fullmatch(line)
        if heading and not self._paragraph:
            self._end()
            self._builder.heading(self._inline(heading[2]), len(heading[1]))
        elif item and not self._paragraph:
            self._begin_item(item[1], item[2], self._inline(item[3]))
        elif (term := _TERM.fullmatch(line)) and not self._paragraph:
            self._begin_item(term[1], term[3], f"{self._inline(term[2])}: {self._inline(term[4] or '')}".rstrip())
        elif title and not self._paragraph:
            self._end()
            self._builder.paragraph(self._inline(title[1]))
        elif self._item and self._open:
            self._item.append("  " * min(len(self._markers), _DEEPEST_LIST) + self._inline(line.strip()))
        else:
            self._end_list()
            self._paragraph.append(line)

    def _begin_item(self, indent: str, marker: str, text: str) -> None:
        numbered = marker[-1] in ".>"
        key = (indent.expandtabs(4), "1." if marker[0].isdigit() else marker)
        if key in self._markers:
            del self._markers[self._markers.index(key) + 1 :]
        else:
            self._markers.append(key)
        depth = len(self._markers) - 1
        if not depth:
            self._builder.item("\n".join(self._item))
            self._item.clear()
        self._item.append("  " * min(depth, _DEEPEST_LIST) + ("1. " if numbered else "- ") + text)
        self._open = True

    def _end_paragraph(self) -> None:
        paragraph, self._paragraph, self._open = self._paragraph, [], False
        if not paragraph:
            return
        if all(map(_BAR_ROW.fullmatch, paragraph)):
            self._builder.table(self._table(paragraph))
        else:
            self._builder.paragraph("\n".join(map(self._inline, paragraph)))

    def _end(self) -> None:
        self._end_paragraph()
        self._end_list()

    def _end_list(self) -> None:
        self._builder.item("\n".join(self._item))
        self._item.clear()
        self._markers.clear()

    def _until(self, fence: str) -> list[str]:
        return list(takewhile(lambda line: line.rstrip() != fence, self._lines))

    def _table(self, lines: Sequence[str]) -> list[list[str]]:
        rows = list(_rows(lines))
        given = _COLUMNS.search(self._block_attributes)
        width = (int(given[1][:3]) if given[1] else given[2].count(",") + 1) if given else len(rows[0]) if rows else 0
        if any(len(row) < width for row in rows):  # a line is not a row, so the cells are counted
            cells = [cell for row in rows for cell in row]
            rows = [cells[at : at + width] for at in range(0, len(cells), width)]
        return [[self._inline(cell) for cell in row] for row in rows]

    def _inline(self, text: str) -> str:
        text = _REFERENCE.sub(lambda match: self._attributes.get(match[1], match[0]), text)
        for pattern in (_MACRO, _LINK, _LABEL, _ANCHOR):
            text = pattern.sub(lambda match: next(filter(None, match.groups()), ""), text)
        return text


def _rows(lines: Sequence[str]) -> Iterator[list[str]]:
    """The cells of each line that starts with one; other lines go on with the last cell."""
    row: list[str] = []
    for line in lines:
        first = _CELL.match(line.lstrip())
        if first is None and row:
            row[-1] = f"{row[-1]} {_CELL.split(line, maxsplit=1)[0]}".strip()
            row += _cells(line)
            continue
        if row:
            yield row
        row = _cells(line)
    if row:
        yield row


def _cells(line: str) -> list[str]:
    cells = []
    bars = list(_CELL.finditer(line))
    for bar, after in zip_longest(bars, bars[1:]):
        cells.append(line[bar.end() : after.start() if after else None].strip().replace("\\|", "|"))
        cells += [""] * min(int((bar[2] or "1")[:3]) - 1, max(_MOST_SPANNED - len(cells), 0))
    return cells
