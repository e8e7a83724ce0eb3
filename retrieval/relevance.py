"""The probability that a chunk answers a query: the score by which dense and lexical search are fused.

A logistic model of six features, each of which means the same in every library, so that a threshold does too. That is
what rank fusion and per-query normalization (min-max, z-scores) cannot give; `docs/retrieval.md` compares them. What
answers a question repeats its words; what bears on a statement, such as a claim to be checked, is about the same. So
each kind of query has weights of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest

from .analysis import words


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a chunk and a query."""

    cosine: float
    """Of their embeddings, -1..1."""
    lexical: float
    """The chunk's BM25 score as a share of what a chunk full of every word of the query comes close to, 0..1."""
    exact: float = 0.0
    """The share of the query's words that stand in the chunk in the same form (see `wording`), 0..1."""
    near: float = 0.0
    """How near to each other neighbouring words of the query stand in the chunk (see `wording`), 0..1."""
    around: float = 0.0
    """The share of the query's terms, weighted by how telling they are, in the chunk or in those beside it, 0..1."""
    behind: float = 0.0
    """How far the cosine is behind the best of the query's, times the lead that this one has (see `Lead`), -2..0."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """The model for one kind of query."""

    weights: Features
    intercept: float
    unread: Features
    """The weights of what is known before the chunk is read: by them it is chosen what to read."""

    def order_unread(self, cosine: float, lexical: float, around: float, behind: float) -> float:
        """What orders chunks of which neither `exact` nor `near` is known."""
        w = self.unread
        return w.cosine * cosine + w.lexical * lexical + w.around * around + w.behind * behind

    def log_odds(self, features: Features) -> float:
        """The logarithm of the odds that the chunk answers the query."""
        w, x = self.weights, features  # by name: `astuple` takes 20 times as long
        of_words = w.lexical * x.lexical + w.exact * x.exact + w.near * x.near + w.around * x.around
        return self.intercept + w.cosine * x.cosine + w.behind * x.behind + of_words

    def probability(self, features: Features) -> float:
        """The probability that the chunk answers the query, 0..1."""
        return 1.0 / (1.0 + math.exp(-self.log_odds(features)))


_FOLLOWING = 10
"""The chunks that the nearest one is compared with."""
_LEAST_LEAD = 0.05


@dataclass(frozen=True, slots=True)
class Lead:
    """How far the chunk nearest to the query is ahead of those that follow it.

    Where one stands out, being near says more than it does where all are about as near, and the others are the less
    likely. No lead leaves the cosine as it is.
    """

    best: float = 0.0
    """The greatest cosine."""
    ahead: float = 0.0
    """By how much more than 0.05 it exceeds the mean of the next ten, 0..2; 0 where fewer follow."""

    @classmethod
    def of(cls, cosines: Iterable[float]) -> Lead:
        """The lead among the cosines of a query's candidates."""
        best, *others = nlargest(_FOLLOWING + 1, cosines) or [0.0]
        if len(others) < _FOLLOWING:
            return cls(best)
        return cls(best, max(0.0, best - sum(others) / _FOLLOWING - _LEAST_LEAD))

    def behind(self, cosine: float) -> float:
        """The feature of a candidate with this cosine."""
        return self.ahead * min(0.0, cosine - self.best)


# Fitted by `benchmarks/fusion.py --fit`; SciFact, LIMIT and NQ-open are held out (see docs/retrieval.md).
# For questions the weights of `behind` are five times those of the cosine.
QUESTION = Relevance(
    Features(4.53, 0.53, 2.14, 1.91, 1.37, 22.65), -6.57, Features(cosine=11.22, lexical=9.5, around=5.68, behind=56.1)
)
STATEMENT = Relevance(
    Features(3.85, 0.85, 0.42, 0.00, 2.29, 4.60), -5.19, Features(cosine=12.33, lexical=3.37, around=8.1, behind=14.43)
)

_LEAST = 5
"""Words of a statement; what is shorter is key words, and taken for a question."""

_ASKING = frozenset(
    """
    am are can could did do does had has have how is list may name shall should tell was were what when where which who
    whom whose why will would
    """.split()
)
_ASKING_LAST = frozenset("how what when where which who whom why".split())


def is_statement(query: str) -> bool:
    """Whether a query states something instead of asking: "the first president of France was who" asks."""
    found = words(query)
    if len(found) < _LEAST or any(mark in query for mark in "?？؟"):
        return False
    return found[0] not in _ASKING and found[-1] not in _ASKING_LAST


def relevance_to(query: str) -> Relevance:
    """The model for a query."""
    return STATEMENT if is_statement(query) else QUESTION
