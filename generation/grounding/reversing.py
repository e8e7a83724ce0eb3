"""Who does what to whom: "the landlord pays the tenant" where the passages say that the tenant pays the landlord.

All words are there, and a network that compares words sees nothing. Told by the form: a sentence has the words of the
claim in their order, but for two things that have changed places, with the very same words between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .exchanging import DENIAL
from .overlap import content_words

if TYPE_CHECKING:
    from .evidence import Source

_WORD = re.compile(r"\d[\d.,]*\d|[\w’'&.-]*\w")
_LONGEST = 3
"""Words that tell something in the name of a thing."""
_FEWEST, _MOST = 3, 40
"""Such words of a claim."""
_THING = re.compile(r"(?:\b(?:the|a|an|my|our|his|her|its|their|your|each|every|any|no)\s+)$", re.IGNORECASE)
_BOTH_WAYS = re.compile(
    r"\b(?:vice\s+versa|each\s+other|one\s+another|mutual\w*|reciproc\w*|both|either|respectively|likewise|same|equal\w*"
    r"|and|or|nor|with|between|is|are|was|were|be|as)\b|['’]s\b|[,;:()/\"“”\d]",
    re.IGNORECASE,
)
"""What holds both ways, or joins two names of one thing, if it stands between them."""
_VERBS = """
    pay repay lend owe sell send supply deliver give grant award reimburse compensate refund invoice charge
    indemnify insure notify inform advise warn instruct tell thank report answer supervise employ hire dismiss
    appoint elect represent succeed acquire buy own sue accuse arrest attack kill murder defeat beat teach treat
    examine invite criticize criticise praise rescue feed orbit inhibit activate precede exceed outweigh replace
    transfer assign license sublet entrust write call host outlive dedicate donate displace eat stab love import
    export lower assist visit adopt hand offer recommend promote demote train interview audit inspect certify
    fund finance
    """
_DONE_TO = content_words(
    "paid repaid lent sold sent gave given told bought taught beaten fed written wrote "
    + " ".join(f"{verb} {verb}s {verb}ed {verb}d" for verb in _VERBS.split())
)
"""What one does to another, and what is no noun that joins two names."""
_TOLD_AS = re.compile(
    r"\b(?:believ\w*|myth\w*|thought|tried|tries|hop(?:e|ed|es|ing)|want\w*|draft\w*|if|whether|would|should|might"
    r"|claim\w*|alleg\w*|suppos\w*|wrongly|falsely|rumou?r\w*|did)\b|\?",
    re.IGNORECASE,
)
"""With these a sentence may tell what is not so."""
_IN_RETURN = re.compile(
    r"\b(?:back|again|returned|answer\w*|repl(?:y|ied)|did\s+so|does\s+so|the\s+same|in\s+turn|in\s+return|also|too)\b",
    re.IGNORECASE,
)
"""With these a sentence, or the one after it, may tell the other way round without the names."""
_BEGINS = re.compile(r"(?:in|on|at|for|from|to|by|with|under|after|before|during)\b", re.IGNORECASE)
"""What begins a claim that puts first when or where it is."""
_MUTUAL = re.compile(
    r"\b(?:vice\s+versa|each\s+other|one\s+another|mutual\w*|reciproc\w*|conversely|in\s+turn)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Term:
    start: int
    end: int
    term: str


def reversed_in(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim two things stand that have changed places in the passages.

    Args:
        claim: Without citations.
        source: The passages.
    """
    own = _terms(claim)
    order = [one.term for one in own]
    if not _FEWEST <= len(own) <= _MOST or len(set(order)) < len(order) or DENIAL.search(claim):
        return []
    if _BEGINS.match(claim) or any(map(_MUTUAL.search, source.passages)):
        return []
    known = [
        (unit.text, after.text if after else "", _terms(unit.text))
        for unit, after in pairwise([*source.units, None])
        if unit and set(order) <= unit.terms
    ]
    told = [[one for one in terms if one.term in order] for *_, terms in known]
    if any(_in_order(order, [one.term for one in of]) for of in told):
        return []
    for (text, after, _), of in zip(known, told, strict=True):
        left = DENIAL.search(text) or _TOLD_AS.search(text) or _IN_RETURN.search(text) or _IN_RETURN.search(after)
        if len(of) == len(own) and not left and (found := _swapped(claim, own, text, of)):
            return found
    return []


def _terms(text: str) -> list[_Term]:
    found = []
    for match in _WORD.finditer(text):
        terms = sorted(content_words(match[0]))
        if terms:
            found.append(_Term(*match.span(), terms[0]))
    return found


def _in_order(order: Sequence[str], among: Sequence[str]) -> bool:
    rest = iter(among)
    return all(term in rest for term in order)


def _swapped(claim: str, own: Sequence[_Term], text: str, other: Sequence[_Term]) -> list[tuple[int, int]]:
    """The places of two things of the claim whose exchange gives the order of a sentence."""
    order, wanted = [one.term for one in own], [one.term for one in other]
    for i, a, j, b in _blocks(len(order)):
        first, between, second = order[i : i + a], order[i + a : j], order[j : j + b]
        if [*order[:i], *second, *between, *first, *order[j + b :]] != wanted:
            continue
        here = claim[own[i + a - 1].end : own[j].start]
        there = text[other[i + b - 1].end : other[i + b + len(between)].start]
        spans = [(own[i].start, own[i + a - 1].end), (own[j].start, own[j + b - 1].end)]
        if not content_words(here) & _DONE_TO or not _same_words(here, there):
            continue
        if not any(map(_BOTH_WAYS.search, (here, there))) and all(_is_thing(claim, *span) for span in spans):
            return spans
    return []


def _blocks(n: int) -> Iterator[tuple[int, int, int, int]]:
    """Two runs of a sequence of n, with something between: where each begins, and how long it is."""
    for i in range(n):
        for a in range(1, _LONGEST + 1):
            for j in range(i + a + 1, n):
                for b in range(1, min(_LONGEST, n - j) + 1):
                    yield i, a, j, b


def _same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, but for articles and endings."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> list[str]:
    words = [word for word in re.findall(r"[\w’'-]+", text.lower()) if word not in ("the", "a", "an")]
    return [next(iter(sorted(content_words(word))), word) for word in words]


def _is_thing(text: str, start: int, end: int) -> bool:
    return text[start].isupper() or bool(_THING.search(text, 0, start))
