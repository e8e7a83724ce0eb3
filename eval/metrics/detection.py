"""How well unsupported answers, sentences and characters are found, and what a stated support is worth.

"Unsupported" is the positive class everywhere: a response is unsupported when people marked anything in it. What was
not judged, or of which people say nothing, is left out and counted.

Sources: precision, recall and F1 by response and by character: Niu et al., "RAGTruth", ACL 2024, section 4, and so in
Kovács and Recski, "LettuceDetect", 2025. AUROC, as the probability that an unsupported response is suspected more than
a grounded one, ties counting half: Hanley and McNeil, Radiology 1982. Expected calibration error, ten bins of equal
width: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. Brier, Monthly Weather Review 1950. Intervals:
bootstrap over sources, for responses about one document are not independent (Field and Welsh, "Bootstrapping clustered
data", JRSS B 2007).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..stats import Estimate, interval, resampled

Floats = npt.NDArray[np.float64]

METRICS = (
    *("F1", "precision", "recall", "balanced accuracy", "AUROC"),
    *("accuracy", "F1 of grounded", "F1, unscored passed", "F1, any sentence", "balanced accuracy, any sentence"),
    *("sentence F1", "span F1", "span precision", "span recall"),
    *("ECE", "Brier"),
)
"""0..1, where 1 is best but for ECE and Brier, where 0 is.

`F1, unscored passed` counts a response that could not be scored as not flagged, as its reader would; the others leave
it out. `any sentence` flags a response for one unsupported sentence instead of for its overall support."""

BINS = 10


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a response as it was judged."""

    start: int
    end: int
    flagged: bool | None
    """Whether it was called unsupported; None when unscored."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where in the response it is said to be unsupported, if it is flagged; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of a response, and what people say of it."""

    source: str
    """Responses of one source are drawn together."""
    grounded: bool | None
    """What people say; None when they say nothing."""
    marked: tuple[tuple[int, int], ...] | None
    """What people marked as unsupported, (start, end) in the response; None when they were not asked where."""
    flagged: bool | None
    """Whether it was called unsupported; None when unscored."""
    suspicion: float | None
    """Any number that is higher for what is suspected more."""
    support: float | None
    """0..1: the stated probability that it is grounded."""
    sentences: tuple[Sentence, ...] = ()


def measure(outcomes: Sequence[Outcome], seed: int = 0) -> dict[str, Estimate]:
    """Every metric with its 95 % interval; `n` counts responses, for `sentence F1` sentences.

    A metric is None where it is not defined: F1 without an unsupported response and without a flag, AUROC where all
    are grounded.
    """
    table = _Table(outcomes)
    draws = _joined(table.values(weights) for weights in resampled([one.source for one in outcomes], seed))
    point = table.values(np.ones((1, len(outcomes))))
    return {name: interval(float(point[name][0]), draws[name], *table.counts[name]) for name in METRICS}


def measure_mean(parts: Sequence[Sequence[Outcome]], seed: int = 0) -> dict[str, Estimate]:
    """Every metric's mean over parts that share no source, each counting the same; None where a part has none.

    The interval is unknown unless each part has sources enough; `sources` are those of the part that has the fewest.
    """
    tables = [_Table(part) for part in parts]
    draws = [
        _joined(table.values(weights) for weights in resampled([one.source for one in part], seed + place))
        for place, (part, table) in enumerate(zip(parts, tables, strict=True))
    ]
    points = [table.values(np.ones((1, len(part)))) for part, table in zip(parts, tables, strict=True)]
    means = {}
    for name in METRICS:
        n, unscored, sources = zip(*(table.counts[name] for table in tables), strict=True)
        value = float(np.mean([point[name][0] for point in points]))
        # A part of one source would add nothing to the spread, however many sources the others have.
        means[name] = interval(value, np.mean([of[name] for of in draws], axis=0), sum(n), sum(unscored), min(sources))
    return means


def compare(outcomes: Sequence[Outcome], baseline: Sequence[Outcome], seed: int = 0) -> dict[str, Estimate]:
    """Every metric of one less that of the other, over the responses that both scored, with paired resamples.

    Args:
        outcomes: Of one.
        baseline: Of the other, for the same responses in the same order.
        seed: Of the resamples.
    """
    both = [(a, b) for a, b in zip(outcomes, baseline, strict=True) if a.flagged is not None and b.flagged is not None]
    mine, theirs = _Table([a for a, _ in both]), _Table([b for _, b in both])
    lost = len(outcomes) - len(both)

    def differences(weights: Floats) -> dict[str, Floats]:
        a, b = mine.values(weights), theirs.values(weights)
        return {name: a[name] - b[name] for name in METRICS}

    point = differences(np.ones((1, len(both))))
    draws = _joined(differences(weights) for weights in resampled([a.source for a, _ in both], seed))
    counts = {name: (n, lost, sources) for name, (n, _, sources) in mine.counts.items()}
    return {name: interval(float(point[name][0]), draws[name], *counts[name]) for name in METRICS}


def _joined(parts: Iterable[dict[str, Floats]]) -> dict[str, Floats]:
    blocks = list(parts)
    return {name: np.concatenate([np.empty(0), *(block[name] for block in blocks)]) for name in METRICS}


class _Table:
    """Counts by response, so that a resample is a product of matrices."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._response = _matrix([_confusion(one.flagged, one.grounded) for one in outcomes], 4)
        decides = any(one.flagged is not None for one in outcomes)
        self._passed = _matrix(
            [_confusion(bool(one.flagged), one.grounded if decides else None) for one in outcomes], 4
        )
        self._any = _matrix([_confusion(_any_flagged(one), one.grounded) for one in outcomes], 4)
        self._sentence = _matrix([_sentence_confusion(one) for one in outcomes], 4)
        self._span = _matrix([_characters(one) for one in outcomes], 3)
        self._calibration = _matrix([_calibration(one) for one in outcomes], BINS + 2)
        self._ranks = _Ranks(outcomes)
        sentences = sum(len(one.sentences) for one in outcomes)
        spans = [float(one.marked is not None and _any_flagged(one) is not None) for one in outcomes]
        ranked = [float(_rankable(one)) for one in outcomes]

        def counts(of: Floats, whole: int = len(outcomes)) -> tuple[int, int, int]:
            scored = int(of.sum())
            return scored, whole - scored, len({outcomes[place].source for place in of.nonzero()[0].tolist()})

        self.counts = dict.fromkeys(METRICS, counts(self._response.sum(axis=1))) | {
            "AUROC": counts(np.array(ranked)),
            "F1, unscored passed": counts(self._passed.sum(axis=1)),
            "F1, any sentence": counts(self._any.sum(axis=1)),
            "balanced accuracy, any sentence": counts(self._any.sum(axis=1)),
            "sentence F1": counts(self._sentence.sum(axis=1), sentences),
            **dict.fromkeys(("span F1", "span precision", "span recall"), counts(np.array(spans))),
            **dict.fromkeys(("ECE", "Brier"), counts(self._calibration[:, -1])),
        }
        """Responses scored, or sentences, those unscored, and the sources of the scored."""

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric by resample, NaN where it is not defined.

        Args:
            weights: How often each response is drawn, of shape (resamples, responses).
        """
        hit, false, missed, passed = cells = (weights @ self._response).T
        any_hit, any_false, any_missed, any_passed = (weights @ self._any).T
        overlap, claimed, marked = (weights @ self._span).T
        *residuals, squared, stated = (weights @ self._calibration).T
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "F1": _f1(hit, false, missed),
                "precision": hit / (hit + false),
                "recall": hit / (hit + missed),
                "balanced accuracy": (hit / (hit + missed) + passed / (passed + false)) / 2,
                "accuracy": (hit + passed) / cells.sum(axis=0),
                "F1 of grounded": _f1(passed, missed, false),
                "AUROC": self._ranks.auroc(weights),
                "F1, unscored passed": _f1(*(weights @ self._passed).T[:3]),
                "F1, any sentence": _f1(any_hit, any_false, any_missed),
                "balanced accuracy, any sentence": (
                    any_hit / (any_hit + any_missed) + any_passed / (any_passed + any_false)
                )
                / 2,
                "sentence F1": _f1(*(weights @ self._sentence).T[:3]),
                "span F1": 2 * overlap / (claimed + marked),
                "span precision": overlap / claimed,
                "span recall": overlap / marked,
                "ECE": np.abs(residuals).sum(axis=0) / stated,
                "Brier": squared / stated,
            }


class _Ranks:
    """The responses that can be ranked, least suspected first, those of one suspicion together."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        ranked = sorted(
            (one.suspicion, place, not one.grounded) for place, one in enumerate(outcomes) if _rankable(one)
        )
        suspicions = np.array([suspicion for suspicion, _, _ in ranked])
        self._order = np.array([place for _, place, _ in ranked], dtype=np.int64)
        self._positive = np.array([positive for _, _, positive in ranked], dtype=np.float64)
        self._starts = np.flatnonzero(np.r_[True, suspicions[1:] != suspicions[:-1]]) if ranked else np.empty(0, int)

    def auroc(self, weights: Floats) -> Floats:
        """By resample; NaN where one class is missing."""
        if not len(self._order):
            return np.full(len(weights), np.nan)
        drawn = weights[:, self._order]
        positive = np.add.reduceat(drawn * self._positive, self._starts, axis=1)
        negative = np.add.reduceat(drawn * (1 - self._positive), self._starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        return np.asarray((positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1)))


def _matrix(rows: list[list[float]], width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _f1(hit: Floats, false: Floats, missed: Floats) -> Floats:
    return 2 * hit / (2 * hit + false + missed)


def _rankable(one: Outcome) -> bool:
    return one.suspicion is not None and one.grounded is not None


def _confusion(flagged: bool | None, grounded: bool | None) -> list[float]:
    """True positive, false positive, false negative, true negative."""
    known = flagged is not None and grounded is not None
    cells = ((True, False), (True, True), (False, False), (False, True))
    return [float(known and (flagged, grounded) == cell) for cell in cells]


def _any_flagged(one: Outcome) -> bool | None:
    verdicts = [sentence.flagged for sentence in one.sentences if sentence.flagged is not None]
    return any(verdicts) if verdicts else None


def _sentence_confusion(one: Outcome) -> list[float]:
    """As `_confusion`, summed over the sentences; one is unsupported when it overlaps what people marked."""
    total = [0.0] * 4
    for sentence in one.sentences if one.marked is not None else ():
        touched = any(start < sentence.end and sentence.start < end for start, end in one.marked or ())
        total = [a + b for a, b in zip(total, _confusion(sentence.flagged, not touched), strict=True)]
    return total


def _characters(one: Outcome) -> list[float]:
    """Characters that are both marked and claimed to be unsupported, claimed, and marked."""
    if one.marked is None or _any_flagged(one) is None:
        return [0.0] * 3
    claimed: set[int] = set()
    for sentence in one.sentences:
        if sentence.flagged:
            claimed.update(*(range(*span) for span in sentence.spans or ((sentence.start, sentence.end),)))
    marked = set[int]().union(*(range(*span) for span in one.marked))
    return [float(len(claimed & marked)), float(len(claimed)), float(len(marked))]


def _calibration(one: Outcome) -> list[float]:
    """What is missing from the support to the truth, in the place of the support's bin; its square; that it counts."""
    row = [0.0] * (BINS + 2)
    if one.support is not None and one.grounded is not None:
        missing = float(one.grounded) - one.support
        row[min(int(one.support * BINS), BINS - 1)] = missing
        row[-2:] = missing**2, 1.0
    return row
