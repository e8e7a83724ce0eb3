"""Whether what is asked today is still what was asked before: two samples compared, of numbers or of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .stats import holm

LEAST = 10
"""With fewer of either sample nothing is tested."""
PSI_LEAST = 100
"""With fewer the index is no less than that by chance alone, about (bins - 1) (1/n + 1/m)."""
PERMUTATIONS = 2_000
_BINS = 10
_MOST = 1_000
"""Vectors of each sample that are compared, drawn at random: the memory for distances grows with their square."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the distribution of something has moved from that of the baseline."""

    name: str
    test: str
    """`Kolmogorov-Smirnov`, `Fisher's exact` or `energy distance`."""
    n: int
    n_baseline: int
    statistic: float | None
    """0 for no shift, up to 1: the largest distance of the two cumulative distributions, the difference of two shares,
    or the energy coefficient. None when there was too little to test."""
    p: float | None
    """That chance alone moves it so far, two-sided."""
    p_holm: float | None = None
    """p adjusted for all that are tested together."""
    psi: float | None = None
    """The population stability index: by custom below 0.1 is stable, and above 0.25 has shifted. None for less than 100
    values, or what is no number."""

    @property
    def shifted(self) -> bool:
        """Whether it is more than chance, at 5 %."""
        return self.p_holm is not None and self.p_holm < 0.05


def numbers_shift(name: str, values: Sequence[float | None], baseline: Sequence[float | None]) -> Shift:
    """The two-sample Kolmogorov-Smirnov test, and the population stability index; None is unscored and left out.

    Source: Hodges, "The Significance Probability of the Smirnov Two-Sample Test", Arkiv för Matematik 1958.
    """
    from scipy.stats import ks_2samp

    now, before = (np.array([v for v in of if v is not None], dtype=np.float64) for of in (values, baseline))
    if min(len(now), len(before)) < LEAST:
        return Shift(name, "Kolmogorov-Smirnov", len(now), len(before), None, None)
    found = ks_2samp(now, before)
    psi = stability_index(now, before) if min(len(now), len(before)) >= PSI_LEAST else None
    test = ("Kolmogorov-Smirnov", len(now), len(before), float(found.statistic), float(found.pvalue))
    return Shift(name, *test, psi=psi)


def share_shift(name: str, values: Sequence[bool], baseline: Sequence[bool]) -> Shift:
    """Fisher's exact test of two shares; the statistic is their difference, -1..1."""
    from scipy.stats import fisher_exact

    n, m = len(values), len(baseline)
    if min(n, m) < LEAST:
        return Shift(name, "Fisher's exact", n, m, None, None)
    yes, before = sum(values), sum(baseline)
    p = fisher_exact([[yes, n - yes], [before, m - before]]).pvalue
    return Shift(name, "Fisher's exact", n, m, yes / n - before / m, float(p))


def vectors_shift(
    name: str, vectors: npt.NDArray[np.float32], baseline: npt.NDArray[np.float32], seed: int = 0
) -> Shift:
    """A permutation test of the energy distance of two samples of vectors, (n, d) and (m, d).

    The energy distance is 2 E|X - Y| - E|X - X'| - E|Y - Y'|, which is 0 if and only if the distributions are the same;
    the statistic is its share of 2 E|X - Y|, 0..1. p is the share of random splits of all vectors in two that lie at
    least as far apart as the two samples, which count as one of them.

    Source: Székely and Rizzo, "Energy statistics: A class of statistics based on distances", Journal of Statistical
    Planning and Inference 2013.
    """
    n, m, test = len(vectors), len(baseline), "energy distance"
    if min(n, m) < LEAST:
        return Shift(name, test, n, m, None, None)
    draws = np.random.default_rng(seed)
    parts = [part[draws.permutation(len(part))[:_MOST]] for part in (vectors, baseline)]
    distances = _distances(np.concatenate(parts))
    first, whole = len(parts[0]), len(distances)
    splits = np.zeros((whole, PERMUTATIONS + 1), dtype=np.float32)
    splits[:first, 0] = 1
    for column in range(1, PERMUTATIONS + 1):
        splits[draws.permutation(whole)[:first], column] = 1
    second = whole - first
    sums, total = distances @ splits, float(distances.sum(dtype=np.float64))
    within = np.einsum("ij,ij->j", splits, sums, dtype=np.float64)
    across = sums.sum(axis=0, dtype=np.float64) - within
    rest = total - within - 2 * across
    between = 2 * across / (first * second)
    energy = between - within / first**2 - rest / second**2
    as_far = int(np.count_nonzero(energy[1:] >= energy[0] * (1 - 1e-9)))
    coefficient = float(energy[0] / between[0]) if between[0] > 0 else 0.0
    return Shift(name, test, n, m, coefficient, (as_far + 1) / (PERMUTATIONS + 1))


def stability_index(values: npt.NDArray[np.float64], baseline: npt.NDArray[np.float64]) -> float:
    """The population stability index over the deciles of the baseline, with half an item more in each bin of either.

    Source: Siddiqi, "Credit Risk Scorecards", Wiley 2006; that it is a symmetric Kullback-Leibler divergence: Yurdakul
    and Naranjo, "Statistical Properties of the Population Stability Index", Journal of Risk Model Validation 2020.

    Args:
        values: (n,), at least one.
        baseline: (m,), at least one.
    """
    edges = np.unique(np.quantile(baseline, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = []
    for of in (values, baseline):
        counts = np.bincount(np.searchsorted(edges, of, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def adjusted(shifts: Sequence[Shift]) -> list[Shift]:
    """With p values adjusted for there being several (Holm)."""
    p_values = holm([shift.p for shift in shifts])
    return [replace(shift, p_holm=p) for shift, p in zip(shifts, p_values, strict=True)]


def _distances(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    squares = np.einsum("ij,ij->i", vectors, vectors)
    found = squares[:, None] + squares[None, :] - 2 * (vectors @ vectors.T)
    np.fill_diagonal(found, 0)
    return np.asarray(np.sqrt(np.maximum(found, 0)), dtype=np.float32)
