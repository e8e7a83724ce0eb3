"""The small models that search and check, each loaded at its first use."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..generation.grounding import Scorer, default_scorer
from ..generation.models import ModelStore
from ..retrieval.library import Library
from .settings import DEFAULT_EMBEDDING_MODEL, Settings

if TYPE_CHECKING:
    from ..retrieval.embedding import Embedder
    from ..retrieval.rerank import Reranker


class Encoders:
    """Of one library. Safe to use from several threads.

    Args:
        library: Knows the embedding model of its vectors.
        settings: They name the models.
        models: Where these are.
    """

    def __init__(self, library: Library, settings: Settings, models: ModelStore) -> None:
        self._library = library
        self._settings = settings
        self._models = models
        self._embedders: dict[tuple[str, str], Embedder] = {}
        """By the model's name and what runs it."""
        self._reranker: Reranker | None = None
        self._scorer: Scorer | None = None
        self._loading = threading.RLock()

    def close(self) -> None:
        """Forget them."""
        with self._loading:
            self._embedders.clear()
            self._reranker = self._scorer = None

    @property
    def embedding_model(self) -> str:
        """The embedding model in use: a name, or an absolute folder.

        It is the setting's, else that of the library's vectors, else the one for new libraries.
        """
        if self._settings.embedding_model:
            return self._models.lasting_name(self._settings.embedding_model)
        known = self._library.embedder
        return known.name if known else DEFAULT_EMBEDDING_MODEL

    def embedder(self, *, ingesting: bool = False) -> Embedder:
        """The embedding model.

        Args:
            ingesting: It is going to embed many chunks.

        Raises:
            ModelError: It cannot be used.
            LibraryClosedError: The library was closed.
        """
        self._library.database.require_open()
        with self._loading:
            name = self.embedding_model  # it changes when the library is reindexed
            key = name, _runtime(self._settings, ingesting)
            if key not in self._embedders:
                self._embedders = {known: kept for known, kept in self._embedders.items() if known[0] == name}
                self._embedders[key] = open_embedder(self._settings, name, ingesting=ingesting)
            return self._embedders[key]

    def scorer(self) -> Scorer:
        """What judges whether passages support a sentence."""
        with self._loading:
            if self._scorer is None:
                self._scorer = default_scorer()
            return self._scorer

    def reranker(self) -> Reranker:
        """The reranker of the settings.

        Raises:
            ModelError: It cannot be used.
        """
        from ..retrieval.rerank import Reranker

        with self._loading:
            if self._reranker is None:
                self._reranker = Reranker(self._models.path(self._settings.reranker))
            return self._reranker


def open_embedder(settings: Settings, name: str | None = None, *, ingesting: bool) -> Embedder:
    """An embedding model, which is known by a name or folder that means the same everywhere.

    Args:
        settings: They say what runs it.
        name: A name or a folder; by default that of the settings.
        ingesting: It is going to embed many chunks.

    Raises:
        ModelError: It cannot be used.
    """
    from ..retrieval.embedding import load_embedder

    models = ModelStore(settings.models_dir, settings.offline)
    name = settings.embedding_model or DEFAULT_EMBEDDING_MODEL if name is None else name
    source = models.lasting_name(name)
    cache, runtime = settings.models_dir / "exported", _runtime(settings, ingesting)
    return load_embedder(
        models.path(source, "embedding"), cache, runtime=runtime, threads=settings.threads, source=source
    )


def _runtime(settings: Settings, ingesting: bool) -> str:
    """What runs the embedding model: `openvino` or `torch`."""
    from ..retrieval.embedding import chosen_runtime

    if settings.embedding_runtime == "auto" and not ingesting:
        return "openvino"  # one query gains less on a GPU than loading torch costs
    return chosen_runtime(settings.embedding_runtime)
