"""Figures that are another thing's: "the house is worth GBP 5,000" where that is what the gardener gets.

A network that compares words finds all of them, and the figure, in the passages. Told by the form: a sentence says all
the rest of a claim and has another figure of the same kind there; what has the claimed one, in the same passage, speaks
of something else by itself, and so does what stands beside it. What leaves doubt is left to the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ...retrieval.dates import Date
from .overlap import content_words
from .quantities import quantities
from .values import Value, covers, values

if TYPE_CHECKING:
    from .evidence import Source, Unit

_FEWEST = 3
"""Other terms of a claim without which it says too little to be known again, and of a sentence with the claimed figure
without which it may speak of anything before it: "They charge $4,700." """
_SPEAKS = 0.3
"""The share of a claim's other terms, weighted by how rare they are, in a sentence that may speak of the same thing."""
_PLANNED = re.compile(
    r"\b(?:plan\w*|estimat\w*|demand\w*|report\w*|first|accord\w*|propos\w*|expect\w*|typical\w*|initial\w*|original\w*"
    r"|should|would|if|when|with|last|previous\w*|until)\b|\?|^Q:",
    re.IGNORECASE,
)
"""With these a sentence may say something else of a thing than a claim without them."""
_AMENDS = re.compile(
    r"\b(?:replac\w*|shall\s+read|amend\w*|now|new\w*|instead|again|exten\w+|updat\w*|correct\w*|it|this|that|they|both"
    r"|these|those|second|latter|former|same)\b",
    re.IGNORECASE,
)
"""With these a sentence may speak of what others name."""
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?<![\w.,$€£-])(?:1[5-9]|20)\d\d(?![\w%]|[.,]\d)")
_LEFT = re.compile(
    r"\b(?:not|never|no|none|neither|nor|without|cannot|than|from|between|total|sum|altogether|together|average"
    r"|combined|increase\w*|decrease\w*|rise|rose|risen|raised|fell|fall\w*|drop\w*|grew|grow\w*|reduc\w+|chang\w+"
    r"|differ\w*|rang\w+|least|most|up\s+to|each|remain\w*|another|further|additional|later|ago)\b|n['’]t\b|%",
    re.IGNORECASE,
)
"""With these a claim may put its figure together from several, or say of it something else than a sentence that has it.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A quantity, a date or a year in a text."""

    start: int
    end: int
    kinds: frozenset[str]
    """What it may measure."""
    values: frozenset[object]
    """What it may amount to."""

    def may_be(self, other: Figure) -> bool:
        """Whether both can be the same; of two dates one may say less."""
        dates = [(a, b) for a in self.values for b in other.values if isinstance(a, Date) and isinstance(b, Date)]
        return bool(self.values & other.values) or any(covers(a, b) or covers(b, a) for a, b in dates)


def misplaced(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim figures stand that the passages have for another thing.

    Args:
        claim: Without citations.
        source: The passages.
    """
    own = figures(claim)
    if not own or _LEFT.search(claim):
        return []
    rest = "".join(" " if any(one.start <= at < one.end for one in own) else c for at, c in enumerate(claim))
    terms = frozenset(content_words(rest))
    if len(terms) < _FEWEST:
        return []
    alone = [one for one in own if not any(one.kinds & other.kinds for other in own if other is not one)]
    return [(one.start, one.end) for one in alone if _is_misplaced(claim, one, own, terms, source)]


def _is_misplaced(claim: str, figure: Figure, own: Sequence[Figure], terms: frozenset[str], source: Source) -> bool:
    units = source.units
    known = source.figures
    has = [n for n, of in enumerate(known) if any(map(figure.may_be, of))]
    if not has or not all(_stands_alone(units[n], terms) for n in has):
        return False
    beside = {m for n in has for m in (n - 1, n, n + 1) if 0 <= m < len(units) and units[m].passage == units[n].passage}
    whole = sum(map(source.weight, terms))
    said = [sum(source.weight(term) for term in terms & unit.terms) / whole for unit in units]
    digits = _DIGITS.findall(claim, figure.start, figure.end)
    for n, unit in enumerate(units):
        if said[n] >= _SPEAKS and (n in beside or (digits and digits == _shared(digits, unit.text))):
            return False
    passages = {units[n].passage for n in has}
    others = [one for one in own if one is not figure]
    return any(
        terms <= unit.terms
        and not unit.in_table
        and unit.passage in passages
        and {word.lower() for word in _PLANNED.findall(unit.text)} <= {word.lower() for word in _PLANNED.findall(claim)}
        and any(one.kinds & figure.kinds for one in known[n])
        and all(any(map(other.may_be, known[n])) for other in others)
        for n, unit in enumerate(units)
    )


def _shared(digits: Sequence[str], text: str) -> list[str]:
    """Those of a figure's digits that stand in a text, however it is read there: the 15 of "15, 25 or 40 kg"."""
    known = set(_DIGITS.findall(text))
    return [one for one in digits if one in known]


def _stands_alone(unit: Unit, terms: frozenset[str]) -> bool:
    """Whether a sentence says enough by itself to speak of its own thing."""
    return len(unit.terms - terms) >= _FEWEST + len(figures(unit.text)) and not _AMENDS.search(unit.text)


@lru_cache(maxsize=4096)
def figures(text: str) -> tuple[Figure, ...]:
    """The quantities with a unit that is known, the dates, and the years alone."""
    return tuple(_figures(text))


def _figures(text: str) -> Iterator[Figure]:
    dated = [
        (value, days) for value in values(text) if (days := [one for one in value.readings if isinstance(one, Date)])
    ]
    for value, days in dated:
        yield Figure(value.start, value.end, frozenset({"date"}), frozenset(days))
    found = [one for one in quantities(text) if one.units and one.measures and not _within(one.start, dated)]
    for one in found:
        yield Figure(one.start, one.end, frozenset(kind for kind, _ in one.units), frozenset(one.measures))
    for year in _YEAR.finditer(text):
        if not any(one.start <= year.start() < one.end for one in found) and not _within(year.start(), dated):
            yield Figure(*year.span(), frozenset({"year"}), frozenset({year[0]}))


def _within(place: int, dated: Sequence[tuple[Value, Sequence[Date]]]) -> bool:
    return any(value.start <= place < value.end for value, _ in dated)
