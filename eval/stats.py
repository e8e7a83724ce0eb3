"""Means with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of n scored items and its 95 % interval; items that could not be scored are counted, not averaged."""

    mean: float | None
    """None when nothing was scored."""
    low: float | None
    high: float | None
    n: int
    n_unscored: int = 0

    def __str__(self) -> str:
        unscored = f", {self.n_unscored} unscored" if self.n_unscored else ""
        if self.mean is None:
            return f"unscored (n = 0{unscored})"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.n}{unscored})"


def estimate(values: Sequence[float | None], seed: int = 0) -> Estimate:
    """The mean and its 95 % percentile bootstrap interval over 10,000 resamples; None stands for unscored.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    scored = np.array([value for value in values if value is not None], dtype=np.float64)
    unscored = len(values) - len(scored)
    if not len(scored):
        return Estimate(None, None, None, 0, unscored)
    draws = np.random.default_rng(seed).integers(len(scored), size=(RESAMPLES, len(scored)))
    low, high = np.percentile(scored[draws].mean(axis=1), [2.5, 97.5])
    return Estimate(float(scored.mean()), float(low), float(high), len(scored), unscored)
