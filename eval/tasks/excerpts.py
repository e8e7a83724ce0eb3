"""Chunks and their retrieval: how much of the excerpts that answer a question is found, and how much else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..metrics.excerpts import Retrieved, excerpt_scores
from ..metrics.statistic import Columns, mean_metric
from ..readers.excerpts import ExcerptQuestion, ExcerptSet
from ..subjects import Subject
from ..task import Ask, Json, Task

K = 5
"""Chunks that are looked at."""
_SOURCE = "of the first five chunks, in characters; Smith and Troynikov, Chroma 2024"


@dataclass(frozen=True, slots=True)
class AskedExcerpt:
    """A question of the set."""

    question: ExcerptQuestion
    id: str
    group: str
    """The document that answers."""

    @property
    def source(self) -> str:
        """The document, too."""
        return self.group


class ExcerptTask(Task[ExcerptSet, AskedExcerpt]):
    """Does what is retrieved hold the words that answer, and little else?"""

    name = "excerpts"
    metrics = tuple(mean_metric(name, _SOURCE) for name in ("recall", "precision", "IoU"))

    def records(self, data: ExcerptSet) -> Sequence[AskedExcerpt]:
        """The questions."""
        return [AskedExcerpt(one, f"{number:04}", one.document) for number, one in enumerate(data.questions)]

    def context(self, data: ExcerptSet) -> Json:
        """The documents."""
        return [[document.id, document.text] for document in data.corpus]

    def asked(self, record: AskedExcerpt) -> Json:
        """The question."""
        return record.question.question

    def shown(self, record: AskedExcerpt) -> Json:
        """The question, and where the answer stands."""
        return {
            "question": record.question.question,
            "document": record.question.document,
            "references": record.question.references,
        }

    @contextmanager
    def open(self, data: ExcerptSet, subject: Subject) -> Iterator[Ask[AskedExcerpt]]:
        """Let the subject search the documents."""
        if subject.rankings is None:
            raise subject.cannot("ranks no documents", "Evaluate the engine, or leave this suite out")
        with subject.rankings.chunks_over(data.name, data.corpus) as find:
            yield lambda records: [find(record.question.question, K) for record in records]

    def values(self, record: AskedExcerpt, output: Json) -> Columns:
        """Recall, precision and IoU."""
        scores = excerpt_scores(record.question, [Retrieved(*found) for found in output])
        return dict(zip(("recall", "precision", "IoU"), scores, strict=True))
