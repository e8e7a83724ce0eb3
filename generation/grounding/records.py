"""Records and tables as lines that can be evidence: `business parking: garage no, street yes`.

A sentence splitter makes nothing of JSON or of a table; a verifier that reads prose needs every value beside its name.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST_LITERAL = 200_000
"""Characters of a Python literal that are parsed at most; JSON has no such limit."""

_WORDS_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_HOUR = re.compile(r"\b([01]?\d|2[0-4]):([0-5]?\d)\b(?!:?\d)")
_CELL_BORDER = re.compile(r"(?<!\\)\|")

Line = tuple[int, int, str]
"""Where it stands in the passage, and what it says."""


def record_lines(passage: str) -> list[Line] | None:
    """The lines of a passage that is one JSON value or Python literal; None when it is neither.

    Scalars that are siblings share a line. Null is said to be not given, and hours are given on the clock of 12, too.
    """
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
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    if not isinstance(value, dict | list):
        return None
    places = _Places(passage)
    return [(*places.of(values), line) for line, values in _lines(value, "") if line]


def _lines(value: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """Lines with the values as they are written, outermost first."""
    if isinstance(value, dict):
        scalars = {_name(key): v for key, v in value.items() if not isinstance(v, dict | list)}
        short = {key: v for key, v in scalars.items() if not (isinstance(v, str) and len(v) > 80)}
        if short:
            said = ", ".join(f"{key} {_said(v)}" for key, v in short.items())
            yield (f"{name}: {said}" if name else said), [_written(v) for v in short.values()]
        for key, v in value.items():
            if _name(key) not in short:
                yield from _lines(v, f"{name} {_name(key)}".strip())
    elif isinstance(value, list | tuple):
        if all(not isinstance(v, dict | list) for v in value) and sum(len(str(v)) for v in value) <= 300:
            said = ", ".join(_said(v) for v in value)
            yield (f"{name}: {said}" if name else said), [_written(v) for v in value]
        else:
            for v in value:
                yield from _lines(v, name)
    else:
        yield (f"{name}: {_said(value)}" if name else _said(value)), [_written(value)]


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


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else json.dumps(value, default=str)


class _Places:
    """Finds values in the text that they were parsed from, in order."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def of(self, values: list[str]) -> tuple[int, int]:
        """From the start of the first value to the end of the last one, as far as they are found."""
        start = end = -1
        for value in values:
            found = self._text.find(value, self._at) if value else -1
            if found < 0:
                continue
            self._at = end = found + len(value)
            start = found if start < 0 else start
        return (start, end) if start >= 0 else (self._at, self._at)


def table_lines(passage: str) -> Iterator[Line]:
    """The rows of Markdown tables in a passage, each value after the heading of its column."""
    header: list[str] = []
    at = 0
    for line in passage.splitlines(keepends=True):
        start, at = at, at + len(line)
        text = line.strip()
        if text.count("|") < 2:
            header = []
            continue
        cells = [cell.strip() for cell in _CELL_BORDER.split(text.strip("|"))]
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            continue
        if not header:
            header = cells
            continue
        named = [f"{name} {cell}".strip() for name, cell in zip(header, cells, strict=False) if cell]
        yield start, start + len(line.rstrip()), ", ".join(named)
