"""The cells, charts and comments of Excel workbooks in Office Open XML.

calamine reads these too, but not their number formats, without which a share is no percentage; and it gives every cell
between the first and the last its memory, so that one stray cell can take gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from lxml import etree

from .charts import sheet_charts
from .office_comments import sheet_comments
from .package import Package, related, whole_number, xml_parser
from .sheets import Sheet, date_text, duration_text, number_text

Format = tuple[Literal["number", "percent", "date", "time", "duration"], int]
"""How a number is shown, and a percentage's decimals."""

_WORKBOOK = "officeDocument"
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_MOST_CHARS = 256 << 20
"""Of all cells together: a small file can repeat a long text in millions of cells."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_BUILT_IN: dict[int, Format] = {
    9: ("percent", 0),
    10: ("percent", 2),
    **dict.fromkeys((*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)), ("date", 0)),
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 47), ("time", 0)),
    46: ("duration", 0),
}
_PLAIN: Format = ("number", 0)
_FIRST_DAY, _FIRST_DAY_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_FALSE_LEAP_DAY = 60  # Excel believes in the 29th of February 1900
_DAY_SECONDS = 86_400
_LAST_DAY = 2_957_003  # of the year 9999, counted from 1904


def sheets(package: Package) -> Iterator[Sheet]:
    """The sheets of a workbook, hidden ones and those of a chart too.

    Raises:
        ParseError: The package is corrupt, or holds more text than is read of one file.
    """
    workbook = next(iter(related(package, "", _WORKBOOK).values()), "xl/workbook.xml")
    root = package.xml(workbook)
    strings = [text for part in _parts(package, workbook, "sharedStrings") for text in _strings(part)]
    formats = [one for part in _parts(package, workbook, "styles") for one in _formats(part)]
    properties = root.find("{*}workbookPr")
    is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    numbers = _Numbers(formats, _FIRST_DAY_1904 if is_1904 else _FIRST_DAY)
    parts = related(package, workbook, "worksheet") | related(package, workbook, "chartsheet")
    spare = _MOST_CHARS
    for element in root.iterfind("{*}sheets/{*}sheet"):
        part = parts.get(next((value for name, value in element.attrib.items() if name.endswith("}id")), ""))
        if part is None or part not in package:
            continue
        target = _SheetTarget(Sheet(element.get("name") or ""), strings, numbers, spare)
        try:
            etree.fromstring(package.plain(part), xml_parser(target))  # a target would be told entities expanded
        except (etree.XMLSyntaxError, ValueError) as error:
            raise package.corrupt(error) from error
        spare = target.spare
        if spare < 0:
            raise package.too_large(f"its cells hold more than {_MOST_CHARS:,} characters")
        target.sheet.charts += sheet_charts(package, part)
        target.sheet.comments += sheet_comments(package, workbook, part)
        yield target.sheet


def _parts(package: Package, workbook: str, kind: str) -> Iterator[etree._Element]:
    return (package.xml(part) for part in related(package, workbook, kind).values() if part in package)


def _strings(root: etree._Element) -> Iterator[str]:
    for item in root.iterfind("{*}si"):
        texts = (*item.iterfind("{*}t"), *item.iterfind("{*}r/{*}t"))  # not the readings of Japanese words
        yield "".join(text.text or "" for text in texts)


def _formats(root: etree._Element) -> Iterator[Format]:
    """The format of each style of cell."""
    codes = {one.get("numFmtId"): one.get("formatCode") or "" for one in root.iterfind("{*}numFmts/{*}numFmt")}
    for style in root.iterfind("{*}cellXfs/{*}xf"):
        number = style.get("numFmtId")
        yield _format(codes[number]) if number in codes else _BUILT_IN.get(whole_number(number), _PLAIN)


def _format(code: str) -> Format:
    """What a format code such as `dd/mm/yyyy` or `0.0%` shows."""
    code = _LITERAL.sub("", code.split(";")[0]).lower()
    if "%" in code:
        return "percent", len(code.partition(".")[2].rstrip("%").strip())
    if "general" in code:
        return _PLAIN
    if _ELAPSED.search(code):
        return "duration", 0
    if set("yd") & set(code) or ("m" in code and not set("hs") & set(code)):
        return "date", 0
    return ("time" if set("hs") & set(code) else "number"), 0


class _Numbers:
    """Turns the number in a cell into text."""

    def __init__(self, formats: Sequence[Format], first_day: datetime) -> None:
        self._formats = formats
        self._first_day = first_day

    def text(self, raw: str, style: str) -> str:
        try:
            value = float(raw)
        except ValueError:
            return raw
        place = whole_number(style)
        kind, decimals = self._formats[place] if place < len(self._formats) else _PLAIN
        if kind == "percent":
            return f"{number_text(round(value * 100, max(decimals, 2)))}%"
        if kind == "number" or not 0 <= value <= _LAST_DAY:
            return number_text(value)
        if kind == "duration":
            return duration_text(timedelta(days=value))
        return self._date(value, kind == "time")

    def _date(self, days: float, time_only: bool) -> str:
        if self._first_day == _FIRST_DAY and 1 <= days < _FALSE_LEAP_DAY:
            days += 1
        moment = self._first_day + timedelta(seconds=round(days * _DAY_SECONDS))
        return moment.time().isoformat() if time_only and days < 1 else date_text(moment)


class _SheetTarget:
    """A target for lxml's parser, which keeps of a sheet only its cells."""

    def __init__(self, sheet: Sheet, strings: Sequence[str], numbers: _Numbers, spare: int) -> None:
        self.sheet = sheet
        self.spare = spare
        self._strings = strings
        self._numbers = numbers
        self._row = self._column = -1
        self._cell: Mapping[str, str] = {}
        self._texts: list[str] = []
        self._formula: list[str] = []
        self._reading: list[str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "row":
            self._row = whole_number(attributes.get("r"), self._row + 2) - 1
            self._column = -1
        elif name == "c":
            place = _REFERENCE.fullmatch(attributes.get("r") or "")
            self._column = _column(place[1]) if place else self._column + 1
            self._row = int(place[2]) - 1 if place else self._row
            self._cell = attributes
        self._reading = {"v": self._texts, "t": self._texts, "f": self._formula}.get(name)

    def data(self, text: str) -> None:
        if self._reading is not None:
            self._reading.append(text)

    def end(self, tag: str) -> None:
        self._reading = None
        if tag.endswith("}c"):
            text = self._text("".join(self._texts)) or self._uncomputed()
            self._texts.clear()
            self._formula.clear()
            self.spare -= len(text)
            if self.spare >= 0 and self._row < _LAST_ROW and self._column < _LAST_COLUMN:
                self.sheet.put(self._row, self._column, text)

    def close(self) -> None:
        pass

    def _uncomputed(self) -> str:
        """The formula of a cell without a value: whatever wrote the file has not computed it."""
        formula = "".join(self._formula).strip()
        return f"={formula}" if formula and self._cell.get("t") != "str" else ""

    def _text(self, raw: str) -> str:
        kind = self._cell.get("t", "n")
        if kind == "s":
            place = whole_number(raw.strip(), len(self._strings))
            return self._strings[place] if place < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if raw.strip() == "1" else "FALSE"
        return self._numbers.text(raw, self._cell.get("s", "0")) if kind == "n" and raw else raw


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
