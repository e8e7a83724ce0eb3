"""How a passage words what a query asks: what BM25 over stems cannot see."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .analysis import content_words, terms_of, words


@dataclass(frozen=True, slots=True)
class Wording:
    """How close a passage comes to the words of a query."""

    exact: float
    """The share of the query's content words, weighted by idf, that the passage holds in the same form, 0..1."""
    near: float
    """How near to each other neighbouring content words of the query stand in the passage, 0..1: 1 for all side by
    side. The mean, weighted by idf, of 1 / distance in words."""
    vocabulary: frozenset[str]
    """The different words of the passage itself, without its title and headings."""


class QueryWords:
    """The content words of a query, ready to be looked for in passages.

    Args:
        query: The query.
        idf: How telling each term is; a term that is not in it counts as `rarest`.
        rarest: The idf of a term that no chunk holds.
    """

    def __init__(self, query: str, idf: Mapping[str, float], rarest: float) -> None:
        self._forms = {word: terms_of(word) for word in content_words(query)}
        self._weights = {
            word: sum(idf.get(term, rarest) for term in terms) / max(len(terms), 1)
            for word, terms in self._forms.items()
        }
        order = [(terms[0], self._weights[word]) for word, terms in self._forms.items() if terms]
        self._pairs = [(a, b, v + w) for (a, v), (b, w) in pairwise(order) if a != b]
        self._terms = frozenset(term for a, b, _ in self._pairs for term in (a, b))
        self._whole = sum(self._weights.values())
        self._pair_whole = sum(weight for *_, weight in self._pairs)

    def wording(self, label: str, passage: str) -> Wording:
        """Compare a passage, together with its title and headings, with the query."""
        above, found = words(label), words(passage)
        vocabulary = frozenset(found)
        whole = vocabulary.union(above)
        held = sum(weight for word, weight in self._weights.items() if self._holds(whole, word))
        return Wording(
            exact=held / self._whole if self._whole else 0.0,
            near=self._near(above + found) / self._pair_whole if self._pair_whole else 0.0,
            vocabulary=vocabulary,
        )

    def _holds(self, vocabulary: frozenset[str], word: str) -> bool:
        if word in vocabulary:
            return True
        terms = self._forms[word]  # several: Chinese or Japanese, which has no spaces to find the word by
        return len(terms) > 1 and any(word in other for other in vocabulary)

    def _near(self, found: Sequence[str]) -> float:
        places: dict[str, list[int]] = {}
        apart = map(self._terms.isdisjoint, map(terms_of, found))  # a search comes by five thousand words
        for place in [place for place, other in enumerate(apart) if not other]:
            for term in self._terms.intersection(terms_of(found[place])):
                places.setdefault(term, []).append(place)
        return sum(
            weight / _distance(places[a], places[b]) for a, b, weight in self._pairs if a in places and b in places
        )


def _distance(these: Sequence[int], those: Sequence[int]) -> int:
    """The least distance between two ascending lists of places, at least 1."""
    least = abs(these[0] - those[0])
    for place in these:
        at = bisect_left(those, place)
        least = min([least, *(abs(place - other) for other in those[max(at - 1, 0) : at + 1])])
    return max(least, 1)
