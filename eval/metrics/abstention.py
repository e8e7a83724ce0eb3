"""Whether a system answers what it can, refuses what it cannot, and knows which of its answers are right.

Sources: risk and coverage: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR
2010; the area under their curve: Geifman, Uziel and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural
Classifiers", ICLR 2019. Expected calibration error, ten bins of equal width: Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017. Brier, Monthly Weather Review 1950. Intervals: bootstrap over sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..stats import Difference, Estimate, interval, resampled, resampled_p

Floats = npt.NDArray[np.float64]

OF_CONFIDENCE = ("AURC", "ECE", "Brier")
METRICS = (
    *("abstention accuracy", "wrongly refused", "wrongly answered", "refused rightly", "accuracy", "precision"),
    *OF_CONFIDENCE,
)
"""0..1. Best is 1 for `abstention accuracy`, `refused rightly`, `accuracy` and `precision`, 0 for the others.

    abstention accuracy   answered what can be answered, refused what cannot, of all questions
    wrongly refused       refused, of what can be answered
    wrongly answered      answered, of what cannot be answered
    refused rightly       could not be answered, of what was refused: the precision of refusing
    accuracy              answered right, or refused rightly, of all questions
    precision             right, of what was answered: one less the risk
    AURC                  the risk at every coverage that a threshold on the confidence gives, in the mean
    ECE, Brier            of the confidence that the answer is right, over what was answered
"""

BINS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question."""

    source: str
    """Questions of one source are drawn together."""
    answerable: bool
    answered: bool | None
    """False when the system refused; None when nothing came that could be scored."""
    right: bool | None = None
    """Whether the answer is right; None when that is not known. Of a question that cannot be answered none is."""
    confidence: float | None = None
    """0..1: the stated probability that the answer is right."""

    @property
    def correct(self) -> bool | None:
        """Whether what was answered is right; None when nothing was, or it is not known."""
        if not self.answered:
            return None
        return self.right if self.answerable else False


def measure(outcomes: Sequence[Outcome], seed: int = 0) -> dict[str, Estimate]:
    """Every metric with its 95 % interval, None where it is not defined; `n` counts the questions that it is about.

    Unscored are, of those, the ones whose outcome or confidence is not known.
    """
    table = _Table(outcomes)
    point = table.values(np.ones((1, len(outcomes))))
    blocks = [table.values(weights) for weights in resampled([one.source for one in outcomes], seed)]
    found = {}
    for name in METRICS:
        draws = np.concatenate([np.empty(0), *(block[name] for block in blocks)])
        found[name] = interval(float(point[name][0]), draws, *table.counts[name])
    return found


def compare(outcomes: Sequence[Outcome], baseline: Sequence[Outcome], seed: int = 0) -> dict[str, Difference]:
    """The metrics of the confidence, of one less that of the other, with paired resamples of the sources.

    They are over the answers of which both are known to be right or wrong, and how sure they are; what else either
    answered, or of which it is not known whether it did, is unscored.

    Args:
        outcomes: Of one.
        baseline: Of the other, of the same questions in the same order.
        seed: Of the resamples.
    """
    pairs = list(zip(outcomes, baseline, strict=True))
    both = [(a, b) for a, b in pairs if _ranked(a) and _ranked(b)]
    lost = sum(a.answered is not False or b.answered is not False for a, b in pairs) - len(both)
    tables = [_Table([pair[side] for pair in both]) for side in (0, 1)]
    sources = [a.source for a, _ in both]
    counts = len(both), lost, len(set(sources))
    points = [table.values(np.ones((1, len(both)))) for table in tables]
    blocks = [[table.values(weights) for table in tables] for weights in resampled(sources, seed)]
    found = {}
    for name in OF_CONFIDENCE:
        draws = [np.concatenate([np.empty(0), *(block[side][name] for block in blocks)]) for side in (0, 1)]
        values = [float(point[name][0]) for point in points]
        spread = interval(values[0] - values[1], draws[0] - draws[1], *counts)
        p = resampled_p(draws[0] - draws[1], counts[-1]) if spread.has_interval else None
        sides = [interval(value, of, *counts) for value, of in zip(values, draws, strict=True)] if both else []
        found[name] = Difference(spread, p, None, *sides)
    return found


def risk_coverage(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """The curve: coverage (share of all questions answered) and risk (share of these answers that are wrong).

    There is a point for each confidence, the surest first; answers of the same confidence come together. Answers of
    which it is not known whether they are right, or how sure they are, are left out.
    """
    given = sorted(
        ((one.confidence, one.correct) for one in outcomes if _ranked(one)), key=lambda pair: -(pair[0] or 0)
    )
    points, wrong = [], 0
    for n, (confidence, correct) in enumerate(given, 1):
        wrong += not correct
        if n == len(given) or given[n][0] != confidence:
            points.append((n / len(outcomes), wrong / n))
    return points


def _ranked(one: Outcome) -> bool:
    return one.confidence is not None and one.correct is not None


class _Table:
    """Numbers by question, so that a resample is a product of matrices."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        known = [one.answered is not None for one in outcomes]
        yes = [bool(one.answered) for one in outcomes]
        can = [one.answerable for one in outcomes]
        judged = [_accurate(one) is not None for one in outcomes]
        kinds = {
            "abstention accuracy": ([a == b for a, b in zip(yes, can, strict=True)], known, len(outcomes)),
            "wrongly refused": ([not one for one in yes], _both(known, can), sum(can)),
            "wrongly answered": (yes, _both(known, [not one for one in can]), len(can) - sum(can)),
            "refused rightly": ([not one for one in can], _both(known, [not one for one in yes]), None),
            "accuracy": ([bool(_accurate(one)) for one in outcomes], judged, len(outcomes)),
            "precision": (
                [bool(one.correct) for one in outcomes],
                [one.correct is not None for one in outcomes],
                sum(yes),
            ),
        }
        self._shares = {name: (_column(hit) * _column(of), _column(of)) for name, (hit, of, _) in kinds.items()}
        self._calibration = np.array([_calibration(one) for one in outcomes]).reshape(-1, BINS + 2)
        self._curve = _Curve(outcomes)
        ranked = [_ranked(one) for one in outcomes]
        about = {name: (of, whole) for name, (_, of, whole) in kinds.items()}
        about |= dict.fromkeys(OF_CONFIDENCE, (ranked, sum(yes)))
        self.counts = {
            name: (
                *(sum(of), 0 if whole is None else whole - sum(of)),
                len({one.source for one, counts in zip(outcomes, of, strict=True) if counts}),
            )
            for name, (of, whole) in about.items()
        }
        """Questions scored, questions unscored, and the sources of the scored."""

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric by resample, NaN where it is not defined.

        Args:
            weights: How often each question is drawn, of shape (resamples, questions).
        """
        *residuals, squared, stated = (weights @ self._calibration).T
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = {name: (weights @ hit) / (weights @ of) for name, (hit, of) in self._shares.items()}
            return shares | {
                "AURC": self._curve.area(weights),
                "ECE": np.abs(residuals).sum(axis=0) / stated,
                "Brier": squared / stated,
            }


class _Curve:
    """The answers that can be ranked, the surest first, those of one confidence together."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        ranked = sorted((-(one.confidence or 0.0), place) for place, one in enumerate(outcomes) if _ranked(one))
        self._order = np.array([place for _, place in ranked], dtype=np.int64)
        self._wrong = np.array([not outcomes[place].correct for _, place in ranked], dtype=np.float64)
        sureness = np.array([sure for sure, _ in ranked])
        ends = np.flatnonzero(np.r_[sureness[1:] != sureness[:-1], True]) if ranked else np.empty(0, np.int64)
        self._end = ends[np.searchsorted(ends, np.arange(len(ranked)))] if ranked else ends

    def area(self, weights: Floats) -> Floats:
        """By resample: the mean, over the answers, of the risk among those that are at least as sure."""
        if not len(self._order):
            return np.full(len(weights), np.nan)
        drawn = weights[:, self._order]
        covered, wrong = np.cumsum(drawn, axis=1)[:, self._end], np.cumsum(drawn * self._wrong, axis=1)[:, self._end]
        risks = np.divide(wrong, covered, out=np.zeros_like(wrong), where=covered > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((drawn * risks).sum(axis=1) / drawn.sum(axis=1))


def _accurate(one: Outcome) -> bool | None:
    if one.answered is None:
        return None
    return one.correct if one.answered else not one.answerable


def _calibration(one: Outcome) -> list[float]:
    """What is missing from the confidence to the truth, in the place of its bin; its square; that it counts."""
    row = [0.0] * (BINS + 2)
    if one.confidence is not None and one.correct is not None:
        missing = float(one.correct) - one.confidence
        row[min(int(one.confidence * BINS), BINS - 1)] = missing
        row[-2:] = missing**2, 1.0
    return row


def _both(first: Sequence[bool], second: Sequence[bool]) -> list[bool]:
    return [a and b for a, b in zip(first, second, strict=True)]


def _column(values: Sequence[bool]) -> Floats:
    return np.array(values, dtype=np.float64)


def bins(outcomes: Sequence[Outcome]) -> Iterator[tuple[float, float, int]]:
    """What the confidence was, and the share that was right, for each tenth of the confidence that has answers; n."""
    pairs = [(one.confidence, one.correct) for one in outcomes]
    told = [(p, float(right)) for p, right in pairs if p is not None and right is not None]
    for number in range(BINS):
        inside = [pair for pair in told if min(int(pair[0] * BINS), BINS - 1) == number]
        if inside:
            yield *(sum(column) / len(inside) for column in zip(*inside, strict=True)), len(inside)
