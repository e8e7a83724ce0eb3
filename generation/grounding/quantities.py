"""Numbers with their units: two years are 24 months and 1,500 m are 1.5 km, but 38 kg are not 38 pounds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from .values import Number, values

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
"""After the number of a currency only: elsewhere m are metres."""
_WRITTEN = "|".join(re.escape(writing) for writing in sorted(_UNITS, key=len, reverse=True))
_AFTER = re.compile(
    rf"(?:\s?\([^()]{{1,20}}\))?(?:[-\s]?(?P<times>(?i:{'|'.join(_TIMES)}))\b)?"
    rf"(?:[-\s\u00a0\u202f]*(?:calendar |full )?(?P<unit>{_WRITTEN})(?!\w|-hour))?"
)
"""After a number, which contracts give a second time in brackets: 24 (twenty-four) months."""
_BEFORE = re.compile(r"(?:(?<!\w)(?P<code>US\$|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|CZK)|(?P<sign>[€$£¥]))\s?$")
_SHORT = re.compile(r"\s?(?P<times>[kmb])\b", re.IGNORECASE)
_DECIMAL = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_ALONE = re.compile(rf"\b(?P<amount>[Hh]alf an?|[Aa]n?) (?P<unit>{_WRITTEN})(?!\w)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """Where a number stands with its unit, and what it can mean."""

    start: int
    end: int
    numbers: frozenset[str]
    """Its digits in every reading, as in `values.Number`; none where it is "a week"."""
    measures: frozenset[Measure]
    """By the likeliest reading of its number; of what has no unit that is known, the number itself."""
    units: frozenset[Unit] = frozenset()
    times: int = 1
    """Thousands, millions."""

    @property
    def is_bare(self) -> bool:
        """Whether it is a number and no more."""
        return not self.units and self.times == 1

    def is_written_like(self, other: Quantity) -> bool:
        """Whether the same number of each would be the same, as far as both tell."""
        alike = bool(self.units & other.units) or not self.units or not other.units
        return alike and self.times == other.times


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The numbers of a text with their units, and what is one of something, in their order."""
    return tuple(sorted((*_numbered(text), *_alone(text)), key=lambda quantity: quantity.start))


def held_in_units(claim: str, passages: Iterable[str]) -> list[Quantity]:
    """The quantities of a claim that a passage has, in whichever unit."""
    known = frozenset[Measure]().union(*(one.measures for text in passages for one in quantities(text)))
    return [one for one in quantities(claim) if one.measures & known]


def of_other_units(claim: str, passages: Iterable[str]) -> list[tuple[int, int]]:
    """Where the quantities of a claim stand whose numbers the passages have with other units only.

    Not where a number stands there without a unit that is known, as in a table.
    """
    known = [one for text in passages for one in quantities(text)]
    found = []
    for wanted in quantities(claim):
        alike = [one for one in known if one.numbers & wanted.numbers]
        untold = wanted.is_bare or not alike or any(one.is_bare or one.is_written_like(wanted) for one in alike)
        if not untold and not any(one.measures & wanted.measures for one in known):
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


def _numbered(text: str) -> Iterator[Quantity]:
    for value in values(text):
        numbers = [reading.digits for reading in value.readings if isinstance(reading, Number)]
        if not numbers or not _DECIMAL.fullmatch(numbers[0]):  # 5'3 and the like
            continue
        before = _BEFORE.search(text, max(0, value.start - 5), value.start)
        after = (before and _SHORT.match(text, value.end)) or _AFTER.match(text, value.end)
        told = after.groupdict() if after else {}
        times = {**_TIMES, **_SHORT_TIMES}.get((told.get("times") or "").lower(), 1)
        unit = (before["code"] or before["sign"]) if before else told.get("unit")
        start = before.start() if before else value.start
        end = after.end() if after and any(told.values()) else value.end
        units = _UNITS.get(unit or "", frozenset())
        amount = Fraction(numbers[0]) * times
        yield Quantity(start, end, frozenset(numbers), _measures(amount, units or _NONE), units, times)


def _alone(text: str) -> Iterator[Quantity]:
    for found in _ALONE.finditer(text):
        amount = Fraction(1, 2) if found["amount"].lower().startswith("half") else Fraction(1)
        units = _UNITS[found["unit"]]
        yield Quantity(*found.span(), frozenset(), _measures(amount, units), units)


def _measures(amount: Fraction, units: Iterable[Unit]) -> frozenset[Measure]:
    return frozenset((kind, amount * size) for kind, size in units)
