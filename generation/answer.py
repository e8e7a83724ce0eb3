"""From a question to its answer: retrieve, pack, generate, cite, check."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..retrieval.library import Library
from ..retrieval.records import Dropped, Hit, Search
from ..retrieval.retriever import Mode, Retriever
from ..retrieval.widening import Widening, widen
from .abstention import SURE, Signals, answerable, retrieval_signals
from .citations import Citation, CitedText, Sentence
from .context import Asking, PackedContext, pack
from .conversation import Turn, carried, standalone
from .grounding import whole_support
from .grounding.claims import declines
from .prompts import PromptIdentity, Prompts
from .reasoning import AnswerPart
from .sampling import Sampling
from .trimming import Economy

if TYPE_CHECKING:
    from ..retrieval.filters import Filter
    from .chat_model import ChatModel

NO_ANSWER = "The documents do not answer this question."
NO_DOCUMENT = "No document matches the filter."
REFUSAL = "i don't know"
"""What the prompt tells the model to write; held back while it may be becoming that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, what it rests on, and how far it can be trusted."""

    question: str
    query: str
    """The question as it was searched for: a follow-up, made to stand alone."""
    text: str
    abstained: bool
    confidence: float
    """That the passages hold the answer, 0..1."""
    signals: Signals
    """What the confidence rests on."""
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    """What was found, best first; the model was given those that fit and earn it, and citation n is the hit of rank n.
    """
    dropped: tuple[Dropped, ...]
    """The candidates that came nearest to being hits, and why they are not."""
    model: str
    prompts: tuple[PromptIdentity, ...]
    """What the model was asked with: the prompt for the answer, the one for whether the passages hold it, examples."""
    reasoning: str
    """What the model wrote before its answer; empty unless the prompt asks for it."""
    timings_ms: dict[str, float]
    """`retrieve`, `first_token` (from the question; the whole time when no token was made) and `total`."""
    tokens: dict[str, int]
    """`prompt` and `completion`."""

    @property
    def support(self) -> float | None:
        """The support of the whole by the passages, 0..1; None when nothing could be scored."""
        return whole_support([sentence.support for sentence in self.sentences])


@dataclass(frozen=True, slots=True)
class Event:
    """A step on the way to an answer: `hits` once, `token` many times, `answer` at last."""

    kind: Literal["hits", "token", "answer"]
    text: str = ""
    """Of a `token`."""
    hits: tuple[Hit, ...] = ()
    answer: Answer | None = None


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    question: str
    started: float
    query: str = ""
    trace: Search = field(default_factory=lambda: Search("", {}, [], []))
    hits: list[Hit] = field(default_factory=list)
    signals: Signals = field(default_factory=Signals)
    packed: PackedContext = field(default_factory=lambda: PackedContext((), [], [], 0))
    part: AnswerPart = field(default_factory=lambda: AnswerPart(""))
    cited: CitedText = field(default_factory=lambda: CitedText("", ()))
    refusal: str = NO_ANSWER
    """What an abstention says."""
    completion_tokens: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict)

    def mark(self, step: str) -> None:
        """Note the time since the question, at the first call for a step."""
        self.timings_ms.setdefault(step, round((time.perf_counter() - self.started) * 1000, 1))


@dataclass(slots=True)
class Answerer:
    """Answers questions over one library.

    Args:
        library: The documents.
        retriever: Searches them.
        model: Writes the answers.
        sampling: How its tokens are drawn.
        hits: The most passages given to the model.
        mode: How they are searched for.
        widening: How far they reach beyond the chunks that were found.
        min_confidence: The least probability, 0..1, that the passages hold the answer at which one is given.
        asking: The prompts.
        economy: What of the hits enters the context; the terms come with each search.
    """

    library: Library
    retriever: Retriever
    model: ChatModel
    sampling: Sampling = field(default_factory=Sampling)
    hits: int = 4
    mode: Mode = "hybrid"
    widening: Widening = "none"
    min_confidence: float = 0.5
    asking: Asking = field(default_factory=lambda: Asking.of(Prompts()))
    economy: Economy = field(default_factory=Economy)

    def stream(self, question: str, history: Sequence[Turn] = (), where: Filter | None = None) -> Iterator[Event]:
        """Answer a question from the documents that a filter keeps; the last event carries the whole answer.

        Closing the iterator stops the generation. The `token` events, joined, are the answer's text with its checked
        citations, unless the last event says that it abstained: then the words before are withdrawn.
        """
        draft = _Draft(question, time.perf_counter())
        draft.query = standalone(question, history).query
        self._search(draft, history, where)
        if where is not None and not draft.hits and not len(self.library.document_ids(where)):
            draft.refusal = NO_DOCUMENT
        draft.mark("retrieve")
        draft.signals = retrieval_signals(draft.query, draft.hits)
        yield Event("hits", hits=tuple(draft.hits))
        if draft.hits and self._may_answer(draft):
            self._read(draft)
            if self._may_answer(draft):
                yield from self._write(draft)
        yield Event("answer", answer=self._finish(draft))

    def ask(self, question: str, history: Sequence[Turn] = (), where: Filter | None = None) -> Answer:
        """Answer a question from the documents that a filter keeps."""
        *_, last = self.stream(question, history, where)
        assert last.answer is not None
        return last.answer

    def _search(self, draft: _Draft, history: Sequence[Turn], where: Filter | None) -> None:
        """Find the passages; what the last answer cited stays a candidate while the question leans on it."""
        also = carried(draft.question, history)
        draft.trace = self.retriever.trace(draft.query, self.hits, self.mode, where, also)
        draft.hits = widen(self.library, draft.trace.hits, self.widening)

    def _may_answer(self, draft: _Draft) -> bool:
        return answerable(draft.signals) >= self.min_confidence

    def _read(self, draft: _Draft) -> None:
        """Let the model read the passages, and say whether they hold the answer."""
        room = self.model.context_tokens - self.sampling.max_tokens
        economy = replace(self.economy, terms=draft.trace.terms)
        draft.packed = pack(draft.query, draft.hits, self.model.count, room, self.asking, economy)
        holds = self.model.log_odds(draft.packed.holds_prompt, ("yes", "Yes"), ("no", "No"))
        if holds is not None:
            draft.signals = replace(draft.signals, holds=min(holds, SURE))

    def _write(self, draft: _Draft) -> Iterator[Event]:
        """Let the model answer."""
        draft.part = AnswerPart(self.asking.answer.answer_after)
        draft.cited = CitedText(draft.query, draft.packed.passages)
        completion = self.model.generate(draft.packed.prompt, self.sampling)
        held = ""
        for piece in completion:
            draft.mark("first_token")
            held += draft.cited.feed(draft.part.feed(piece))
            if held and not REFUSAL.startswith(draft.part.text.strip().lower()[: len(REFUSAL)]):
                yield Event("token", text=held)
                held = ""
        held += draft.cited.feed(draft.part.finish()) + draft.cited.finish()
        if held and not declines(draft.part.text):
            yield Event("token", text=held)
        draft.completion_tokens = completion.completion_tokens
        support = whole_support([sentence.support for sentence in draft.cited.sentences])
        draft.signals = replace(draft.signals, support=1.0 if support is None else support)

    def _finish(self, draft: _Draft) -> Answer:
        """Decide whether what the model wrote stands."""
        abstained = not draft.cited.text or declines(draft.part.text) or not self._may_answer(draft)
        refusal = (Sentence(draft.refusal, (), None, "unscored"),)
        draft.mark("first_token")
        draft.mark("total")
        return Answer(
            question=draft.question,
            query=draft.query,
            text=draft.refusal if abstained else draft.cited.text,
            abstained=abstained,
            confidence=answerable(draft.signals),
            signals=draft.signals,
            sentences=refusal if abstained else tuple(draft.cited.sentences),
            citations=() if abstained else draft.cited.citations(self.library),
            hits=tuple(draft.hits),
            dropped=tuple(draft.trace.dropped),
            model=self.model.name,
            prompts=self.asking.identities,
            reasoning=draft.part.reasoning,
            timings_ms=draft.timings_ms,
            tokens={"prompt": draft.packed.tokens, "completion": draft.completion_tokens},
        )
