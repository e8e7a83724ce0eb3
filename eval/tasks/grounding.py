"""Grounding: answers that people have judged, judged again by a scorer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ..grounding import JudgedAnswer, judge_answer
from ..metrics import detection
from ..metrics.detection import METRICS, Outcome, Sentence
from ..metrics.statistic import Better, Columns, Metric, mean
from ..readers.grounding import GroundedAnswer, GroundedSet
from ..stats import Difference, Estimate
from ..subjects import Subject
from ..task import Ask, Json, Row, Task

_LESS: Mapping[str, Better] = {"ECE": "less", "Brier": "less"}


class GroundingTask(Task[GroundedSet, GroundedAnswer]):
    """Is it found which answers the passages do not carry? The subject's scorer judges; see `metrics.detection`."""

    name = "grounding"
    metrics = tuple(
        Metric(name, "see eval/metrics/detection.py", mean("flagged"), ("flagged",), _LESS.get(name, "more"))
        for name in METRICS
    )

    def records(self, data: GroundedSet) -> Sequence[GroundedAnswer]:
        """The answers."""
        return data.answers

    def asked(self, record: GroundedAnswer) -> Json:
        """What is judged."""
        return [record.answer, record.passages, record.alternatives, record.question]

    def shown(self, record: GroundedAnswer) -> Json:
        """The answer, its passages and what people say."""
        return {
            "question": record.question,
            "answer": record.answer,
            "passages": [record.passages, *record.alternatives],
            "grounded": record.grounded,
            "spans": record.spans,
        }

    @contextmanager
    def open(self, data: GroundedSet, subject: Subject) -> Iterator[Ask[GroundedAnswer]]:
        """Let the subject's scorer judge."""
        scorer = subject.scorer
        if scorer is None:
            raise subject.cannot("judges no answers", "Evaluate the engine, or leave this suite out")
        yield lambda records: [_plain(judge_answer(record, scorer)) for record in records]

    def values(self, record: GroundedAnswer, output: Json) -> Columns:
        """Whether it is flagged, and what was said of its support."""
        flagged = output["flagged"]
        return {"flagged": None if flagged is None else float(flagged), "support": output["support"]}

    def measure(self, rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
        """See `metrics.detection.measure`."""
        return detection.measure([_outcome(row) for row in rows], seed)

    def compare(self, rows: Sequence[Row], baseline: Sequence[Row], seed: int = 0) -> dict[str, Difference]:
        """See `metrics.detection.compare`; there is no test besides the interval."""
        mine, theirs = ([_outcome(row) for row in of] for of in (rows, baseline))
        found = detection.compare(mine, theirs, seed)
        both = [(a, b) for a, b in zip(mine, theirs, strict=True) if a.flagged is not None and b.flagged is not None]
        sides = [detection.measure([pair[side] for pair in both], seed) for side in (0, 1)] if both else []
        return {name: Difference(spread, None, None, *(of[name] for of in sides)) for name, spread in found.items()}


def _plain(judged: JudgedAnswer) -> dict[str, Any]:
    found = asdict(judged)
    del found["seconds"]
    return found


def _outcome(row: Row) -> Outcome:
    output, shown = row.output or {"flagged": None, "support": None, "sentences": []}, row.shown
    return Outcome(
        source=row.source or row.id,
        grounded=shown["grounded"],
        marked=None if shown["spans"] is None else tuple((start, end) for start, end in shown["spans"]),
        flagged=output["flagged"],
        suspicion=None if output["support"] is None else -output["support"],
        support=output["support"],
        sentences=tuple(
            Sentence(
                one["start"],
                one["end"],
                None if one["verdict"] == "unscored" else one["verdict"] == "unsupported",
                tuple((start, end) for start, end in one["unsupported"]),
            )
            for one in output["sentences"]
        ),
    )
