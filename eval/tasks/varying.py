"""Questions asked in several ways: does the way change whether the answer is right?"""

from __future__ import annotations

from collections.abc import Sequence

from ..metrics import statistic
from ..readers.questions import Question
from ..readers.varied import VariedSet
from ..stats import Estimate
from ..task import Row
from .answering import ANSWERS, AnsweringTask

_RIGHT = ANSWERS[0]


class VaryingTask(AnsweringTask):
    """As `AnsweringTask`, and how much less is right in each way than in the first, question by question."""

    name = "answering"  # the same questions have the same outputs

    def records(self, data: VariedSet) -> Sequence[Question]:  # type: ignore[override]
        """Every question in every way."""
        return data.questions

    def measure(self, rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
        """See `AnsweringTask.measure`; `right: WAY less FIRST` are paired differences."""
        ways: dict[str, dict[str, Row]] = {}
        for row in rows:
            ways.setdefault(row.group, {})[row.source] = row
        first, *others = ways
        found = super().measure(rows, seed)
        for way in others:
            shared = [source for source in ways[way] if source in ways[first]]
            values = [[ways[name][source].values for source in shared] for name in (way, first)]
            compared = statistic.compare(values[0], values[1], shared, [_RIGHT], seed)[_RIGHT.name]
            found[f"right: {way} less {first}"] = compared.mean
        return found
