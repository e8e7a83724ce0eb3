"""The engine: the one place where the parts are put together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..generation.answer import Answer, Answerer, Event, as_turns
from ..generation.context import Asking
from ..generation.conversation import Turn
from ..generation.models import ModelStore
from ..retrieval.filters import Filter, Given, as_filter
from ..retrieval.library import Library
from ..retrieval.records import Document, Hit, Search
from ..retrieval.retriever import Mode, Retriever
from ..retrieval.widening import Widening, widen
from .adding import Adding
from .answering import answerer, holding
from .chat_models import ChatModels, held
from .encoders import Encoders, open_embedder
from .given import GivenPath, require_text, several_paths
from .model_settings import as_asking
from .monitoring import Monitor
from .removing import as_removed
from .settings import Settings, require_settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..generation.chat_model import ChatModel
    from ..generation.llama import LlamaModel, ModelPool
    from ..ingest.reindexing import ReindexReport
    from ..ingest.report import IngestReport, Progress

__all__ = ["Answer", "Event", "Ragstone", "Turn"]


class Ragstone(Adding):
    """A library with everything needed to fill it and to answer from it. Safe to use from several threads.

    Models are loaded at the first call that needs them. Use it as a context manager, or call `close`: what is called
    afterwards raises LibraryClosedError, and so does what a process calls that was forked after the library was opened.

    Example:
        with Ragstone.open("./library") as rag:
            rag.ingest("./docs")
            answer = rag.ask("What is the notice period?")
            print(answer.text, answer.support)
    """

    def __init__(self, library: Library, settings: Settings, pool: ModelPool | None = None) -> None:
        self.library = library
        self.settings = settings
        self.models = ModelStore(settings.models_dir, settings.offline)
        self._encoders = Encoders(library, settings, self.models)
        self._retriever = Retriever(
            library,
            self._encoders.embedder,
            self._encoders.reranker if settings.reranker else None,
            settings.rerank_depth,
            settings.diversity,
            settings.drop_copies,
            settings.index_memory_mb,
        )
        self._monitor = Monitor(library, settings.monitor, settings.monitor_days, self._encoders.embedder)
        self._chat_models = ChatModels(library, settings, pool)
        self._writing = threading.RLock()

    @classmethod
    def open(
        cls,
        library: str | Path | None = None,
        *,
        create: bool = True,
        settings: Settings | None = None,
        pool: ModelPool | None = None,
        **flags: Any,
    ) -> Ragstone:
        """Open a library.

        Args:
            library: Its folder; by default the one of the settings.
            create: Make a new library when there is none.
            settings: Instead of those of `ragstone.toml` and `RAGSTONE_*`.
            pool: Holds the chat model, and stays open; by default a pool of its own.
            **flags: Single settings by name (`model="..."`, `hits=8`), over all others; see `docs/settings.md`.

        Raises:
            SettingsError: A setting is unknown or out of range.
            LibraryError: The library cannot be opened.
        """
        if settings is None:
            settings = Settings.load({"library": library} | flags, given_by="Ragstone.open")
        else:
            require_settings(settings)
            given = {name: value for name, value in flags.items() if value is not None}
            settings = settings.with_values(given, "Ragstone.open")
        folder = settings.library if library is None else Settings.checked("library", library, "Ragstone.open")
        return cls(Library(folder, create=create), settings, pool)

    def __enter__(self) -> Ragstone:
        self._require_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the models and the index, and close the library; answers in progress end. Twice is harmless."""
        if not self.library.database.is_own:
            return  # it is the other process's
        self.library.close()  # from now on nothing is loaded any more
        self._chat_models.close()
        self._retriever.close()
        self._encoders.close()

    def ingest(
        self,
        *paths: GivenPath | Iterable[GivenPath],
        collection: str | None = None,
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
        passwords: str | Iterable[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Bring the library up to date with files and folders (see `ragstone.ingest.pipeline.ingest`).

        Threads of this process that write to the library wait for each other.

        Args:
            *paths: Files and folders, or lists of them.
            collection: The collection that the files go to; by default known files stay where they are.
            include: Only files that this pattern, or one of several, matches (gitignore syntax); all by default.
            exclude: Not the files that this pattern, or one of several, matches.
            passwords: One, or several that are tried in turn, on locked files.
            on_progress: Told after every file and every batch of chunks.

        Raises:
            SourceError: A path is missing, or there is nothing to ingest.
            SettingsError: A pattern or the collection's name cannot be used.
            LibraryLockedError: Another process is writing to the library.
            LibraryError: The library cannot be written to.
            ModelError: The embedding model cannot be used.
        """
        from ..ingest.pipeline import ingest
        from .ingesting import ingest_options

        with self._writer():
            options = ingest_options(self.settings, collection, include, exclude, passwords, self.embedding_model)
            load = partial(self._encoders.embedder, ingesting=True)
            try:
                report = ingest(self.library, several_paths(paths), load, options, on_progress)
            except BaseException:  # it may have been stopped when some documents had changed
                self._forget_prefixes()
                raise
            if report.updated or report.removed:
                self._forget_prefixes()
        return report

    def reindex(
        self, embedder: str | Path | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> ReindexReport:
        """Change the embedding model, or make the index and the terms anew (see `ragstone.ingest.reindexing.reindex`).

        Args:
            embedder: The new model: a name, or a sentence-transformers folder. None keeps the one that there is.
            on_progress: Told after every batch of chunks.

        Raises:
            ModelError: The new model cannot be used.
            LibraryLockedError: Another process is writing to the library.
            LibraryError: The library cannot be written to, or a chunk is too long for the new model.
        """
        from ..ingest.reindexing import reindex
        from .ingesting import chunk_plan

        with self._writer():
            new = None if embedder is None else open_embedder(self.settings, str(embedder), ingesting=True)
            return reindex(self.library, new, chunk_plan(self.settings), on_progress, self.settings.index_memory_mb)

    def search(
        self,
        query: str,
        k: int = 10,
        mode: Mode | None = None,
        collection: str | None = None,
        filter: Filter | Given | None = None,
        min_probability: float = 0.0,
    ) -> list[Hit]:
        """The k passages that answer a query best, of the documents that a filter keeps.

        Args:
            query: Natural language or key words.
            k: The most hits to return, at least 1.
            mode: `hybrid`, `dense` or `lexical`; by default the one of the settings.
            collection: Only this collection; the same as `filter={"collection": NAME}`.
            filter: Conditions, such as `{"type": "pdf"}` or `["author=Jane", "date>=2024"]`; see `docs/search.md`.
            min_probability: In a hybrid search, leave out hits that answer the query less probably, 0..1.

        Raises:
            SettingsError: A condition is malformed, or asks for metadata that no document has.
            ModelError: The embedding model cannot be used.
            EmbedderMismatchError: The library's vectors come from another embedding model.
        """
        return self.widened(self.trace(query, k, mode, collection, filter, min_probability).hits)

    def widened(self, hits: Sequence[Hit]) -> list[Hit]:
        """Hits that reach as far beyond their chunks as the setting `widen` says."""
        return widen(self.library, hits, self._widening)

    def trace(
        self,
        query: str,
        k: int = 10,
        mode: Mode | None = None,
        collection: str | None = None,
        filter: Filter | Given | None = None,
        min_probability: float = 0.0,
    ) -> Search:
        """Search as `search` does, and tell how: the terms, each hit's features, what was dropped and why."""
        self._require_open()
        require_text("query", query)
        where = as_filter(filter, collection)
        mode = cast(Mode, self.settings.search_mode) if mode is None else mode  # checked by Settings
        return self._retriever.trace(query, k, mode, where, min_probability=min_probability)

    def ask(
        self,
        question: str,
        history: Sequence[Turn | Answer] | None = None,
        collection: str | None = None,
        filter: Filter | Given | None = None,
        strict: bool | None = None,
        settings: Settings | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Answer a question from the documents that a filter keeps (see `search`).

        Args:
            question: The question.
            history: The earlier answers of a chat, or its turns, oldest first.
            collection: Only this collection.
            filter: Conditions.
            strict: Leave sentences out that the passages do not support; by default as the settings say.
            settings: Other ones for this answer (see `ask_stream`).
            stop: When another thread sets it, the answer ends before its next token, with what was written so far.

        Raises:
            SettingsError: A condition is malformed, or asks for metadata that no document has; or the history holds
                something else.
            ModelError: A model cannot be used.
            GenerationError: The question is too long for the context.
        """
        *_, last = self.ask_stream(question, history, collection, filter, strict, settings, stop)
        assert last.answer is not None
        return last.answer

    def ask_stream(
        self,
        question: str,
        history: Sequence[Turn | Answer] | None = None,
        collection: str | None = None,
        filter: Filter | Given | None = None,
        strict: bool | None = None,
        settings: Settings | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[Event, None, None]:
        """Answer a question step by step: `hits`, `token` and `sentence` ..., `answer` (see `Event`).

        Closing the iterator stops the generation; so does `stop` (see `ask`), from any thread. Other `settings` hold
        for this answer: how passages are searched and packed, which model of this machine is asked, how, and how its
        tokens are drawn; the library stays, and what searches it.
        """
        require_text("question", question)
        turns, where = as_turns(history), as_filter(filter, collection)
        answerer = self._answerer(strict, settings)
        events = answerer.stream(question, turns, where, stop=stop)
        return self._monitor.watch(holding(answerer.model, events))

    def answer_from(self, question: str, passages: Sequence[Hit]) -> Generator[Event, None, None]:
        """Answer a question from passages that are given, in their order, step by step; the library is not searched.

        Raises:
            ModelError: A model cannot be used.
            GenerationError: The question is too long for the context.
        """
        require_text("question", question)
        answerer = self._answerer(None)
        return holding(answerer.model, answerer.stream(question, given=passages))

    def documents(self, collection: str | None = None, filter: Filter | Given | None = None) -> list[Document]:
        """The documents of the library that a filter keeps (see `search`), ordered by path.

        Raises:
            SettingsError: A condition is malformed, or asks for metadata that no document has.
        """
        where, documents = as_filter(filter, collection), self.library.documents()
        kept = None if where is None else frozenset(self.library.document_ids(where).tolist())
        return documents if kept is None else [document for document in documents if document.id in kept]

    def remove(self, *documents: int | str | PathLike[str]) -> int:
        """Remove documents from the library; their files stay.

        Args:
            *documents: Ids, or paths from the current folder or as `documents` shows them; a file's is of all in it.

        Returns:
            How many were removed; those that the library does not hold are not counted.

        Raises:
            SettingsError: One is neither.
            SourceError: Several files have one of the paths; nothing is removed.
            LibraryLockedError: Another process is writing to the library.
        """
        ids, paths = as_removed(documents)
        with self._writer():
            with self.library.locked():
                removed = self.library.remove(ids, paths)
            if removed:
                self._forget_prefixes()
        return removed

    def load_model(self, settings: Settings | None = None) -> ChatModel:
        """The chat model, loaded by now: that behind the server of the settings, else one on this machine.

        Args:
            settings: Of an answer, which may name another model of this machine.

        Raises:
            ModelError: It is not on this machine or cannot be loaded; or its server cannot be reached or lacks it.
            OfflineError: Its server is not on this machine, and the network is not to be used.
        """
        return self._chat_models.load(settings)

    @contextmanager
    def held_model(self) -> Iterator[LlamaModel]:
        """The chat model of this machine itself; it stays loaded until the end. Not with a server.

        Raises:
            ModelError: It is not on this machine or cannot be loaded.
        """
        model = self.load_model()
        assert not self.settings.server, "the model is behind a server"
        with held(model) as loaded:
            yield loaded  # type: ignore[misc]  # there is no server

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """The unit vector (dimension,) of a text, as a query that is searched for.

        Raises:
            ModelError: The embedding model cannot be used.
        """
        return self._encoders.embedder().embed_query(text)

    @property
    def offload(self) -> tuple[int, int] | None:
        """How many layers of the chat model are on a GPU, of how many; None when none is loaded on this machine."""
        return self._chat_models.offload

    @contextmanager
    def _writer(self) -> Iterator[None]:
        """Let the threads that write wait for each other."""
        self._require_open()  # before a lock that may have been held when the process forked
        with self._writing:
            yield

    def _forget_prefixes(self) -> None:
        """Forget what models have read: what a document said must not outlive it."""
        self._chat_models.forget()

    def _require_open(self) -> None:
        self.library.database.require_open()

    @property
    def embedding_model(self) -> str:
        """The embedding model in use: a name, or an absolute folder (see `Encoders.embedding_model`)."""
        return self._encoders.embedding_model

    @property
    def _widening(self) -> Widening:
        return self.settings.widen  # type: ignore[return-value]  # checked by Settings

    def _answerer(self, strict: bool | None, settings: Settings | None = None) -> Answerer:
        if settings is not None:
            require_settings(settings)
        asking = self._asking if settings is None else as_asking(settings)  # what is wrong is told before loading
        parts = self.library, self._retriever, self.load_model(settings), self._encoders.scorer
        return answerer(settings or self.settings, asking, strict, *parts)

    @cached_property
    def _asking(self) -> Asking:
        return as_asking(self.settings)
