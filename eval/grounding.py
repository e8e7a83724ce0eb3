"""Evaluating anything that says how far answers are supported: run it, score it, set it beside plain controls."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..generation.grounding import Scorer, Verdict, Verification, verify
from ..generation.grounding.claims import split_sentences
from .metrics.detection import METRICS, Outcome, Sentence, compare, measure, measure_mean
from .readers.grounding import GroundedAnswer, GroundedSet
from .stats import Estimate, estimate

ALWAYS, LENGTH, GENERATOR = "always-flag", "sentence count", "generator"
"""What knows nothing of the passages: everything is unsupported; the more sentences, the more suspect; as suspect as
what else the same model wrote."""
ALL, MEAN = "all", "mean of the groups"
TIMES = ("ms a response", "ms a sentence")


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence of an answer and what the scorer said of it."""

    start: int
    end: int
    support: float | None
    verdict: Verdict
    unsupported: tuple[tuple[int, int], ...]
    """In the answer, (start, end)."""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """What a scorer said of an answer."""

    support: float | None
    flagged: bool | None
    """Whether the support is below the scorer's threshold; None when unscored."""
    sentences: tuple[JudgedSentence, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class GroundingReport:
    """What scorers and controls made of one set."""

    name: str
    judged: Mapping[str, Sequence[JudgedAnswer]]
    """By scorer, for each answer."""
    thresholds: Mapping[str, float]
    estimates: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    """Group to scorer or control to metric: first `all`, then the mean of the groups and each of them, if there are
    several, then each generator."""
    times: Mapping[str, Mapping[str, Estimate]]
    """By scorer."""
    baseline: str
    differences: Mapping[str, Mapping[str, Estimate]]
    """Scorer to metric, less the baseline's."""

    def as_json(self, answers: Sequence[GroundedAnswer], *, per_answer: bool) -> dict[str, Any]:
        """As a JSON object; what was said of every answer is large."""
        found: dict[str, Any] = {
            "thresholds": dict(self.thresholds),
            "groups": {
                group: {name: {m: asdict(e) for m, e in of.items()} for name, of in by.items()}
                for group, by in self.estimates.items()
            },
            "times": {name: {m: asdict(e) for m, e in of.items()} for name, of in self.times.items()},
            "baseline": self.baseline,
            "differences": {name: {m: asdict(e) for m, e in of.items()} for name, of in self.differences.items()},
        }
        if per_answer:
            told = ("id", "group", "generator", "source", "grounded", "spans")
            found["per_answer"] = [
                {name: getattr(answer, name) for name in told}
                | {"judged": {name: asdict(judged[place]) for name, judged in self.judged.items()}}
                for place, answer in enumerate(answers)
            ]
        return found


def judge_answers(
    answers: Sequence[GroundedAnswer], scorer: Scorer, on_answer: Callable[[int, int], None] = lambda *_: None
) -> list[JudgedAnswer]:
    """What a scorer says of each answer. The first one is judged once before the clock runs, so that models are loaded.

    Args:
        answers: The answers.
        scorer: The scorer; what its threshold is was decided before.
        on_answer: Told how many are done, of how many.
    """
    if answers:
        judge_answer(answers[0], scorer)
    judged = []
    for done, answer in enumerate(answers, 1):
        judged.append(judge_answer(answer, scorer))
        on_answer(done, len(answers))
    return judged


def judge_answer(answer: GroundedAnswer, scorer: Scorer) -> JudgedAnswer:
    """What a scorer says of an answer: of the best of its alternatives."""
    begun = time.perf_counter()
    checked = [
        verify(answer.answer, passages, answer.question, scorer) for passages in (answer.passages, *answer.alternatives)
    ]
    best = max(checked, key=lambda one: -1.0 if one.support is None else one.support)
    seconds = time.perf_counter() - begun
    flagged = None if best.support is None else best.support < scorer.threshold
    return JudgedAnswer(best.support, flagged, _placed(answer.answer, best), seconds)


def _placed(text: str, checked: Verification) -> tuple[JudgedSentence, ...]:
    """The sentences with their places in the answer."""
    placed, cursor = [], 0
    for one in checked.sentences:
        start = text.index(one.text, cursor)
        cursor = start + len(one.text)
        spans = tuple((start + a, start + b) for a, b in one.evidence.unsupported)
        placed.append(JudgedSentence(start, cursor, one.support, one.verdict, spans))
    return tuple(placed)


def evaluate(
    data: GroundedSet, judged: Mapping[str, Sequence[JudgedAnswer]], thresholds: Mapping[str, float], seed: int = 0
) -> GroundingReport:
    """Score what scorers said, and compare each with the first one.

    Args:
        data: The answers.
        judged: By scorer, for each answer.
        thresholds: By scorer.
        seed: Of the intervals.
    """
    answers = data.answers
    scored = {name: _outcomes(answers, of) for name, of in judged.items()}
    everything = scored | controls(answers)
    groups, generators = _places(answers, "group"), _places(answers, "generator")
    estimates = {ALL: {name: measure(of, seed) for name, of in everything.items()}}
    if groups:
        estimates[MEAN] = {
            name: measure_mean([[of[place] for place in places] for places in groups.values()], seed)
            for name, of in everything.items()
        }
    for group, places in (groups | generators).items():
        estimates[group] = {
            name: measure([of[place] for place in places], seed)
            for name, of in everything.items()
            if name != GENERATOR or group in groups  # within one generator there is nothing to tell apart
        }
    baseline, *others = scored
    return GroundingReport(
        name=data.name,
        judged=judged,
        thresholds=thresholds,
        estimates=estimates,
        times={name: _times(of, seed) for name, of in judged.items()},
        baseline=baseline,
        differences={name: compare(scored[name], scored[baseline], seed) for name in others},
    )


def _outcomes(answers: Sequence[GroundedAnswer], judged: Sequence[JudgedAnswer]) -> list[Outcome]:
    return [
        Outcome(
            source=answer.source,
            grounded=answer.grounded,
            marked=answer.spans,
            flagged=one.flagged,
            suspicion=None if one.support is None else -one.support,
            support=one.support,
            sentences=tuple(
                Sentence(s.start, s.end, None if s.verdict == "unscored" else s.verdict == "unsupported", s.unsupported)
                for s in one.sentences
            ),
        )
        for answer, one in zip(answers, judged, strict=True)
    ]


def controls(answers: Sequence[GroundedAnswer]) -> dict[str, list[Outcome]]:
    """What can be said of answers without looking at the passages: see `ALWAYS`, `LENGTH`, `GENERATOR`.

    Only `always-flag` decides; the others rank, and would need a threshold fitted on these very answers to do more.
    """
    found: dict[str, list[Outcome]] = {ALWAYS: [], LENGTH: [], GENERATOR: []}
    for answer, rate in zip(answers, _rates_elsewhere(answers), strict=True):
        spans = split_sentences(answer.answer)
        plain = Outcome(answer.source, answer.grounded, answer.spans, None, None, None)
        sentences = tuple(Sentence(span.start, span.end, True) for span in spans)
        always = Outcome(answer.source, answer.grounded, answer.spans, True, 0.0, None, sentences)
        found[ALWAYS].append(always)
        found[LENGTH].append(_suspected(plain, float(len(spans))))
        found[GENERATOR].append(_suspected(plain, rate))
    if not any(answer.generator for answer in answers):
        del found[GENERATOR]
    return found


def _suspected(one: Outcome, suspicion: float | None) -> Outcome:
    return Outcome(one.source, one.grounded, one.marked, None, suspicion, None)


def _rates_elsewhere(answers: Sequence[GroundedAnswer]) -> list[float | None]:
    """For each answer, the share of ungrounded ones among those that its generator wrote for the task on other
    sources."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    own: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in answers:
        if one.grounded is not None:
            for of in (counts[one.group, one.generator], own[one.group, one.generator, one.source]):
                of[0] += not one.grounded
                of[1] += 1
    rates: list[float | None] = []
    for one in answers:
        bad, n = counts[one.group, one.generator]
        own_bad, own_n = own[one.group, one.generator, one.source]
        rates.append((bad - own_bad) / (n - own_n) if n > own_n else None)
    return rates


def _places(answers: Sequence[GroundedAnswer], kind: Literal["group", "generator"]) -> dict[str, list[int]]:
    """Where the answers of each group or generator are; empty unless there are several."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(answers):
        places.setdefault(getattr(one, kind) or f"no {kind}", []).append(place)
    return places if len(places) > 1 else {}


def _times(judged: Sequence[JudgedAnswer], seed: int) -> dict[str, Estimate]:
    """Milliseconds of a response, and of a sentence of one, each response counting once."""
    responses: list[float | None] = [1000 * one.seconds for one in judged]
    sentences = [1000 * one.seconds / len(one.sentences) if one.sentences else None for one in judged]
    return dict(zip(TIMES, (estimate(responses, seed), estimate(sentences, seed)), strict=True))


def shown_metrics(by: Mapping[str, Mapping[str, Estimate]]) -> list[str]:
    """The metrics that any scorer or control has a value for."""
    return [name for name in METRICS if any(of[name].mean is not None for of in by.values())]
