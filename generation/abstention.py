"""Whether to answer at all: decided by retrieval and model together, because neither alone can be trusted with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from ..retrieval.records import Hit
from .grounding.overlap import content_words

SURE = 3.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question before and after the model has spoken."""

    similarity: float = 0.0
    """The highest cosine of the question and a passage, -1..1; 0 in a purely lexical search."""
    coverage: float = 0.0
    """The largest share of the question's content words that one passage holds, 0..1."""
    missing_number: bool = False
    """The question names a number (a year, a clause) that no passage holds."""
    holds: float = SURE
    """The model's log-odds that the passages state the answer, when asked just that; before, as sure as it gets."""
    declined: bool = False
    """The model said that it does not know."""
    support: float = 1.0
    """Of the answer by the passages, 0..1; 1 before there is one."""


WEIGHTS = Signals(5.0, 2.0, -1.0, 1.0, -3.0, 1.5)  # type: ignore[arg-type]  # weights, not truth values
INTERCEPT = -4.0
"""Fitted by `benchmarks/fit_abstention.py`, on questions that no reported figure uses."""


def retrieval_signals(question: str, hits: Sequence[Hit]) -> Signals:
    """The signals that the hits give."""
    wanted = content_words(question)
    held = [content_words(f"{hit.chunk.title} {hit.chunk.heading} {hit.chunk.text}") for hit in hits]
    numbers = {word for word in wanted if word[0].isdigit()}
    return Signals(
        similarity=max((hit.similarity or 0.0 for hit in hits), default=0.0),
        coverage=max((len(wanted & words) for words in held), default=0) / max(len(wanted), 1),
        missing_number=not numbers <= set().union(*held),
    )


def answerable(signals: Signals) -> float:
    """The probability, 0..1, that the passages hold the answer: a logistic model of the signals."""
    z = INTERCEPT + sum(w * float(s) for w, s in zip(astuple(WEIGHTS), astuple(signals), strict=True))
    return 1.0 / (1.0 + math.exp(-z))
