"""From a question to its answer: retrieve, pack, generate, cite, check."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..errors import SettingsError
from ..retrieval.library import Library
from ..retrieval.records import Dropped, Hit, Search
from ..retrieval.retriever import Mode, Retriever
from ..retrieval.widening import Widening, widen
from .abstention import MANY, SURE, Signals, answerable, retrieval_signals, right
from .citations import Citation, CitedText, Sentence
from .context import Asking, PackedContext, Passage, pack
from .conversation import Turn, carried, standalone
from .grounding import Scorer, default_scorer
from .grounding.claims import declines
from .messages import NO_DOCUMENT
from .prompts import PromptIdentity, Prompts
from .reasoning import AnswerPart
from .sampling import Sampling
from .trimming import Economy

if TYPE_CHECKING:
    from ..retrieval.filters import Filter
    from .chat_model import ChatModel

NO_ANSWER = "The documents do not answer this question."
STOPPED = "The answer was stopped."
"""Stands for one that was stopped before it could be given."""
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
    support: float | None
    """That the answer is right, 0..1: of answers with 0.8 about 80 % are. At most the support of the whole by the
    passages, as the verifier gives it; None when nothing could be scored."""
    sentences: tuple[Sentence, ...]
    removed: tuple[Sentence, ...]
    """What a strict answer leaves out, because no passage supports it."""
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    """What was found, best first; the model was given those that fit and earn it, and citation n is the hit of rank n.
    """
    given: tuple[int, ...]
    """The ranks of the hits that the model was given."""
    dropped: tuple[Dropped, ...]
    """The candidates that came nearest to being hits, and why they are not."""
    model: str
    prompts: tuple[PromptIdentity, ...]
    """What the model was asked with: the prompt for the answer, the one for whether the passages hold it, examples."""
    reasoning: str
    """What the model wrote before its answer; empty unless the prompt asks for it."""
    timings_ms: dict[str, float] = field(hash=False)
    """`retrieve`, `first_token` (from the question; the whole time when no token was made) and `total`."""
    tokens: dict[str, int] = field(hash=False)
    """`prompt` and `completion`."""

    @property
    def turn(self) -> Turn:
        """This answer as the history of the next question has it, with the chunks that it cited."""
        return Turn(self.query, self.text, tuple(citation.chunk_id for citation in self.citations))

    def as_json(self) -> dict[str, Any]:
        """The answer as `--json` writes it and chats keep it."""
        return {
            "question": self.question,
            "query": self.query,
            "answer": self.text,
            "abstained": self.abstained,
            "confidence": round(self.confidence, 4),
            "signals": asdict(self.signals),
            "support": self.support,
            "sentences": [asdict(sentence) for sentence in self.sentences],
            "removed": [asdict(sentence) for sentence in self.removed],
            "citations": [asdict(citation) for citation in self.citations],
            "hits": [hit.as_json() for hit in self.hits],
            "given": self.given,
            "dropped": [one.as_json() for one in self.dropped],
            "model": self.model,
            "prompts": [asdict(prompt) for prompt in self.prompts],
            "reasoning": self.reasoning,
            "timings_ms": self.timings_ms,
            "tokens": self.tokens,
        }


def as_turns(history: Iterable[Turn | Answer] | None) -> list[Turn]:
    """The turns of a chat, oldest first, of which each is given as such or as its answer; None stands for none.

    Raises:
        SettingsError: Something is neither.
    """
    if history is None:
        return []
    if not isinstance(history, Iterable):
        raise _no_turns(f"is a {type(history).__name__}")
    turns: list[Turn] = []
    for one in history:
        if not isinstance(one, (Turn, Answer)):
            raise _no_turns(f"holds a {type(one).__name__}")
        turns.append(one if isinstance(one, Turn) else one.turn)
    return turns


def _no_turns(what: str) -> SettingsError:
    return SettingsError(
        f"the history of a question {what}",
        remedy="Give a list of earlier answers of `ask`, or of `Turn(question, answer)`, oldest first",
    )


@dataclass(frozen=True, slots=True)
class Event:
    """A step on the way to an answer: `hits` once, `token` and `sentence` many times, `answer` at last.

    A `sentence` comes when it has been checked: after the tokens up to its end, and before those of the next one.
    """

    kind: Literal["hits", "token", "sentence", "answer"]
    text: str = ""
    """Of a `token`."""
    hits: tuple[Hit, ...] = ()
    sentence: Sentence | None = None
    answer: Answer | None = None


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    question: str
    started: float
    given: Sequence[Hit] | None = None
    """Passages to answer from instead of searching."""
    query: str = ""
    trace: Search = field(default_factory=lambda: Search("", {}, [], []))
    hits: list[Hit] = field(default_factory=list)
    signals: Signals = field(default_factory=Signals)
    packed: PackedContext = field(default_factory=lambda: PackedContext((), [], [], 0))
    part: AnswerPart = field(default_factory=lambda: AnswerPart(""))
    cited: CitedText | None = None
    """None when the model was not asked."""
    refusal: str = NO_ANSWER
    """What an abstention says."""
    stop: threading.Event | None = None
    completion_tokens: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict)

    def mark(self, step: str) -> None:
        """Note the time since the question, at the first call for a step."""
        self.timings_ms.setdefault(step, round((time.perf_counter() - self.started) * 1000, 1))

    def stopped(self) -> bool:
        """Whether it is to end with what there is."""
        if self.stop is None or not self.stop.is_set():
            return False
        self.refusal = STOPPED
        return True


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
        load_scorer: Gives what judges whether passages support a sentence; called when there is something to judge.
        strict: Leave out sentences that are not supported (see `CitedText`); where nothing is left, do not answer.
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
    load_scorer: Callable[[], Scorer] = default_scorer
    strict: bool = False

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        given: Sequence[Hit] | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[Event, None, None]:
        """Answer a question from the documents that a filter keeps, or from passages that are given, in their order;
        the last event carries the whole answer. What is given need not be in the library, and is not cited from it.

        Closing the iterator stops the generation; so does `stop` when it is set, before the next token: then the answer
        is made of what was written. The `token` events, joined, are the answer's text with its checked
        citations, unless the last event says that it abstained: then the words before are withdrawn.
        """
        draft = _Draft(question, time.perf_counter(), given, stop=stop)
        draft.query = standalone(question, history).query
        self._search(draft, history, where)
        if where is not None and not draft.hits and not len(self.library.document_ids(where)):
            draft.refusal = NO_DOCUMENT
        draft.mark("retrieve")
        searched = MANY if draft.given is not None else draft.trace.searched
        draft.signals = retrieval_signals(draft.query, draft.hits, searched)
        yield Event("hits", hits=tuple(draft.hits))
        if draft.hits and self._may_answer(draft) and not draft.stopped():
            self._read(draft)
            if draft.packed.passages and self._may_answer(draft) and not draft.stopped():
                yield from self._write(draft)
        yield Event("answer", answer=self._finish(draft))

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        given: Sequence[Hit] | None = None,
    ) -> Answer:
        """Answer a question as `stream` does."""
        *_, last = self.stream(question, history, where, given)
        assert last.answer is not None
        return last.answer

    def _search(self, draft: _Draft, history: Sequence[Turn], where: Filter | None) -> None:
        """Find the passages; what the last answer cited stays a candidate while the question leans on it."""
        if draft.given is not None:
            draft.hits = list(draft.given)
            return
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

    def _write(self, draft: _Draft) -> Generator[Event, None, None]:
        """Let the model answer."""
        draft.part = AnswerPart(self.asking.answer.answer_after)
        beside = [Passage(n, hit, None, self.economy.guarded) for n, hit in enumerate(draft.hits, 1)]
        draft.cited = cited = CitedText(draft.query, draft.packed.passages, self.load_scorer(), self.strict, beside)
        completion = self.model.generate(draft.packed.prompt, self.sampling)
        told = _Told(cited)
        for piece in completion:
            if draft.stopped():
                break
            draft.mark("first_token")
            told.held += cited.feed(draft.part.feed(piece))
            if not REFUSAL.startswith(_beginning(draft.part.text)):
                yield from told.events()
        told.held += cited.feed(draft.part.finish()) + cited.finish()
        if not declines(draft.part.text):
            yield from told.events()
        draft.completion_tokens = completion.completion_tokens
        draft.signals = replace(draft.signals, support=cited.carried)

    def _finish(self, draft: _Draft) -> Answer:
        """Decide whether what the model wrote stands."""
        cited = draft.cited
        stands = cited is not None and cited.states_something and not declines(draft.part.text)
        given = cited if stands and self._may_answer(draft) else None
        refusal = (Sentence(draft.refusal, (), None, "unscored"),)
        draft.mark("first_token")
        draft.mark("total")
        return Answer(
            question=draft.question,
            query=draft.query,
            text=draft.refusal if given is None else given.text,
            abstained=given is None,
            confidence=(confidence := answerable(draft.signals)),
            signals=draft.signals,
            support=None if given is None or given.support is None else min(given.support, right(confidence)),
            sentences=refusal if given is None else tuple(given.sentences),
            removed=() if cited is None else tuple(cited.removed),
            citations=() if given is None or draft.given is not None else given.citations(self.library),
            hits=tuple(draft.hits),
            given=tuple(passage.n for passage in draft.packed.passages),
            dropped=tuple(draft.trace.dropped),
            model=self.model.name,
            prompts=self.asking.identities,
            reasoning=draft.part.reasoning,
            timings_ms=draft.timings_ms,
            tokens={"prompt": draft.packed.tokens, "completion": draft.completion_tokens},
        )


@dataclass(slots=True)
class _Told:
    """What a stream has told of a text, and what it holds back."""

    cited: CitedText
    held: str = ""
    at: int = 0
    """How many characters were told."""
    sentences: int = 0

    def events(self) -> Generator[Event, None, None]:
        """Tell what is held: words up to the end of a sentence, that sentence, and so on."""
        held, self.held = self.held, ""
        for sentence in self.cited.sentences[self.sentences :]:
            words, held = held[: max(sentence.end - self.at, 0)], held[max(sentence.end - self.at, 0) :]
            if words:
                yield Event("token", text=words)
            self.at += len(words)
            self.sentences += 1
            yield Event("sentence", sentence=sentence)
        if held:
            yield Event("token", text=held)
        self.at += len(held)


def _beginning(text: str) -> str:
    """As much of an answer as a refusal is long."""
    return text[: 4 * len(REFUSAL)].strip().lower()[: len(REFUSAL)]
