"""Numbers, dates, hours and weekdays in a text as what they mean: 1,150.00 is 1150, 02/09/2019 is 2 September or
9 February 2019.

A writing that can be read in several ways has all those readings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache

from ...retrieval.dates import Date, dates, months_alone

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
class Clock:
    """A time of day."""

    hour: int
    minute: int
    second: int | None

    @property
    def terms(self) -> frozenset[str]:
        """See `Number.terms`."""
        return frozenset({f"{self.hour}:{self.minute:02}"})


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week."""

    name: str
    """Its first three letters."""

    @property
    def terms(self) -> frozenset[str]:
        """See `Number.terms`."""
        return frozenset({self.name})


Reading = Number | Date | Clock | Weekday


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
    found = [Value(date.start, date.end, date.readings) for date in dates(text)]
    for written in months_alone(text):
        if not any(written.start < other.end and other.start < written.end for other in found):
            found.append(Value(written.start, written.end, written.readings))
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


def _weekday(match: re.Match[str]) -> Iterator[Reading]:
    yield Weekday(match[0][:3].lower())


_SHORT = "Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun"
_BESIDE = r"(?<=[-–—/:|(&] )|(?<=[-–—/:|(&])|(?<=, )|(?<=\bto )"
_THEN = rf"\.?(?:\s?[-–—/:|)]|,?\s+(?:\d|{_SHORT}|[A-Z][a-z]{{2}}\.?\s\d)|\s+to\s)"
"""By which Sun is Sunday, and not what shines: beside dashes and colons, numbers and other days."""
_FREE = r"(?<![\w.,:/])"
_HALF = r"\s?(?P<half>[apAP])\.?[mM]\b\.?"
_HOURS = r"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d+)?)?"

_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Reading]]], ...] = tuple(
    (re.compile(form), read)
    for form, read in (
        (rf"(?<=\dT){_HOURS}(?:Z|[+-]\d\d:?\d\d)?(?!\w)", _clock),
        (rf"{_FREE}{_HOURS}(?:{_HALF})?(?![\w:])", _clock),
        (rf"{_FREE}(?P<hour>1[0-2]|0?[1-9])(?:\.(?P<minute>[0-5]\d))?{_HALF}", _clock),
        (rf"{_FREE}(?P<hour>1[0-2]|0?[1-9])\s+o['’]clock\b", _clock),
        (
            rf"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b|(?:{_BESIDE})(?:{_SHORT})\b|\b(?:{_SHORT})\b(?={_THEN})",
            _weekday,
        ),
        (rf"(?<![\w.])\d+(?:[.,'’{_SPACES}]\d+)*", lambda m: iter(numbers(m[0]))),
        (
            rf"(?i)\b(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_UNITS)}))?|{'|'.join((*_TEENS, *_UNITS))})"
            r"(?:[-\s]hundred)?\b",
            _spelled,
        ),
    )
)
