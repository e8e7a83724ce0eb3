"""Numbers with their units: two years are 24 months and 1,500 m are 1.5 km, but 38 kg are not 38 pounds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, zip_longest
from pathlib import Path

from .values import Clock, Number, Value, values

Unit = tuple[str, int]
"""What is measured, and how many of the least unit of it this one has."""
Measure = tuple[str, Fraction]
"""What is measured, and how much of it in its least unit."""


def _read_units() -> Mapping[str, frozenset[Unit]]:
    """The units by their writings."""
    kinds = tomllib.loads(Path(__file__).with_name("units.toml").read_text("utf-8"))
    known = [(word, (kind, int(size))) for kind, of in kinds.items() for size, words in of.items() for word in words]
    return {word: frozenset(unit for other, unit in known if other == word) for word, _ in known}


_UNITS = _read_units()
_NONE = frozenset({("", 1)})
_TIMES = {"hundred": 100, "thousand": 1000, "million": 10**6, "mn": 10**6, "billion": 10**9, "bn": 10**9}
_SHORT_TIMES = {"k": 1000, "m": 10**6, "b": 10**9}
"""After the number of a currency, and before a unit; elsewhere m are metres."""

_GAP = r"[- \u00a0\u202f]"
_WRITTEN = "|".join(re.escape(writing) for writing in sorted(_UNITS, key=len, reverse=True))
_NO_OTHER = r"(?!\w|-(?!old|long)\w|\^|<sup|\*\*|\s?[²³]|·|\s?/|\s?-?h(?:ours?)?\b)"
"""After a unit: m are not m², kW not kWh, km not km/h, and a day-care centre is no day."""
_AFTER = re.compile(
    rf"(?: ?\([^()]{{1,20}}\))?"
    rf"(?:{_GAP}?(?P<times>(?i:{'|'.join(_TIMES)}))\b|(?P<short>(?i:[kmb]))(?= (?:{_WRITTEN}){_NO_OTHER}))?"
    rf"(?:{_GAP}*(?:calendar |full )?(?P<unit>{_WRITTEN}){_NO_OTHER})?"
)
"""After a number, which contracts give a second time in brackets: 24 (twenty-four) months."""
_BEFORE = re.compile(
    r"(?<!\d )(?<!\d)(?:(?<!\w)(?P<code>US\$|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|CZK)|(?<![\w$])(?P<sign>[€$£¥]))"
    r"[ \u00a0]?$"
)
_SHORT = re.compile(r" ?(?P<short>[kmb])\b", re.IGNORECASE)
_PART = re.compile(r"(?:\d[ \u00a0\u202f]|[/^½¼¾⅓⅔]|\b(?:hundred|thousand|million)(?: and)? )$", re.IGNORECASE)
"""Before the rest of a larger number, or of a fraction: nobody knows how much of a unit that is."""
_DECIMAL = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_ALONE = re.compile(
    r"(?<=\b)(?:within|for|of|in|after|lasts?|takes?|least|most|is|was|about|than|over|under|to|by|until) "
    r"(?P<one>(?P<amount>half an?|an?) (?P<unit>hour|day|week|fortnight|month|year|decade))\b(?!-| and\b)",
    re.IGNORECASE,
)
"""Not "twice a day" and "100 a year"."""
_HOURS = re.compile(r"\s?h\b")
_RANGE = re.compile(r"\s*(?:to|-|–|—)\s*")
"""In 1.5 to 5.5 cm."""
_INEXACT = re.compile(
    r"[½¼¾⅓⅔]|\d/\d|\band a half\b|\bhalf[- ](?:an?|hour|day|year|million|dozen)\b|\bquarters? of an?\b"
    r"|\b(?:a|one|two|three|four|five|six|seven|eight|nine) (?:hundred|thousand)\b",
    re.IGNORECASE,
)
"""A passage that has such amounts may say any of them."""
_NEAR = Fraction(1, 20)
"""Of an amount, by which it is rounded at most."""
_SAME_IN_ALL = frozenset({"0", "1"})
"""Numbers that stand everywhere: one year is "another year", too."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Where a number stands with its unit, and what it can mean."""

    start: int
    end: int
    numbers: frozenset[str]
    """Its digits in every reading, as in `values.Number`; none where it is "a week", or 1 hour 30 minutes."""
    measures: frozenset[Measure]
    """By the likeliest reading of its number; of what has no unit that is known, the number itself."""
    possible: frozenset[Measure] = frozenset()
    """By every reading."""
    units: frozenset[Unit] = frozenset()
    times: int = 1
    """Thousands, millions."""

    @property
    def is_bare(self) -> bool:
        """Whether it is a number and no more."""
        return not self.units and self.times == 1

    def is_written_like(self, other: Quantity) -> bool:
        """Whether the same number of each would be the same, as far as both tell.

        In a table's cell and in "$5 to 10 million" a number may be of millions that stand elsewhere.
        """
        alike = bool(self.units & other.units) or not self.units or not other.units
        return alike and (self.times == other.times or 1 in (self.times, other.times))

    def equals(self, other: Quantity) -> bool:
        """Whether both can be nearly the same; what is written with the same digits is read in the same way."""
        alike = self.numbers == other.numbers
        ours, theirs = (self.measures, other.measures) if alike else (self.possible, other.possible)
        return any(
            kind == of and abs(amount - known) <= _NEAR * max(amount, known)
            for kind, amount in ours
            for of, known in theirs
        )


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The numbers of a text with their units, and what is one of something, in their order, the longer first."""
    single = sorted((*_numbered(text), *_alone(text)), key=lambda quantity: quantity.start)
    together = [_sum(*pair) for pair in pairwise(single) if text[pair[0].end : pair[1].start] in _JOINS]
    return tuple(sorted((*single, *filter(None, together)), key=lambda quantity: (quantity.start, -quantity.end)))


@lru_cache(maxsize=64)
def _known(passages: tuple[str, ...]) -> tuple[tuple[Quantity, ...], frozenset[Measure]]:
    """The quantities of passages, which many claims are held against, and what they measure."""
    known = tuple(one for text in passages for one in quantities(text))
    return known, frozenset[Measure]().union(*(one.measures for one in known))


def held_in_units(claim: str, passages: Iterable[str]) -> list[Quantity]:
    """The quantities of a claim that a passage has, in whichever unit."""
    _, measures = _known(tuple(passages))
    return [one for one in quantities(claim) if one.measures & measures]


def of_other_units(claim: str, passages: Sequence[str]) -> list[tuple[int, int]]:
    """Where the quantities of a claim stand whose numbers the passages have with other units only.

    Not where a number stands there without a unit that is known, as in a table, nor where nearly as much stands there.
    """
    if any(map(_INEXACT.search, passages)):
        return []
    known, _ = _known(tuple(passages))
    held = held_in_units(claim, passages)
    found = []
    for wanted in quantities(claim):
        alike = [one for one in known if one.numbers & wanted.numbers]
        untold = wanted.is_bare or not alike or any(one.is_bare or one.is_written_like(wanted) for one in alike)
        held_in_part = any(one.start <= wanted.start < one.end for one in held)
        if not untold and not held_in_part and wanted.numbers - _SAME_IN_ALL and not any(map(wanted.equals, known)):
            found.append((wanted.start, wanted.end))
    return found


def in_units_of(claim: str, evidence: str) -> str:
    """The evidence with its quantities as the claim writes them: two years are 24 months."""
    parts, at = [], 0
    for quantity in quantities(evidence):
        same = next((one for one in quantities(claim) if one.measures & quantity.measures), None)
        if same and (same.units, same.times) != (quantity.units, quantity.times) and quantity.start >= at:
            parts += [evidence[at : quantity.start], claim[same.start : same.end]]
            at = quantity.end
    return "".join(parts) + evidence[at:]


_JOINS = (" ", " and ", ", ")


def _sum(one: Quantity, other: Quantity) -> Quantity | None:
    """Both together, where they are of one kind and the second of a smaller unit: 1 hour 30 minutes."""
    sizes = dict(other.units)
    if one.times != 1 or other.times != 1 or not any(sizes.get(kind, size) < size for kind, size in one.units):
        return None
    amounts = dict(other.measures)
    measures = frozenset((kind, amount + amounts[kind]) for kind, amount in one.measures if kind in amounts)
    return Quantity(one.start, other.end, frozenset(), measures, measures)


def _numbered(text: str) -> Iterator[Quantity]:
    known = values(text)
    for value, following in zip_longest(known, known[1:]):
        numbers = [reading.digits for reading in value.readings if isinstance(reading, Number)]
        lasts = [reading for reading in value.readings if isinstance(reading, Clock)]
        if lasts and lasts[0].hour < 10 and (hours := _HOURS.match(text, value.end)):  # 2:25 h
            lasting = _measures(lasts[0].hour + Fraction(lasts[0].minute, 60), _UNITS["h"])
            yield Quantity(value.start, hours.end(), frozenset(), lasting, lasting, _UNITS["h"])
        if not numbers or not all(map(_DECIMAL.fullmatch, numbers)):  # 5'3 and the like
            continue
        if _PART.search(text, max(0, value.start - 14), value.start):
            yield Quantity(value.start, value.end, frozenset(numbers), frozenset())
            continue
        start, end, units, times = _unit_of(text, value)
        if following and not units and times == 1 and _is_range(text, value, following):
            *_, units, times = _unit_of(text, following)
        likeliest, *others = (_measures(Fraction(number) * times, units or _NONE) for number in numbers)
        yield Quantity(start, end, frozenset(numbers), likeliest, likeliest.union(*others), units, times)


def _is_range(text: str, first: Value, last: Value) -> bool:
    """Whether the second of two numbers has the unit of both."""
    between = text[first.end : last.start]
    return bool(_RANGE.fullmatch(between)) or (between == " and " and text[: first.start].lower().endswith("between "))


def _unit_of(text: str, value: Value) -> tuple[int, int, frozenset[Unit], int]:
    """From where to where a number stands with its unit, the unit, and thousands or millions."""
    before = _BEFORE.search(text, max(0, value.start - 6), value.start)
    after = (before and _SHORT.match(text, value.end)) or _AFTER.match(text, value.end)
    told = after.groupdict() if after else {}
    times = _TIMES.get((told.get("times") or "").lower()) or _SHORT_TIMES.get((told.get("short") or "").lower(), 1)
    writings = [told.get("unit"), *(before.groupdict().values() if before else ())]
    units = frozenset[Unit]().union(*(_UNITS[writing] for writing in writings if writing))
    start = before.start() if before else value.start
    return start, after.end() if after and any(told.values()) else value.end, units, times


def _alone(text: str) -> Iterator[Quantity]:
    for found in _ALONE.finditer(text):
        amount = Fraction(1, 2) if found["amount"].lower().startswith("half") else Fraction(1)
        units = _UNITS[found["unit"].lower()]
        measures = _measures(amount, units)
        yield Quantity(*found.span("one"), frozenset(), measures, measures, units)


def _measures(amount: Fraction, units: Iterable[Unit]) -> frozenset[Measure]:
    return frozenset((kind, amount * size) for kind, size in units)
