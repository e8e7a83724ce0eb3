"""The engine as what is evaluated, and anything else that answers."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import EvaluationError, GenerationError, RagstoneError
from ..eval.ranking import Ranker
from ..eval.readers.corpus import CorpusDocument, JudgedCorpus
from ..eval.subjects import Answered, AnsweredSentence, AnswerQuestion, FindChunks, LogLikelihoods, Subject
from ..generation.answer import Answer, Event
from ..generation.energy import Meter
from ..generation.grounding import default_scorer, verify
from ..generation.grounding.claims import cited_numbers
from ..retrieval.records import Chunk, Hit
from ..retrieval.retriever import Mode
from .engine import Ragstone
from .evaluating import Tell, corpus_library, document_ranker, hits_for
from .identity import engine_identity, search_identity
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.llama import ModelPool

log = logging.getLogger(__name__)


def engine_subject(
    settings: Settings, work: Path, tell: Tell = lambda *_: None, pool: ModelPool | None = None
) -> Subject:
    """Ragstone with these settings.

    Args:
        settings: As for any other use.
        work: Where libraries of corpora are kept for the next run.
        tell: Told of the progress of ingesting a corpus.
        pool: Holds the chat model from one corpus to the next; by default it is loaded for each.

    Raises:
        ModelNotFoundError: The chat model is not on this machine.
    """
    engine = _Engine(replace(settings, prefix_cache_mb=0, monitor="off"), work, tell, pool)
    name = f"{settings.model} by {settings.server}" if settings.server else settings.model
    return Subject(
        name,
        engine_identity(settings),
        answers=engine,
        likelihoods=None if settings.server else _Likelihoods(engine),
        rankings=_Rankings(engine),
        scorer=default_scorer(),
    )


class _Engine:
    """Answers from corpora, each in a library of its own, or from given passages."""

    def __init__(self, settings: Settings, work: Path, tell: Tell, pool: ModelPool | None = None) -> None:
        self.settings = settings
        self._work = work
        self._tell = tell
        self._pool = pool

    @contextmanager
    def over(
        self, name: str, corpus: Sequence[CorpusDocument], library: Path | None = None
    ) -> Iterator[AnswerQuestion]:
        """See `Answers.over`."""
        with self.opened(name, corpus, library) as rag:
            yield partial(_answered, rag)

    @contextmanager
    def opened(self, name: str, corpus: Sequence[CorpusDocument], library: Path | None = None) -> Iterator[Ragstone]:
        """The engine over a corpus."""
        if self._pool is not None:
            self._pool.forget()  # how long answers take is not to depend on what was asked before
        with ExitStack() as stack:
            if library is None and corpus:
                made = JudgedCorpus(name, tuple(corpus), {}, {})
                library = corpus_library(made, self._work, self.settings, self._tell)
            empty = library is None
            folder = library or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            opened = Ragstone.open(folder, create=empty, settings=self.settings, pool=self._pool)
            yield stack.enter_context(opened)


class _Likelihoods:
    """How likely the chat model of this machine finds texts."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    @contextmanager
    def open(self) -> Iterator[LogLikelihoods]:
        """See `Likelihoods.open`."""
        with self._engine.opened("", ()) as rag, rag.held_model() as model:
            yield model.log_likelihoods


class _Rankings:
    """Ranks documents by the search mode of the settings."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    @contextmanager
    def over(self, name: str, corpus: Sequence[CorpusDocument]) -> Iterator[Ranker]:
        """See `Rankings.over`."""
        with self._engine.opened(name, corpus) as rag:
            yield document_ranker(rag, self._mode, hits_for(*rag.library.counts()))

    @contextmanager
    def chunks_over(self, name: str, corpus: Sequence[CorpusDocument]) -> Iterator[FindChunks]:
        """See `Rankings.chunks_over`."""
        with self._engine.opened(name, corpus) as rag:
            yield partial(_found, rag, self._mode)

    @property
    def _mode(self) -> Mode:
        return self._engine.settings.search_mode  # type: ignore[return-value]  # checked by Settings


def _found(rag: Ragstone, mode: Mode, query: str, k: int) -> list[tuple[str, int, int]]:
    chunks = [hit.chunk for hit in rag.search(query, k, mode)]
    return [(chunk.document, chunk.char_start, chunk.char_end) for chunk in chunks]


def _answered(rag: Ragstone, question: str, passages: Sequence[CorpusDocument]) -> Answered:
    stop = Meter(gpu=False).start()
    events = rag.answer_from(question, _as_hits(passages)) if passages else rag.ask_stream(question)
    return _from_events(events, stop)


def _from_events(events: Iterator[Event], stop: Callable[[], Any]) -> Answered:
    draft, answer = [], None
    for event in events:
        draft.append(event.text if event.kind == "token" else "")
        answer = event.answer or answer
    assert answer is not None
    return _plain(answer, "".join(draft), stop().joules)


def _plain(answer: Answer, draft: str, joules: float | None) -> Answered:
    place = {n: number for number, n in enumerate(answer.given, 1)}
    by_number = {hit.rank: hit for hit in answer.hits}
    return Answered(
        text="" if answer.abstained else answer.text,
        abstained=answer.abstained,
        passages=tuple((by_number[n].chunk.document, by_number[n].chunk.passage) for n in answer.given),
        ranked=tuple(dict.fromkeys(hit.chunk.document for hit in answer.hits)),
        sentences=()
        if answer.abstained
        else tuple(
            AnsweredSentence(s.text, s.verdict, s.support, tuple(place[n] for n in s.citations))
            for s in answer.sentences
        ),
        confidence=answer.support,
        draft=draft,
        timings_ms=answer.timings_ms,
        joules=joules,
        tokens=answer.tokens,
    )


def _as_hits(passages: Sequence[CorpusDocument]) -> list[Hit]:
    return [
        Hit(
            rank=n,
            score=0.0,
            chunk=Chunk(
                id=-n,
                document_id=-n,
                document=passage.id,
                title=passage.title,
                ordinal=0,
                char_start=0,
                char_end=len(passage.text),
                text=passage.text,
                tokens=0,
            ),
        )
        for n, passage in enumerate(passages, 1)
    ]


def callable_subject(where: str, settings: Settings, work: Path, tell: Tell = lambda *_: None) -> Subject:
    """A function of the user's own that answers: `FILE.py:FUNCTION` or `MODULE:FUNCTION`.

    It is called with the question and with passages, a list of `{"document", "text"}`: those that come with the
    question, else the hits that our search finds. It returns a text, None for no answer, or `{"answer": TEXT or None,
    "passages": [...]}` to tell what it was written from.

    An exception of its own, or passages that cannot be read, fail the question at hand and no other; anything else that
    it returns ends the run.

    Raises:
        EvaluationError: It cannot be loaded.
    """
    function, source = _loaded(where)
    identity = {"kind": "python", "function": where, "source": source, **search_identity(settings)}
    engine = _Engine(settings, work, tell)
    return Subject(where, identity, answers=_Callable(function, engine, where), scorer=default_scorer())


class _Callable:
    """Answers by a function, from passages that are given or found."""

    def __init__(self, function: Callable[..., Any], engine: _Engine, where: str) -> None:
        self._function = function
        self._engine = engine
        self._where = where

    @contextmanager
    def over(
        self, name: str, corpus: Sequence[CorpusDocument], library: Path | None = None
    ) -> Iterator[AnswerQuestion]:
        """See `Answers.over`."""
        with self._engine.opened(name, corpus, library) as rag:
            yield partial(self._answer, rag)

    def _answer(self, rag: Ragstone, question: str, passages: Sequence[CorpusDocument]) -> Answered:
        given = [(one.id, one.text) for one in passages]
        if not given:
            given = [(hit.chunk.document, hit.chunk.passage) for hit in rag.search(question, rag.settings.hits)]
        said = self._called(question, given)
        if isinstance(said, dict):
            given = self._passages(said) or given
            said = said.get("answer")
        if said is not None and not isinstance(said, str):
            raise EvaluationError(
                f"{self._where} returned {type(said).__name__}", remedy="Let it return a text, None or a dictionary"
            )
        checked = verify(said or "", [text for _, text in given], question)
        return Answered(
            text=said or "",
            abstained=said is None,
            passages=tuple(given),
            ranked=tuple(dict.fromkeys(name for name, _ in given)),
            sentences=tuple(
                AnsweredSentence(one.text, one.verdict, one.support, tuple(cited_numbers(one.text)))
                for one in checked.sentences
            ),
            draft=said or "",
        )

    def _called(self, question: str, given: Sequence[tuple[str, str]]) -> Any:
        """What the function returns."""
        try:
            return self._function(question, [{"document": name, "text": text} for name, text in given])
        except RagstoneError:
            raise
        except Exception as error:  # whatever it is, it came of this one question
            log.debug("%s failed at %r", self._where, question, exc_info=True)
            inside = traceback.extract_tb(error.__traceback__)[1:]
            line = f" at line {inside[0].lineno}" if inside else ""
            raise GenerationError(
                f"{self._where} raised {type(error).__name__}{line}: {error}",
                remedy="Correct the function, or what it asks",
            ) from error

    def _passages(self, said: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Those that it says it answered from."""
        try:
            return [(str(one["document"]), str(one["text"])) for one in said.get("passages", ())]
        except (KeyError, TypeError) as error:
            raise GenerationError(
                f"{self._where} returned passages that cannot be read ({type(error).__name__}: {error})",
                remedy='Let each be {"document": ..., "text": ...}',
            ) from error


def _loaded(where: str) -> tuple[Callable[..., Any], str]:
    """The function, and the source of its module."""
    place, _, name = where.rpartition(":")
    try:
        function = getattr(_module(place), name)
        source = inspect.getsource(inspect.getmodule(function) or function) if callable(function) else ""
    except Exception as error:  # whatever it is, it is the user's own code that cannot be loaded
        log.debug("%s cannot be loaded", where, exc_info=True)
        raise EvaluationError(
            f"the function {where!r} cannot be loaded ({type(error).__name__}{_line_in(place, error)}: {error})",
            remedy="Write FILE.py:FUNCTION or MODULE:FUNCTION, and correct the file if the error is in it",
        ) from error
    if not callable(function):
        raise EvaluationError(f"{where!r} is no function", remedy="Name one that takes a question and passages")
    return function, source


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location("ragstone_evaluated", Path(place).expanduser())
    if spec is None or spec.loader is None:
        raise ImportError(place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _line_in(place: str, error: Exception) -> str:
    """The last line of the file before it failed, where one is known."""
    name, frames = Path(place).name, traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == name]
    return f" at line {lines[-1]}" if lines else ""
