"""Retrieval: documents for a query, judged by which of them are relevant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..metrics.ranking import DEPTH, METRICS, score
from ..metrics.statistic import Columns, mean_metric
from ..readers.corpus import JudgedCorpus
from ..subjects import Subject
from ..task import Ask, Json, Task

_NAMES = ("Recall@2", *METRICS)


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and what is relevant to it."""

    id: str
    text: str
    relevant: Mapping[str, int]
    """Documents with their grades."""
    group: str = ""
    source: str = ""


class RankingTask(Task[JudgedCorpus, JudgedQuery]):
    """Does the document that answers a query come first? The subject ranks; see `metrics.ranking.score`."""

    name = "ranking"
    metrics = tuple(mean_metric(name, "see eval/metrics/ranking.py") for name in _NAMES)

    def records(self, data: JudgedCorpus) -> Sequence[JudgedQuery]:
        """The queries."""
        return [
            JudgedQuery(name, text, data.qrels[name], source=data.sources.get(name, ""))
            for name, text in data.queries.items()
        ]

    def context(self, data: JudgedCorpus) -> Json:
        """The corpus."""
        return data.fingerprint()

    def asked(self, record: JudgedQuery) -> Json:
        """The query."""
        return record.text

    def shown(self, record: JudgedQuery) -> Json:
        """The query, and the documents that are relevant."""
        return {"question": record.text, "relevant": dict(record.relevant)}

    @contextmanager
    def open(self, data: JudgedCorpus, subject: Subject) -> Iterator[Ask[JudgedQuery]]:
        """Let the subject search the corpus."""
        if subject.rankings is None:
            raise subject.cannot("ranks no documents", "Evaluate the engine, or leave this suite out")
        with subject.rankings.over(data.name, data.corpus) as ranker:
            yield lambda records: [list(ranker(record.text))[:DEPTH] for record in records]

    def values(self, record: JudgedQuery, output: Json) -> Columns:
        """Every metric, None for a query to which nothing is relevant."""
        scored = score({record.id: output}, {record.id: record.relevant}, _NAMES)
        return {name: by[record.id] for name, by in scored.items()}
