"""Whether to answer at all, and whether an answer is right: judged by retrieval, model and verifier together, because
none alone can be trusted with it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from ..retrieval.analysis import content_words, date_terms, terms, terms_of
from ..retrieval.dates import dates
from ..retrieval.records import Hit

SURE = 3.0
CLEAR = 9.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question before and after the model has spoken."""

    relevance: float = 0.0
    """The log-odds that the likeliest passage answers the question (see `retrieval.relevance`), with what is due to a
    search among few (see `FEWER`), -9..9; 0, so even odds, unless the search was hybrid."""
    missing_number: bool = False
    """The question names a number (a year, a clause) or a code with a digit that no passage holds."""
    holds: float = SURE
    """The model's log-odds that the passages state the answer, when asked just that; before, as sure as it gets."""
    support: float = 1.0
    """Of the answer by the passages, 0..1; 1 before there is one."""


WEIGHTS = Signals(0.61, -2.35, 1.12, 1.93)  # type: ignore[arg-type]  # a weight, not a truth value
INTERCEPT = -2.06
"""From `benchmarks/fit_abstention.py --nq 60 --squad2 30`: 180 questions and the default model; half of those of
NQ-open without their passage, half of those of SQuAD 2.0 written to have no answer. See `docs/answers.md`."""

RIGHT = (1.15, -0.78)
"""The slope and the constant that make of the log-odds that the passages hold the answer those that what the model made
of them is right (Platt, 1999). From `benchmarks/support_calibration.py`. See `docs/answers.md`."""

_UNIT = re.compile(r"(?<=\d\d)(?=[^\W\d_])")
"""Where the letters begin that follow a number: 10km, 1990s, 25th."""


MANY = 1000
"""Chunks: about as many as the libraries have that the weights were fitted in."""
FEWER = 0.28
"""The log-odds that a likeliest passage gains with each e-fold fewer chunks than MANY: among few, one is seldom near by
chance. From `benchmarks/small_libraries.py`, where the likeliest of 1,000 had to be that much likelier."""


def retrieval_signals(question: str, hits: Sequence[Hit], searched: int = MANY) -> Signals:
    """The signals that the hits give.

    Args:
        question: What was asked.
        hits: What was found.
        searched: How many chunks the search looked through.
    """
    texts = [f"{hit.chunk.title} {hit.chunk.heading} {hit.chunk.passage}" for hit in hits]
    held = {term for text in texts for term in (*terms(_UNIT.sub(" ", text)), *date_terms(text))}
    others = _UNIT.sub(" ", _without_held_dates(question, held))
    numbers = [word for word in content_words(others) if any(map(str.isdigit, word))]
    known = [_log_odds(hit.probability) for hit in hits if hit.probability is not None]
    gained = FEWER * math.log(MANY / min(max(searched, 1), MANY)) if known else 0.0
    return Signals(
        relevance=max(-CLEAR, min(CLEAR, max(known, default=0.0 if hits else -CLEAR) + gained)),
        missing_number=not all(_stands(word, held) for word in numbers),
    )


def answerable(signals: Signals) -> float:
    """The probability, 0..1, that the passages hold the answer: a logistic model of the signals."""
    pairs = zip(astuple(WEIGHTS), astuple(signals), strict=True)
    return _probability(INTERCEPT + sum(float(weight) * float(signal) for weight, signal in pairs))


def right(confidence: float) -> float:
    """The probability, 0..1, that an answer is right, by that that the passages hold it."""
    slope, constant = RIGHT
    return _probability(slope * _log_odds(confidence) + constant)


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def _without_held_dates(question: str, held: set[str]) -> str:
    """A question without the dates that stand in passages of these terms, however they are written there."""
    for date in reversed(list(dates(question))):
        if any(held.issuperset(reading.forms) for reading in date.readings):
            question = f"{question[: date.start]} {question[date.end :]}"
    return question


def _stands(word: str, held: set[str]) -> bool:
    """Whether a number or code stands in passages of these terms: as a whole, or a compound without points in parts."""
    *parts, whole = terms_of(word)
    compound = whole if "." in word or whole == "".join(parts) else None
    return compound in held or ("." not in word and held >= {*parts, whole} - {compound})


def _log_odds(probability: float) -> float:
    least = _probability(-CLEAR)
    held = min(max(probability, least), 1.0 - least)
    return math.log(held / (1.0 - held))
