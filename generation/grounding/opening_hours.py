"""Opening hours in a claim, held against those of a record by day: "open daily until 8 PM", but on Sunday until 6.

Each time of such a claim stands somewhere in the record, so neither words nor numbers tell. Only sentences that give
days and times by turns are read; where one leaves doubt ("most days"), nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .records import LONGEST_VALUE

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
    r"daily(?=\s*(?:$|[.,;–-]|from|until|at|and|with|\d))|(?:every|each)\s+day"
    r"|(?:all\s+)?(?:seven|7)\s+days(?:\s+(?:a|per)\s+week|\s+of\s+the\s+week)?": DAYS,
}
_TIME = (
    r"(?:(?P<{0}h>\d{{1,2}})(?:[:.](?P<{0}m>\d{{1,2}}))?\s*(?P<{0}ap>[ap](?:\.\s?m\.|\s?m\b))?"
    r"|(?P<{0}word>noon|midnight))"
)
_WHOLE = r"(?![\w$%:])(?!\s*[ap]\.?\s?m\b)"
"""After a time, that it is read to its end."""
_TO = r"\s*(?:-|–|—|to|till|until|through|and)\s*"
_ITEM = re.compile(
    rf"(?P<set>\b(?:{'|'.join(_SETS)}))|(?P<day>\b(?:{_DAY_NAME}))"
    rf"|(?P<range>\b{_TIME.format('a')}{_TO}{_TIME.format('b')}{_WHOLE})"
    rf"|\b(?P<opens>(?:opens|opening)(?:\s+(?:its|their)\s+doors)?\s+(?:at|from)\s+{_TIME.format('c')}{_WHOLE}(?!{_TO}[\dnm]))"
    rf"|\b(?P<closes>(?:clos(?:es?|ing)\s+at|until|till)\s+{_TIME.format('d')}{_WHOLE})",
    re.IGNORECASE,
)
_ALL_OF = re.compile(r"\s*(?:-|–|—|through|thru|to|until)\s*", re.IGNORECASE)
_BOTH = re.compile(r"\s*(?:,|&|,?\s*\b(?:and(?:\s+on)?|both)\b|,?\s+on\b)\s*", re.IGNORECASE)
_SPEAKS = re.compile(r"\b(?:open(?:s|ed|ing)?|clos(?:es?|ed|ing)|hours|operat\w+)\b", re.IGNORECASE)
_CLOSED = re.compile(r"\bclosed\b", re.IGNORECASE)
_CLOSED_ON = re.compile(r"\bclosed(?:\s+(?:on|every|all\s+day))*\s*$", re.IGNORECASE)
_UNSURE = re.compile(
    r"\b(?:except\w*|apart|besides|most(?:ly)?|other(?:wise)?|rest|remaining|usual(?:ly)?|normal(?:ly)?|regular(?:ly)?"
    r"|standard|var(?:y|ies|ied)|some|general(?:ly)?|typical(?:ly)?|around|about|or|respectively|depend\w*|earliest|latest"
    r"|between|less|more|not|no|never|only|without|given|still|already|least|stays?\s+closed|night|early\s+hours|before"
    r"|after|review\w*|customers?|guests?|one|kitchen|for\s+(?:lunch|dinner|breakfast|brunch)|happy|breaks?|tours?"
    r"|class(?:es)?|holidays?)\b|n['’]t\b",
    re.IGNORECASE,
)
_CLAIMED_TIME = re.compile(r"\b\d{1,2}(?:[:.]\d\d\b|\s*[ap]\.?\s?m\b)|\b(?:noon|midnight)\b", re.IGNORECASE)
_OF_HOURS = re.compile(r"hour|open", re.IGNORECASE)
_HOURS = re.compile(rf"\s*{_TIME.format('a')}{_TO}{_TIME.format('b')}\s*", re.IGNORECASE)
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{1,2}(?!\d)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_OPENS, _CLOSES = ("open", "opens", "from"), ("close", "closes", "to")
_DAY_KEYS, _HOUR_KEYS = ("day", "days", "dayOfWeek", "day_of_week", "weekday"), ("hours", "time", "times")
"""schema.org's openingHoursSpecification has `dayOfWeek`, `opens` and `closes`."""


@dataclass(frozen=True, slots=True)
class Range:
    """From when to when something is open; None where a claim does not say."""

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
    """The opening hours of the records by day; None where there are none, or other times, too."""
    found = [days for record in records for days in _by_day(record, "")]
    if not found or any(days != found[0] for days in found) or any(map(_has_times, records)):
        return None
    return found[0]


def other_hours(claim: str, known: Days) -> Iterator[Span]:
    """Where a claim gives days or times that are not those of the record."""
    items = list(_items(claim))
    unread = any(
        not any(one.start <= time.start() < one.end for one in items) for time in _CLAIMED_TIME.finditer(claim)
    )
    closed = bool(_CLOSED.search(claim))
    if not items or unread or not _SPEAKS.search(claim) or _UNSURE.search(claim) or (closed and len(items) > 1):
        return
    named = [one for one in items if one.days]
    if len(named) == 1 and named[0].days == DAYS and len(known) < len(DAYS) and not closed:
        yield named[0].start, named[0].end
    elif len(items) == 1:
        if _alone(claim, items[0], known, closed):
            yield items[0].start, items[0].end
    else:
        for when, hours in _pairs(items):
            if any(day not in known for day in when.days):
                yield when.start, when.end
            elif hours.hours and any(hours.hours.differs(of) for day in when.days if (of := known[day])):
                yield min(when.start, hours.start), max(when.end, hours.end)


def _alone(claim: str, item: _Item, known: Days, closed: bool) -> bool:
    """Whether days without times, or times without days, are wrong."""
    if item.hours:
        ranges = [of for of in known.values() if of]
        return not closed and len(ranges) == len(known) and all(map(item.hours.differs, ranges))
    if closed:
        return bool(_CLOSED_ON.search(claim, 0, item.start)) and any(known.get(day) for day in item.days)
    return any(day not in known for day in item.days)


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
    for item in filter(None, map(_item, _ITEM.finditer(claim))):
        between = claim[last.end : item.start] if last and last.days and item.days else None
        if last and between is not None and _ALL_OF.fullmatch(between) and len(item.days) == 1:
            last = _Item(last.start, item.end, (*last.days[:-1], *_through(last.days[-1], item.days[0])))
        elif last and between is not None and _BOTH.fullmatch(between):
            last = _Item(last.start, item.end, (*last.days, *item.days))
        else:
            if last:
                yield last
            last = item
    if last:
        yield last


def _item(match: re.Match[str]) -> _Item | None:
    start, end = match.span()
    if match["set"]:
        days = next(
            days for name, days in _SETS.items() if re.match(name, match["set"].ljust(end - start + 1), re.IGNORECASE)
        )
        return _Item(start, end, days)
    if match["day"]:
        return _Item(start, end, (match["day"][:3].lower(),)) if match["day"][0].isupper() else None
    opens = _minutes(match, "a") if match["range"] else _minutes(match, "c") if match["opens"] else None
    closes = _minutes(match, "b") if match["range"] else _minutes(match, "d") if match["closes"] else None
    wanted = 2 if match["range"] else 1
    if sum(map(bool, (opens, closes))) != wanted or not _CLAIMED_TIME.search(match.group()):
        return None  # "grades 5 to 12", "until 12 May"
    return _Item(start, end, hours=Range(opens, closes))


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


def _by_day(value: Any, name: str) -> Iterator[Days]:
    week = _week(value)
    if week is not None:
        if _OF_HOURS.search(name):
            found: dict[str, Range | None] = {}
            for days, of in week:
                if not _is_closed(of):
                    found |= {day: None if day in found else _range(of) for day in days}
            yield found
    elif isinstance(value, dict):
        for key, v in value.items():
            yield from _by_day(v, str(key))
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _by_day(v, name)


def _week(value: Any) -> list[tuple[tuple[str, ...], Any]] | None:
    """Days with what is said of them: the keys of an object, or what the objects of a list name; None for the rest."""
    if isinstance(value, dict) and len(value) > 1:
        told = [(_days_in(str(key)), v) for key, v in value.items()]
    elif isinstance(value, list | tuple) and value and all(isinstance(v, dict) for v in value):
        told = [
            (_days_in(_text_of(_get(v, _DAY_KEYS))), {k: x for k, x in v.items() if k not in _DAY_KEYS}) for v in value
        ]
    else:
        return None
    found = [(days, of) for days, of in told if days]
    return found if len(found) == len(told) else None


def _days_in(text: str) -> tuple[str, ...]:
    """The days that a text names, and nothing else: "Monday", "mon_fri", "Tue, Thu", "https://schema.org/Sunday"."""
    text = re.sub(r"\S*/", "", text).replace("_to_", " to ").replace("_", "-").title()
    items = list(_items(text))
    named = items[0] if len(items) == 1 else _Item(0, 0)
    return named.days if (named.start, named.end) == (0, len(text)) else ()


def _text_of(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _get(of: Mapping[Any, Any], names: Sequence[str]) -> Any:
    return next((of[name] for name in names if name in of), None)


def _is_closed(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("closed") is True or value.get("open") is False
    return value is None or str(value).lower() in ("closed", "none", "")


def _has_times(value: Any) -> bool:
    """Whether a short value beside the hours by day has times: of the kitchen, of tours."""
    if isinstance(value, dict | list | tuple):
        return _week(value) is None and any(map(_has_times, value.values() if isinstance(value, dict) else value))
    text = str(value)
    return len(text) <= LONGEST_VALUE and bool(_CLOCK.search(text)) and not _MOMENT.search(text)


def _range(value: Any) -> Range | None:
    """What a record says of a day; its hours are those of 24 where they have no half of the day."""
    if isinstance(value, dict):
        value = _get(value, _HOUR_KEYS) or [_get(value, _OPENS), _get(value, _CLOSES)]
    if isinstance(value, list | tuple) and len(value) == 2:
        value = f"{value[0]}-{value[1]}"
    found = _HOURS.fullmatch(str(value))
    opens, closes = (_minutes(found, "a"), _minutes(found, "b")) if found else (None, None)
    if not found or not opens or not closes or opens[0] == closes[0]:
        return None
    halves = (found["aap"] or found["aword"], found["bap"] or found["bword"])
    if not all(halves) and (any(halves) or not (found["am"] and found["bm"])):
        return None  # "9-5", "10 - 6 PM"
    return Range((opens[0], True), (closes[0], True))
