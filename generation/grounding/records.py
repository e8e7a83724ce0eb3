"""Records and tables as lines that can be evidence: `business parking: garage no, street yes`.

A sentence splitter makes nothing of JSON or of a table; a verifier that reads prose needs every value beside its name.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_LITERAL = 200_000
"""Characters of a Python literal that are parsed at most; JSON has no such limit."""
LONGEST_VALUE = 80
"""Characters of a value that shares a line with its siblings."""
DEEPEST = 50
"""Objects and lists within each other."""
LONGEST_LIST = 300
"""Characters of a list of values that is one line."""

_WORDS_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_HOUR = re.compile(r"\b([01]?\d|2[0-4]):([0-5]?\d)\b(?!:?\d)")
_TOKEN = re.compile(
    r"""(?s)(?P<scalar>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s\[\]{}(),:"']+)(?P<colon>\s*:)?|[\[\]{}(),]"""
)
_CELL_BORDER = re.compile(r"(?<!\\)\|")

Line = tuple[int, int, str]
"""Where it stands in the passage, and what it says."""


def parsed_record(passage: str) -> dict[Any, Any] | list[Any] | None:
    """What a passage is that is one JSON value or Python literal; None when it is neither."""
    text = passage.strip()
    if not text or text[0] not in "{[" or text[-1] not in "}]":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if len(text) > LONGEST_LITERAL:
            return None
        try:
            value = ast.literal_eval(text)
            str(value)  # as lines will have it; too long a number cannot be written
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, dict | list) and _is_shallow(value) else None


def _is_shallow(record: Any) -> bool:
    """Whether a record can be walked through; what is deeper is no record that anybody writes."""
    level = [record]
    for _ in range(DEEPEST):
        level = [v for one in level for v in (one.values() if isinstance(one, dict) else one) if _holds_others(v)]
        if not level:
            return True
    return False


def _holds_others(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def record_lines(passage: str, record: dict[Any, Any] | list[Any]) -> list[Line]:
    """The lines of a record.

    Scalars that are siblings share a line. Null is said to be not given, and hours are given on the clock of 12, too.

    Args:
        passage: What it was parsed from.
        record: As `parsed_record` gives it.
    """
    places = _Places(passage)
    return [(*places.of(paths), line) for line, paths in _lines(record, "", ()) if line]


Path = tuple[str | int, ...]
"""The keys and the places in lists that lead to a value."""


def _lines(value: Any, name: str, at: Path) -> Iterator[tuple[str, list[Path]]]:
    """Lines, each with where in the record what it says is, outermost first."""
    if isinstance(value, dict):
        short = {key: v for key, v in value.items() if _is_short(v)}
        if short:
            said = ", ".join(f"{_name(key)} {_said(v)}" for key, v in short.items())
            yield _line(name, said), [(*at, str(key)) for key in short]
        for key, v in value.items():
            if key not in short:
                yield from _lines(v, f"{name} {_name(key)}".strip(), (*at, str(key)))
    elif isinstance(value, list | tuple):
        if not any(map(_holds_others, value)) and sum(len(str(v)) for v in value) <= LONGEST_LIST:
            yield _line(name, ", ".join(map(_said, value))), [(*at, place) for place in range(len(value))]
        else:
            for place, v in enumerate(value):
                yield from _lines(v, name, (*at, place))
    else:
        yield _line(name, _said(value)), [at]


def record_tables(record: Any, beside: list[str]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The tables in a record: objects of a list, or below several keys, that have keys in common.

    Args:
        record: As `parsed_record` gives it.
        beside: What is in no table is added to it.

    Yields:
        The names of the columns, and the rows of short values; the first column has the keys, where there are any.
    """
    keyed = isinstance(record, dict)
    parts = list(record.items()) if keyed else [("", value) for value in record] if _is_list(record) else []
    rows = [dict(_short_values(value, "")) for _, value in parts if isinstance(value, dict)]
    common = Counter(key for row in rows for key in row)
    header = [key for key, n in common.items() if n > 1]
    if len(rows) == len(parts) > 1 and len(header) > 1 and "value" not in header:  # else rows are about one thing
        keys = [[_name(key)] if keyed else [] for key, _ in parts]
        yield (
            [*([""] if keyed else []), *header],
            [[*key, *(row.get(name, "") for name in header)] for key, row in zip(keys, rows, strict=True)],
        )
        beside += [f"{name} {value}" for row in rows for name, value in row.items() if name not in header]
        parts = [long for _, value in parts for long in _long_values(value)]
    for key, value in parts:
        if isinstance(value, dict) or _is_list(value):
            yield from record_tables(value, beside)
        else:
            said = _said(value)
            beside.append(f"{_name(key)} {said} {said.replace(':00 ', ' ')}")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_short(value: Any) -> bool:
    return not _holds_others(value) and len(str(value)) <= LONGEST_VALUE


def _short_values(value: dict[Any, Any], name: str) -> Iterator[tuple[str, str]]:
    """The short values of an object and of the objects in it."""
    for key, v in value.items():
        path = f"{name} {_name(key)}".strip()
        if isinstance(v, dict):
            yield from _short_values(v, path)
        elif _is_short(v):
            yield path, _said(v)


def _long_values(value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, v in value.items():
        if isinstance(v, dict):
            yield from _long_values(v)
        elif not _is_short(v):
            yield key, v


def _line(name: str, said: str) -> str:
    return f"{name}: {said}" if name and said else said


def _name(key: object) -> str:
    """`BusinessParking` and `business_parking` as words."""
    return " ".join(word if word.isupper() else word.lower() for word in _WORDS_OF_NAME.findall(str(key))) or str(key)


def _said(value: object) -> str:
    if value is None or value in ("None", "null", "nan"):
        return "not given"
    if isinstance(value, bool) or value in ("True", "False"):
        return "yes" if str(value) == "True" else "no"
    return _HOUR.sub(_twelve_hours, str(value).strip())


def _twelve_hours(match: re.Match[str]) -> str:
    hour, minute = int(match[1]) % 24, int(match[2])
    return f"{match[0]} ({(hour + 11) % 12 + 1}:{minute:02} {'AM' if hour < 12 else 'PM'})"


class _Places:
    """Finds where the scalars of a record stand in the text that it was parsed from."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: dict[Path, tuple[int, int]] = {}
        path: list[str | int] = []
        start: int | None = None
        for token in _TOKEN.finditer(text):
            if token[0] in "{[(":
                path.append(0)
            elif not path:
                break  # the text is written in a way that is not known here
            elif token[0] in "}])":
                path.pop()
            elif token[0] == ",":
                path[-1] = path[-1] + 1 if isinstance(path[-1], int) else 0
            elif token["colon"] is not None:
                path[-1], start = str(_literal(token["scalar"])), token.start()
                continue
            else:
                self._spans[tuple(path)] = token.start() if start is None else start, token.end()
            start = None

    def of(self, paths: Sequence[Path]) -> tuple[int, int]:
        """From the start of the first pair of key and value to the end of the last one; else the whole."""
        spans = [self._spans[path] for path in paths if path in self._spans]
        if not spans:
            return 0, len(self._text)
        return min(start for start, _ in spans), max(end for _, end in spans)


def _literal(written: str) -> object:
    """What a scalar is that is written as in JSON or Python."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(written)
        except (ValueError, SyntaxError):
            continue
    return written


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a Markdown table."""

    start: int
    end: int
    header: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def text(self) -> str:
        """Each value after the heading of its column."""
        return ", ".join(f"{name} {cell}".strip() for name, cell in zip(self.header, self.cells, strict=False) if cell)


def cell_spans(row: str) -> Iterator[tuple[int, int]]:
    """Where the cells of a row of a Markdown table stand in it, without their borders."""
    start, end = len(row) - len(row.lstrip()), len(row.rstrip())
    if row.startswith("|", start):
        start += 1
    if end > start and row[end - 1] == "|" and row[end - 2] != "\\":
        end -= 1
    for border in _CELL_BORDER.finditer(row, start, end):
        yield start, border.start()
        start = border.end()
    yield start, end


def table_rows(passage: str) -> Iterator[Row]:
    """The rows of Markdown tables in a passage."""
    header: tuple[str, ...] = ()
    at = 0
    for line in passage.splitlines(keepends=True):
        start, at = at, at + len(line)
        text = line.strip()
        if text.count("|") < 2:
            header = ()
            continue
        cells = tuple(text[begin:end].strip() for begin, end in cell_spans(text))
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            continue
        if not header:
            header = cells
            continue
        yield Row(start, start + len(line.rstrip()), header, cells)
