"""Figures as functions of weighted sums over items, so that a bootstrap computes all its resamples at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
"""By name, a value of each item, (items,); NaN where it is unscored."""
Statistic = Callable[[Floats, Columns], Floats]
"""How often each item is drawn, (resamples, items), and its columns, to a figure by resample; NaN where undefined."""


def total(weights: Floats, column: Floats) -> Floats:
    """The sum over what is scored, by resample."""
    return weights @ np.nan_to_num(column)


def ratio(above: Floats, below: Floats) -> Floats:
    """One by another; NaN where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below == 0, np.nan, above / below)


def mean_of(name: str) -> Statistic:
    """The mean of a column over the items that are scored."""

    def mean(weights: Floats, columns: Columns) -> Floats:
        column = columns[name]
        return ratio(total(weights, column), weights @ ~np.isnan(column))

    return mean


def gap_of(first: str, second: str) -> Statistic:
    """The mean of a column less that of another, each over its own items."""
    a, b = mean_of(first), mean_of(second)
    return lambda weights, columns: a(weights, columns) - b(weights, columns)


def as_columns(rows: Sequence[Mapping[str, float | None]]) -> dict[str, Floats]:
    """Columns of items' values, of which each has the same names."""
    names = rows[0] if rows else ()
    return {name: np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64) for name in names}
