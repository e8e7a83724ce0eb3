"""What passages deny, which a network that compares words takes for said: "may sublet" where they say "may not sublet".

Told by the form: every sentence that speaks of what the claim says denies a word that the claim asserts, says its
opposite, or says that it holds no longer. A sentence that denies something else ("the pump, which was not new, weighs
38 kg"), or only within limits that the claim lacks ("not before April"), denies nothing of it. A claim that itself
denies is left to the network, which sees that.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .overlap import STOP_WORDS, content_words

if TYPE_CHECKING:
    from .evidence import Source, Unit

CARRIED = 0.75
"""The least share of a claim's terms in a sentence that speaks of the same."""
_DENIAL = re.compile(
    r"\b(?:not|never|no longer|nobody|none|neither|nor|cannot|nicht|kein(?:e[mnrs]?)?|niemals|pas|jamais|nunca)\b"
    r"|n['’]t\b|\bno\b(?!\.)",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\s+(?:only|just|merely|simply|necessarily|always|all|every\w*|yet|later|more|less|fewer|nur|immer)\b",
    re.IGNORECASE,
)
"""What follows a "not" that does not deny the whole."""
_LIMIT = re.compile(
    r"\b(?:before|until|till|unless|except|other than|more than|less than|later than|earlier than|without|only|but|if"
    r"|when|after|vor|bis|ohne|wenn|au[sß]er)\b",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"\b(?:revok\w+|rescind\w*|repeal\w*|annul\w*|supersed\w+|set aside|no longer|null and void|struck out)\b",
    re.IGNORECASE,
)
_PART = re.compile(r"[,;:.!?](?!\d)")
_CLAUSE = re.compile(r"[,;:.!?|()]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NEXT = 3
"""Words after a denial among which the first that tells something is what it denies."""


def _opposites() -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pair in (
        "accept accepted approve approved allow allowed permit permitted grant granted "
        "| reject rejected refuse refused prohibit prohibited forbid forbidden ban banned deny denied dismissed",
        "increase increased rise rose risen grew | decrease decreased fall fell fallen declined dropped shrank",
        "won win | lost lose",
        "include included | exclude excluded",
        "valid lawful legal | invalid unlawful illegal void",
        "guilty convicted | innocent acquitted",
        "mandatory compulsory obligatory | optional voluntary",
        "positive | negative",
        "passed | failed",
        "admit admitted confirmed | deny denied",
    ):
        one, other = (content_words(side) for side in pair.split("|"))
        for here, there in ((one, other), (other, one)):
            for stem in here:
                found[stem] |= there
    return dict(found)


_OPPOSITES = _opposites()


def denied(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim stands what every sentence of the passages that speaks of it denies; empty where that is not so.

    Args:
        claim: Without citations.
        source: The passages.
    """
    if _DENIAL.search(claim):
        return []
    terms = content_words(claim)
    weights = {term: source.weight(term) for term in terms}
    found: set[str] = set()
    for unit in source.units:
        opposed = _opposed(unit, terms)
        least = CARRIED * sum(weight for term, weight in weights.items() if term not in opposed)
        if sum(weights[term] for term in unit.terms & terms) < least:
            continue
        against = opposed | {word for word in _denied_words(unit.text, claim) if word in terms}
        for clause in _ended_clauses(unit.text, claim):
            if sum(weights[term] for term in clause & terms) >= least:
                against |= clause & terms
        if not against:
            return []
        found |= against
    return [match.span() for match in _WORD.finditer(claim) if content_words(match.group()) & found]


def _opposed(unit: Unit, terms: set[str]) -> set[str]:
    """The terms of a claim of which a sentence has the opposite alone."""
    opposites = {term: _OPPOSITES[term] for term in terms - unit.terms if term in _OPPOSITES}
    return {term for term, others in opposites.items() if unit.terms & others and not terms & others}


def _ended_clauses(sentence: str, claim: str) -> Iterator[set[str]]:
    """The terms of the clauses that say of something that it holds no longer."""
    if not _ENDED.search(claim):
        yield from (content_words(clause) for clause in _PART.split(sentence) if _ENDED.search(clause))


def _denied_words(sentence: str, claim: str) -> Iterator[str]:
    """The stems of the words that a sentence denies without a limit that a claim lacks."""
    limits = {match.group().lower() for match in _LIMIT.finditer(claim)}
    for denial in _DENIAL.finditer(sentence):
        if _WEAK.match(sentence, denial.end()):
            continue
        end = _CLAUSE.search(sentence, denial.end())
        clause = sentence[denial.end() : end.start() if end else len(sentence)]
        if {match.group().lower() for match in _LIMIT.finditer(clause)} - limits:
            continue
        for word in _WORD.findall(clause)[:_NEXT]:
            if word.lower() not in STOP_WORDS and (stems := content_words(word)):
                yield from stems
                break
