"""llama.cpp's context: the memory of what was read, and the one function that reads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import llama_cpp
import numpy as np

from ...errors import GenerationError, ModelLoadError
from ._drawing import Logits
from ._log import Collected
from ._offload import needed_by
from ._pace import Pace
from ._prefixes import PrefixStore
from ._weights import Weights

BATCH = 512
"""Tokens that llama.cpp reads together at most, by default."""


class Node(NamedTuple):
    """A token in a tree of sequences."""

    token: int
    position: int
    sequences: range
    """Those that it belongs to."""
    wanted: bool
    """Whether its logits are."""


class Context:
    """The memory of some sequences of tokens. Not re-entrant: one call at a time.

    Args:
        weights: Of the model.
        params: Of llama.cpp.
        pace: Tells the number of threads; by default it is that of `params`.

    Raises:
        ModelLoadError: There is no memory for it.
    """

    def __init__(self, weights: Weights, params: llama_cpp.llama_context_params, pace: Pace | None = None) -> None:
        self._pace = pace
        self._vocabulary_size = weights.vocabulary_size
        with Collected() as said:
            self._context = llama_cpp.llama_init_from_model(weights.model, params)
        if not self._context:
            raise ModelLoadError(
                f"there is no memory for a context of {params.n_ctx} tokens",
                path=weights.path,
                remedy="Lower context_tokens, or set kv_type to q8_0",
            ) from (MemoryError(said.text[-400:]))
        self.needed = needed_by(said.text, weights.bytes, weights.layers)
        self._threads = int(params.n_threads)
        self.sequences = int(llama_cpp.llama_n_seq_max(self._context))
        self.batch_tokens = int(llama_cpp.llama_n_batch(self._context))
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._cuts = weights.cuts
        self._batch = llama_cpp.llama_batch_init(self.batch_tokens, 0, self.sequences)
        self._adapters = _Adapters(weights, self._context)

    def close(self) -> None:
        """Free the memory."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            self._adapters.close()
            self._context = None

    def clear(self) -> None:
        """Forget all sequences."""
        llama_cpp.llama_memory_clear(self._memory, False)

    def cut(self, sequence: int, count: int) -> bool:
        """Forget all but the first tokens of a sequence. Some models cannot: then it is empty, and this is False."""
        if count and self._cuts and llama_cpp.llama_memory_seq_rm(self._memory, sequence, count, -1):
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return not count

    def share(self, source: int, target: int, count: int) -> bool:
        """Let an empty sequence begin with the first tokens of another; False where the model cannot."""
        size = llama_cpp.llama_state_seq_get_size(self._context, source)
        state = (ctypes.c_uint8 * size)()
        copied = llama_cpp.llama_state_seq_get_data(self._context, state, size, source)
        if not copied or not llama_cpp.llama_state_seq_set_data(self._context, state, copied, target):
            return False
        return self.cut(target, count)

    def branch(self, source: int, counts: Sequence[int]) -> None:
        """Let sequences 0, 1, ... begin with so many tokens of one of them, and forget all else.

        Only in a unified memory, where nothing is copied, and only of models that can cut.
        """
        memory = self._memory
        llama_cpp.llama_memory_seq_keep(memory, source)
        for target, count in enumerate(counts):
            if target != source and count:
                llama_cpp.llama_memory_seq_cp(memory, source, target, 0, count)
        llama_cpp.llama_memory_seq_rm(memory, source, counts[source] if source < len(counts) else 0, -1)

    def use(self, adapters: Sequence[tuple[str, float]]) -> None:
        """Read with these LoRA adapters from now on."""
        self._adapters.use(adapters)

    def check(self, adapters: Sequence[tuple[str, float]]) -> None:
        """Load adapters that are to be used.

        Raises:
            ModelLoadError: One of them is none, or was made for another model.
        """
        for path, _ in adapters:
            self._adapters.load(path)

    def load(self, store: PrefixStore, path: Path, sequence: int) -> list[int]:
        """See `PrefixStore.load`."""
        return store.load(path, self._context, sequence)

    def save(self, store: PrefixStore, tokens: Sequence[int], sequence: int) -> None:
        """See `PrefixStore.save`."""
        store.save(tokens, self._context, sequence)

    def read(self, pieces: Sequence[tuple[int, int, list[int], int]]) -> Iterator[list[Logits]]:
        """Read tokens; at most `batch_tokens` together.

        Args:
            pieces: The number of a sequence, how many tokens it has, those to add, and of how many of the last of them
                the logits are wanted.

        Returns:
            For each piece the logits wanted, each of shape (vocabulary,), valid until the next call.

        Raises:
            GenerationError: llama.cpp failed.
        """
        batch, at = self._batch, 0
        for sequence, start, tokens, wanted in pieces:
            for place, token in enumerate(tokens):
                batch.token[at], batch.pos[at] = token, start + place
                batch.n_seq_id[at], batch.seq_id[at][0] = 1, sequence
                batch.logits[at] = place >= len(tokens) - wanted
                at += 1
        self._decode(at)
        return self._logits([(len(tokens), wanted) for _, _, tokens, wanted in pieces])

    def read_tree(self, nodes: Sequence[Node]) -> Logits:
        """Read tokens of sequences that share their beginnings; at most `batch_tokens` together.

        Args:
            nodes: Those of a sequence in their order, from where the memory of it ends.

        Returns:
            The logits wanted, of shape (wanted, vocabulary), in the nodes' order. They are the caller's to overwrite,
            and valid until the next call.

        Raises:
            GenerationError: llama.cpp failed.
        """
        batch = self._batch
        for at, (token, position, sequences, wanted) in enumerate(nodes):
            batch.token[at], batch.pos[at], batch.logits[at] = token, position, wanted
            batch.n_seq_id[at], belongs = len(sequences), batch.seq_id[at]
            for place, sequence in enumerate(sequences):
                belongs[place] = sequence
        self._decode(len(nodes))
        shape = (sum(node.wanted for node in nodes), self._vocabulary_size)
        if not shape[0]:
            return np.empty(shape, np.float32)
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(self._context), shape=shape)

    def _decode(self, count: int) -> None:
        """Read what is in the batch."""
        self._batch.n_tokens = count
        if self._pace and (threads := self._pace.follow()) != self._threads:
            llama_cpp.llama_set_n_threads(self._context, threads, threads)
            self._threads = threads
        code = llama_cpp.llama_decode(self._context, self._batch)
        if code:
            what = "its memory is full" if code == 1 else f"code {code}"
            raise GenerationError(
                f"llama.cpp stopped in the middle of reading ({what})",
                remedy="Ask again; if it happens again, raise context_tokens or lower gpu_layers",
            )

    def _logits(self, sizes: Sequence[tuple[int, int]]) -> Iterator[list[Logits]]:
        end = 0
        for count, wanted in sizes:
            end += count
            rows = [llama_cpp.llama_get_logits_ith(self._context, i) for i in range(end - wanted, end)]
            yield [np.ctypeslib.as_array(row, shape=(self._vocabulary_size,)) for row in rows]


class _Adapters:
    """LoRA adapters, each loaded at its first use."""

    def __init__(self, weights: Weights, context: object) -> None:
        self._weights = weights
        self._context = context
        self._loaded: dict[str, object] = {}
        self._used: tuple[tuple[str, float], ...] = ()

    def close(self) -> None:
        """Free them; llama.cpp frees those of a model with it."""
        self._loaded.clear()

    def use(self, adapters: Sequence[tuple[str, float]]) -> None:
        """Apply just these."""
        if tuple(adapters) == self._used:
            return
        scaled: dict[str, float] = {}
        for path, scale in adapters:  # llama.cpp knows each once
            scaled[path] = scaled.get(path, 0.0) + scale
        handles = [self.load(path) for path in scaled]
        array = (llama_cpp.llama_adapter_lora_p_ctypes * max(1, len(handles)))(*handles)
        scales = (ctypes.c_float * max(1, len(handles)))(*scaled.values())
        llama_cpp.llama_set_adapters_lora(self._context, array, len(handles), scales)
        self._used = tuple(adapters)

    def load(self, path: str) -> object:
        """The adapter of a file.

        Raises:
            ModelLoadError: It is none, or one of another architecture.
        """
        if path not in self._loaded:
            with Collected() as said:
                adapter = llama_cpp.llama_adapter_lora_init(self._weights.model, path.encode())
            if not adapter:
                wrong = [line for line in said.text.splitlines() if "failed" in line or "mismatch" in line]
                reason = wrong[0].split(": ", 1)[-1] if wrong else "it gives no reason"
                raise ModelLoadError(
                    f"it is no LoRA adapter for {self._weights.path.name} ({reason})",
                    path=path,
                    remedy="Give an adapter in GGUF format that was trained on this model",
                )
            self._loaded[path] = adapter
        return self._loaded[path]
