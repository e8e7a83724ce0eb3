"""Figures of many items: what a column of values comes to, under any weights of the items.

An item has named values, its columns. A value that is None could not be scored: it is left out and counted. A column
that an item does not have does not concern it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..stats import Difference, Estimate, interval, randomization_test, resampled, resampled_p

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, float | None]
"""Of one item, by name."""
Statistic = Callable[[Floats, Mapping[str, Floats]], Floats]
"""Weights (resamples, items) and columns (items,), NaN where an item has no value, to values (resamples,): NaN where
the figure is not defined."""
Better = Literal["more", "less", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that is reported of many items."""

    name: str
    about: str
    """Its definition and source."""
    statistic: Statistic
    columns: tuple[str, ...]
    """What it is computed from."""
    better: Better = "more"


def mean_metric(name: str, about: str, column: str = "", better: Better = "more") -> Metric:
    """The mean of a column, by default the one of its name."""
    return Metric(name, about, mean(column or name), (column or name,), better)


def mean(column: str) -> Statistic:
    """The mean of the values that there are."""

    def statistic(weights: Floats, columns: Mapping[str, Floats]) -> Floats:
        there = ~np.isnan(columns[column])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total(weights, columns[column]) / (weights @ there))

    return statistic


def total(weights: Floats, column: Floats) -> Floats:
    """The weighted sum (resamples,) of the values (items,) that there are."""
    return np.asarray(weights @ np.nan_to_num(column))


def measure(
    rows: Sequence[Columns], sources: Sequence[str], metrics: Sequence[Metric], seed: int = 0
) -> dict[str, Estimate]:
    """Every metric with its 95 % interval, by resampling whole sources (see `stats.resampled`).

    Where the items that a metric was scored of come from fewer than `stats.MIN_SOURCES` sources, it is unknown.

    Args:
        rows: The columns of each item.
        sources: Of each item, what it shares with those that depend on it.
        metrics: What to compute.
        seed: Of the resamples.
    """
    tables = {metric.name: _Table(rows, metric) for metric in metrics}
    blocks: dict[str, list[Floats]] = {name: [] for name in tables}
    for weights in resampled(sources, seed):
        for name, table in tables.items():
            blocks[name].append(table.values(weights))
    everything = np.ones((1, len(rows)))
    return {
        name: interval(
            float(table.values(everything)[0]) if table.n else np.nan,
            _joined(blocks[name]),
            table.n,
            table.n_unscored,
            len({source for source, scored in zip(sources, table.scored, strict=True) if scored}),
        )
        for name, table in tables.items()
    }


def compare(
    rows: Sequence[Columns],
    baseline: Sequence[Columns],
    sources: Sequence[str],
    metrics: Sequence[Metric],
    seed: int = 0,
) -> dict[str, Difference]:
    """Every metric of one configuration less that of another on the same items, with paired resamples of the sources.

    Items that either could not score are left out. Of fewer than `stats.MIN_SOURCES` sources the interval is unknown
    and p is None. Else p is that of the paired randomization test of the sources' sums where the metric is the mean of
    a column; of others twice the smaller share of resamples on either side of 0, but no less than such a test of as
    many sources can give. The effect is Cohen's d for pairs of items, of means only. The figure of each side comes with
    the difference, over the same items.

    Args:
        rows: The columns of each item.
        baseline: The other's, of the same items in the same order.
        sources: See `measure`.
        metrics: What to compare.
        seed: Of the resamples and of the test.
    """
    return {metric.name: _difference(rows, baseline, sources, metric, seed) for metric in metrics}


def _difference(
    rows: Sequence[Columns], baseline: Sequence[Columns], sources: Sequence[str], metric: Metric, seed: int
) -> Difference:
    both = [
        place
        for place, (a, b) in enumerate(zip(rows, baseline, strict=True))
        if _scored(a, metric.columns) and _scored(b, metric.columns)
    ]
    concerned = sum(any(name in a or name in b for name in metric.columns) for a, b in zip(rows, baseline, strict=True))
    kept = [sources[place] for place in both]
    mine, theirs = (_Table([of[place] for place in both], metric) for of in (rows, baseline))
    if not both:
        return Difference(Estimate(None, None, None, 0, concerned, 0), None, None)
    blocks = [(mine.values(weights), theirs.values(weights)) for weights in resampled(kept, seed)]
    draws = [_joined([block[side] for block in blocks]) for side in (0, 1)]
    everything = np.ones((1, len(both)))
    values = [float(table.values(everything)[0]) for table in (mine, theirs)]
    _, belongs = np.unique(kept, return_inverse=True)
    sums = np.zeros(belongs.max() + 1)
    counts = len(both), concerned - len(both), len(sums)
    sides = [interval(value, of, *counts) for value, of in zip(values, draws, strict=True)]
    moved_draws, value = draws[0] - draws[1], values[0] - values[1]
    spread = interval(value, moved_draws, *counts)
    if not spread.has_interval:
        return Difference(spread, None, None, *sides)
    if len(metric.columns) > 1:
        return Difference(spread, resampled_p(moved_draws, len(sums)), None, *sides)
    (column,) = metric.columns
    moved = mine.columns[column] - theirs.columns[column]
    np.add.at(sums, belongs, moved)
    deviation = float(moved.std(ddof=1))
    return Difference(spread, randomization_test(sums, seed), value / deviation if deviation else None, *sides)


class _Table:
    """The columns of a metric as arrays."""

    def __init__(self, rows: Sequence[Columns], metric: Metric) -> None:
        names = metric.columns
        self._statistic = metric.statistic
        self.columns = {name: np.array([_number(row.get(name)) for row in rows], dtype=np.float64) for name in names}
        self.scored = [_scored(row, names) for row in rows]
        self.n = sum(self.scored)
        self.n_unscored = sum(any(name in row and row[name] is None for name in names) for row in rows)

    def values(self, weights: Floats) -> Floats:
        """By resample."""
        return self._statistic(weights, self.columns)


def _scored(row: Columns, names: Sequence[str]) -> bool:
    """Whether it has a value, and none that is missing."""
    return any(name in row for name in names) and not any(name in row and row[name] is None for name in names)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _joined(blocks: Sequence[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *blocks])
