"""Whether to answer at all: decided by retrieval and model together, because neither alone can be trusted with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..retrieval.records import Hit
from .grounding.overlap import content_words


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question before and after the model has spoken."""

    similarity: float
    """The highest cosine of the question and a passage, -1..1; 0 in a purely lexical search."""
    coverage: float
    """The largest share of the question's content words that one passage holds, 0..1."""
    declined: bool = False
    """The model said that it does not know."""
    support: float = 1.0
    """Of the answer by the passages, 0..1; 1 before there is one."""


def retrieval_signals(question: str, hits: Sequence[Hit]) -> Signals:
    """The signals that the hits give."""
    wanted = content_words(question)
    shares = [len(wanted & content_words(f"{h.chunk.title} {h.chunk.heading} {h.chunk.text}")) for h in hits]
    return Signals(
        similarity=max((hit.similarity or 0.0 for hit in hits), default=0.0),
        coverage=max(shares, default=0) / max(len(wanted), 1),
    )


def answerable(signals: Signals) -> float:
    """The probability, 0..1, that the passages hold the answer: a logistic model of the signals."""
    z = (
        INTERCEPT
        + SIMILARITY * signals.similarity
        + COVERAGE * signals.coverage
        + DECLINED * signals.declined
        + SUPPORT * signals.support
    )
    return 1.0 / (1.0 + math.exp(-z))


INTERCEPT, SIMILARITY, COVERAGE, DECLINED, SUPPORT = -4.0, 5.0, 2.0, -3.0, 1.5
"""Fitted by `benchmarks/nq_open.py --fit` on questions that no reported figure uses."""
