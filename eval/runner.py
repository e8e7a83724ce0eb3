"""Running suites: ask, keep, score, judge, sum up. One item that fails does not end a run."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic

from ..errors import DataError, EvaluationError, LibraryError, ModelError, RagstoneError
from .cache import OutputCache, content_key
from .judges import Judge
from .runs import RunFolder
from .subjects import Subject
from .suites import DataSet, Suite
from .task import Ask, D, R, Row, Task

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

_ENDS_RUN = (DataError, EvaluationError, LibraryError, ModelError)
"""What is wrong with everything, not with one item."""


@dataclass(frozen=True, slots=True)
class Unit(Generic[D, R]):
    """One set of one suite, ready to be run."""

    name: str
    suite: Suite[Any]
    of: DataSet[Any]
    data: D
    """Sampled."""
    task: Task[D, R]

    def identity(self) -> dict[str, Any]:
        """As the manifest has it; the hash is that of the items and their order."""
        digest = hashlib.sha256(content_key(self.task.context(self.data)).encode())
        for record in self.task.records(self.data):
            digest.update(content_key(record.id, self.task.asked(record), self.task.shown(record)).encode())
        return {
            "name": self.name,
            "suite": self.suite.name,
            "items": len(self.task.records(self.data)),
            "sha256": digest.hexdigest(),
            "task": {"name": self.task.name, "version": self.task.version},
            "licence": self.of.licence,
            "citation": self.of.citation,
        }


def run_unit(
    unit: Unit[D, R],
    subject: Subject,
    judges: Sequence[Judge],
    folder: RunFolder,
    cache: OutputCache,
    tell: Tell = lambda *_: None,
) -> list[Row]:
    """Run what of a set is not done yet, or failed, and return all of its rows in the order of the data.

    Args:
        unit: The set.
        subject: What is evaluated.
        judges: Judge the answers, where there are answers.
        folder: Begun; rows are written to it as they are done.
        cache: Outputs of before.
        tell: Told of the progress.

    Raises:
        EvaluationError: The subject cannot do what is asked, or a judge is broken.
        ModelError: A model cannot be used at all.
        LibraryError: A library cannot be written to.
    """
    records = unit.task.records(unit.data)
    done = {row.id: row for row in folder.mend(unit.name) if not row.error}  # what failed may go well another time
    left = [record for record in records if record.id not in done]
    if left:
        about = content_key(
            unit.task.name, unit.task.version, unit.task.context(unit.data), unit.task.identity(subject)
        )
        with unit.task.open(unit.data, subject) as ask:
            for start in range(0, len(left), unit.task.block):
                block = left[start : start + unit.task.block]
                asked = _asked(unit.task, block, ask, about, cache)
                rows = [_judged(unit.task, record, row, judges, cache) for record, row in asked]
                folder.add(unit.name, rows)
                done |= {row.id: row for row in rows}
                tell(unit.name, len(done), len(records))
    return [done[record.id] for record in records]


def _asked(
    task: Task[D, R], block: Sequence[R], ask: Ask[R], about: str, cache: OutputCache
) -> Iterator[tuple[R, Row]]:
    """Each record and its row, without judgements."""
    keys = [content_key(about, task.asked(record)) for record in block]
    known = [cache.get(key) for key in keys]
    missing = [record for record, found in zip(block, known, strict=True) if found is None]
    made = _outputs(missing, ask)
    for record, key, found in zip(block, keys, known, strict=True):
        if found is not None:
            yield record, _row(task, record, *found, cached=True)
            continue
        output, seconds, error = next(made)
        if error:
            yield record, replace(_row(task, record, None, seconds), error=error)
        else:
            row = _row(task, record, output, seconds)
            cache.put(key, output, seconds)  # only what can be scored
            yield record, row


def _outputs(records: Sequence[R], ask: Ask[R]) -> Iterator[tuple[Any, float, str]]:
    """Output, seconds and error of each; where a block fails, its records are asked one by one."""
    begun = time.perf_counter()
    try:
        outputs = ask(records)
        seconds = (time.perf_counter() - begun) / len(records)
        yield from ((output, seconds, "") for output in outputs)
    except _ENDS_RUN:
        raise
    except RagstoneError as error:
        if len(records) == 1:
            yield None, time.perf_counter() - begun, str(error)
        else:
            for record in records:
                yield from _outputs([record], ask)


def _row(task: Task[D, R], record: R, output: Any, seconds: float | None, *, cached: bool = False) -> Row:
    values = {} if output is None else dict(task.values(record, output))
    # Such as the likelihood of what a model holds for impossible: no mean can be taken of it.
    infinite = [name for name, value in values.items() if value is not None and not math.isfinite(value)]
    if output is None:  # unknown is not zero, and it counts as unscored
        values = dict.fromkeys(column for metric in task.metrics for column in metric.columns)
    return Row(
        id=record.id,
        group=record.group,
        source=record.source,
        shown=task.shown(record),
        output=output,
        values=values | dict.fromkeys(infinite),
        reasons=dict.fromkeys(infinite, "it is infinite or no number"),
        times={} if output is None else task.times(output),
        seconds=None if seconds is None else round(seconds, 6),
        cached=cached,
    )


def _judged(task: Task[D, R], record: R, row: Row, judges: Sequence[Judge], cache: OutputCache) -> Row:
    case = task.case(record, row.output) if row.output is not None else None
    if case is None or not judges:
        return row
    judged: dict[str, Mapping[str, float | None]] = {}
    reasons = dict(row.reasons)
    for judge in judges:
        key = content_key("judge", judge.identity, asdict(case))
        found = cache.get(key)
        if found is None:
            begun = time.perf_counter()
            judgement = judge.judge(case)
            kept: Any = {"scores": dict(judgement.scores), "reasons": dict(judgement.reasons)}
            if not kept["reasons"]:  # what failed may go well another time
                cache.put(key, kept, time.perf_counter() - begun)
        else:
            kept = found[0]
        judged[judge.name] = kept["scores"]
        reasons |= {f"{judge.name}: {name}": why for name, why in kept["reasons"].items()}
    return replace(row, judged=judged, reasons=reasons)
