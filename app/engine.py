"""The engine: the one place where the parts are put together."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..generation.answer import Answer, Answerer, Event
from ..generation.context import Asking
from ..generation.conversation import Turn
from ..generation.grounding import Scorer, default_scorer
from ..generation.models import ModelStore
from ..generation.trimming import Economy
from ..retrieval.filters import Filter, Given, as_filter
from ..retrieval.library import Library
from ..retrieval.records import Document, Hit, Search
from ..retrieval.retriever import Mode, Retriever
from ..retrieval.widening import Widening, widen
from .model_settings import as_adapters, as_asking, as_gpu_layers, as_sampling
from .monitoring import Monitor
from .settings import DEFAULT_EMBEDDING_MODEL, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..generation.chat_model import ChatModel
    from ..ingest.reindexing import ReindexReport
    from ..ingest.report import IngestReport, Progress
    from ..retrieval.embedding import Embedder
    from ..retrieval.rerank import Reranker

__all__ = ["Answer", "Event", "Ragstone", "Turn"]


class Ragstone:
    """A library with everything needed to fill it and to answer from it. Safe to use from several threads.

    Models are loaded at the first call that needs them. Use it as a context manager, or call `close`.

    Example:
        with Ragstone.open("./library") as rag:
            rag.ingest("./docs")
            answer = rag.ask("What is the notice period?")
            print(answer.text, answer.support)
    """

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library = library
        self.settings = settings
        self.models = ModelStore(settings.models_dir, settings.offline)
        self._retriever = Retriever(
            library,
            self._load_embedder,
            self._load_reranker if settings.reranker else None,
            settings.rerank_depth,
            settings.diversity,
            settings.drop_copies,
            settings.index_memory_mb,
        )
        self._monitor = Monitor(library, settings.monitor, settings.monitor_days, self._load_embedder)
        self._embedder: Embedder | None = None
        self._reranker: Reranker | None = None
        self._model: ChatModel | None = None
        self._scorer: Scorer | None = None
        self._loading = threading.RLock()

    @classmethod
    def open(
        cls, library: str | Path | None = None, *, create: bool = True, settings: Settings | None = None, **flags: Any
    ) -> Ragstone:
        """Open a library.

        Args:
            library: Its folder; by default the one of the settings.
            create: Make a new library when there is none.
            settings: Instead of those of `ragstone.toml` and `RAGSTONE_*`.
            **flags: Single settings by name (`model="..."`, `hits=8`); see `docs/settings.md`.

        Raises:
            SettingsError: A setting is unknown or out of range.
            LibraryError: The library cannot be opened.
        """
        settings = settings or Settings.load({"library": library} | flags)
        return cls(Library(settings.library if library is None else Path(library), create=create), settings)

    def __enter__(self) -> Ragstone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the models and close the library."""
        with self._loading:
            if self._model is not None:
                self._model.close()
            self._model = self._embedder = self._reranker = self._scorer = None
        self.library.close()

    def ingest(
        self,
        *paths: str | Path,
        collection: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        passwords: Sequence[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Bring the library up to date with files and folders (see `ragstone.ingest.pipeline.ingest`).

        Args:
            *paths: Files and folders.
            collection: The collection that the files go to; by default known files stay where they are.
            include: Only files that one of these patterns matches (gitignore syntax); all by default.
            exclude: Not the files that one of these patterns matches.
            passwords: Tried in turn on locked files.
            on_progress: Told after every file and every batch of chunks.

        Raises:
            SourceError: A path is missing, or there is nothing to ingest.
            SettingsError: A pattern cannot be used.
            LibraryError: The library cannot be written to.
            ModelError: The embedding model cannot be used.
        """
        from ..ingest.pipeline import ingest
        from .ingesting import ingest_options

        options = ingest_options(self.settings, collection, include, exclude, passwords, self.embedding_model)
        try:
            report = ingest(self.library, paths, lambda: self._load_embedder(ingesting=True), options, on_progress)
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
            LibraryError: The library cannot be written to, or a chunk is too long for the new model.
        """
        from ..ingest.reindexing import reindex
        from .ingesting import chunk_plan

        new = None
        if embedder is not None:
            new = self._open_embedder(self.models.lasting_name(str(embedder)), self.settings.embedding_runtime)
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
        where = as_filter(filter, collection)
        return self._retriever.trace(query, k, mode or self._mode, where, min_probability=min_probability)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        collection: str | None = None,
        filter: Filter | Given | None = None,
        strict: bool | None = None,
    ) -> Answer:
        """Answer a question from the documents that a filter keeps (see `search`).

        Args:
            question: The question.
            history: The earlier turns of a chat, oldest first.
            collection: Only this collection.
            filter: Conditions.
            strict: Leave sentences out that the passages do not support; by default as the settings say.

        Raises:
            SettingsError: A condition is malformed, or asks for metadata that no document has.
            ModelError: A model cannot be used.
            GenerationError: The question is too long for the context.
        """
        *_, last = self.ask_stream(question, history, collection, filter, strict)
        assert last.answer is not None
        return last.answer

    def ask_stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        collection: str | None = None,
        filter: Filter | Given | None = None,
        strict: bool | None = None,
        settings: Settings | None = None,
    ) -> Iterator[Event]:
        """Answer a question step by step: `hits`, `token` and `sentence` ..., `answer` (see `Event`).

        Closing the iterator stops the generation. Other `settings` hold for this answer: how passages are searched and
        packed, how the model is asked and its tokens are drawn; library and models stay.
        """
        events = self._answerer(strict, settings).stream(question, history, as_filter(filter, collection))
        return self._monitor.watch(events)

    def answer_from(self, question: str, passages: Sequence[Hit]) -> Iterator[Event]:
        """Answer a question from passages that are given, in their order, step by step; the library is not searched.

        Raises:
            ModelError: A model cannot be used.
            GenerationError: The question is too long for the context.
        """
        return self._answerer(None).stream(question, given=passages)

    def documents(self, collection: str | None = None, filter: Filter | Given | None = None) -> list[Document]:
        """The documents of the library that a filter keeps (see `search`), ordered by path.

        Raises:
            SettingsError: A condition is malformed, or asks for metadata that no document has.
        """
        where, documents = as_filter(filter, collection), self.library.documents()
        kept = None if where is None else frozenset(self.library.document_ids(where).tolist())
        return documents if kept is None else [document for document in documents if document.id in kept]

    def remove(self, *document_ids: int) -> None:
        """Remove documents from the library; their files stay."""
        with self.library.locked():
            self.library.remove(document_ids)
        self._forget_prefixes()

    def load_model(self) -> ChatModel:
        """The chat model, loaded at the first call: that behind the server of the settings, else one on this machine.

        Raises:
            ModelError: It is not on this machine or cannot be loaded; or its server cannot be reached or lacks it.
            OfflineError: Its server is not on this machine, and the network is not to be used.
        """
        with self._loading:
            if self._model is None:
                self._model = self._open_remote() if self.settings.server else self._open_llama()
            return self._model

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """The unit vector (dimension,) of a text, as a query that is searched for.

        Raises:
            ModelError: The embedding model cannot be used.
        """
        return self._load_embedder().embed_query(text)

    @property
    def offload(self) -> tuple[int, int] | None:
        """How many layers of the chat model are on a GPU, of how many; None when none is loaded on this machine."""
        told = getattr(self._model, "offload", None)
        return None if told is None else (told.layers, told.total)

    def _open_llama(self) -> ChatModel:
        from ..generation.llama import LlamaModel, PrefixCache

        s = self.settings
        return LlamaModel(
            self.models.path(s.model),
            context_tokens=s.context_tokens,
            gpu_layers=as_gpu_layers(s.gpu_layers),
            threads=s.threads,
            parallel=s.parallel,
            kv_type=s.kv_type,  # type: ignore[arg-type]  # these are checked by Settings
            flash_attention=s.flash_attention,  # type: ignore[arg-type]
            rope=s.rope,  # type: ignore[arg-type]
            prefix_cache=PrefixCache(self._prefixes, s.prefix_cache_mb),
            prompt_lookup=s.prompt_lookup,
            timeout_s=s.answer_seconds or math.inf,
            adapters=as_adapters(s.adapters),
        )

    @property
    def _prefixes(self) -> Path:
        return self.library.folder / "prefixes"

    def _forget_prefixes(self) -> None:
        """What was read of documents that are gone must not stay."""
        if self._model is not None:
            self._model.forget()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._prefixes)

    def _open_remote(self) -> ChatModel:
        from ..generation.remote import RemoteModel

        s = self.settings
        return RemoteModel(
            s.server, s.model, context_tokens=s.context_tokens, timeout=s.server_timeout, offline=s.offline
        )

    @property
    def embedding_model(self) -> str:
        """The embedding model in use: a name, or an absolute folder.

        It is the setting's, else that of the library's vectors, else the one for new libraries.
        """
        if self.settings.embedding_model:
            return self.models.lasting_name(self.settings.embedding_model)
        known = self.library.embedder
        return known.name if known else DEFAULT_EMBEDDING_MODEL

    @property
    def _mode(self) -> Mode:
        return self.settings.search_mode  # type: ignore[return-value]  # checked by Settings

    @property
    def _widening(self) -> Widening:
        return self.settings.widen  # type: ignore[return-value]  # checked by Settings

    def _answerer(self, strict: bool | None, settings: Settings | None = None) -> Answerer:
        s = settings or self.settings  # what is wrong with a prompt is told before a model is loaded
        asking = self._asking if settings is None else as_asking(settings)
        return Answerer(
            self.library,
            self._retriever,
            self.load_model(),
            as_sampling(s),
            s.hits,
            s.search_mode,  # type: ignore[arg-type]  # these are checked by Settings
            s.widen,  # type: ignore[arg-type]
            s.min_confidence,
            asking,
            Economy(s.context_share, s.context_trim, guarded=s.instructions == "cut"),
            self._load_scorer,
            s.strict if strict is None else strict,
        )

    @cached_property
    def _asking(self) -> Asking:
        return as_asking(self.settings)

    def _load_embedder(self, *, ingesting: bool = False) -> Embedder:
        runtime = self.settings.embedding_runtime
        if runtime == "auto" and not ingesting:
            runtime = "openvino"  # one query gains less on a GPU than loading torch costs
        with self._loading:
            name = self.embedding_model  # it changes when the library is reindexed
            if self._embedder is None or self._embedder.identity.source != name:
                self._embedder = self._open_embedder(name, runtime)
            return self._embedder

    def _open_embedder(self, name: str, runtime: str) -> Embedder:
        from ..retrieval.embedding import load_embedder

        cache, threads = self.settings.models_dir / "exported", self.settings.threads
        return load_embedder(self.models.path(name), cache, runtime=runtime, threads=threads, source=name)

    def _load_scorer(self) -> Scorer:
        with self._loading:
            if self._scorer is None:
                self._scorer = default_scorer()
            return self._scorer

    def _load_reranker(self) -> Reranker:
        from ..retrieval.rerank import Reranker

        with self._loading:
            if self._reranker is None:
                self._reranker = Reranker(self.models.path(self.settings.reranker))
            return self._reranker
