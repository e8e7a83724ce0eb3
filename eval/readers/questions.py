"""Questions, the answers they should get, and the documents that these stand in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from .corpus import CorpusDocument, JudgedCorpus
from .items import stratified

Parts = tuple[tuple[str, ...], ...]
"""What an answer has to name, each in any of these wordings."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and all that its data tells of it."""

    id: str
    question: str
    references: tuple[str, ...] = ()
    """Right answers, of which one is enough. Empty when there is none, or none is known."""
    answerable: bool = True
    """Whether the documents answer it."""
    relevant: tuple[str, ...] = ()
    """Ids of the documents that hold the answer."""
    passages: tuple[CorpusDocument, ...] = ()
    """Those given with the question itself, in this order; empty when all documents are to be searched."""
    group: str = ""
    """The kind it belongs to: a language, a type of answer, a task."""
    source: str = ""
    """What it shares with questions that depend on it: the article, the paper, the report."""
    parts: Parts = ()
    """Where an answer has to name several things: these. Otherwise empty."""
    scale: str = ""
    """What the reference counts in (`thousand`, `million`, `billion`, `percent`), where the data says so apart."""
    misleading: tuple[str, ...] = ()
    """Wrong answers that the passages state, or that a model made up."""
    language: str = "en"
    """Of the references: ISO 639-1."""

    @property
    def gold(self) -> tuple[str, ...]:
        """What the answer's text is compared with: the references, or `""` where to say nothing is right.

        Source: the SQuAD 2.0 evaluation script.
        """
        return self.references if self.answerable else ("",)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions with unique ids, and the documents to be searched for their answers."""

    name: str
    questions: tuple[Question, ...]
    corpus: tuple[CorpusDocument, ...] = ()
    """Empty where the questions are about a library of the user's own; `relevant` are then paths in it."""

    def sample(self, questions: int | None, seed: int = 0) -> QuestionSet:
        """The same documents with at most so many of the questions, in their old order.

        They are drawn at random from each group, of those that can be answered and those that cannot, in proportion.
        """
        if questions is None or questions >= len(self.questions):
            return self
        drawn = stratified([(one.group, one.answerable) for one in self.questions], questions, seed)
        return replace(self, questions=tuple(self.questions[place] for place in drawn))

    def fingerprint(self) -> str:
        """SHA-256 of the questions and the documents."""
        digest = hashlib.sha256()
        for row in (*map(asdict, self.questions), *map(asdict, self.corpus)):
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def judged(self) -> JudgedCorpus:
        """The set read as retrieval: those questions that documents hold the answer of are the queries."""
        asked = [one for one in self.questions if one.answerable and one.relevant]
        return JudgedCorpus(
            self.name,
            self.corpus,
            {one.id: one.question for one in asked},
            {one.id: dict.fromkeys(one.relevant, 1) for one in asked},
            sources={one.id: one.source for one in asked},
        )


class Pool:
    """Documents as they come, each once.

    A document's id is the beginning of the SHA-256 of its title and text: it stays when others come or go, and a
    passage that stands twice in the data is one document.
    """

    def __init__(self) -> None:
        self._documents: dict[str, CorpusDocument] = {}

    def add(self, title: str, text: str, *, markdown: bool = False) -> CorpusDocument:
        """Add a document, if it is not there yet; the document."""
        name = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:12]
        document = CorpusDocument(name, title, text, "text/markdown" if markdown else "text/plain")
        return self._documents.setdefault(name, document)

    def remove(self, names: Iterable[str]) -> None:
        """Take documents out."""
        for name in names:
            self._documents.pop(name)

    def documents(self) -> tuple[CorpusDocument, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._documents.values())


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts without repetitions and without those that say nothing."""
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
