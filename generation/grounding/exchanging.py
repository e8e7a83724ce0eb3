"""Names that take the place of others: "Anna signed the lease" where the passages say that Peter signed it.

A network that compares words sees that all of them are there. Told by the form: a sentence says all the rest of a claim
and has another name in the same place, between the same words; no sentence that has the claimed name speaks of the
rest or refers to it; and no sentence has both names, which may be one's. Roles ("the Landlord", "the CFO") are no names
here, for somebody has them. What leaves doubt is left to the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .overlap import STOP_WORDS, content_words

if TYPE_CHECKING:
    from .evidence import Source, Unit

SPEAKS = 0.5
"""The share of a claim's other terms in a sentence that speaks of them."""
_FEWEST = 3
"""Other terms of a claim without which it says too little to be known again."""
_NAME = re.compile(
    r"(?<![\w’'])[A-Z][\w’'&-]*(?:\s+(?:(?:of|de|van|von|la|der)\s+)?[A-Z][\w’'&-]*)*",
)
_TITLES = frozenset("Mr Mrs Ms Miss Dr Prof Professor Sir Lady Lord President Minister".split())
_WORD = re.compile(r"[\w’'&-]+")
_DATES = content_words(
    "January February March April May June July August September October November December "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Christmas Easter"
)
DENIAL = re.compile(r"\b(?:not|never|no|none|neither|nor|without|unlike|cannot)\b|n['’]t\b", re.IGNORECASE)
_REFERS = re.compile(r"\b(?:it|them|so|too|also|same|likewise|did|was next|every|members?)\b", re.IGNORECASE)
"""By which a sentence says of its own name what the one beside it says of another."""
_LIKEWISE = re.compile(
    r"\b(?:same|likewise|follow\w*|identical\w*|similarly|equal\w*|ditto|repeat\w*|correspond\w*|applies|too|as well"
    r")\b",
    re.IGNORECASE,
)
"""... or any before it."""
_ARTICLE = re.compile(r"\b(?:the|a|an|this|our|their|his|her|its)\s+$", re.IGNORECASE)
_NO_ENGLISH = re.compile(
    r"\b(?:der|die|das|dem|den|ein|eine[mnrs]?|und|ist|wird|wurde|im|zur?|les?|la|des|une?|est|dans|el|los|las|y|che|il)\b"
)
"""In German every noun has a capital letter."""
_ROLES = frozenset(
    """
    supplier customer buyer seller vendor purchaser tenant landlord lessee lessor licensee licensor borrower lender
    provider client contractor employer employee consultant company party parties patient pt defendant plaintiff
    claimant respondent applicant appellant chair chairman chairwoman secretary treasurer ceo cfo cto coo director
    manager management board agent chancellor president minister mayor police officials user users operator
    administration committee council department team
    """.split()
)
"""Whoever has them is called so, often without an article."""
_ALIKE = 0.74
"""Of the letters of two names that may be one, spelled otherwise."""
_MOST_NAMES = 20
"""Of a claim, that are looked at."""


@dataclass(frozen=True, slots=True)
class _Name:
    start: int
    end: int
    text: str
    """Without an article."""
    terms: frozenset[str]
    around: tuple[str, str]
    """The words before and after it; empty at an end."""

    @property
    def has_letter(self) -> bool:
        """Whether a letter tells it from others, as in "Hall C"."""
        *first, last = self.text.split()
        return bool(first) and len(last) == 1

    def is_in(self, unit: Unit) -> bool:
        """Whether a sentence has it, or a part of it by which one may be called."""
        if self.has_letter:
            return bool(re.search(rf"\b{re.escape(self.text)}\b", unit.text))
        return bool(self.terms & unit.terms) or self.text.replace(".", "") in _words(unit.text)

    def is_another(self, claimed: frozenset[str], instead: _Name) -> bool:
        """Whether it is none of a claim's names."""
        if instead.has_letter:
            return self.has_letter and self.terms == instead.terms and self.text != instead.text
        return not self.terms & (claimed | _DATES)


def exchanged(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim names stand instead of which the passages have others.

    Args:
        claim: Without citations.
        source: The passages.
    """
    if DENIAL.search(claim) or _NO_ENGLISH.search(claim):
        return []
    terms = frozenset(content_words(claim))
    names = list(_names(claim))[:_MOST_NAMES]
    return [(name.start, name.end) for name in names if _is_exchanged(name, claim, terms, source)]


def _is_exchanged(name: _Name, claim: str, terms: frozenset[str], source: Source) -> bool:
    others = terms - name.terms
    if len(others) < _FEWEST or name.terms & _DATES or _is_role(name, claim, source):
        return False
    if not any(map(name.is_in, source.units)):
        return False
    return not _speaks_of(name, others, source) and any(_instead(name, terms, unit, source) for unit in source.units)


def _speaks_of(name: _Name, others: frozenset[str], source: Source) -> bool:
    """Whether a sentence with the name has much of the rest, or refers to the sentence beside it that has."""
    units = source.units
    for place, unit in enumerate(units):
        if name.is_in(unit):
            beside = [units[n] for n in (place - 1, place + 1) if 0 <= n < len(units)]
            said = unit.terms.union(*(other.terms for other in beside if other.passage == unit.passage))
            if len(others & (said if _REFERS.search(unit.text) else unit.terms)) >= SPEAKS * len(others):
                return True
    return False


def _instead(name: _Name, terms: frozenset[str], unit: Unit, source: Source) -> bool:
    """Whether a sentence says all of a claim with another name in the place of this one."""
    if unit.in_table or name.is_in(unit) or not terms - name.terms <= unit.terms or DENIAL.search(unit.text):
        return False
    others = [
        other
        for other in _names(unit.text)
        if other.is_another(terms, name) and _same_place(name, other) and not _is_role(other, unit.text, source)
    ]
    likewise = (one for one in source.units if one.passage == unit.passage and _LIKEWISE.search(one.text))
    if not others or any(map(name.is_in, likewise)):
        return False
    return not any(_may_be_one(name, other, source) for other in others)


def _names(text: str) -> Iterator[_Name]:
    """The words with capital letters, without articles and titles; one alone at the beginning may be any word."""
    for match in _NAME.finditer(text):
        words = match[0].split()
        while words and (words[0] in _TITLES or words[0] in ("The", "A", "An")):
            del words[0]
        if not words:
            continue
        start, end = match.start() + match[0].index(words[0]), match.end()
        name = text[start:end]
        terms = frozenset(content_words(name))
        if terms and not (len(words) == 1 and name.lower() in STOP_WORDS):
            before, after = _WORD.findall(text[: match.start()]), _WORD.findall(text[end:])
            around = before[-1].lower() if before else "", after[0].lower() if after else ""
            yield _Name(start, end, name, terms, around)


def _words(text: str) -> list[str]:
    """The words, U.S. as US."""
    return _WORD.findall(text.replace(".", ""))


def _is_role(name: _Name, text: str, source: Source) -> bool:
    """Whether it is a role in this text, or a word that only begins it."""
    word = name.text.lower()
    if set(word.split()) <= _ROLES or _ARTICLE.search(text[: name.start]):
        return True
    begins = not name.around[0] and " " not in word
    return begins and (word.endswith("ly") or any(word in _WORD.findall(other.text) for other in source.units))


def _same_place(one: _Name, other: _Name) -> bool:
    """Whether both stand between the same words, or beside one that tells something."""
    beside = any(a == b and content_words(a) for a, b in zip(one.around, other.around, strict=True))
    return beside or one.around == other.around


def _may_be_one(one: _Name, other: _Name, source: Source) -> bool:
    """Whether two names may be one's: by abbreviation or spelling, or because a sentence has both."""
    if any(_initials(a.text) == b.text.replace(".", "") for a, b in ((one, other), (other, one))):
        return True
    alike = SequenceMatcher(None, one.text.lower(), other.text.lower()).ratio() > _ALIKE
    begins_alike = one.text.lower().split()[0][:3] == other.text.lower().split()[-1][:3]
    if not one.has_letter and (alike or begins_alike):
        return True
    return any(one.is_in(unit) and other.is_in(unit) and not DENIAL.search(unit.text) for unit in source.units)


def _initials(name: str) -> str:
    return "".join(word[0] for word in re.findall(r"[A-Z]\w*", name))
