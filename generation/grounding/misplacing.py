"""Figures that are another thing's: "the house is worth GBP 5,000" where that is what the gardener gets.

A network that compares words finds all of them, and the figure, in the passages. Told by the form: a sentence says
nearly all the rest of a claim and has another figure of the same kind there; what has the claimed one speaks of nearly
nothing of the claim, nor does what stands beside it. What leaves doubt is left to the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .overlap import content_words
from .quantities import quantities

if TYPE_CHECKING:
    from .evidence import Source

_FEWEST = 3
"""Other terms of a claim without which it says too little to be known again."""
_SAYS = 0.75
"""The share of them, weighted by how rare they are, in a sentence that says the same of another figure."""
_SPEAKS = 0.3
"""... in a sentence with the figure that may speak of the same thing."""
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
    """A quantity or a year in a text."""

    start: int
    end: int
    kinds: frozenset[str]
    """What it may measure."""
    values: frozenset[object]
    """What it may amount to."""


def misplaced(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim figures stand that the passages have for another thing.

    Args:
        claim: Without citations.
        source: The passages.
    """
    if _LEFT.search(claim):
        return []
    own = list(figures(claim))
    rest = "".join(" " if any(one.start <= at < one.end for one in own) else c for at, c in enumerate(claim))
    weights = {term: source.weight(term) for term in content_words(rest)}
    if len(weights) < _FEWEST:
        return []
    return [(one.start, one.end) for one in own if _is_misplaced(one, weights, source)]


def _is_misplaced(figure: Figure, weights: dict[str, float], source: Source) -> bool:
    whole, units = sum(weights.values()), source.units
    said = [sum(weights.get(term, 0.0) for term in unit.terms) / whole for unit in units]
    known = [list(figures(unit.text)) for unit in units]
    has = [n for n, of in enumerate(known) if any(one.values & figure.values for one in of)]
    beside = {m for n in has for m in (n - 1, n, n + 1) if 0 <= m < len(units) and units[m].passage == units[n].passage}
    if not has or any(said[n] >= _SPEAKS for n in beside):
        return False
    return any(
        said[n] >= _SAYS and not units[n].in_table and any(one.kinds & figure.kinds for one in of)
        for n, of in enumerate(known)
    )


def figures(text: str) -> Iterator[Figure]:
    """The quantities with a unit that is known, and the years."""
    found = [one for one in quantities(text) if one.units and one.measures]
    for one in found:
        yield Figure(one.start, one.end, frozenset(kind for kind, _ in one.units), frozenset(one.measures))
    for year in _YEAR.finditer(text):
        if not any(one.start <= year.start() < one.end for one in found):
            yield Figure(*year.span(), frozenset({"year"}), frozenset({year[0]}))
