"""Questions asked in several ways: does the way change whether the answer is right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..metrics import statistic
from ..metrics.statistic import Better, Columns, mean_metric
from ..readers.questions import Question
from ..readers.varied import VariedSet
from ..stats import Difference, Estimate
from ..task import Row
from .answering import ANSWERS, AnsweringTask

_RIGHT = ANSWERS[0]
_PAIRED = f"{_RIGHT.name}: "


class VaryingTask(AnsweringTask):
    """As `AnsweringTask`, and how much less is right in each way than in the first, question by question."""

    name = "answering"  # the same questions have the same outputs

    def records(self, data: VariedSet) -> Sequence[Question]:  # type: ignore[override]
        """Every question in every way."""
        return data.questions

    def measure(self, rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
        """See `AnsweringTask.measure`; `right: WAY less FIRST` are paired differences."""
        found = super().measure(rows, seed)
        for name, (way, first) in _pairs(_by_way(rows)).items():
            shared = [question for question in way if question in first]
            values = [[of[question].values for question in shared] for of in (way, first)]
            found[name] = statistic.compare(values[0], values[1], shared, [_RIGHT], seed)[_RIGHT.name].mean
        return found

    def compare(self, rows: Sequence[Row], baseline: Sequence[Row], seed: int = 0) -> dict[str, Difference]:
        """See `AnsweringTask.compare`; of paired differences the differences, question by question."""
        found = super().compare(rows, baseline, seed)
        mine, theirs = (_pairs(_by_way(of)) for of in (rows, baseline))
        for name in mine:
            moved = [_moved(name, *pairs[name]) for pairs in (mine, theirs)]
            values = [[of[question] for question in moved[0]] for of in moved]
            metric = mean_metric(name, "", better=self.better(name))
            found[name] = statistic.compare(values[0], values[1], list(moved[0]), [metric], seed)[name]
        return found

    def better(self, metric: str) -> Better:
        """See `Task.better`; more that is right in another way is better."""
        return "more" if metric.startswith(_PAIRED) else super().better(metric)


def _by_way(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """Way to question to row; the first way is that of the first row."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row.group, {})[row.source] = row
    return found


def _pairs(ways: Mapping[str, Mapping[str, Row]]) -> dict[str, tuple[Mapping[str, Row], Mapping[str, Row]]]:
    """By the name of the figure, each other way and the first."""
    first = next(iter(ways), "")
    return {f"{_PAIRED}{way} less {first}": (ways[way], ways[first]) for way in ways if way != first}


def _moved(name: str, way: Mapping[str, Row], first: Mapping[str, Row]) -> dict[str, Columns]:
    """By question, how much more is right in a way than in the first; None where either is unscored."""
    found: dict[str, Columns] = {}
    for question in way:
        if question in first:
            a, b = (of[question].values.get(_RIGHT.name) for of in (way, first))
            found[question] = {name: None if a is None or b is None else a - b}
    return found
