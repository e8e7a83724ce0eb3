"""The chat model that settings name: on this machine, from a pool that shares its memory, or behind a server."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..generation.models import ModelStore
from .model_settings import as_llama_options
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.chat_model import ChatModel
    from ..generation.llama import ModelPool, PooledModel
    from ..generation.remote import RemoteModel


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

    path = ModelStore(settings.models_dir, settings.offline).path(settings.model, "chat")
    return PooledModel(pool, path, **as_llama_options(settings, prefixes))


def held(model: ChatModel) -> AbstractContextManager[object]:
    """Keeps a model loaded until the end, where it is one that might be closed."""
    hold = getattr(model, "held", None)
    return nullcontext() if hold is None else hold()


def _remote(s: Settings) -> RemoteModel:
    from ..generation.remote import RemoteModel

    return RemoteModel(s.server, s.model, context_tokens=s.context_tokens, timeout=s.server_timeout, offline=s.offline)
