"""Judging a judge: does it say of answers what people say of them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..judging import ASPECTS, CLASSIFYING, RANKING, JudgedItem, judge_grounded, judge_pairs
from ..metrics.statistic import Columns, Floats, Metric, Statistic
from ..readers.grounding import GroundedAnswer
from ..readers.ragchecker import AnswerPair
from ..subjects import Subject
from ..task import Ask, Json, Task

_OF_ANSWERS = ("score", "verdict", "label")


def _both_annotators(statistic: Statistic, aspect: str) -> Statistic:
    """Over the labels of both, the score of a pair beside each."""

    def both(weights: Floats, columns: Mapping[str, Floats]) -> Floats:
        score = np.tile(columns[aspect], 2)
        label = np.concatenate([columns[f"{aspect}, annotator {n}"] for n in (1, 2)])
        return statistic(np.tile(weights, 2), {"score": score, "label": label})

    return both


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """What people have judged: answers as grounded or not, or which of two answers they prefer."""

    name: str
    items: tuple[GroundedAnswer | AnswerPair, ...]

    def sample(self, items: int | None, seed: int = 0) -> JudgedSet:
        """At most so many: of answers as many grounded as not, where there are enough."""
        from ..judging import stratified
        from ..readers.grounding import GroundedSet
        from ..readers.items import stratified as drawn

        answers = tuple(one for one in self.items if isinstance(one, GroundedAnswer))
        if answers:
            return JudgedSet(self.name, tuple(stratified(GroundedSet(self.name, answers), items, seed)))
        if items is None or items >= len(self.items):
            return self
        places = drawn([one.group for one in self.items], items, seed)
        return JudgedSet(self.name, tuple(self.items[place] for place in places))


class JudgingTask(Task[JudgedSet, GroundedAnswer | AnswerPair]):
    """Does the judge agree with people? Of preferences it is the correlation, as RAGChecker reports it."""

    name = "judging"
    metrics = (
        *(Metric(name, "see eval/metrics/agreement.py", of, _OF_ANSWERS) for name, of in CLASSIFYING.items()),
        *(
            Metric(
                f"{name} {aspect}",
                "with the preferences of both annotators; Ru et al., NeurIPS 2024",
                _both_annotators(of, aspect),
                (aspect, *(f"{aspect}, annotator {n}" for n in (1, 2))),
            )
            for aspect in ASPECTS
            for name, of in RANKING.items()
        ),
    )

    def identity(self, subject: Subject) -> Json:
        """The judge's."""
        return None if subject.judge is None else dict(subject.judge.identity)

    def records(self, data: JudgedSet) -> Sequence[GroundedAnswer | AnswerPair]:
        """What people have judged."""
        return data.items

    def asked(self, record: GroundedAnswer | AnswerPair) -> Json:
        """What is judged."""
        if isinstance(record, GroundedAnswer):
            return [record.answer, record.passages, record.alternatives, record.question]
        return [record.question, record.reference, record.first, record.second]

    def shown(self, record: GroundedAnswer | AnswerPair) -> Json:
        """What is judged, and what people say."""
        if isinstance(record, GroundedAnswer):
            return {"question": record.question, "answer": record.answer, "grounded": record.grounded}
        human = {aspect: list(labels) for aspect, labels in record.human.items()}
        return {"question": record.question, "references": [record.reference], "human": human}

    @contextmanager
    def open(self, data: JudgedSet, subject: Subject) -> Iterator[Ask[GroundedAnswer | AnswerPair]]:
        """Let the judge judge."""
        judge = subject.judge
        if judge is None:
            raise subject.cannot("is no judge", "Name one with --judge")

        def ask(records: Sequence[GroundedAnswer | AnswerPair]) -> list[Json]:
            found: list[Json] = []
            for record in records:
                if isinstance(record, GroundedAnswer):
                    found.append(_plain(next(judge_grounded([record], judge))))
                else:
                    found.append({one.aspect: _plain(one) for one in judge_pairs([record], judge)})
            return found

        yield ask

    def values(self, record: GroundedAnswer | AnswerPair, output: Json) -> Columns:
        """The judge's score and verdict beside the people's."""
        if isinstance(record, GroundedAnswer):
            verdict = output["verdict"]
            return {
                "score": output["score"],
                "verdict": None if verdict is None else float(verdict),
                "label": float(bool(record.grounded)),
            }
        found: dict[str, float | None] = {aspect: output[aspect]["score"] for aspect in ASPECTS}
        for aspect in ASPECTS:
            labels = record.human[aspect]
            found |= {f"{aspect}, annotator {n}": float(label) for n, label in enumerate(labels, 1)}
        return found


def _plain(item: JudgedItem) -> dict[str, Any]:
    return {"score": item.score, "verdict": item.verdict, "reason": item.reason}
