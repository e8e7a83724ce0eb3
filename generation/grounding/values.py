"""Numbers, dates and hours in a text as what they mean: 1,150.00 is 1150, 02/09/2019 is 2 September or 9 February 2019.

A writing that can be read in several ways has all those readings.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLED = dict(zip((*_UNITS, *_TEENS, *_TENS), (*range(1, 20), *range(20, 100, 10)), strict=True))
_SPACES = "\u00a0\u2009\u202f"


@dataclass(frozen=True, slots=True)
class Number:
    """Its digits, without separators of groups and zeros that say nothing, and a point before decimals."""

    digits: str

    @property
    def terms(self) -> frozenset[str]:
        """What a text that holds a part of it has, too."""
        return frozenset({self.digits})


@dataclass(frozen=True, slots=True)
class Date:
    """A day or a month, with or without its year."""

    year: int | None
    month: int
    day: int | None

    @property
    def terms(self) -> frozenset[str]:
        """See `Number.terms`."""
        return frozenset(str(self).lower().split())

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.day, MONTHS[self.month - 1], self.year) if part)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    hour: int
    minute: int
    second: int | None

    @property
    def terms(self) -> frozenset[str]:
        """See `Number.terms`."""
        return frozenset({f"{self.hour}:{self.minute:02}"})


Reading = Number | Date | Clock


@dataclass(frozen=True, slots=True)
class Value:
    """Where a number, a date or an hour stands, and what it can mean, the likeliest first."""

    start: int
    end: int
    readings: tuple[Reading, ...]


def covers(known: Reading, claimed: Reading) -> bool:
    """Whether what is known says all that is claimed: 26 June 2023 covers June 2023, and 10:14:05 covers 10:14."""
    return type(known) is type(claimed) and all(
        want is None or have == want for have, want in zip(astuple(known), astuple(claimed), strict=True)
    )


@lru_cache(maxsize=4096)
def values(text: str) -> tuple[Value, ...]:
    """The numbers, dates and hours of a text, in their order."""
    found: list[Value] = []
    for form, read in _FORMS:
        for match in form.finditer(text):
            start, end = match.span()
            if any(start < other.end and other.start < end for other in found):
                continue
            if readings := tuple(dict.fromkeys(read(match))):
                found.append(Value(start, end, readings))
    return tuple(sorted(found, key=lambda value: value.start))


def numbers(written: str) -> tuple[Number, ...]:
    """What digits with separators can mean: 1,250 is 1250 or, on the continent, 1.25; 13,90 can only be 13.9."""
    found = []
    for group, point in ((",", "."), (".", ","), (f"'’{_SPACES}", ".,")):
        if match := re.fullmatch(rf"([1-9]\d{{0,2}}(?:[{group}]\d{{3}})+|\d+)(?:[{point}](\d+))?", written):
            whole, decimals = re.sub(r"\D", "", match[1]).lstrip("0"), (match[2] or "").rstrip("0")
            found.append(Number(f"{whole or 0}.{decimals}".rstrip(".")))
    return tuple(dict.fromkeys(found)) or (Number(written.replace(",", "")),)


def _spelled(match: re.Match[str]) -> Iterator[Reading]:
    *words, last = re.split(r"[-\s]+", match[0].lower())
    hundred = last == "hundred"
    value = sum(_SPELLED[word] for word in (words if hundred else [*words, last]))
    yield Number(str(value * 100 if hundred else value))


def _numeric(match: re.Match[str]) -> Iterator[Reading]:
    """Day first or month first; with points only day first."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    yield from _date(year, two, one)
    if match["mark"] != ".":
        yield from _date(year, one, two)


def _date(year: int | None, month: int, day: int | None) -> Iterator[Reading]:
    try:
        datetime.date(year or 2000, month, day or 1)  # 2000 had a 29 February
    except ValueError:
        return
    yield Date(year, month, day)


def _named(match: re.Match[str]) -> Iterator[Reading]:
    part = match.groupdict()
    month = next(n for n, name in enumerate(MONTHS, 1) if name[:3].lower() == match["month"][:3].lower())
    day, year = (int(part[name]) if part.get(name) else None for name in ("day", "year"))
    yield from _date(year, month, day)


def _clock(match: re.Match[str]) -> Iterator[Reading]:
    """Without "am" or "pm" hours up to twelve are of either half of the day."""
    part = match.groupdict()
    hour, minute = int(match["hour"]) % 24, int(part.get("minute") or 0)
    second = int(part["second"]) if part.get("second") else None
    half = (part.get("half") or "").lower()
    if half or (1 <= hour <= 12 and part["hour"][0] != "0"):
        for name, plus in (("a", 0), ("p", 12)):
            if half in ("", name):
                yield Clock(hour % 12 + plus, minute, second)
    else:
        yield Clock(hour, minute, second)


_FULL = rf"(?:(?i:{'|'.join(name for name in MONTHS if name not in ('March', 'May'))})|March|May)\b"
_MONTH = rf"(?P<month>{_FULL}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
# "May" is a verb, a name and how a sentence begins, too.
_ALONE = rf"\b(?P<month>(?<=in\s)May\b|(?!May){_FULL})"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d|[.,:]\d)"
_FREE = r"(?<![\w.,:/])"
_HALF = r"\s?(?P<half>[apAP])\.?[mM]\b\.?"
_HOURS = r"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d+)?)?"

_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Reading]]], ...] = tuple(
    (re.compile(form), read)
    for form, read in (
        (
            rf"{_FREE}(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d)(?![\d-])",
            lambda m: _date(int(m["year"]), int(m["month"]), int(m["day"])),
        ),
        (rf"{_FREE}(?P<one>\d\d?)(?P<mark>[-/.])(?P<two>\d\d?)(?P=mark)(?P<year>\d{{4}})(?!\w|[-/]\d)", _numeric),
        (rf"{_FREE}{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR})?", _named),
        (rf"\b{_MONTH}\s+{_DAY}(?![\w:]|[.,]\d)(?:,?\s+{_YEAR})?", _named),
        (rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}", _named),
        (_ALONE, _named),
        (rf"(?<=\dT){_HOURS}(?:Z|[+-]\d\d:?\d\d)?(?!\w)", _clock),
        (rf"{_FREE}{_HOURS}(?:{_HALF})?(?![\w:])", _clock),
        (rf"{_FREE}(?P<hour>1[0-2]|0?[1-9])(?:\.(?P<minute>[0-5]\d))?{_HALF}", _clock),
        (rf"{_FREE}(?P<hour>1[0-2]|0?[1-9])\s+o['’]clock\b", _clock),
        (rf"(?<![\w.])\d+(?:[.,'’{_SPACES}]\d+)*", lambda m: iter(numbers(m[0]))),
        (
            rf"(?i)\b(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_UNITS)}))?|{'|'.join((*_TEENS, *_UNITS))})"
            r"(?:[-\s]hundred)?\b",
            _spelled,
        ),
    )
)
