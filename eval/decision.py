"""Which of several models to choose: a weighted decision matrix."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError


@dataclass(frozen=True, slots=True)
class Criterion:
    """What models are compared by."""

    weight: float
    """By default."""
    more_is_better: bool
    about: str


CRITERIA: Mapping[str, Criterion] = {
    "accuracy": Criterion(0.35, True, "share of questions answered right, or rightly not answered"),
    "speed": Criterion(0.10, True, "tokens written a second"),
    "latency": Criterion(0.15, False, "milliseconds to the first token"),
    "cost": Criterion(0.10, False, "joules an answer"),
    "context": Criterion(0.05, True, "tokens of the longest context"),
    "privacy": Criterion(0.10, True, "1: nothing leaves this machine"),
    "deployment": Criterion(0.10, False, "MB on disk and in memory together"),
    "bias": Criterion(0.05, True, "not measured yet"),
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Models by criteria."""

    values: Mapping[str, Mapping[str, float | None]]
    """By model and criterion, as measured; None is unscored."""
    scores: Mapping[str, Mapping[str, float]]
    """By model and criterion, 0..1; 1 is the best of these models. Only criteria that count."""
    weights: Mapping[str, float]
    """Of the criteria that count; their sum is 1."""
    unscored: tuple[str, ...]
    """Criteria with a weight that a model has no value for: their weight is spread over the others."""

    @property
    def totals(self) -> dict[str, float]:
        """By model, best first, 0..1: the weighted sum of its scores."""
        sums = {model: sum(w * row[name] for name, w in self.weights.items()) for model, row in self.scores.items()}
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def gains(self, model: str, other: str) -> dict[str, float]:
        """By criterion, how much of a model's lead over another it brings, greatest first; negative is lost."""
        mine, theirs = self.scores[model], self.scores[other]
        leads = {name: weight * (mine[name] - theirs[name]) for name, weight in self.weights.items()}
        return dict(sorted(leads.items(), key=lambda item: -item[1]))


def decide(values: Mapping[str, Mapping[str, float | None]], weights: Mapping[str, float]) -> Matrix:
    """Weigh models against each other.

    A score is the value's ratio to the best one's, so twice as fast is twice the score however close the others are:
    value / best where more is better, else best / value. A criterion that any model has no value for counts for none.

    Source: Hwang and Yoon, "Multiple Attribute Decision Making", Springer 1981: simple additive weighting with linear
    scale transformation.

    Args:
        values: By model (at least one) and criterion, at least 0; None or absent is unscored.
        weights: By criterion, at least 0.
    """
    weighty = [name for name in CRITERIA if weights.get(name, 0.0) > 0]
    unscored = tuple(name for name in weighty if any(row.get(name) is None for row in values.values()))
    counted = [name for name in weighty if name not in unscored]
    whole = sum(weights[name] for name in counted)
    columns = {name: {model: float(row[name] or 0.0) for model, row in values.items()} for name in counted}
    scored = {name: _scores(column, CRITERIA[name].more_is_better) for name, column in columns.items()}
    return Matrix(
        values=values,
        scores={model: {name: scored[name][model] for name in counted} for model in values},
        weights={name: weights[name] / whole for name in counted},
        unscored=unscored,
    )


def _scores(column: Mapping[str, float], more_is_better: bool) -> dict[str, float]:
    best = max(column.values()) if more_is_better else min(column.values())
    return {
        model: 1.0 if value == best else value / best if more_is_better else best / value
        for model, value in column.items()
    }


def read_weights(path: Path | None) -> dict[str, float]:
    """The weights of the criteria, from a TOML file of lines such as `accuracy = 0.5`; the others keep their default.

    Raises:
        SettingsError: The file cannot be read, names what is no criterion, or gives no weight that is one.
    """
    weights = {name: criterion.weight for name, criterion in CRITERIA.items()}
    if path is None:
        return weights
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"the weights cannot be read ({error})", path=path, remedy="Give lines such as accuracy = 0.5"
        ) from error
    for name, weight in given.items():
        if name not in CRITERIA:
            near = difflib.get_close_matches(name, CRITERIA, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(CRITERIA)}"
            raise SettingsError(f"{name!r} is no criterion", path=path, remedy=remedy)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise SettingsError(f"the weight of {name} is {weight!r}", path=path, remedy="Give a number of at least 0")
        weights[name] = float(weight)
    if not any(weights.values()):
        raise SettingsError("all weights are 0", path=path, remedy="Give a criterion a weight")
    return weights
