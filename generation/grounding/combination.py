"""From what a network and comparisons say of a claim to a probability, and from claims to the whole answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .scoring import whole_support


@dataclass(frozen=True, slots=True)
class Combination:
    """A logistic model.

    Its weights come from `training/grounding/combine.py`.
    """

    names: Sequence[str]
    weights: Sequence[float]
    intercept: float
    record_weights: Sequence[float]
    """Added to the weights where a passage is a record."""
    record_intercept: float
    several: float
    """Log-odds taken off the whole of an answer of several claims."""
    threshold: float
    """The least support at which a claim counts as supported."""

    def support(self, values: npt.NDArray[np.float64]) -> float:
        """The probability, 0..1, that passages carry a claim.

        Args:
            values: By `names`, shape (len(names),), float64; the last one says whether a passage is a record.
        """
        odds = self.intercept + float(values @ np.array(self.weights))
        if values[-1]:
            odds += self.record_intercept + float(values @ np.array(self.record_weights))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))

    def whole(self, supports: Sequence[float | None]) -> float | None:
        """The probability, 0..1, that passages carry all of an answer's claims; None when none was scored.

        It is that of the two worst claims, `whole_support`, less `several` where there is more than one: who says more
        errs more.
        """
        worst = whole_support(supports)
        if worst is None or sum(support is not None for support in supports) < 2:
            return worst
        worst = min(max(worst, 1e-9), 1 - 1e-9)
        return 1 / (1 + math.exp(self.several - math.log(worst / (1 - worst))))
