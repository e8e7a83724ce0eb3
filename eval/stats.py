"""Means with their uncertainty, and whether two configurations differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
MIN_SOURCES = 6
"""With fewer there is no interval and no test. Of m independent differences, all of one sign, the exact two-sided p is
2 / 2 ** m: six is the fewest that can be told from chance at 95 %, and resamples of fewer hardly differ."""
ALPHA = 0.05
"""p below it is more than chance; the intervals are those of 1 - ALPHA."""
_FEW_RESAMPLES = 1_000
"""Of a percentile, which has to sort each of them."""
_BLOCK = 4_000_000
"""Numbers drawn at a time, so that thousands of items do not take gigabytes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of n scored items and its 95 % interval; items that could not be scored are counted, not averaged."""

    mean: float | None
    """None when nothing was scored."""
    low: float | None
    """None, as `high`, where the interval is unknown: for fewer than `MIN_SOURCES` sources, too."""
    high: float | None
    n: int
    n_unscored: int = 0
    sources: int | None = None
    """Of the n items, 0..n: what shares a source is not independent. None in runs of older versions."""

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

    @property
    def count(self) -> str:
        """n for people, and from how many sources where these are too few for an interval."""
        if self.sources is None or self.sources >= min(self.n, MIN_SOURCES):
            return f"{self.n:,}"
        return f"{self.n:,} of {self.sources} source{'s' if self.sources > 1 else ''}"

    def spread(self, form: str = ".3f", scale: float = 1.0) -> str:
        """The mean and its interval for people; says which of them is not known.

        Args:
            form: Of each number.
            scale: By which each is multiplied.
        """
        if self.mean is None:
            return "unscored"
        return f"{scale * self.mean:{form}} {self.between(lambda number: format(scale * number, form))}"

    def between(self, say: Callable[[float], str]) -> str:
        """The interval alone, by what says a number."""
        if self.low is None or self.high is None:
            return "[unknown]"
        return f"[{say(self.low)}, {say(self.high)}]"

    def __str__(self) -> str:
        unscored = f", {self.n_unscored} unscored" if self.n_unscored else ""
        return f"{self.spread()} (n = {self.count}{unscored})"


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger the values of one configuration are than those of another on the same items."""

    mean: Estimate
    """Of the items' differences; an item is unscored when either configuration's value is."""
    p: float | None
    """Two-sided, (0, 1]; None where nothing was scored, or too little for an interval."""
    effect: float | None
    """Cohen's d for pairs: the mean difference in standard deviations of the differences. None when they have none."""
    value: Estimate | None = None
    """The one configuration's figure over the items that both scored; None where there are none."""
    baseline: Estimate | None = None
    """The other's over the same."""


def estimate(values: Sequence[float | None], seed: int = 0) -> Estimate:
    """The mean and its 95 % percentile bootstrap interval over 10,000 resamples; None stands for unscored.

    Of fewer than `MIN_SOURCES` values the interval is unknown.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    scored = np.array([value for value in values if value is not None], dtype=np.float64)
    unscored = len(values) - len(scored)
    if len(scored) < MIN_SOURCES:
        return Estimate(float(scored.mean()) if len(scored) else None, None, None, len(scored), unscored, len(scored))
    draws, means = np.random.default_rng(seed), np.empty(RESAMPLES)
    for block in _blocks(len(scored)):
        means[block] = scored[draws.integers(len(scored), size=(len(means[block]), len(scored)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(scored.mean()), float(low), float(high), len(scored), unscored, len(scored))


def resampled(clusters: Sequence[Hashable], seed: int = 0) -> Iterator[npt.NDArray[np.float64]]:
    """10,000 bootstrap resamples of whole clusters, in blocks: how often each item is drawn, (resamples, items).

    Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.

    Args:
        clusters: Of each item, the cluster it belongs to.
        seed: Of the draws; items of the same clusters get the same resamples.
    """
    names = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    belongs, n = np.array([names[name] for name in clusters], dtype=np.int64), len(names)
    if not n:
        return
    draws = np.random.default_rng(seed)
    for block in _blocks(len(clusters)):
        size = len(range(RESAMPLES)[block])
        drawn = draws.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)[:, belongs].astype(np.float64)


def interval(value: float, draws: npt.NDArray[np.float64], n: int, n_unscored: int, sources: int) -> Estimate:
    """A statistic with the 95 % percentile interval of its resamples; None where it is NaN, which is undefined.

    Args:
        value: Of the items themselves.
        draws: Of their resamples, (resamples,); those that are NaN are left out.
        n: Items scored.
        n_unscored: The others.
        sources: Of the items scored; of fewer than `MIN_SOURCES` the interval is unknown.
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(defined):
        return Estimate(None, None, None, 0, n + n_unscored, 0)
    if sources < MIN_SOURCES:
        return Estimate(value, None, None, n, n_unscored, sources)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, n_unscored, sources)


def percentile(values: Sequence[float | None], q: float, seed: int = 0) -> Estimate:
    """A percentile and its 95 % percentile bootstrap interval over 1,000 resamples; None stands for unscored.

    Of fewer than `MIN_SOURCES` values the interval is unknown.

    Args:
        values: One an item.
        q: Which, 0..100; 50 is the median.
        seed: Of the resamples.
    """
    scored = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(scored):
        return Estimate(None, None, None, 0, len(values), 0)
    draws = np.random.default_rng(seed)
    resamples = [float(np.percentile(draws.choice(scored, len(scored)), q)) for _ in range(_FEW_RESAMPLES)]
    n, value = len(scored), float(np.percentile(scored, q))
    return interval(value, np.array(resamples), n, len(values) - n, n)


def compare(values: Sequence[float | None], baseline: Sequence[float | None], seed: int = 0) -> Difference:
    """The paired difference of two configurations: values less baseline, item by item.

    p is that of the randomization test; of fewer than `MIN_SOURCES` items it is None, as the effect.

    Args:
        values: One configuration's, by item; None stands for unscored.
        baseline: The other's, of the same items in the same order.
        seed: Of the bootstrap and of the test.
    """
    pairs = zip(values, baseline, strict=True)
    differences = [None if a is None or b is None else a - b for a, b in pairs]
    mean = estimate(differences, seed)
    if mean.mean is None:
        return Difference(mean, None, None)
    both = [pair for pair in zip(values, baseline, strict=True) if None not in pair]
    sides = [estimate(side, seed) for side in zip(*both, strict=True)]
    if not mean.has_interval:
        return Difference(mean, None, None, *sides)
    scored = np.array([d for d in differences if d is not None], dtype=np.float64)
    spread = float(scored.std(ddof=1))
    effect = mean.mean / spread if spread else None
    return Difference(mean, randomization_test(scored, seed), effect, *sides)


def randomization_test(differences: npt.NDArray[np.float64], seed: int = 0) -> float:
    """Fisher's paired randomization test of "the two configurations are the same", two-sided, with 10,000 draws.

    If they are, each item's difference (n,) could as well have had the other sign. p is the share of random signs that
    give a mean at least as far from 0 as the one seen, which itself counts as one of them, so that p is never 0.

    Source: Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
    Evaluation", CIKM 2007; the count: Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010.
    """
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) * (1 - 1e-12)  # a sum in another order may differ in its last bit
    draws, as_far = np.random.default_rng(seed), 0
    for block in _blocks(len(moved)):
        size = len(range(RESAMPLES)[block])
        flips = draws.integers(2, size=(size, len(moved)), dtype=np.int8)
        as_far += int(np.count_nonzero(np.abs((2.0 * flips - 1.0) @ moved) >= seen))
    return (as_far + 1) / (RESAMPLES + 1)


def resampled_p(draws: npt.NDArray[np.float64], sources: int) -> float:
    """Two-sided p of a difference by its resamples: twice the smaller share of them on either side of 0.

    It is no less than the randomization test of as many sources can give.

    Args:
        draws: Differences, (resamples,); those that are NaN are left out, and one at least is not.
        sources: That were resampled.
    """
    defined = draws[~np.isnan(draws)]
    tail = min((defined <= 0).mean(), (defined >= 0).mean())
    least = max(2.0 ** (1 - sources), 1 / (len(defined) + 1))
    return float(min(1.0, max(2 * tail, least)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p values adjusted for there being several of them, in the same order; None is no test and stays None.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 1979.
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for before, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - before)))
        adjusted[place] = largest
    return adjusted


def _blocks(n: int) -> list[slice]:
    """The resamples in parts, of which each draws at most `_BLOCK` numbers."""
    size = max(1, _BLOCK // n)
    return [slice(start, min(start + size, RESAMPLES)) for start in range(0, RESAMPLES, size)]
