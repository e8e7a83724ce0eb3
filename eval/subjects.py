"""What is evaluated: anything that answers, ranks or tells how likely a text is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..errors import EvaluationError
from .readers.corpus import CorpusDocument

if TYPE_CHECKING:
    from ..generation.grounding import Scorer
    from ..generation.llama import LogLikelihood
    from .judges import Judge
    from .ranking import Ranker


@dataclass(frozen=True, slots=True)
class AnsweredSentence:
    """A sentence of an answer as its writer checked it."""

    text: str
    verdict: Literal["supported", "unsupported", "unscored"]
    support: float | None
    citations: tuple[int, ...]
    """Numbers of the passages, from 1."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question."""

    text: str
    """Empty where there is no answer."""
    abstained: bool
    passages: tuple[tuple[str, str], ...] = ()
    """What the answer was written from, best first: the document's id and the text."""
    ranked: tuple[str, ...] = ()
    """Ids of the documents that were found, best first."""
    sentences: tuple[AnsweredSentence, ...] = ()
    confidence: float | None = None
    """That the answer is right, 0..1; None where nothing tells."""
    draft: str = ""
    """What was written before it was decided not to answer."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    joules: float | None = None
    """That the machine took meanwhile; None where it does not tell."""
    tokens: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Answered:
        """The inverse of `as_json`. Outputs of before `confidence` meant that an answer is right have none."""
        if "support" in row:
            row = {key: value for key, value in row.items() if key != "support"} | {"confidence": None}
        sentences = tuple(AnsweredSentence(**{**one, "citations": tuple(one["citations"])}) for one in row["sentences"])
        passages = tuple((name, text) for name, text in row["passages"])
        return cls(**{**row, "sentences": sentences, "passages": passages, "ranked": tuple(row["ranked"])})


AnswerQuestion = Callable[[str, Sequence[CorpusDocument]], Answered]
"""A question, and the passages to answer from; without passages, the corpus is searched."""


class Answers(Protocol):
    """Answers questions."""

    def over(
        self, name: str, corpus: Sequence[CorpusDocument], library: Path | None = None
    ) -> AbstractContextManager[AnswerQuestion]:
        """Make ready to answer from a corpus.

        Args:
            name: Of the corpus.
            corpus: The documents; none where every question brings its passages.
            library: A library to answer from instead of a corpus.
        """


FindChunks = Callable[[str, int], Sequence[tuple[str, int, int]]]
"""A query and a number, to so many chunks at most, best first: the document's id, and where in its text."""


LogLikelihoods = Callable[[Sequence[tuple[str, str]]], "Sequence[LogLikelihood]"]
"""Contexts and their continuations, to how likely these are."""


class Likelihoods(Protocol):
    """Tells how likely texts are."""

    def open(self) -> AbstractContextManager[LogLikelihoods]:
        """Make ready to tell."""


class Rankings(Protocol):
    """Ranks documents."""

    def over(self, name: str, corpus: Sequence[CorpusDocument]) -> AbstractContextManager[Ranker]:
        """Make ready to rank the documents of a corpus."""

    def chunks_over(self, name: str, corpus: Sequence[CorpusDocument]) -> AbstractContextManager[FindChunks]:
        """Make ready to find chunks of a corpus."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated, and what it can do."""

    name: str
    identity: Mapping[str, Any]
    """All that its outputs depend on, as JSON: weights, prompts, settings, code."""
    answers: Answers | None = None
    likelihoods: Likelihoods | None = None
    rankings: Rankings | None = None
    scorer: Scorer | None = None
    judge: Judge | None = None

    def cannot(self, what: str, remedy: str) -> EvaluationError:
        """The error of a subject that is asked for what it cannot do."""
        return EvaluationError(f"{self.name} {what}", remedy=remedy)
