"""Which of the measured models to take, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..eval.decision import Matrix, decide
from ..eval.stats import Difference, Estimate, compare, holm
from .benching import ModelBench

SIGNIFICANT = 0.05
_NAMED = 2
"""Criteria that a reason names on each side."""


@dataclass(frozen=True, slots=True)
class AccuracyContrast:
    """How much better the recommended model answers than another, question by question."""

    other: str
    difference: Difference
    p_holm: float | None

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Choice:
    """A recommendation and what it rests on."""

    model: str
    matrix: Matrix
    unscored: Mapping[str, str]
    """By criterion that counts for nothing, why."""
    accuracy: tuple[AccuracyContrast, ...]

    @property
    def reason(self) -> str:
        """Against the next best one."""
        totals = self.matrix.totals
        following = next((name for name in totals if name != self.model), None)
        if following is None:
            return "it is the only one that was measured"
        gains = self.matrix.gains(self.model, following)
        won = [f"{name} {lead:+.2f}" for name, lead in gains.items() if lead >= 0.005][:_NAMED]
        lost = [f"{name} {lead:+.2f}" for name, lead in reversed(gains.items()) if lead <= -0.005][:_NAMED]
        parts = [f"{totals[self.model]:.2f} against {totals[following]:.2f} of {following}"]
        parts += [f"won by {', '.join(won)}"] if won else ["which is no lead to speak of"]
        parts += [f"in spite of {', '.join(lost)}"] if lost else []
        return "; ".join(parts)

    @property
    def warnings(self) -> list[str]:
        """Of accuracy that may be chance."""
        return [
            f"Its accuracy is not significantly different from that of {contrast.other}: {contrast.difference.mean}, "
            f"p = {contrast.p_holm:.3f}"
            for contrast in self.accuracy
            if contrast.p_holm is not None and not contrast.significant
        ]


def choose(results: Sequence[ModelBench], weights: Mapping[str, float]) -> Choice | None:
    """Recommend one of the models that could be measured; None if there is none, or nothing to weigh.

    Accuracies are compared with Fisher's paired randomization test over the questions, adjusted after Holm.
    """
    measured = {result.name: result for result in results if result.error is None}
    if not measured:
        return None
    matrix = decide({name: result.values for name, result in measured.items()}, weights)
    if not matrix.weights:
        return None
    best, *others = matrix.totals
    correct = {name: result.answered.correct for name, result in measured.items() if result.answered}
    differences = {name: compare(correct[best], correct[name]) for name in others if {best, name} <= correct.keys()}
    p_values = holm([difference.p for difference in differences.values()])
    contrasts = [AccuracyContrast(*of, p) for of, p in zip(differences.items(), p_values, strict=True)]
    return Choice(best, matrix, {name: _why(name, measured) for name in matrix.unscored}, tuple(contrasts))


@dataclass(frozen=True, slots=True)
class PerplexityContrast:
    """How much more a model is surprised by the same windows of text than another of the same vocabulary."""

    model: str
    baseline: str
    factor: float
    """Of the perplexities, by the mean over windows: exp of the mean difference in nats."""
    low: float | None
    """Of its 95 % interval; None, as `high` and `p`, for windows too few to tell."""
    high: float | None
    windows: int
    p: float | None

    def __str__(self) -> str:
        spread = Estimate(self.factor, self.low, self.high, self.windows).spread(".4f")
        test = "too few to test" if self.p is None else f"p = {self.p:.4f}"
        return f"{self.model} has {spread} times the perplexity of {self.baseline} (n = {self.windows} windows, {test})"


def perplexities(results: Sequence[ModelBench]) -> list[PerplexityContrast]:
    """Each model beside the first one of its vocabulary; between vocabularies, perplexities tell nothing."""
    firsts: dict[tuple[int, int], tuple[str, tuple[float, ...]]] = {}
    contrasts = []
    for result in results:
        if result.perplexity is None or result.facts is None:
            continue
        windows = result.perplexity.windows
        key = (result.facts.vocabulary, result.perplexity.tokens)
        baseline, theirs = firsts.setdefault(key, (result.name, windows))
        if baseline == result.name or len(theirs) != len(windows):
            continue
        difference = compare(windows, theirs)
        mean = difference.mean
        if mean.mean is not None:
            low, high = (None if nats is None else math.exp(nats) for nats in (mean.low, mean.high))
            factor = math.exp(mean.mean)
            contrasts.append(PerplexityContrast(result.name, baseline, factor, low, high, mean.n, difference.p))
    return contrasts


def _why(criterion: str, measured: Mapping[str, ModelBench]) -> str:
    if criterion == "bias":
        return "it is not measured yet"
    answered = [result.answered for result in measured.values() if result.answered]
    if criterion in ("accuracy", "cost") and len(answered) < len(measured):
        return "no questions were answered"
    if criterion == "cost":
        return next((one.energy_reason for one in answered if one.energy_reason), "no energy was measured")
    return "it was not measured of all models"
