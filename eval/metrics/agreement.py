"""How far two sets of values agree, each as a function of resamples.

Every function takes how often each item is drawn, (resamples, items), and columns of (items,) values, NaN where an item
is unscored: `score` and `label`, of which the classifying ones read `verdict` and `label` (0 or 1). An item that lacks
one of the two is left out. It returns the statistic by resample, (resamples,), NaN where it is not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
Statistic = Callable[[Floats, Columns], Floats]


def pearson(weights: Floats, columns: Columns) -> Floats:
    """Pearson's correlation of `score` and `label`, -1..1."""
    drawn, score, label = _both(weights, columns, "score")
    return _correlation(drawn, score[None, :], label[None, :])


def spearman(weights: Floats, columns: Columns) -> Floats:
    """Spearman's rank correlation of `score` and `label`, -1..1: Pearson's of their ranks in the resample, ties having
    the middle one (Kendall and Gibbons, "Rank Correlation Methods", 1990)."""
    drawn, score, label = _both(weights, columns, "score")
    return _correlation(drawn, _ranks(drawn, score), _ranks(drawn, label))


def auroc(weights: Floats, columns: Columns) -> Floats:
    """The probability that an item of label 1 has a higher `score` than one of label 0, ties counting half (Hanley and
    McNeil, Radiology 1982)."""
    drawn, score, label = _both(weights, columns, "score")
    positive, negative = drawn * label, drawn * (1 - label)
    order, starts = _groups(score)
    if not len(order):
        return np.full(len(weights), np.nan)
    above = np.add.reduceat(positive[:, order], starts, axis=1)
    below = np.add.reduceat(negative[:, order], starts, axis=1)
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    return _divided(won, positive.sum(axis=1) * negative.sum(axis=1))


def accuracy(weights: Floats, columns: Columns) -> Floats:
    """The share of items whose `verdict` is the label."""
    hit, false, missed, passed = _cells(weights, columns)
    return _divided(hit + passed, hit + false + missed + passed)


def balanced_accuracy(weights: Floats, columns: Columns) -> Floats:
    """The mean of the accuracies on items of label 1 and of label 0 (Brodersen et al., ICPR 2010)."""
    hit, false, missed, passed = _cells(weights, columns)
    return (_divided(hit, hit + missed) + _divided(passed, passed + false)) / 2


def kappa(weights: Floats, columns: Columns) -> Floats:
    """Cohen's kappa of `verdict` and `label`: agreement beyond that of chance, at most 1 (Cohen, Educational and
    Psychological Measurement 1960)."""
    hit, false, missed, passed = _cells(weights, columns)
    n = hit + false + missed + passed
    seen = _divided(hit + passed, n)
    chance = _divided((hit + false) * (hit + missed) + (missed + passed) * (false + passed), n * n)
    return _divided(seen - chance, 1 - chance)


CLASSIFYING: Mapping[str, Statistic] = {
    "balanced accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "kappa": kappa,
    "AUROC": auroc,
}
RANKING: Mapping[str, Statistic] = {"Pearson": pearson, "Spearman": spearman}


def _both(weights: Floats, columns: Columns, name: str) -> tuple[Floats, Floats, Floats]:
    known = ~(np.isnan(columns[name]) | np.isnan(columns["label"]))
    return weights[:, known], columns[name][known], columns["label"][known]


def _cells(weights: Floats, columns: Columns) -> tuple[Floats, Floats, Floats, Floats]:
    """True positives, false positives, false negatives, true negatives by resample."""
    drawn, verdict, label = _both(weights, columns, "verdict")
    return (
        drawn @ (verdict * label),
        drawn @ (verdict * (1 - label)),
        drawn @ ((1 - verdict) * label),
        drawn @ ((1 - verdict) * (1 - label)),
    )


def _groups(values: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The order of values, and where in it each new value begins."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(values) else np.empty(0, np.int64)
    return order, starts


def _ranks(drawn: Floats, values: Floats) -> Floats:
    """The middle rank of each item in each resample, less one half, (resamples, items)."""
    order, starts = _groups(values)
    if not len(order):
        return drawn
    sizes = np.add.reduceat(drawn[:, order], starts, axis=1)
    middles = np.cumsum(sizes, axis=1) - sizes / 2
    ranks = np.empty_like(drawn)
    ranks[:, order] = np.repeat(middles, np.diff(np.r_[starts, len(order)]), axis=1)
    return ranks


def _correlation(drawn: Floats, a: Floats, b: Floats) -> Floats:
    n = drawn.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = a - (drawn * a).sum(axis=1, keepdims=True) / n
        b = b - (drawn * b).sum(axis=1, keepdims=True) / n
    return _divided((drawn * a * b).sum(axis=1), np.sqrt((drawn * a * a).sum(axis=1) * (drawn * b * b).sum(axis=1)))


def _divided(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below == 0, np.nan, above / below))
