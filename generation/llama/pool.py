"""Models that share a budget of memory: one is loaded when it is asked, and closed when another needs its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Unpack

import psutil

from ...errors import GenerationError, ModelLoadError, RagstoneError
from ..chat_model import Completion
from ..sampling import Message, Sampling
from ._memory import machine_memory
from ._offload import Needed, Offload
from ._weights import refuse_what_is_no_gguf, trial
from .model import LlamaModel
from .options import LlamaOptions, context_params

SHARE = 0.75
"""Of the machine's memory, that models get by default."""
_CERTAIN = 8
"""There is no trial, which takes half a second, where a file is less than such a part of the budget, and the first."""
_CONTEXT = ("context_tokens", "parallel", "kv_type", "flash_attention")


@dataclass(slots=True, eq=False)
class _Place:
    """A loaded model."""

    model: LlamaModel
    users: int = 0


class ModelPool:
    """Loaded models, within a budget. Safe to use from several threads.

    A model in use is never closed for another; those not in use go first that were used longest ago. A model counts
    with its weights, its whole context and llama.cpp's scratch space, wherever its layers lie.

    Args:
        most_bytes: Of all models together; 0 for three quarters of the memory that this process may use.
        wait_seconds: How long a model waits at most for those in use to make room.
    """

    def __init__(self, most_bytes: int = 0, wait_seconds: float = 60.0) -> None:
        self.most_bytes = most_bytes or int(SHARE * machine_memory())
        self._wait_seconds = wait_seconds
        self._places: dict[Hashable, _Place] = {}
        """Those used longest ago first."""
        self._sizes: dict[Hashable, Needed] = {}
        """What those that were loaded once turned out to take."""
        self._changed = threading.Condition()
        self._loading = threading.Lock()
        self._closed = False

    def __enter__(self) -> ModelPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all models. Answers in progress end."""
        with self._changed:
            self._closed = True
            places, self._places = list(self._places.values()), {}
            self._changed.notify_all()
        for place in places:
            place.model.close()

    @contextmanager
    def use(self, path: Path, **options: Unpack[LlamaOptions]) -> Iterator[LlamaModel]:
        """A model, loaded with these options; it stays loaded until the end.

        Args:
            path: The GGUF file; when it has changed since it was loaded, it is loaded anew.
            **options: See `LlamaModel`.

        Raises:
            ModelLoadError: It cannot be loaded, it exceeds the budget, or those in use left it no room in time.
            GenerationError: The options do not go together, or the pool was closed.
        """
        place = self._acquired(path, options)
        try:
            yield place.model
        finally:
            with self._changed:
                place.users -= 1
                self._changed.notify_all()

    def loaded(self, path: Path, **options: Unpack[LlamaOptions]) -> LlamaModel | None:
        """A model if it is loaded; it may be closed at any time."""
        place = self._places.get(_key(path, options))
        return None if place is None else place.model

    def forget(self) -> None:
        """Let all models forget what they read of earlier prompts."""
        with self._changed:
            places = list(self._places.values())
            for place in places:
                place.users += 1
        try:
            for place in places:
                place.model.forget()
        finally:
            with self._changed:
                for place in places:
                    place.users -= 1
                self._changed.notify_all()

    @property
    def held_bytes(self) -> int:
        """By the models that are loaded."""
        with self._changed:
            return sum(place.model.needed.total for place in self._places.values())

    def _acquired(self, path: Path, options: LlamaOptions) -> _Place:
        refuse_what_is_no_gguf(path)
        key, deadline = _key(path, options), time.monotonic() + self._wait_seconds
        if place := self._known(key):
            return place
        if not self._loading.acquire(timeout=self._wait_seconds):
            raise self._no_room(path)
        try:
            if place := self._known(key):
                return place
            self._make_room(path, self._needed(key, path, options), deadline)
            return self._placed(key, LlamaModel(path, **options))
        finally:
            self._loading.release()

    def _placed(self, key: Hashable, model: LlamaModel) -> _Place:
        """The place of a model that was just loaded, which is in use."""
        try:
            self._sizes[key] = model.needed
            self._require_fit(model.path, model.needed)
            with self._changed:
                self._require_open()
                place = self._places[key] = _Place(model, users=1)
                return place
        except RagstoneError:
            model.close()
            raise

    def _known(self, key: Hashable) -> _Place | None:
        """The place of a loaded model, which is in use from now on and goes last."""
        with self._changed:
            self._require_open()
            place = self._places.pop(key, None)
            if place is not None:
                self._places[key] = place
                place.users += 1
            return place

    def _needed(self, key: Hashable, path: Path, options: LlamaOptions) -> int:
        """Bytes that a model will take."""
        needed = self._sizes.get(key)
        if needed is None and not self._places and _CERTAIN * path.stat().st_size <= self.most_bytes:
            return path.stat().st_size
        of_context = {name: options[name] for name in _CONTEXT if name in options}  # type: ignore[literal-required]
        needed = needed or trial(path, context_params(**of_context))
        if needed is None:
            return 0  # loading it tells what is wrong
        self._require_fit(path, needed)
        return needed.total

    def _require_fit(self, path: Path, needed: Needed) -> None:
        if needed.total > self.most_bytes:
            raise ModelLoadError(
                f"it takes {needed.total >> 20:,} MiB, {needed.context >> 20:,} of them for its context, and all chat "
                f"models together may take {self.most_bytes >> 20:,}",
                path=path,
                remedy="Lower context_tokens or parallel, choose a smaller model, or raise models_memory_mb",
            )

    def _make_room(self, path: Path, needed: int, deadline: float) -> None:
        """Close models that are not in use until there is room; wait for those that are."""
        while True:
            with self._changed:
                over = self.held_bytes + needed > self.most_bytes
                scarce = needed > psutil.virtual_memory().available
                unused = [key for key, place in self._places.items() if not place.users]
                if not over and not (scarce and unused):
                    return
                if unused:
                    place = self._places.pop(unused[0])
                elif not self._changed.wait(deadline - time.monotonic()):
                    raise self._no_room(path)
                else:
                    continue
            place.model.close()

    def _require_open(self) -> None:
        if self._closed:
            raise GenerationError("the model was closed", remedy="Open it again")

    def _no_room(self, path: Path) -> ModelLoadError:
        names = ", ".join(place.model.name for place in self._places.values()) or "another model"
        return ModelLoadError(
            f"there was no room for it in {self._wait_seconds:.0f} seconds, because {names} answered",
            path=path,
            remedy="Ask again later, or raise models_memory_mb",
        )


class PooledModel:
    """A chat model of a pool: loaded when it is asked; between two calls it may be closed. See `ChatModel`.

    Args:
        pool: Has it.
        path: The GGUF file.
        **options: See `LlamaModel`.
    """

    def __init__(self, pool: ModelPool, path: Path, **options: Unpack[LlamaOptions]) -> None:
        self.name = path.stem
        self.context_tokens = options.get("context_tokens", 4096)
        self._pool = pool
        self._path = path
        self._options = options

    @contextmanager
    def held(self) -> Iterator[LlamaModel]:
        """The model itself, which stays loaded until the end."""
        with self._pool.use(self._path, **self._options) as model:
            yield model

    @property
    def offload(self) -> Offload | None:
        """Where its layers are; None when it is not loaded."""
        model = self._pool.loaded(self._path, **self._options)
        return None if model is None else model.offload

    def count(self, messages: Sequence[Message]) -> int:
        """See `ChatModel`."""
        with self.held() as model:
            return model.count(messages)

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """See `ChatModel`."""
        with self.held() as model:
            prompt_tokens = model.generate(messages, sampling).prompt_tokens  # what cannot be done is told at once
        return Completion(lambda completion: self._pieces(messages, sampling, completion), prompt_tokens)

    def log_odds(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float:
        """See `ChatModel`."""
        with self.held() as model:
            return model.log_odds(messages, yes, no)

    def forget(self) -> None:
        """See `ChatModel`."""
        if self._pool.loaded(self._path, **self._options) is not None:
            with self.held() as model:
                model.forget()

    def close(self) -> None:
        """Nothing: the pool closes it."""

    def _pieces(self, messages: Sequence[Message], sampling: Sampling, completion: Completion) -> Iterator[str]:
        with self.held() as model:
            yield from model.generate(messages, sampling).start(completion)


def _key(path: Path, options: LlamaOptions) -> Hashable:
    """All that makes a loaded model what it is."""
    about = path.stat()
    return path.absolute(), about.st_size, about.st_mtime_ns, tuple(sorted(options.items()))
