"""The probability that a chunk answers a query: the score by which dense and lexical search are fused.

A logistic model of five features, each of which means the same in every library, so that a threshold does too. That is
what rank fusion and per-query normalization (min-max, z-scores) cannot give; `docs/retrieval.md` compares them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


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
    """The share of the query's terms, weighted by idf, that stand in the chunk or in those beside it, 0..1."""


WEIGHTS = Features(4.54, 0.45, 2.07, 1.94, 1.46)
INTERCEPT = -6.58
"""Fitted by `benchmarks/fusion.py --fit` on sets that no figure is reported on."""


def log_odds(features: Features) -> float:
    """The logarithm of the odds that the chunk answers the query."""
    w, x = WEIGHTS, features  # by name: it is asked for every candidate, and `astuple` takes 20 times as long
    of_words = w.lexical * x.lexical + w.exact * x.exact + w.near * x.near + w.around * x.around
    return INTERCEPT + w.cosine * x.cosine + of_words


def probability(features: Features) -> float:
    """The probability that the chunk answers the query, 0..1."""
    return 1.0 / (1.0 + math.exp(-log_odds(features)))
