"""The chat model that settings name: on this machine, from a pool that shares its memory, or behind a server."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..generation.prefix_files import forget_prefixes
from ..retrieval.library import Library
from .model_settings import as_llama_options
from .settings import Settings
from .tuning import chat_model_file

if TYPE_CHECKING:
    from ..generation.chat_model import ChatModel
    from ..generation.llama import ModelPool, PooledModel
    from ..generation.remote import RemoteModel


class ChatModels:
    """Those that answer from one library, each loaded at its first use. Safe to use from several threads.

    Args:
        library: What is read of prompts is kept in its folder.
        settings: They name the model.
        pool: Holds those of this machine, and stays open; by default a pool of its own.
    """

    def __init__(self, library: Library, settings: Settings, pool: ModelPool | None = None) -> None:
        self._library = library
        self._settings = settings
        self._prefixes = library.folder / "prefixes"
        self._model: ChatModel | None = None
        self._pool = pool
        self._owns_pool = pool is None
        self._loading = threading.RLock()

    def close(self) -> None:
        """Free the models; the library is closed already, so that none is loaded any more."""
        with self._loading:
            if self._model is not None:
                self._model.close()
            if self._pool is not None and self._owns_pool:
                self._pool.close()
                self._pool = None
            self._model = None

    def load(self, settings: Settings | None = None) -> ChatModel:
        """The chat model, loaded by now; see `Ragstone.load_model`."""
        self._library.database.require_open()  # before a lock that may have been held when the process forked
        with self._loading:
            self._library.database.require_open()
            if self._pool is None:
                self._pool = open_pool(self._settings)
            if settings is not None and settings.model != self._settings.model and not self._settings.server:
                model = chat_model(settings, self._pool, self._prefixes)
            else:
                model = self._model = self._model or chat_model(self._settings, self._pool, self._prefixes)
        with held(model):
            return model

    @property
    def offload(self) -> tuple[int, int] | None:
        """See `Ragstone.offload`."""
        told = getattr(self._model, "offload", None)
        return None if told is None else (told.layers, told.total)

    def forget(self) -> None:
        """Forget what was read of documents, in memory and on disk."""
        if self._pool is not None:
            self._pool.forget()
        forget_prefixes(self._prefixes)


def open_pool(settings: Settings) -> ModelPool:
    """A pool with the budget of the settings; to be closed."""
    from ..generation.llama import ModelPool

    return ModelPool(settings.models_memory_mb << 20)


def chat_model(settings: Settings, pool: ModelPool, prefixes: Path | None = None) -> ChatModel:
    """The chat model of the settings; to be closed, which frees nothing of a pool.

    Args:
        settings: They name it.
        pool: Holds those on this machine.
        prefixes: Where is kept what such a one read of prompts; by default nothing is kept.

    Raises:
        ModelError: It is not on this machine; or its server cannot be reached or lacks it.
        OfflineError: Its server is not on this machine, and the network is not to be used.
        SettingsError: The scale of an adapter is no number.
    """
    return _remote(settings) if settings.server else pooled(settings, pool, prefixes)


def pooled(settings: Settings, pool: ModelPool, prefixes: Path | None = None) -> PooledModel:
    """A chat model on this machine; see `chat_model`."""
    from ..generation.llama import PooledModel

    return PooledModel(pool, chat_model_file(settings), **as_llama_options(settings, prefixes))


def held(model: ChatModel) -> AbstractContextManager[object]:
    """Keeps a model loaded until the end, where it is one that might be closed."""
    hold = getattr(model, "held", None)
    return nullcontext() if hold is None else hold()


def _remote(s: Settings) -> RemoteModel:
    from ..generation.remote import RemoteModel

    return RemoteModel(s.server, s.model, context_tokens=s.context_tokens, timeout=s.server_timeout, offline=s.offline)
