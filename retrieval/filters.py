"""Filters: which documents a search may look into. `docs/search.md` has the language; `_filtering` makes it SQL."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..errors import SettingsError

DATES = ("date", "created", "modified")
KEYS = ("document", "folder", "collection", "tag", "type", "title", *DATES)
"""What every document has; any other key is one of the metadata, and so is what stands behind `meta.`."""

_CONDITION = re.compile(r"\s*([^=<>!~]*?)\s*(!=|~=|>=|<=|==?|>|<)\s*(.*?)\s*", re.DOTALL)
_KEY = re.compile(r"\s*([^=<>!~]*?)\s*(!=|~=|>=|<=|==?|>|<|)\s*")
_VALUE = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|(?!")([^,]*?)\s*)(,|$)')
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d))?)?)?", re.ASCII)
_LONGEST = 4096
"""Characters of a value."""
_MAX_DOUBLE_ASTERISKS = 3
_MAX_KEYS, _MAX_VALUES = 100, 400
"""SQLite takes expressions a thousand levels deep."""
META = "meta."
_WHAT_IS_ONE = "Write KEY=VALUE, such as type=pdf, author=Jane or date>=2024-01"

Given = str | Mapping[str, object] | Iterable[str]


@dataclass(frozen=True, slots=True)
class Condition:
    """What one key has to be.

    Raises:
        SettingsError: It can hold for no document, whatever the library.
    """

    key: str
    """One of `KEYS`, or `meta.` and a key of the metadata."""
    operator: str
    """`=` is any of the values, `~=` contains any of them, `!=` is none of them; `>=`, `>`, `<=`, `<` for dates."""
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        self._require_operator()
        many = f"one value, not {len(self.values)}" if self.operator[0] in "<>" else f"at most {_MAX_VALUES} values"
        if len(self.values) > (1 if self.operator[0] in "<>" else _MAX_VALUES):
            raise _bad(f"{self._name}{self.operator} takes {many}", "Give fewer")
        if not self.values or (
            not all(self.values) and (self.key not in ("collection", "tag") or self.operator == "~=")
        ):
            raise _bad(f"{self._name} has no value", _WHAT_IS_ONE)
        for value in self.values:
            self._require_value(value)

    @property
    def _name(self) -> str:
        return self.key.removeprefix(META)

    def _require_operator(self) -> None:
        if self.key in DATES:
            allowed = ["=", "!=", ">=", ">", "<=", "<"]
        else:
            allowed = ["=", "!="] if self.key in ("type", "folder") else ["=", "!=", "~="]
        if self.operator not in allowed:
            what = "only dates are compared" if self.operator[0] in "<>" else f"{self._name} is not searched in"
            raise _bad(f"{what} with {self.operator}", f"Use {', '.join(allowed)} with {self._name}")

    def _require_value(self, value: str) -> None:
        if len(value) > _LONGEST:
            raise _bad(f"a value of {self._name} has more than {_LONGEST:,} characters", "Shorten it")
        if self.key in DATES:
            moments(value)
        if self.key in ("document", "folder") and value.count("**") > _MAX_DOUBLE_ASTERISKS:
            raise _bad(f"{value!r} has `**` more than {_MAX_DOUBLE_ASTERISKS} times", "Use fewer")


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that a document meets all of. A key has one condition of `=`, of `~=` and of `!=` at most: one that is
    named again adds its values, and `=` and `~=` of one key are alternatives."""

    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, given: Given) -> Filter:
        """Read conditions.

        Args:
            given: `KEY=VALUE`, or several of them; several values are parted by commas, and one that holds a comma
                stands in double quotes. Or a mapping of keys to one value or several, which are taken as they are; a
                key may bring its operator: `{"type": ["pdf", "docx"], "date>=": "2024"}`.

        Raises:
            SettingsError: A condition is malformed.
        """
        if isinstance(given, Mapping):
            read = [_from_item(key, value) for key, value in given.items()]
        else:
            read = [_from_text(text) for text in ([given] if isinstance(given, str) else given)]
        merged: dict[tuple[str, str, int], Condition] = {}
        for place, new in enumerate(read):
            key = (new.key, new.operator, place if new.operator[0] in "<>" else 0)
            before = merged[key].values if key in merged else ()
            merged[key] = Condition(new.key, new.operator, tuple(dict.fromkeys(before + new.values)))
        if len(merged) > _MAX_KEYS:
            raise _bad(f"the filter has more than {_MAX_KEYS} conditions on different keys", "Use fewer")
        return cls(tuple(merged.values()))


def as_filter(given: Filter | Given | None, collection: str | None = None) -> Filter | None:
    """What a caller gave as a filter and as a collection, in one; None when that is nothing.

    Raises:
        SettingsError: A condition is malformed, or either is of a type that cannot be one.
    """
    if not isinstance(given, Filter | Iterable | None):
        raise _bad(f"{given!r} is no filter", _WHAT_IS_ONE)
    if not isinstance(collection, str | None):
        raise _bad(f"{collection!r} is no name of a collection", "Give a text")
    conditions = given.conditions if isinstance(given, Filter) else Filter.parse(given or ()).conditions
    if collection is not None:
        conditions = (*conditions, Condition("collection", "=", (_text(collection),)))
    return Filter(conditions) if conditions else None


def folded(text: str) -> str:
    """A text as values are compared: without the difference of case, and of forms of one character."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def moments(period: str) -> tuple[datetime, datetime]:
    """The first moment of a year, a month, a day or a minute, and the first after it.

    Raises:
        SettingsError: It is none of them.
    """
    match = _DATE.fullmatch(period)
    try:
        if match is None:
            raise ValueError
        given = [int(part) for part in match.groups() if part]
        year, month, day, hour, minute = given + [1, 1, 1, 0, 0][len(given) :]
        begin = datetime(year, month, day, hour, minute)
    except ValueError:
        what, remedy = f"{period!r} is no date to filter by", "Write 2024, 2024-07, 2024-07-31 or 2024-07-31T09:30"
        raise _bad(what, f"{remedy}, without a time zone") from None
    about = timedelta(*{1: (366,), 2: (31,), 3: (1,), 5: (0, 60)}[len(given)])
    if begin > datetime.max - about:
        return begin, datetime.max
    after = begin + about
    return begin, after.replace(day=1, month=1 if len(given) == 1 else after.month) if len(given) < 3 else after


def _from_text(text: object) -> Condition:
    if not isinstance(text, str) or not (match := _CONDITION.fullmatch(_text(text))):
        raise _bad(f"{text!r} is no condition", _WHAT_IS_ONE)
    key, operator, value = match.groups()
    values, end = [], 0
    while end <= len(value):
        part = _VALUE.match(value, end)
        if part is None:
            raise _bad(f"the quotes in {text!r} cannot be read", 'Write one value as key="a, b", with "" for a quote')
        values.append(part[2] if part[1] is None else part[1].replace('""', '"'))
        end = part.end() + (not part[3])
    return Condition(_known(key), operator.replace("==", "="), tuple(values))


def _from_item(key: object, value: object) -> Condition:
    match = _KEY.fullmatch(_text(key)) if isinstance(key, str) else None
    if match is None:
        raise _bad(f"{key!r} is no key of a filter", _WHAT_IS_ONE)
    several = isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)
    values = tuple(_value(match[1], one) for one in (value if several else (value,)))  # type: ignore[attr-defined]
    return Condition(_known(match[1]), match[2].replace("==", "=") or "=", values)


def _value(key: str, value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str | int | date) or isinstance(value, bool):
        raise _bad(f"{value!r} is no value of {key}", "Give a text, a date or a year")
    return _text(str(value))


def _known(name: str) -> str:
    key = folded(name)
    if key.startswith(META):
        key = META + name[len(META) :]  # as it stands, for metadata that no parser of ours has written
    if not key.removeprefix(META) or '"' in key:
        raise _bad(f"{name!r} is no key of a filter", _WHAT_IS_ONE)
    return key if key in KEYS or key.startswith(META) else META + key


def _text(given: str) -> str:
    return given.encode("utf-8", "replace").decode()  # a shell passes on bytes that are no text


def _bad(what: str, remedy: str) -> SettingsError:
    return SettingsError(what, remedy=remedy)
