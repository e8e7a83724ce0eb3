"""What a suite asks of whatever is evaluated, and what the outputs are worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from .judges import Case
from .metrics import statistic
from .metrics.statistic import Better, Columns, Metric
from .stats import Difference, Estimate
from .subjects import Subject

Json = Any
"""What JSON can say."""


class Record(Protocol):
    """One item of a data set, whatever else it holds."""

    @property
    def id(self) -> str:
        """Unique in its set."""

    @property
    def group(self) -> str:
        """The category, language or domain that it is also reported under; empty for none."""

    @property
    def source(self) -> str:
        """What it shares with the items that depend on it: intervals are drawn over sources. Empty for itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """An item of a run: what came out, and what it is worth."""

    id: str
    group: str
    source: str
    shown: Json
    """What was asked and what would be right, for people."""
    output: Json
    """None where there is none."""
    values: Columns
    judged: Mapping[str, Columns] = field(default_factory=dict)
    """By judge."""
    times: Columns = field(default_factory=dict)
    """What the output took when it was made: milliseconds, tokens, joules."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a value is unscored, by its name."""
    error: str = ""
    """Why there is no output."""
    seconds: float | None = None
    """That the output took when it was made."""
    cached: bool = False
    """Whether the output is from an earlier run."""


D = TypeVar("D", contravariant=True)
R = TypeVar("R", bound=Record)

Ask = Callable[[Sequence[R]], Sequence[Json]]
"""Records to their outputs, in order."""


class Task(ABC, Generic[D, R]):
    """A kind of question. Inherit from it; see `docs/evaluation.md`."""

    name: str
    version: int = 1
    """Of what is asked: raise it when outputs of before no longer count."""
    block: int = 1
    """Records that are asked together."""
    metrics: tuple[Metric, ...]

    @abstractmethod
    def records(self, data: D) -> Sequence[R]:
        """The items of a set."""

    def identity(self, subject: Subject) -> Json:
        """All that the outputs depend on of the subject."""
        return subject.identity

    def context(self, data: D) -> Json:
        """What the outputs of a set depend on besides its items, such as the corpus that is searched."""
        return None

    @abstractmethod
    def asked(self, record: R) -> Json:
        """What of an item its output depends on."""

    @abstractmethod
    def shown(self, record: R) -> Json:
        """What was asked and what would be right, for people."""

    @abstractmethod
    def open(self, data: D, subject: Subject) -> AbstractContextManager[Ask[R]]:
        """Make ready to ask.

        Raises:
            EvaluationError: The subject cannot do what is asked.
        """

    @abstractmethod
    def values(self, record: R, output: Json) -> Columns:
        """What an output is worth, by column; None is unscored."""

    def times(self, output: Json) -> Columns:
        """What an output took: milliseconds, tokens, joules. It differs from run to run."""
        return {}

    def case(self, record: R, output: Json) -> Case | None:
        """What a judge is shown; None where there is nothing to judge."""
        return None

    def measure(self, rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
        """Every metric of these rows."""
        return statistic.measure([row.values for row in rows], _sources(rows), self.metrics, seed)

    def compare(self, rows: Sequence[Row], baseline: Sequence[Row], seed: int = 0) -> dict[str, Difference]:
        """Every metric of these rows, less that of others of the same items."""
        values = [[row.values for row in of] for of in (rows, baseline)]
        return statistic.compare(values[0], values[1], _sources(rows), self.metrics, seed)

    def better(self, metric: str) -> Better:
        """Which way a figure of `measure` is better; neither for one that is none of `metrics`."""
        return next((one.better for one in self.metrics if one.name == metric), "neither")


def _sources(rows: Sequence[Row]) -> list[str]:
    return [row.source or row.id for row in rows]
