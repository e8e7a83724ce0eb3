"""Days and months in a text, however they are written: 02/09/2019 is 2 September or 9 February 2019."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


_GERMAN = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Date:
    """A day or a month, with or without its year."""

    year: int | None
    month: int
    day: int | None

    @property
    def terms(self) -> frozenset[str]:
        """The words of it that a text which names a part of it has, too."""
        return frozenset(str(self).lower().split())

    @property
    def forms(self) -> tuple[str, ...]:
        """As terms of search, in ISO 8601: 5 February 2024 is 2024-02-05, in 2024-02, and --02-05 as in any year."""
        found = []
        if self.year is not None and self.day is not None:
            found.append(f"{self.year:04}-{self.month:02}-{self.day:02}")
        if self.year is not None:
            found.append(f"{self.year:04}-{self.month:02}")
        if self.day is not None:
            found.append(f"--{self.month:02}-{self.day:02}")
        return tuple(found)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.day, MONTHS[self.month - 1], self.year) if part)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """Where a date stands, and what it can mean, the likeliest first."""

    start: int
    end: int
    readings: tuple[Date, ...]


def dates(text: str) -> Iterator[WrittenDate]:
    """The dates of a text that have a number in them, so none that is only a month."""
    lower = text.lower()
    if not any(hint.search(lower) for hint in _HINTS):
        return
    taken: list[WrittenDate] = []
    for form, read in _FORMS:
        for match in form.finditer(text):
            start, end = match.span()
            if any(start < other.end and other.start < end for other in taken):
                continue
            if readings := tuple(dict.fromkeys(read(match))):
                taken.append(WrittenDate(start, end, readings))
    yield from sorted(taken, key=lambda date: date.start)


def months_alone(text: str) -> Iterator[WrittenDate]:
    """The months of a text; also those that belong to a date."""
    for match in _ALONE.finditer(text):
        yield WrittenDate(*match.span(), tuple(_named(match)))


def _numeric(match: re.Match[str]) -> Iterator[Date]:
    """Day first or month first; with points only day first."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    yield from _date(year, two, one)
    if match["mark"] != ".":
        yield from _date(year, one, two)


def _named(match: re.Match[str]) -> Iterator[Date]:
    part = match.groupdict()
    begin = match["month"][:3].lower()
    month = next(n for n, names in enumerate(zip(MONTHS, _GERMAN, strict=True), 1) if begin in _begins(names))
    day, year = (int(part[name]) if part.get(name) else None for name in ("day", "year"))
    yield from _date(year, month, day)


def _begins(names: tuple[str, ...]) -> set[str]:
    return {name[:3].lower() for name in names}


def _date(year: int | None, month: int, day: int | None) -> Iterator[Date]:
    try:
        datetime.date(year or 2000, month, day or 1)  # 2000 had a 29 February
    except ValueError:
        return
    yield Date(year, month, day)


_BEGIN = "|".join(name[:3].lower() for name in MONTHS)
_HINTS = tuple(
    re.compile(form)
    for form in (
        r"\d[-/.]\d\d?[-/.]\d",
        rf"\d(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_BEGIN})",
        rf"(?:{_BEGIN})[a-z]{{0,6}}\.?,?\s+(?:of\s+)?\d",
        r"\d\.\s?(?:jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)",
        r"(?:märz|mai|januar|februar|juni|juli|oktober|dezember)\s+\d",
    )
)
"""One of them stands in every text with a date, lower-cased. Most texts have none, and the forms take far longer."""
_FULL = rf"(?:(?i:{'|'.join(name for name in MONTHS if name not in ('March', 'May'))})|March|May)\b"
_MONTH = rf"(?P<month>{_FULL}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
# "May" is a verb, a name and how a sentence begins, too.
_ALONE = re.compile(rf"\b(?P<month>(?<=in\s)May\b|(?!May){_FULL})")
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d|[.,:]\d)"
_FREE = r"(?<![\w.,:/])"

_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Date]]], ...] = tuple(
    (re.compile(form), read)
    for form, read in (
        (
            rf"{_FREE}(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d)(?![\d-])",
            lambda m: _date(int(m["year"]), int(m["month"]), int(m["day"])),
        ),
        (rf"{_FREE}(?P<one>\d\d?)(?P<mark>[-/.])(?P<two>\d\d?)(?P=mark)(?P<year>\d{{4}})(?!\w|[-/]\d)", _numeric),
        (rf"{_FREE}{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR})?", _named),
        (rf"{_FREE}(?P<day>3[01]|[12]\d|0?[1-9])\.\s?(?P<month>{'|'.join(_GERMAN)})\b(?:\s+{_YEAR})?", _named),
        (rf"\b(?P<month>{'|'.join(set(_GERMAN) - set(MONTHS))})\s+{_YEAR}", _named),
        (rf"\b{_MONTH}\s+{_DAY}(?![\w:]|[.,]\d)(?:,?\s+{_YEAR})?", _named),
        (rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}", _named),
    )
)
