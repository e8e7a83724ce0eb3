"""Opening hours in a claim, held against those of a record by day: "open daily until 8 PM" where Sunday has other hours.

Each time of such a claim stands somewhere in the record, so neither words nor numbers tell. Only sentences that give days
and times by turns are read; where one leaves doubt ("most days"), nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Span = tuple[int, int]
Days = Mapping[str, "Range | None"]
"""By the first three letters of the day: from when to when; None where that cannot be read."""
Minutes = tuple[int, bool]
"""Of the day, 0..1439, and whether it is sure that it is not twelve hours later."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAME = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
_SETS = {
    r"weekdays?": DAYS[:5],
    r"weekends?": DAYS[5:],
    r"daily|(?:every|each)\s+day|(?:all\s+)?(?:seven|7)\s+days(?:\s+(?:a|per)\s+week|\s+of\s+the\s+week)?": DAYS,
}
_TIME = r"(?:(?P<{0}h>\d{{1,2}})(?:[:.](?P<{0}m>\d{{1,2}}))?\s*(?P<{0}ap>[ap](?:\.\s?m\.|\s?m\b))?|(?P<{0}word>noon|midnight))"
_WHOLE = r"(?![\w$%:])(?!\s*[ap]\.?\s?m\b)"
"""After a time, that it is read to its end."""
_TO = r"\s*(?:-|–|—|to|till|until|through|and)\s*"
_ITEM = re.compile(
    rf"(?P<set>\b(?:{'|'.join(_SETS)})\b)|(?P<day>\b(?:{_DAY_NAME}))"
    rf"|(?P<range>\b{_TIME.format('a')}{_TO}{_TIME.format('b')}{_WHOLE})"
    rf"|\b(?P<opens>open(?:s|ing)?(?:\s+(?:its|their)\s+doors)?\s+(?:at|from)\s+{_TIME.format('c')}{_WHOLE}(?!{_TO}[\dnm]))"
    rf"|\b(?P<closes>(?:clos(?:es?|ing)\s+at|until|till)\s+{_TIME.format('d')}{_WHOLE})",
    re.IGNORECASE,
)
_ALL_OF = re.compile(r"\s*(?:-|–|—|through|thru|to|until)\s*", re.IGNORECASE)
_BOTH = re.compile(r"\s*(?:,|&|,?\s*\b(?:and(?:\s+on)?|both)\b|,?\s+on\b)\s*", re.IGNORECASE)
_UNSURE = re.compile(
    r"\b(?:except|most(?:ly)?|other|rest|remaining|usual(?:ly)?|var(?:y|ies|ied)|some|general(?:ly)?|typical(?:ly)?|around"
    r"|about|or|respectively|depend\w*|earliest|latest|between|not"
    r"|before|after|review\w*|customers?|guests?|one|kitchen|lunch|dinner|breakfast|happy)\b|n['’]t\b",
    re.IGNORECASE,
)
_ANY_TIME = re.compile(r"\b\d{1,2}(?:[:.]\d\d\b|\s*[ap]\.?\s?m\b)|\b(?:noon|midnight)\b", re.IGNORECASE)
_ALL_WEEK = re.compile(rf"\b(?:{list(_SETS)[-1]})\b", re.IGNORECASE)
_LEFT_OUT = re.compile(r"\b(?:except|closed|but|review\w*|not|if)\b|n['’]t\b", re.IGNORECASE)
_OPEN = re.compile(r"\bopen(?:s|ed|ing)?\b|\bhours\b|\boperat\w+", re.IGNORECASE)
_SPEAKS = re.compile(rf"{_OPEN.pattern}|\bclosed\b", re.IGNORECASE)
_CLOSED = re.compile(r"\bclosed(?:\s+(?:on|every|all\s+day))*\s*$", re.IGNORECASE)
_HOURS = re.compile(r"\s*(\d{1,2}):(\d{1,2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{1,2})\s*")
_CLOCK = re.compile(r"\s*(\d{1,2}):(\d{1,2})\s*")


@dataclass(frozen=True, slots=True)
class Range:
    """From when to when something is open, in minutes of the day; None where a claim does not say."""

    opens: Minutes | None
    closes: Minutes | None

    def differs(self, known: Range) -> bool:
        """Whether a claimed range is another one than a known one."""
        pairs = (self.opens, known.opens), (self.closes, known.closes)
        return any(said and is_ and not _same(said, is_) for said, is_ in pairs)


@dataclass(frozen=True, slots=True)
class _Item:
    """Days or times in a claim."""

    start: int
    end: int
    days: tuple[str, ...] = ()
    hours: Range | None = None


def opening_hours(records: Sequence[Any]) -> Days | None:
    """The opening hours of the records by day; None where there are none, or several."""
    found = [days for record in records for days in _by_day(record)]
    return found[0] if found and all(days == found[0] for days in found) else None


def other_hours(claim: str, known: Days) -> Iterator[Span]:
    """Where a claim gives days or times that are not those of the record."""
    every = _ALL_WEEK.search(claim)
    if every and len(known) < len(DAYS) and _OPEN.search(claim) and not _LEFT_OUT.search(claim):
        yield every.span()
        return
    items = list(_items(claim))
    if any(not any(item.start <= time.start() < item.end for item in items) for time in _ANY_TIME.finditer(claim)):
        return
    if _UNSURE.search(claim) or not items:
        return
    if len(items) == 1:
        yield from _alone(claim, items[0], known)
        return
    for when, hours in _pairs(items):
        if any(day not in known for day in when.days):
            yield when.start, when.end
        elif hours.hours and any(hours.hours.differs(of) for day in when.days if (of := known[day])):
            yield min(when.start, hours.start), max(when.end, hours.end)


def _alone(claim: str, item: _Item, known: Days) -> Iterator[Span]:
    """Days without times, or times without days."""
    ranges = [of for of in known.values() if of]
    if item.hours:
        wrong = len(ranges) == len(known) and all(map(item.hours.differs, ranges))
    elif _CLOSED.search(claim, 0, item.start):
        wrong = any(known.get(day) for day in item.days)
    else:
        wrong = "closed" not in claim and any(day not in known for day in item.days)
    if wrong and _SPEAKS.search(claim):
        yield item.start, item.end


def _pairs(items: Sequence[_Item]) -> Iterator[tuple[_Item, _Item]]:
    """Days with their times, where these come by turns; of days that come twice the last times count."""
    pairs = list(zip(items[::2], items[1::2], strict=False))
    first = bool(items[0].days)
    if len(items) % 2 or any(bool(a.days) != first or bool(b.days) == first for a, b in pairs):
        return
    later = set[str]()
    for pair in reversed(pairs):
        when, hours = pair if first else pair[::-1]
        yield replace(when, days=tuple(day for day in when.days if day not in later)), hours
        later.update(when.days)


def _items(claim: str) -> Iterator[_Item]:
    """The days and times of a claim, days that belong together as one."""
    last: _Item | None = None
    for match in _ITEM.finditer(claim):
        item = _item(match)
        if item is None:
            continue
        if last and last.days and item.days:
            between = claim[last.end : item.start]
            if _ALL_OF.fullmatch(between) and match["day"]:
                last = _Item(last.start, item.end, (*last.days[:-1], *_through(last.days[-1], item.days[0])))
                continue
            if _BOTH.fullmatch(between):
                last = _Item(last.start, item.end, (*last.days, *item.days))
                continue
        if last:
            yield last
        last = item
    if last:
        yield last


def _item(match: re.Match[str]) -> _Item | None:
    start, end = match.span()
    if match["set"]:
        days = next(days for name, days in _SETS.items() if re.fullmatch(name, match["set"], re.IGNORECASE))
        return _Item(start, end, days)
    if match["day"]:
        return _Item(start, end, (match["day"][:3].lower(),)) if match["day"][0].isupper() else None
    opens = _minutes(match, "a") if match["range"] else _minutes(match, "c") if match["opens"] else None
    closes = _minutes(match, "b") if match["range"] else _minutes(match, "d") if match["closes"] else None
    wanted = 2 if match["range"] else 1
    return _Item(start, end, hours=Range(opens, closes)) if sum(map(bool, (opens, closes))) == wanted else None


def _minutes(match: re.Match[str], of: str) -> Minutes | None:
    if word := match[f"{of}word"]:
        return (720 if word.lower() == "noon" else 0), True
    hour, minute, half = int(match[f"{of}h"]), int(match[f"{of}m"] or 0), match[f"{of}ap"]
    if hour > 24 or minute > 59 or (half and not 0 < hour < 13):
        return None
    if half:
        return hour % 12 * 60 + minute + (720 if half[0] in "pP" else 0), True
    return hour % 24 * 60 + minute, hour > 12 or hour == 0


def _same(one: Minutes, other: Minutes) -> bool:
    (a, sure), (b, also) = one, other
    return a == b if sure and also else a % 720 == b % 720


def _through(first: str, last: str) -> tuple[str, ...]:
    start = DAYS.index(first)
    turned = DAYS[start:] + DAYS[:start]
    return turned[: turned.index(last) + 1]


def _by_day(value: Any) -> Iterator[Days]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _by_day(one)
    if not isinstance(value, dict):
        return
    days = {str(key)[:3].lower(): v for key, v in value.items() if re.fullmatch(_DAY_NAME, str(key), re.IGNORECASE)}
    if len(days) > 1 and len(days) == len(value):
        yield {day: _range(v) for day, v in days.items() if v is not None and str(v).lower() not in ("closed", "none", "")}
    else:
        for one in value.values():
            yield from _by_day(one)


def _range(value: Any) -> Range | None:
    if isinstance(value, dict):
        times = [_CLOCK.fullmatch(str(value.get(one) or value.get(other))) for one, other in (("open", "from"), ("close", "to"))]
        numbers = [int(part) for time in times if time for part in time.groups()]
    else:
        found = _HOURS.fullmatch(str(value))
        numbers = list(map(int, found.groups())) if found else []
    if len(numbers) != 4 or numbers == [0, 0, 0, 0] or max(numbers[::2]) > 24 or max(numbers[1::2]) > 59:
        return None
    opens, closes = numbers[0] % 24 * 60 + numbers[1], numbers[2] % 24 * 60 + numbers[3]
    return Range((opens, True), (closes, True))
