"""Judges of answers: what gives an answer named scores, whatever computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..metrics.citations import Statement
from ..metrics.statistic import Better


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to judge, and what it is judged by."""

    answer: str
    passages: tuple[str, ...] = ()
    """What it should stand on, best ranked first."""
    question: str = ""
    reference: str | None = None
    """An answer known to be right; None where there is none."""
    statements: tuple[Statement, ...] = ()
    """Its sentences that say something, with the passages that each cites; none where that is not known."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of an answer."""

    scores: Mapping[str, float | None]
    """By metric, 0..1; None when unscored."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a metric is unscored."""


LESS_IS_BETTER = frozenset(("hallucination",))
"""Of the scores of judges; of all others more is better."""


def better(metric: str) -> Better:
    """Which way a judge's score is better."""
    return "less" if metric in LESS_IS_BETTER else "more"


class Judge(Protocol):
    """Gives answers scores."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What its verdicts depend on: weights, prompts, versions."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scores that it can give; `better` tells by their names which way is better."""

    @property
    def decides_by(self) -> tuple[str, float]:
        """The metric by which it calls an answer grounded, and the least score at which it does."""

    def judge(self, case: Case, metrics: tuple[str, ...] = ()) -> Judgement:
        """Judge an answer.

        Args:
            case: The answer.
            metrics: What to score, of `metrics`; empty for all.
        """


NO_PASSAGES, NO_QUESTION, NO_REFERENCE = "no passages", "no question", "no reference"
NO_STATEMENTS = "not known what is cited"
"""Why a metric is unscored when what it needs is not there."""
