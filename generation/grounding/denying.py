"""What passages deny, which a network that compares words takes for said: "may sublet" where they say "may not sublet".

Told by the form: every sentence that speaks of what the claim says denies a word that the claim asserts, says its
opposite, or says that it holds no longer. A sentence that denies something else ("the pump, which was not new, weighs
38 kg"), or only within limits that the claim lacks ("not before April"), denies nothing of it. A claim that itself
denies, in whatever words, is left to the network, which sees that. So is what leaves doubt: to tell what is true is
worse than to overlook what is not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING

from .overlap import STOP_WORDS, content_words
from .tables import terms_of

if TYPE_CHECKING:
    from .evidence import Source

CARRIED = 0.75
"""The least share of a claim's terms in a sentence that speaks of the same."""
_NEXT = 3
"""Words after a denial among which the first that tells something is what it denies."""


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


_DENIAL = re.compile(
    r"\b(?:not|never|no longer(?! than)|nobody|none|neither|nor|cannot"
    r"|nicht|kein(?:e[mnrs]?)?|niemals|pas|jamais|nunca)\b|n['’]t\b|\bno\b(?!\.|\s?\d)",
    re.IGNORECASE,
)
_HIDDEN = _words(
    r"without|unless|unable|fail\w*|lack\w*|absen\w+|den(?:y|ie[sd])|refus\w+|declin\w+|prohibit\w*|forbid\w*",
    r"ban(?:s|ned)?|barred|exclu\w+|avoid\w*|unlawful|illegal|invalid|unpaid|free (?:of|from)|stop\w*|end(?:s|ed)",
    r"withdraw\w*|cancel\w*|quash\w*|replac\w+ by|ohne|verboten|untersagt|sans|interdit\w*",
)
"""By which a claim denies in other words."""
_WEAK = re.compile(
    r"\s+(?:only|just|merely|simply|solely|exclusively|necessarily|always|all|every\w*|yet|later|longer|more|less|fewer"
    r"|so much|nur|immer|allein|ausschlie\w+|seulement|uniquement|plus|moins)\b",
    re.IGNORECASE,
)
"""What follows a "not" that does not deny the whole."""
_LIMIT = _words(
    r"before|until|till|unless|except|other than|more than|less than|later than|earlier than|without|only|solely|alone",
    r"exclusively|save (?:with|for|by|in)|but|if|when|after|vor|bis|ohne|wenn|au[sß]er|sans|avant|sauf",
)
_CONDITION = re.compile(
    r"\b(?:if|when|where|whether|unless|wenn|falls|sofern|si)\b|\b(?:who|which|that)\s+(?:\w+\s+)?$", re.IGNORECASE
)
_ENDED = _words(
    r"revok\w+|rescind\w*|repeal\w*|annul\w*|supersed\w+|set aside|no longer(?! than)|null and void|struck out"
)
_MODAL = _words("may|can|could|might|right|entitled")
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being|wird|wurde)\s+(?:\w+\s+)?$", re.IGNORECASE)
_REFERS = re.compile(r"\b(?:it|they|them|this|that|these|those|he|she|him|her)\b", re.IGNORECASE)
_PART = re.compile(r"[,;:.!?](?!\d)")
_CLAUSE = re.compile(r"[,;:.!?|()]|\s[-–—]\s|\b(?:but|whereas|while|sondern|mais)\b", re.IGNORECASE)
_STATEMENT = re.compile(
    r"[,;:.!?|()]|\s[-–—]\s|\b(?:and|but|whereas|while|although|after|as|who|which|und|aber|sondern|et|mais)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FUNCTION = frozenset(
    """
    der die das den dem des ein eine einen einem einer im in am an zu zur zum von mit le la les un une de du des au aux
    en est été être plus any
    """.split()
)
"""Words of German and French, and "any", that nothing denies."""


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
_OF_TWO = content_words("won win lost lose")
"""What one does and another suffers."""


def denied(claim: str, source: Source) -> list[tuple[int, int]]:
    """Where in a claim stands what every sentence of the passages that speaks of it denies; empty where that is not so.

    Args:
        claim: Without citations.
        source: The passages.
    """
    if _DENIAL.search(claim):
        return []
    weights = {term: source.weight(term) for term in content_words(claim)}
    found: set[str] = set()
    for unit in source.units:
        opposed = {term for term in weights.keys() - unit.terms if unit.terms & _opposite(term, weights)}
        opposed = {term for term in opposed if not _is_said(term, weights, source)}
        least = CARRIED * sum(weight for term, weight in weights.items() if term not in opposed)
        if _carried(unit.terms, weights) < least or unit.text.rstrip().endswith("?"):
            continue
        against = {term for term in opposed if _says_opposite(unit.text, term, claim, weights, least)}
        if not _HIDDEN.search(claim):
            against |= {word for word in _denied_words(unit.text, claim, weights.keys()) if word in weights}
            for clause in _ended(unit.text, claim):
                if _carried(clause, weights) >= least:
                    against |= clause & weights.keys()
        if not against:
            return []
        found |= against
    return [match.span() for match in _WORD.finditer(claim) if content_words(match.group()) & found]


def _carried(terms: Set[str], weights: Mapping[str, float]) -> float:
    return sum(weight for term, weight in weights.items() if term in terms)


def _opposite(term: str, claimed: Mapping[str, float]) -> Set[str]:
    """The opposites of a term; none where the claim has one of them, too."""
    opposites = _OPPOSITES.get(term, set())
    return set() if opposites & claimed.keys() else opposites


def _says_opposite(sentence: str, term: str, claim: str, weights: Mapping[str, float], least: float) -> bool:
    """Whether a part of a sentence that says the rest of a claim has the opposite of its term, and does not deny it.

    That one loses is no opposite of another's winning.
    """
    of, _ = _around(claim, {term})
    for part in filter(None, _STATEMENT.split(sentence)):
        held = content_words(part)
        if held & _OPPOSITES[term] and not _DENIAL.search(part) and _carried(held, weights) >= least:
            before, after = _around(part, _OPPOSITES[term])
            if term not in _OF_TWO or (of & before and not (of - before) & after):
                return True
    return False


def _is_said(term: str, weights: Mapping[str, float], source: Source) -> bool:
    """Whether a sentence that has a term says half of the rest of a claim, too, or goes on about what "it" is."""
    rest = {other: weight for other, weight in weights.items() if other != term}
    said = (unit for unit in source.units if term in unit.terms)
    return any(_REFERS.search(unit.text) or 2 * _carried(unit.terms, rest) >= sum(rest.values()) > 0 for unit in said)


def _around(text: str, terms: Set[str]) -> tuple[Set[str], Set[str]]:
    """The terms before and after the first word of a text that is one of these."""
    found = next((match for match in _WORD.finditer(text) if content_words(match.group()) & terms), None)
    return (terms_of(text[: found.start()]), terms_of(text[found.end() :])) if found else (frozenset(), frozenset())


def _ended(sentence: str, claim: str) -> Iterator[set[str]]:
    """The terms of what a sentence says to hold no longer: in the active what follows the verb, else what precedes."""
    if _ENDED.search(claim):
        return
    for clause in _PART.split(sentence):
        for match in _ENDED.finditer(clause):
            before, after = clause[: match.start()], clause[match.end() :]
            if _MODAL.search(before):
                continue
            if match[0].lower() == "no longer":
                yield content_words(clause)
            elif match[0].lower() in ("null and void", "struck out") or _PASSIVE.search(before):
                yield content_words(before)
            else:
                yield content_words(after)


def _denied_words(sentence: str, claim: str, terms: Set[str]) -> Iterator[str]:
    """The stems of the words that a sentence denies, without a limit or condition that a claim lacks."""
    limits = _found(_LIMIT, claim) | _found(_CONDITION, claim)
    for denial in _DENIAL.finditer(sentence):
        end = _CLAUSE.search(sentence, denial.end())
        stop = end.start() if end else len(sentence)
        start = max((match.end() for match in _CLAUSE.finditer(sentence, 0, denial.start())), default=0)
        before, clause, rest = sentence[start : denial.start()], sentence[denial.end() : stop], sentence[stop:]
        limited = (_found(_LIMIT, clause) | _found(_CONDITION, before)) - limits
        goes_on = content_words(rest) & terms - content_words(sentence[:stop])  # what the claim says is said there
        if _WEAK.match(clause) or limited or before.rstrip().lower().endswith(" or"):
            continue
        said = set(_plain(clause).split()) <= set(_plain(claim).split()) and content_words(clause) <= terms
        whole = said and _without(before, denial[0], clause) in _plain(claim)
        if goes_on and not whole:
            continue
        elsewhere = set() if whole else content_words(sentence[: denial.start()]) | content_words(rest)
        for word in [word for word in _WORD.findall(clause) if word.lower() not in _FUNCTION][:_NEXT]:
            if word.lower() not in STOP_WORDS and (stems := content_words(word)):
                if not stems & elsewhere:
                    yield from stems
                break


def _without(before: str, denial: str, clause: str) -> str:
    """The words on both sides of a denial, as a claim has them that leaves it out."""
    last = "can" if denial.lower() == "cannot" else next(iter(_WORD.findall(before)[-1:]), "")
    return _plain(f"{last} {next(iter(_WORD.findall(clause)), '')}")


def _plain(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {match.group().lower().strip() for match in pattern.finditer(text)}
