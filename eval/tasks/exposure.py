"""Bias of retrieval: the attention that documents of groups get for queries that favour none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..exposing import SIDES, Audit, Dimension
from ..metrics.exposure import exposure
from ..metrics.ranking import DEPTH
from ..metrics.statistic import Columns, Floats, Metric, Statistic, mean
from ..ranking import Ranker
from ..subjects import Subject
from ..task import Ask, Json, Task


def _gap(one: str, other: str) -> Statistic:
    def statistic(weights: Floats, columns: Mapping[str, Floats]) -> Floats:
        return mean(one)(weights, columns) - mean(other)(weights, columns)

    return statistic


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A query to the résumés of one rotation."""

    rotation: int
    occupation: str
    text: str
    groups: Mapping[Dimension, Mapping[str, str]]
    """Dimension to the résumés of the occupation to their group."""

    @property
    def id(self) -> str:
        """Occupation and rotation."""
        return f"{self.occupation}, {self.rotation}"

    @property
    def group(self) -> str:
        """None: over single occupations the versions do not cancel out."""
        return ""

    @property
    def source(self) -> str:
        """The occupation."""
        return self.occupation


@dataclass(frozen=True, slots=True)
class AuditSet:
    """All rotations."""

    audits: tuple[Audit, ...]

    def sample(self, queries: int | None, seed: int = 0) -> AuditSet:
        """All of it: with fewer rotations or occupations the gaps would not be those of the names."""
        return self


class ExposureTask(Task[AuditSet, AuditQuery]):
    """Do résumés that differ in a first name get the same attention? Exposure: Singh and Joachims, KDD 2018."""

    name = "exposure"
    metrics = tuple(
        Metric(
            f"{one} less {other}",
            "difference of the mean exposure; 0 is parity",
            _gap(one, other),
            (one, other),
            "neither",
        )
        for one, other in SIDES.values()
    )

    def records(self, data: AuditSet) -> Sequence[AuditQuery]:
        """Every query to every rotation."""
        return [
            AuditQuery(
                rotation,
                query,
                text,
                {d: {name: audit.groups[name][d] for name in audit.judged.qrels[query]} for d in SIDES},
            )
            for rotation, audit in enumerate(data.audits)
            for query, text in audit.judged.queries.items()
        ]

    def context(self, data: AuditSet) -> Json:
        """The résumés."""
        return [audit.judged.fingerprint() for audit in data.audits]

    def asked(self, record: AuditQuery) -> Json:
        """The query and the rotation."""
        return [record.rotation, record.text]

    def shown(self, record: AuditQuery) -> Json:
        """The query."""
        return {"question": record.text}

    @contextmanager
    def open(self, data: AuditSet, subject: Subject) -> Iterator[Ask[AuditQuery]]:
        """Let the subject search the résumés."""
        if subject.rankings is None:
            raise subject.cannot("ranks no documents", "Evaluate the engine, or leave this suite out")
        with ExitStack() as stack:
            rankers: list[Ranker] = [
                stack.enter_context(subject.rankings.over(one.judged.name, one.judged.corpus)) for one in data.audits
            ]
            yield lambda records: [list(rankers[one.rotation](one.text))[:DEPTH] for one in records]

    def values(self, record: AuditQuery, output: Json) -> Columns:
        """The mean exposure of each group's résumés, of those of the occupation."""
        found: dict[str, float | None] = {}
        for groups in record.groups.values():
            found |= exposure([name for name in output if name in groups], groups)
        return found
