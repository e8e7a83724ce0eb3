"""The judge by words: a logistic regression, trained by `training/injection.py`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .features import features


@dataclass(frozen=True, slots=True)
class Words:
    """Weights of features, in log-odds."""

    weights: Mapping[str, float]
    intercept: float
    threshold: float = 0.35
    """The probability from which a piece is taken for an instruction."""

    def probability(self, told: list[str]) -> float:
        """That a piece of these tokens is an instruction, 0..1; not calibrated to how rare they are."""
        odds = self.intercept + sum(self.weights.get(name, 0.0) for name in features(told))
        return 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))


@cache
def shipped() -> Words:
    """The weights that come with the package."""
    told = json.loads(files(__package__).joinpath("weights.json").read_text("utf-8"))
    return Words(told["weights"], told["intercept"])
