"""Where another document says the same with another figure: an older version, another contract, a correction.

A figure that its passage carries is supported, and may be out of date all the same. What is told here is told by the
words: a sentence of another document that has most words of the claim, no other name, code or year, and of the same
unit another number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from .context import Passage
from .grounding.claims import FRAGMENT
from .grounding.evidence import Source, Unit
from .grounding.features import NAME
from .grounding.joining import codes_of
from .grounding.overlap import content_words
from .grounding.values import Value, covers, values

IN_SENTENCE, IN_PASSAGE = 0.5, 0.85
"""The least shares of a claim's words, weighted by how telling they are, in a sentence that speaks of the same and in
the passage around it."""
_SPELLINGS = {
    "eur": "€ euro euros",
    "gbp": "£ pound pounds",
    "usd": "$ dollar dollars",
    "percent": "% pct percent",
    "hour": "h hr hrs hours",
    "minute": "min mins minutes",
    "kg": "kilogram kilograms kilo kilos",
    "metre": "m meter meters metres",
    "litre": "l liter liters litres",
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_BEFORE = re.compile(r"(?P<unit>[€£$]|\b[A-Z]{3})\s?$")
_AFTER = re.compile(r"\s?-?\s?(?:US\s)?(?P<unit>per\scent|[^\W\d_]+|[%€£$])")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Differing:
    """A sentence of another document, with another figure."""

    passage: Passage
    start: int
    end: int
    """Of the sentence in the passage's `evidence`."""


def differing(question: str, claim: str, others: Iterable[tuple[Passage, Source]]) -> list[Differing]:
    """The sentences that say what a claim says with another figure, at most one a passage.

    Args:
        question: What was asked; its figures are not the claim's.
        claim: Without citations; some passage supports it.
        others: Passages of other documents than that one, with their `evidence` made ready; not looked at for a claim
            without figures.
    """
    text = f"{question} {claim}" if len(claim.split()) < FRAGMENT else claim
    figures = _figures(text, question)
    if not figures:
        return []
    names = list(_names(f"{question} {claim}"))
    found = []
    for passage, source in others:
        if any(source.holds(figure) for figure, _ in figures):
            continue
        whole = source.terms | content_words(passage.label)
        if all(words & whole for words in names) and _share(text, figures, source, whole) >= IN_PASSAGE:
            units = (unit for unit in source.units if _says_otherwise(unit, source, text, question, figures))
            found += [Differing(passage, unit.start, unit.end) for unit in units][:1]
    return found


def _says_otherwise(unit: Unit, source: Source, text: str, question: str, figures: Sequence[tuple[Value, str]]) -> bool:
    """Whether a sentence has the words of a claim and another figure of the same unit."""
    around = f"{source.heading(unit)} {unit.text}"
    theirs = _figures(unit.text, question)
    return (
        any(kind == other for _, kind in figures for _, other in theirs)
        and _agree(set(_YEAR.findall(f"{question} {text}")), set(_YEAR.findall(around)))
        and _agree(codes_of(f"{question} {text}"), codes_of(around))
        and _share(text, figures, source, content_words(around)) >= IN_SENTENCE
    )


def _agree(mine: Set[object], theirs: Set[object]) -> bool:
    """Whether they may speak of the same: one names none, or both name one."""
    return not (mine and theirs) or bool(mine & theirs)


def _share(text: str, figures: Sequence[tuple[Value, str]], source: Source, held: Set[str]) -> float:
    """The share of a claim's words that are held, its figures and their units left out."""
    for figure, _ in reversed(figures):
        start, end = _with_unit(text, figure)
        text = f"{text[:start]} {text[end:]}"
    weights = {term: source.weight(term) for term in content_words(text)}
    whole = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / whole if whole else 0.0


def _figures(text: str, question: str) -> list[tuple[Value, str]]:
    """The numbers of a text that have a unit, with it, and are not asked about."""
    asked = values(question)
    own = (value for value in values(text) if not any(_same(value, other) for other in asked))
    return [(value, unit) for value in own if (unit := _unit(text, value))]


def _same(one: Value, other: Value) -> bool:
    return any(covers(a, b) or covers(b, a) for a in one.readings for b in other.readings)


def _unit(text: str, value: Value) -> str:
    """What a number counts, in one spelling: eur, percent, week; empty where nothing stands beside it."""
    found = _beside(text, value)
    if found is None:
        return ""
    word = re.sub(r"\s", "", found["unit"].lower())
    return _UNITS.get(word, word[:-1] if word.endswith("s") and len(word) > 3 else word)


def _with_unit(text: str, value: Value) -> tuple[int, int]:
    """Where a number stands with its unit."""
    found = _beside(text, value)
    if found is None:
        return value.start, value.end
    return (found.start(), value.end) if found.re is _BEFORE else (value.start, found.end())


def _beside(text: str, value: Value) -> re.Match[str] | None:
    return _BEFORE.search(text[: value.start]) or _AFTER.match(text, value.end)


def _names(text: str) -> Iterator[set[str]]:
    """The words of each name in a text."""
    for match in NAME.finditer(text):
        if words := content_words(match.group()):
            yield words
