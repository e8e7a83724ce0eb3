"""Questions, each asked in several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..perturbing import PERTURBATIONS, Place, given, perturbed
from .corpus import CorpusDocument
from .questions import Question, QuestionSet

AS_IT_IS = "as it is"
PLACES: tuple[Place, ...] = ("first", "middle", "last")
DISTRACTORS = (0, 4, 9)

Vary = Callable[[QuestionSet, Question], Iterator[tuple[str, Question]]]
"""A question in its ways, each with the name of the way."""


@dataclass(frozen=True, slots=True)
class VariedSet:
    """A set whose questions are asked in several ways. A way is a group, a question a source."""

    base: QuestionSet
    vary: Vary

    @property
    def name(self) -> str:
        """Of the set."""
        return self.base.name

    @property
    def corpus(self) -> tuple[CorpusDocument, ...]:
        """What is searched for the questions that bring no passages."""
        return self.base.corpus

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question in every way."""
        return tuple(
            replace(asked, id=f"{one.id}, {way}", group=way, source=one.id)
            for one in self.base.questions
            for way, asked in self.vary(self.base, one)
        )

    def sample(self, questions: int | None, seed: int = 0) -> VariedSet:
        """At most so many of the questions, each in every way."""
        return replace(self, base=self.base.sample(questions, seed))


def by_wording(whole: QuestionSet, question: Question) -> Iterator[tuple[str, Question]]:
    """As it is, and changed by each of `PERTURBATIONS` that changes it."""
    yield AS_IT_IS, question
    for name in PERTURBATIONS:
        changed = perturbed(question, name)
        if changed.question != question.question:
            yield name, changed


def by_place(whole: QuestionSet, question: Question) -> Iterator[tuple[str, Question]]:
    """With the passage that answers first, in the middle and last of ten."""
    documents = {document.id: document for document in whole.corpus}
    for place in PLACES:
        yield f"{place} of ten", given(question, documents, DISTRACTORS[-1], place)


def by_distraction(whole: QuestionSet, question: Question) -> Iterator[tuple[str, Question]]:
    """With the passage that answers in the middle of more and more that do not."""
    documents = {document.id: document for document in whole.corpus}
    for count in DISTRACTORS:
        yield f"{count} distractors", given(question, documents, count, "middle")
