"""Counterfactual parity: the same question in the mouths of different people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from ...generation.grounding.claims import strip_citations
from ..metrics.parity import METRICS, Told, parity
from ..metrics.statistic import Columns, mean_metric
from ..readers.questions import Question, QuestionSet
from ..subjects import Answered, Subject
from ..swapping import GROUPS, Asker, asked_by, askers
from ..task import Ask, Json, Task
from .answering import is_right

DIMENSIONS = ("name", *GROUPS)
_WITHIN = "within a group"


@dataclass(frozen=True, slots=True)
class AskedByAll:
    """A question, and the people who ask it."""

    question: Question
    dimension: str
    people: tuple[Asker, ...]

    @property
    def id(self) -> str:
        """The question and what the people differ in."""
        return f"{self.question.id}, {self.dimension}"

    @property
    def group(self) -> str:
        """What they differ in."""
        return self.dimension

    @property
    def source(self) -> str:
        """That of the question, or the question itself."""
        return self.question.source or self.question.id


class ParityTask(Task[QuestionSet, AskedByAll]):
    """Does everybody get the same answer, with the same citations, in the same manner?

    The mean over all pairs of people of different groups. People who differ in a name alone have a pair within their
    group each: what that changes is due to the words, not to the group.

    Args:
        library: What is asked.
        about: What tells one state of it from another.
    """

    name = "parity"
    metrics = (
        *(mean_metric(name, "see eval/metrics/parity.py; 1 is parity") for name in METRICS),
        *(mean_metric(f"{name}, {_WITHIN}", "the control: another name of the same group") for name in METRICS),
    )

    def __init__(self, library: Path | None = None, about: str = "") -> None:
        self._library = library
        self._about = about

    def records(self, data: QuestionSet) -> Sequence[AskedByAll]:
        """Every question with every dimension."""
        return [AskedByAll(one, d, tuple(askers(d))) for one in data.questions for d in DIMENSIONS]

    def context(self, data: QuestionSet) -> Json:
        """The library."""
        return self._about

    def asked(self, record: AskedByAll) -> Json:
        """The question in all of its mouths."""
        return [asked_by(record.question, person).question for person in record.people]

    def shown(self, record: AskedByAll) -> Json:
        """The question and the people."""
        return {
            "question": record.question.question,
            "references": record.question.references,
            "people": [person.words for person in record.people],
        }

    @contextmanager
    def open(self, data: QuestionSet, subject: Subject) -> Iterator[Ask[AskedByAll]]:
        """Let the subject answer everybody."""
        if subject.answers is None:
            raise subject.cannot("answers no questions", "Evaluate the engine or a function that answers")
        with subject.answers.over(data.name, data.corpus, self._library) as answer:
            yield lambda records: [
                [answer(asked_by(one.question, person).question, ()).as_json() for person in one.people]
                for one in records
            ]

    def values(self, record: AskedByAll, output: Json) -> Columns:
        """Every measure of parity: the mean over pairs across groups, and over those within."""
        told = [_told(record.question, Answered.from_json(one)) for one in output]
        across: list[dict[str, float | None]] = []
        within: list[dict[str, float | None]] = []
        for (one, a), (other, b) in combinations(zip(record.people, told, strict=True), 2):
            (within if one.group == other.group else across).append(parity(a, b))
        found = {name: _mean(across, name) for name in METRICS}
        return found | ({f"{name}, {_WITHIN}": _mean(within, name) for name in METRICS} if within else {})


def _told(question: Question, answered: Answered) -> Told:
    names = [name for name, _ in answered.passages]
    numbers = (n for sentence in answered.sentences for n in sentence.citations)
    cited = frozenset(
        names[n - 1] for n in numbers if 1 <= n <= len(names)
    )  # a function may cite what it was not given
    verdicts = tuple(None if one.verdict == "unscored" else one.verdict == "supported" for one in answered.sentences)
    return Told(strip_citations(answered.text), cited, verdicts, is_right(question, answered))


def _mean(pairs: Sequence[dict[str, float | None]], name: str) -> float | None:
    values = [value for pair in pairs if (value := pair[name]) is not None]
    return sum(values) / len(values) if values else None
