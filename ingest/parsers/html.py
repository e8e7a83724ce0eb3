"""HTML: what the page says, without its navigation, block by block as Markdown. Nothing that it links to is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, takewhile, zip_longest
from pathlib import Path

from lxml import etree

from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .html_content import NEVER_TEXT, Sizes, content, sizes_of
from .text import clean, decode

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_LISTS = frozenset(("ul", "ol", "menu", "dir", "dl"))
_ITEMS = frozenset(("li", "dt", "dd"))
_CODE = frozenset(("code", "kbd", "samp", "tt"))
_MARKS = dict.fromkeys(_CODE, "`") | dict.fromkeys(("s", "strike", "del"), "~~")
"""What stands on both sides of the text of an element."""
_BLOCKS = frozenset(
    "address article aside blockquote body caption center details dialog div fieldset figcaption figure footer form "
    "header hgroup hr html legend main nav p pre section summary table tbody td tfoot th thead tr".split()
) | (_HEADINGS | _LISTS | _ITEMS)
_LONGEST_HEADING = 400
_LONGEST_REPEAT = 200
"""Characters of a cell over several rows that is repeated in each."""
_MOST_SPANNED = 1 << 18
"""Cells of a table that its spans may add."""
_MOST_HEADER_ROWS = 4
_DEEPEST_LIST = 8
_MOST_ATTRIBUTES = 5000
"""Bytes of a tag outside quotes: libxml2 compares every attribute with every other."""
_BULLETS = "*+-"

_DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?encoding=[\"']([\w.:-]+)|<meta[^>]{0,500}?charset=[\"']?\s*([\w.:-]+)", re.I
)
_DECLARED_WITHIN = 8192
_LONG_TAG = re.compile(rb"(<[a-zA-Z][^\s<>/]{0,100})[^<>]{%d,}" % _MOST_ATTRIBUTES)
_QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source)-([\w+#-]+)")
_SPACE = re.compile(r"\s+")
_BREAK = re.compile(r" *\n[ \n]*")
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d(?:T[\d:.]+(?:Z|[+-][\d:]+)?)?)?")
_META = {
    "author": ("author", "dc.creator", "dcterms.creator", "article:author"),
    "description": ("description", "dc.description", "og:description"),
    "created": ("date", "dc.date", "dcterms.created", "dcterms.date", "article:published_time"),
    "language": ("content-language", "dc.language"),
}


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads an HTML page.

    Raises:
        ParseError: The file is not text.
    """
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    encoding = (declared[1] or declared[2]).decode("ascii", "replace") if declared else None
    return read_html(decode(data, path, encoding), "text/html")


def read_html(html: str, media_type: str, title: str = "") -> ParsedDocument:
    """Reads HTML; without a title given, the page's <title> or first heading is the title."""
    source = _LONG_TAG.sub(_bounded, clean(html).encode())
    parser = etree.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True, encoding="utf-8")
    root = None
    with suppress(etree.XMLSyntaxError):  # of a page without an element or a word, which is else None
        root = etree.fromstring(source, parser)
    if root is None:
        return DocumentBuilder().build(media_type, title)
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        return _words_only(source).build(media_type, title)  # nested some thousand levels deep
    title = title or next((_inline(element) for element in root.iter("title")), "")
    metadata = _metadata(root)
    builder = _Converter(sizes_of(root)).convert(content(root))
    return builder.build(media_type, title or builder.first_heading, metadata)


def _bounded(tag: re.Match[bytes]) -> bytes:
    """A long tag, without its attributes if they are too many."""
    return tag[1] if len(_QUOTED.sub(b"", tag[0])) > _MOST_ATTRIBUTES else tag[0]


def _words_only(source: bytes) -> DocumentBuilder:
    """The words of a page that no tree can be made of, without its structure."""
    words = _Words()
    etree.fromstring(source, etree.HTMLParser(target=words, huge_tree=True, encoding="utf-8"))
    builder = DocumentBuilder()
    for paragraph in "".join(words.texts).split("\0"):
        builder.paragraph(_squeeze(paragraph))
    return builder


class _Words:
    """A target for lxml's parser: the texts, with a NUL where a block begins or ends."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._hidden = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._hidden += tag in NEVER_TEXT
        if tag in _BLOCKS:
            self.texts.append("\0")

    def end(self, tag: str) -> None:
        self._hidden -= tag in NEVER_TEXT
        if tag in _BLOCKS:
            self.texts.append("\0")

    def data(self, text: str) -> None:
        if not self._hidden:
            self.texts.append(text)

    def close(self) -> None:
        pass


def _metadata(root: etree._Element) -> dict[str, str]:
    given: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("name") or meta.get("property") or meta.get("http-equiv") or ""
        given.setdefault(name.lower(), meta.get("content") or "")
    found = {key: next(filter(None, map(given.get, names)), "") for key, names in _META.items()}
    found["language"] = root.get("lang") or found["language"]
    if not _DATE.fullmatch(found["created"].strip()):
        del found["created"]
    return {key: value for key, value in found.items() if value}


class _Converter:
    """Walks over the elements, and adds a block whenever one is whole."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._builder = DocumentBuilder()
        self._words: list[str] = []
        self._lists: list[tuple[str, Iterator[int]]] = []
        self._item: list[str] = []
        self._marker = self._indent = ""
        self._quotes = 0

    def convert(self, root: etree._Element) -> DocumentBuilder:
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if self._whole(element):
                    walker.skip_subtree()
                else:
                    self._start(element)
            else:
                self._end(element)
                if element is not root:
                    self._words.append(_plain(element.tail))
        self._flush()
        self._close_item()
        return self._builder

    def _whole(self, element: etree._Element) -> bool:
        """Adds an element that is a block by itself, whatever it holds."""
        tag = element.tag
        if tag == "pre":
            self._break()
            self._builder.code(_code(element), _language(element))
        elif tag in _HEADINGS and self._sizes.all[element] <= _LONGEST_HEADING:
            self._break()
            self._builder.heading(_inline(element), int(tag[1]))
        elif tag == "table" and (rows := _rows(element, self._sizes)):
            self._break()
            for caption in element.iterchildren("caption"):
                self._builder.paragraph(_inline(caption))
            self._builder.table(rows)
        else:
            return False
        return True

    def _start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self._flush()
        if tag in _LISTS:
            self._lists.append((tag, _numbers(element)))
        elif tag in _ITEMS:
            self._begin_item(tag)
        self._quotes += tag == "blockquote"
        self._words.append(_opening(element) + _plain(element.text))

    def _end(self, element: etree._Element) -> None:
        tag = element.tag
        self._words.append(_MARKS.get(tag, ""))
        if tag in _BLOCKS:
            self._flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self._close_item()
        self._quotes -= tag == "blockquote"

    def _begin_item(self, tag: str) -> None:
        depth = max(len(self._lists), 1) + (tag == "dd")
        if depth == 1:
            self._close_item()
        kind, numbers = self._lists[-1] if self._lists else ("ul", iter(()))
        self._indent = "".join(
            " " * (3 if kind == "ol" else 2) for kind, _ in self._lists[: min(depth - 1, _DEEPEST_LIST)]
        )
        self._marker = f"{next(numbers)}. " if kind == "ol" else f"{_BULLETS[(depth - 1) % 3]} "

    def _flush(self) -> None:
        """Adds the words so far, as one paragraph or several, or as lines of the list's item."""
        text = _squeeze("".join(self._words))
        self._words.clear()
        if not text.strip("`~\n "):
            return
        if not self._lists and not self._marker and not self._item:
            quote = "> " * min(self._quotes, _DEEPEST_LIST)
            for paragraph in text.split("\n\n"):
                self._builder.paragraph(quote + paragraph.replace("\n", "\n" + quote))
            return
        for line in text.replace("\n\n", "\n").split("\n"):
            self._item.append(self._indent + self._marker + line)
            self._indent += " " * len(self._marker)
            self._marker = ""

    def _break(self) -> None:
        self._flush()
        self._close_item()

    def _close_item(self) -> None:
        self._builder.item("\n".join(self._item))
        self._item.clear()
        self._marker = self._indent = ""


def _numbers(element: etree._Element) -> Iterator[int]:
    start = element.get("start") or ""
    return count(int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 1)


def _opening(element: etree._Element) -> str:
    """What a tag itself says."""
    if element.tag == "img":
        return _plain(element.get("alt"))
    return "\n" if element.tag == "br" else _MARKS.get(element.tag, "")


def _plain(text: str | None) -> str:
    return _SPACE.sub(" ", text) if text else ""


def _squeeze(text: str) -> str:
    """Text with single spaces, single line feeds for line breaks and blank lines for several of these."""
    text = _BREAK.sub(lambda match: "\n" * min(match[0].count("\n"), 2), text)
    return re.sub("  +", " ", text).strip().replace("``", "").replace("~~~~", "")


def _inline(element: etree._Element) -> str:
    """All that an element holds, on one line."""
    words: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if inner.tag in _BLOCKS:
            words.append(" ")
        if event == "start":
            words.append(("- " if inner.tag == "li" else _opening(inner)) + _plain(inner.text))
        else:
            words.append(_MARKS.get(inner.tag, "") + (_plain(inner.tail) if inner is not element else ""))
    return " ".join("".join(words).split())


def _code(pre: etree._Element) -> str:
    texts: list[str] = []
    for event, inner in etree.iterwalk(pre, events=("start", "end")):
        if event == "start":
            texts.append(("\n" if inner.tag == "br" else "") + (inner.text or ""))
        elif inner is not pre:
            texts.append(inner.tail or "")
    return "".join(texts).strip("\n").rstrip()


def _language(pre: etree._Element) -> str:
    around = [element.get("class") or "" for element in (pre.getparent(), pre, *pre[:1]) if element is not None]
    named = _LANGUAGE.search(" ".join(around))
    return named[1] if named else ""


def _rows(table: etree._Element, sizes: Sizes) -> list[list[str]]:
    """The rows of a table, those of its header joined to one; none if it only arranges the page."""
    if sizes.in_tables[table] > sizes.all[table] / 2:
        return []
    rows = table.xpath("./tr|./thead/tr|./tbody/tr|./tfoot/tr")
    cells = [row.xpath("./td|./th") for row in rows]
    words = sum(sizes.all[cell] for row in cells for cell in row)
    words += sum(sizes.all[caption] for caption in table.iterchildren("caption"))
    columns = max(map(len, cells), default=0)
    if columns < 2 or words < sizes.all[table]:
        return []
    heads = len(table.xpath("./thead/tr")) or sum(1 for _ in takewhile(_is_header, cells))
    if not 0 < heads < min(len(rows), _MOST_HEADER_ROWS + 1):
        heads = 1
    grid = _grid(cells, heads)
    header = [" ".join(dict.fromkeys(filter(None, names))) for names in zip_longest(*grid[:heads], fillvalue="")]
    return [header, *grid[heads:]]


def _is_header(row: Sequence[etree._Element]) -> bool:
    return bool(row) and all(cell.tag == "th" for cell in row)


def _grid(cells: Sequence[Sequence[etree._Element]], heads: int) -> list[list[str]]:
    """The texts of the cells: one that spans rows is repeated in each, one that spans columns only in the header."""
    grid: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}
    spare = _MOST_SPANNED
    for number, row in enumerate(cells):
        line: list[str] = []
        for cell in row:
            _carry(line, below)
            text = _inline(cell)
            width, height = _span(cell, "colspan"), min(_span(cell, "rowspan"), len(cells) - number)
            spare -= width * height - 1
            if spare < 0:
                width = height = 1
            again = text if len(text) <= _LONGEST_REPEAT else ""
            line += [text] + [again if number < heads else ""] * (width - 1)
            if height > 1:
                repeated = [again] + [again if number < heads else ""] * (width - 1)
                below.update((len(line) - width + at, (height - 1, part)) for at, part in enumerate(repeated))
        _carry(line, below)
        grid.append(line)
    return grid


def _carry(line: list[str], below: dict[int, tuple[int, str]]) -> None:
    """Adds what cells of the rows above leave in the row's next columns."""
    while len(line) in below:
        rows, text = below.pop(len(line))
        if rows > 1:
            below[len(line)] = rows - 1, text
        line.append(text)


def _span(cell: etree._Element, name: str) -> int:
    span = (cell.get(name) or "").strip()
    return max(int(span), 1) if span.isascii() and span.isdigit() and len(span) < 6 else 1
