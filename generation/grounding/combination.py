"""From what a network and comparisons say of a claim to a probability, and from claims to the whole answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Combination:
    """A logistic model (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) over standardized values.

    Its weights come from `training/grounding/combine.py`.
    """

    names: Sequence[str]
    means: Sequence[float]
    scales: Sequence[float]
    weights: Sequence[float]
    intercept: float
    record_weights: Sequence[float]
    """Added to the weights where a passage is a record or a table."""
    record_intercept: float
    threshold: float
    """The least support at which a claim counts as supported."""

    def support(self, values: npt.NDArray[np.float64]) -> float:
        """The probability, 0..1, that passages carry a claim.

        Args:
            values: By `names`, shape (len(names),), float64; the last one says whether a passage is a record.
        """
        scaled = (values - np.array(self.means)) / np.array(self.scales)
        odds = self.intercept + float(scaled @ np.array(self.weights))
        if values[-1]:
            odds += self.record_intercept + float(scaled @ np.array(self.record_weights))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))
