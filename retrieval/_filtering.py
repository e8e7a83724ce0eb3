"""Filters as SQL. Values never stand in the SQL: they are bound, or held by a function that SQLite calls."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from fnmatch import translate
from pathlib import PurePosixPath

from ..errors import SettingsError
from .filters import DATES, KEYS, META, Condition, Filter, folded, moments

FAMILIES = {
    "pdf": ("application/pdf",),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation",),
    "spreadsheet": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "application/vnd.ms-excel.sheet.macroEnabled.12",
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
        "application/vnd.oasis.opendocument.spreadsheet",
    ),
    "opendocument": (
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.spreadsheet",
    ),
    "rtf": ("application/rtf",),
    "epub": ("application/epub+zip",),
    "html": ("text/html", "application/xhtml+xml"),
    "markdown": ("text/markdown",),
    "rst": ("text/x-rst",),
    "asciidoc": ("text/asciidoc",),
    "text": ("text/plain",),
    "table": ("text/csv", "text/tab-separated-values"),
    "structured": (
        *("application/json", "application/jsonl", "application/xml", "application/yaml", "application/toml"),
        "application/x-ini",
    ),
    "mail": ("message/rfc822", "application/vnd.ms-outlook"),
    "notebook": ("application/x-ipynb+json",),
    "subtitles": ("application/x-subrip", "text/vtt", "text/x-ssa"),
    "image": ("image/*",),
    "code": ("text/x-*",),
}
"""The media types of each family of formats, as patterns of SQLite's GLOB."""
_NO_CODE = "('text/x-rst', 'text/x-ssa')"

_PART = "CASE d.part WHEN '' THEN '' ELSE '/' || d.part END"
_TAGGED = "EXISTS (SELECT 1 FROM tags t WHERE t.file_id = d.file_id AND t.part = d.part {})"
_GIVEN, _ABSOLUTE = f"(f.path || {_PART})", f"(f.absolute_path || {_PART})"


def _written(name: str) -> str:
    """A date of the metadata, at least to the day and with a T before the time; NULL if it is none."""
    value = f"json_extract(d.metadata, '$.{name}')"
    return (
        f"CASE WHEN {value} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]*' "
        f"THEN replace({value}, ' ', 'T') || CASE length({value}) WHEN 7 THEN '-01' ELSE '' END "
        f"WHEN {value} GLOB '[0-9][0-9][0-9][0-9]' THEN {value} || '-01-01' END"
    )


_WRITTEN = {
    "date": f"coalesce({_written('date')}, {_written('created')}, {_written('modified')})",
    "created": f"coalesce({_written('created')}, {_written('date')})",
    "modified": _written("modified"),
}
"""Where each date is looked for, in order; what has none goes by its file's modification time, but for `created`."""

_END = "~"
"""Comes after every character of a date: behind the begin of a period, it makes its end."""

_BETWEEN = re.compile("[,;]")
_TOKEN = re.compile(r"\*+|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)

Test = Callable[[str], bool]


def matching(db: sqlite3.Connection, where: Filter) -> list[int]:
    """The ids of the documents that meet all conditions, ascending.

    Args:
        db: A connection whose statements see one state of the library.
        where: The conditions.

    Raises:
        SettingsError: No document has metadata of a name that a condition asks for.
    """
    query = _Query()
    clause = query.clause(where)
    db.create_function("passes", 2, query.passes, deterministic=True)
    files = "JOIN files f ON f.id = d.file_id" if "f." in clause else ""
    rows = db.execute(f"SELECT d.id FROM documents d {files} WHERE {clause}", query.bound)
    found = sorted(row[0] for row in rows)
    proven = {c.key for c in where.conditions if c.operator in ("=", "~=")} if found else set()
    for condition in where.conditions:
        if condition.key not in KEYS and condition.key not in proven:
            _require_metadata(db, condition.key)
    return found


class _Query:
    """A WHERE clause in the making, with the values that it binds and the tests that it calls."""

    def __init__(self) -> None:
        self.bound: list[str | int] = []
        self._tests: list[Test] = []

    def passes(self, test: int, value: str | None) -> bool:
        """Whether a value passes a test, by its number; SQLite calls it."""
        return value is not None and self._tests[test](value)

    def clause(self, where: Filter) -> str:
        required: list[str] = []
        alternatives: dict[str, list[str]] = {}
        for condition in where.conditions:
            sql = self._condition(condition)
            if condition.operator in ("=", "~="):
                alternatives.setdefault(condition.key, []).append(sql)
            else:
                required.append(f"NOT {sql}" if condition.operator == "!=" else sql)
        return " AND ".join([*map(_any, alternatives.values()), *required]) or "TRUE"

    def _condition(self, condition: Condition) -> str:
        key, values, contains = condition.key, condition.values, condition.operator == "~="
        if key in DATES:
            return self._date(condition)
        if key == "type":
            return _any(map(self._type, values))
        if key == "folder" or (key == "document" and not contains):
            return self._path(values, _is_below if key == "folder" else _is_path)
        if key == "collection" and not contains:
            return f"(f.collection IN (SELECT value FROM json_each({self._bind(json.dumps(values))})))"
        if key == "tag":
            return self._tag(values, contains)
        column = {"document": _GIVEN, "collection": "f.collection", "title": "d.title"}.get(key)
        column = column or f"json_extract(d.metadata, {self._bind(_json_path(key))})"
        return self._passes(column, _contains(values) if contains else _equals(values))

    def _path(self, values: Iterable[str], test: Callable[[str], Test]) -> str:
        tests = {_GIVEN: [test(v) for v in values if v[0] != "/"], _ABSOLUTE: [test(v) for v in values if v[0] == "/"]}
        return _any(self._passes(column, _passes_any(each)) for column, each in tests.items() if each)

    def _type(self, value: str) -> str:
        name = value.casefold().removeprefix(".")
        if "/" in name:
            return f"lower(d.media_type) GLOB {self._bind(name)}"
        if name == "code":
            known = f"d.media_type GLOB 'text/x-*' AND d.media_type NOT IN {_NO_CODE}"
        else:
            known = _any(f"d.media_type GLOB {self._bind(each)}" for each in FAMILIES.get(name, (f"text/x-{name}",)))
        return f"{known} OR substr(lower({_GIVEN}), -{len(name) + 1}) = {self._bind(f'.{name}')}"

    def _tag(self, values: Sequence[str], contains: bool) -> str:
        if contains:
            return _TAGGED.format(f"AND {self._passes('t.tag', _contains(values))}")
        names = json.dumps([unicodedata.normalize("NFC", value) for value in values])
        tagged = _TAGGED.format(f"AND t.tag IN (SELECT value FROM json_each({self._bind(names)}))")
        return _any([tagged, f"NOT {_TAGGED.format('')}"]) if "" in values else tagged

    def _date(self, condition: Condition) -> str:
        key, operator = condition.key, condition.operator
        if operator in ("=", "!="):
            return f"coalesce({_any(self._compared(key, p, 'BETWEEN') for p in condition.values)}, FALSE)"
        return f"coalesce({self._compared(key, condition.values[0], operator)}, FALSE)"

    def _compared(self, key: str, period: str, operator: str) -> str:
        """Whether the date of a document is in a period, after it, before it; NULL if it has none."""
        # As texts, dates are compared as they are written: in their own time zone. So is the file's, in that of here.
        begin, end = (_scaled(moment) for moment in moments(period))
        text = period.replace(" ", "T")
        written = f"{_WRITTEN[key]} {self._bounds(operator, text, text + _END)}"
        of_file = "NULL" if key == "created" else f"f.mtime_ns {self._bounds(operator, begin, end)}"
        return f"coalesce({written}, {of_file})"

    def _bounds(self, operator: str, begin: str | int, end: str | int) -> str:
        if operator == "BETWEEN":
            return f"BETWEEN {self._bind(begin)} AND {self._bind(end if isinstance(end, str) else end - 1)}"
        return f"{'>=' if operator[0] == '>' else '<'} {self._bind(end if operator in ('>', '<=') else begin)}"

    def _passes(self, column: str, test: Test) -> str:
        self._tests.append(test)
        return f"passes({len(self._tests) - 1}, {column})"

    def _bind(self, value: str | int) -> str:
        self.bound.append(value)
        return f"?{len(self.bound)}"


def _equals(values: Sequence[str]) -> Test:
    wanted = frozenset(map(folded, values))

    def test(value: str) -> bool:
        value = folded(value)
        return value in wanted or not wanted.isdisjoint(part.strip() for part in _BETWEEN.split(value))

    return test


def _contains(values: Sequence[str]) -> Test:
    wanted = tuple(map(folded, values))

    def test(value: str) -> bool:
        value = folded(value)
        return any(each in value for each in wanted)

    return test


def _is_path(value: str) -> Test:
    whole, pattern = _same_path(value), _glob(value)
    return lambda path: (path := unicodedata.normalize("NFC", path)) == whole or bool(pattern and pattern(path))


def _is_below(value: str) -> Test:
    folder, pattern = _same_path(value), _glob(value, "(?:/.*)?")
    if folder == ".":
        return lambda path: not path.startswith(("/", "../"))
    below = folder.rstrip("/") + "/"

    def test(path: str) -> bool:
        path = unicodedata.normalize("NFC", path)
        return path.startswith(below) or path == folder or bool(pattern and pattern(path))

    return test


def _same_path(value: str) -> str:
    """A path as an ingest writes it."""
    return unicodedata.normalize("NFC", str(PurePosixPath(value)))


def _glob(value: str, rest: str = "") -> Callable[[str], object] | None:
    """What matches a pattern, if it is one. `*` and `?` stay within a folder, `**` stands for any number of folders,
    and a pattern without a slash is for the name, in whatever folder.

    Args:
        value: The pattern.
        rest: A regular expression for what may follow.
    """
    if not any(sign in value for sign in "*?["):
        return None
    folders = _same_path(value).split("/")
    *folders, name = folders if "/" in value else ["**", *folders]
    regex = "".join("(?:.*/)?" if folder == "**" else _segment(folder) + "/" for folder in folders)
    return re.compile(regex + (".+" if name == "**" else _segment(name)) + rest, re.DOTALL).fullmatch


def _segment(pattern: str) -> str:
    """The regular expression of one name. Its groups are atomic: no pattern takes long."""
    runs = [""]
    for token in _TOKEN.findall(pattern):
        if token[0] == "*":
            runs.append("")
        elif token == "?":
            runs[-1] += "[^/]"
        else:
            runs[-1] += f"(?!/){translate(token)[4:-3]}" if token[0] == "[" else re.escape(token)
    first, *others = runs
    return first + "".join(f"(?>[^/]*?{run})" for run in others[:-1]) + "".join(f"[^/]*{run}" for run in others[-1:])


def _passes_any(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _any(clauses: Iterable[str]) -> str:
    return f"({' OR '.join(clauses)})"


def _scaled(local: datetime) -> int:
    """A moment on the scale of a file's modification time, which ends before the years do."""
    if not 1900 <= local.year < 2200:
        return (1 << 63) - 1 if local.year > 1900 else -(1 << 63)
    return int(local.timestamp()) * 1_000_000_000


def _json_path(key: str) -> str:
    return (
        f"$.{json.dumps(key.removeprefix(META))}"  # escaped as the stored keys are: SQLite compares them as they stand
    )


def _require_metadata(db: sqlite3.Connection, key: str) -> None:
    name = key.removeprefix(META)
    path = _json_path(key)
    if db.execute("SELECT 1 FROM documents WHERE json_extract(metadata, ?) IS NOT NULL LIMIT 1", (path,)).fetchone():
        return
    names = "SELECT DISTINCT key FROM documents, json_each(metadata) ORDER BY key"
    known = [row[0] for row in db.execute(names)]
    if not known and not db.execute("SELECT 1 FROM documents LIMIT 1").fetchone():
        return
    near = get_close_matches(name, [*KEYS, *known], 1)
    guess = f"Did you mean {near[0]}? " if near else ""
    also = f", or by the metadata {', '.join(known)}" if known else "; its documents have no metadata"
    raise SettingsError(f"no document of the library has {name!r}", remedy=f"{guess}Filter by {', '.join(KEYS)}{also}")
