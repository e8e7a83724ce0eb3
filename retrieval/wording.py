"""How a passage words what a query asks: what BM25 over stems cannot see."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .analysis import content_words, folded, has_no_spaces, plain_numbers, terms_of

_RUN = re.compile(r"[^\W_]++")
_CODE = re.compile(r"([^\W\d_]+)[-\u2010\u2011]?(\d+)")


@dataclass(frozen=True, slots=True)
class Wording:
    """How close a passage comes to the words of a query."""

    exact: float
    """The share of the query's content words, weighted by how telling they are (see `telling`), that the passage holds
    in the same form, 0..1."""
    near: float
    """How near to each other neighbouring content words of the query stand in the passage, 0..1: 1 for all side by
    side. The mean, weighted by how telling they are, of 1 / distance in words."""


class QueryWords:
    """The content words of a query, ready to be looked for in passages.

    Args:
        query: The query.
        telling: How telling each term is; a term that is not in it counts as `rarest`.
        rarest: How telling one is that no chunk holds.
    """

    def __init__(self, query: str, telling: Mapping[str, float], rarest: float) -> None:
        forms = {word: terms_of(word) for word in content_words(query)}
        self._weights = {
            word: sum(telling.get(term, rarest) for term in terms) / max(len(terms), 1) for word, terms in forms.items()
        }
        order = [(terms[0], self._weights[word]) for word, terms in forms.items() if terms]
        self._pairs = [(a, b, v + w) for (a, v), (b, w) in pairwise(order) if a != b]
        self._stems = {term: _stem(term) for a, b, _ in self._pairs for term in (a, b)}
        self._spellings = {word: _spellings(word) for word in forms}
        self._numbers = any(char.isdigit() for word in forms for char in word)
        self._whole = sum(self._weights.values())
        self._pair_whole = sum(weight for *_, weight in self._pairs)

    def wording(self, label: str, passage: str) -> Wording:
        """Compare a passage, together with its title and headings, with the query."""
        text = folded(f"\n{label}\n{passage}\n")
        if self._numbers:
            text = plain_numbers(text)
        held = sum(weight for word, weight in self._weights.items() if _stands_spelled(text, self._spellings[word]))
        return Wording(
            exact=held / self._whole if self._whole else 0.0,
            near=self._near(text) / self._pair_whole if self._pair_whole else 0.0,
        )

    def _near(self, text: str) -> float:
        here = {term for term, stem in self._stems.items() if stem in text}
        near, places = 0.0, dict[str, list[int]]()
        for a, b, weight in self._pairs:
            if a in here and b in here:
                for term in (a, b):
                    if term not in places:
                        places[term] = list(_places(text, term))
                if places[a] and places[b]:
                    near += weight / _distance(text, places[a], places[b])
        return near


# Looked for with `str.find`: to cut every passage into words would be most of what a search takes.


def _spellings(word: str) -> tuple[str, ...]:
    """A code of letters and digits with and without its hyphen; any other word as it is."""
    code = _CODE.fullmatch(word)
    return (code[1] + code[2], f"{code[1]}-{code[2]}") if code else (word,)


def _stands_spelled(text: str, spellings: tuple[str, ...]) -> bool:
    return any(word in text and _stands(text, word) for word in spellings)


def _stands(text: str, word: str) -> bool:
    """Whether a word stands in a text that begins and ends with a blank."""
    inside = has_no_spaces(word)
    return any(inside or not (text[at - 1].isalnum() or text[at + len(word)].isalnum()) for at in _found(text, word))


def _places(text: str, term: str) -> Iterator[int]:
    """Where words of a term begin, in order."""
    if has_no_spaces(term):
        yield from _found(text, term)
        return
    for at in _found(text, _stem(term)):
        if not text[at - 1].isalnum():
            run = _RUN.match(text, at)
            if run is not None and terms_of(run.group())[0] == term:
                yield at


def _stem(term: str) -> str:
    """How words of a term begin: as it does, but for an e or i at its end."""
    return term[:-1] if term[-1] in "ei" and len(term) > 1 else term


def _found(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _distance(text: str, these: Sequence[int], those: Sequence[int]) -> int:
    """How many words the nearest two of two ascending lists of places are apart, at least 1."""
    nearest = (these[0], those[0])
    for place in these:
        at = bisect_left(those, place)
        for other in those[max(at - 1, 0) : at + 1]:
            nearest = min(nearest, (place, other), key=lambda pair: abs(pair[0] - pair[1]))
    return max(len(text[min(nearest) : max(nearest)].split()), 1)
