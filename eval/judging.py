"""Judging the judges: each is run over what people judged, and its agreement with them is measured."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .judges import Case, Judge, Judgement
from .readers.grounding import GroundedAnswer, GroundedSet
from .readers.ragchecker import ASPECTS, AnswerPair

OnItem = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """What a judge said of an item, and what people say of it."""

    id: str
    source: str
    """Items of one source depend on each other."""
    label: float
    """What people say: 1 for grounded and 0 for not, or a preference from -2 to 2."""
    score: float | None
    """The judge's, higher where it thinks better of it; None when unscored."""
    verdict: bool | None
    """Whether the judge calls it grounded; None when unscored, or where there is nothing to decide."""
    seconds: float
    aspect: str = ""
    """Of a preference."""
    reason: str = ""
    """Why it is unscored."""


def stratified(data: GroundedSet, answers: int | None, seed: int = 0) -> list[GroundedAnswer]:
    """At most so many answers that people judged, as many grounded as not where there are enough, in their order; fewer
    are a part of more of the same seed."""
    strata = [[one for one in data.answers if one.grounded is label] for label in (True, False)]
    total = sum(map(len, strata))
    if answers is None or answers >= total:
        return [one for one in data.answers if one.grounded is not None]
    fewer = min(len(strata[0]), len(strata[1]), answers // 2)
    draws, larger = random.Random(seed), len(strata[0]) < len(strata[1])
    sizes = (fewer, answers - fewer) if larger else (answers - fewer, fewer)
    ids = {
        one.id
        for stratum, size in zip(strata, sizes, strict=True)
        for one in draws.sample(stratum, len(stratum))[:size]
    }
    return [one for one in data.answers if one.id in ids]


def judge_grounded(
    answers: Sequence[GroundedAnswer], judge: Judge, on_item: OnItem = lambda *_: None
) -> Iterator[JudgedItem]:
    """What a judge says of answers that people found grounded or not, one by one.

    Where several lists of passages are each enough, the best counts.

    Args:
        answers: The answers; all have a label.
        judge: Decides by the score that it names.
        on_item: Told how many are done, of how many.
    """
    metric, threshold = judge.decides_by
    for done, answer in enumerate(answers, 1):
        begun = time.perf_counter()
        judged = [
            judge.judge(Case(answer.answer, passages, answer.question or ""), (metric,))
            for passages in (answer.passages, *answer.alternatives)
        ]
        seconds = time.perf_counter() - begun
        best = max(judged, key=lambda one: _known(one.scores[metric]))
        score = best.scores[metric]
        yield JudgedItem(
            id=answer.id,
            source=answer.source or answer.id,
            label=float(bool(answer.grounded)),
            score=score,
            verdict=None if score is None else score >= threshold,
            seconds=seconds,
            reason=best.reasons.get(metric, ""),
        )
        on_item(done, len(answers))


def _known(score: float | None) -> float:
    return -1.0 if score is None else score


def judge_pairs(pairs: Sequence[AnswerPair], judge: Judge, on_item: OnItem = lambda *_: None) -> Iterator[JudgedItem]:
    """What a judge says of pairs of answers: for each aspect two items, one for the label of each annotator.

    Correctness is the share of the answer's claims that the reference supports, completeness the share of the
    reference's claims that the answer supports, and overall their harmonic mean; the score is that of the second answer
    less that of the first (Ru et al., RAGChecker, NeurIPS 2024).

    Args:
        pairs: The pairs.
        judge: Scores `faithfulness`.
        on_item: Told how many pairs are done, of how many.
    """
    for done, pair in enumerate(pairs, 1):
        begun = time.perf_counter()
        first, second = (_against_reference(pair, answer, judge) for answer in (pair.first, pair.second))
        seconds = time.perf_counter() - begun
        for aspect in ASPECTS:
            a, b = first.scores[aspect], second.scores[aspect]
            yield from preferences(
                pair,
                aspect,
                None if a is None or b is None else b - a,
                seconds,
                first.reasons.get(aspect) or second.reasons.get(aspect, ""),
            )
        on_item(done, len(pairs))


def preferences(
    pair: AnswerPair, aspect: str, score: float | None, seconds: float = 0.0, reason: str = ""
) -> Iterator[JudgedItem]:
    """A score of a pair beside the label of each annotator."""
    for annotator, label in enumerate(pair.human[aspect]):
        yield JudgedItem(f"{pair.id}-{annotator}", pair.id, float(label), score, None, seconds, aspect, reason)


def _against_reference(pair: AnswerPair, answer: str, judge: Judge) -> Judgement:
    metric = ("faithfulness",)
    right = judge.judge(Case(answer, (pair.reference,), pair.question), metric)
    whole = judge.judge(Case(pair.reference, (answer,), pair.question), metric)
    precision, recall = right.scores["faithfulness"], whole.scores["faithfulness"]
    overall = None
    if precision is not None and recall is not None:
        overall = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    scores = dict(zip(ASPECTS, (precision, recall, overall), strict=True))
    why = right.reasons.get("faithfulness") or whole.reasons.get("faithfulness", "")
    return Judgement(scores, {name: why for name, score in scores.items() if score is None})
