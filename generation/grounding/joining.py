"""Whether what a claim joins stands together in the passages: the value of one row or section is not another's.

To a network that reads a claim beside its evidence, "The belt tension of K3 is 440 N" looks right where K2 has 440 N
and K3 stands near. What is told here is told by the form of the passages, and only where that leaves little doubt:

- in a table, two things that the claim says of each other stand in different rows, or a number in another column than
  the one that the claim names;
- a number stands only in sentences, or below headings, that name another of the same kind: K2 where the claim says K3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .tables import Word, terms_of, words_of

if TYPE_CHECKING:
    from .evidence import Source

Codes = set[tuple[str, str]]
"""Each as its letters and its digits."""

_FEWEST_CELLS = 3

_CODE = re.compile(r"(?<![\w-])([^\W\d_]{1,5})[-\u2010\u2011]?(\d+)(?!\w)")
_DENIAL = re.compile(r"\b(?:not|never|none|neither|nor|without|cannot|unlike)\b|n['’]t\b|\bno\b(?!\.)", re.IGNORECASE)
_COMPARISON = re.compile(
    r"\b(?:unlike|than|from|versus|vs|compared (?:with|to)|against|instead of|replac\w+|after|before|since)\b[^,.;:|]*",
    re.IGNORECASE,
)


def misjoined(claim: str, source: Source, question: str = "") -> list[tuple[int, int]]:
    """Where in a claim stands what the passages say of something else; empty where that cannot be told.

    A claim that denies something is left alone.

    Args:
        claim: Without citations.
        source: The passages.
        question: What a claim such as "38 kg" answers, and so speaks of.
    """
    before = f"{question} " if question else ""
    if _DENIAL.search(claim) or (question and _across_rows(list(words_of(question)), source)):
        return []
    words = list(words_of(before + claim))
    found = (
        _across_rows(words, source) or _of_another(before + claim, words, source) or _of_cells(before + claim, source)
    )
    own = [(word.start - len(before), word.end - len(before)) for word in found if word.start >= len(before)]
    return own or ([(0, len(claim))] if found else [])


def _across_rows(words: Sequence[Word], source: Source) -> list[Word]:
    """What no table joins, and at least one keeps apart, if it does not all stand in the text beside the tables."""
    told = [found for table in source.tables if (found := table.misjoined(words)) is not None]
    if not told or not all(told) or all(word.terms & source.beside for word in told[0]):
        return []
    return told[0]


def _of_cells(claim: str, source: Source) -> list[Word]:
    """What stands in other columns, of a claim that is a row: `Model: K2; Length: 30; Width: 12`."""
    cells = claim.split("; ") if source.tables else []
    if len(cells) < _FEWEST_CELLS or not all(": " in cell for cell in cells):
        return []
    columns = {column for table in source.tables for column in table.header}
    found: list[Word] = []
    at = len(cells[0])
    for cell in cells[1:]:
        start, at = at + 2, at + 2 + len(cell)
        if terms_of(cell.partition(": ")[0]) in columns:
            alone = f"{cells[0]}{' ' * (start - len(cells[0]))}{cell}"
            found += [word for word in _across_rows(list(words_of(alone)), source) if word.start >= start]
    return found


def _of_another(claim: str, words: Sequence[Word], source: Source) -> list[Word]:
    """The numbers that stand only where another of the same kind is named."""
    codes = codes_of(claim)
    if not codes:
        return []
    found = []
    for word in words:
        others = {(kind, digits) for kind, digits in codes if digits not in word.terms}
        if not (others and word.is_number and word.names):
            continue
        around = [_around(source, place, others) for place, unit in enumerate(source.units) if word.terms & unit.terms]
        if around and all(_names_another(others, of) for of in around):
            found.append(word)
    return found


def _around(source: Source, place: int, claimed: Codes) -> Codes:
    """The codes that a sentence may speak of: its own but for comparisons, its headings', claimed ones just before."""
    unit, before = source.units[place], source.units[place - 1] if place else None
    heading = source.heading(unit)
    found = codes_of(f"{heading} {_COMPARISON.sub(' ', unit.text)}")
    follows = before is not None and before.passage == unit.passage and source.heading(before) == heading
    return found | (codes_of(before.text) & claimed if before and follows and not unit.in_table else set())


def _names_another(claimed: Codes, codes: Codes) -> bool:
    """Whether codes are of the kind of one that a claim has, and none is one that it has."""
    kinds = {kind for kind, _ in claimed}
    return not codes & claimed and any(kind in kinds for kind, _ in codes)


def codes_of(text: str) -> Codes:
    """The codes of a text: K3, BF-2215."""
    return {(kind.lower(), digits) for kind, digits in _CODE.findall(text) if kind.isupper()}
