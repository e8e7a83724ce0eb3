"""Text to vectors: tokenization and limits, the same for every runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tokenizers import Tokenizer

from ..records import EmbedderIdentity
from ._identity import describe

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger(__name__)

TokenOffsets = list[tuple[int, int]]
"""Start and end of each token in code points of the text, special tokens left out."""


class Runtime(Protocol):
    """What runs the network."""

    name: str
    """Of the engine and its arithmetic: `openvino-bf16`, `torch-cuda`, ..."""
    dimension: int
    sha256: str
    """Of the weights."""

    def forward(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Map the token ids of texts to sentence embeddings (texts, dimension)."""
        ...

    def begin_query(self, text: Sequence[int], most: int) -> Callable[[], npt.NDArray[np.float32]]:
        """Begin to map the token ids of one text, of `most` that the model reads; what gives its embedding
        (dimension,)."""
        ...


class Embedder:
    """Turns text into vectors of length 1. Safe to use from several threads.

    Args:
        folder: The model's sentence-transformers folder.
        runtime: What runs its network.
        source: By what the application loads it again; by default its absolute folder.
    """

    def __init__(self, folder: Path, runtime: Runtime, source: str = "") -> None:
        self.identity: EmbedderIdentity = describe(
            folder,
            sha256=runtime.sha256,
            runtime=runtime.name,
            dimension=runtime.dimension,
            source=source or str(folder.absolute()),
        )
        self._runtime = runtime
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        prefix = self._tokenizer.encode(self.identity.passage_prefix)
        self.passage_tokens: int = self.identity.max_tokens - len(prefix.ids)
        """The most tokens a passage may have; special tokens and prefix are already deducted."""

    def token_offsets(self, texts: Sequence[str]) -> list[TokenOffsets]:
        """Tokenize without special tokens and without truncation."""
        return [encoding.offsets for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def embed_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed passages: float32 of shape (len(texts), dimension), each row of length 1.

        Raises:
            ValueError: A passage is longer than `passage_tokens`; nothing is ever cut silently.
        """
        prefix = self.identity.passage_prefix
        encoded = [e.ids for e in self._tokenizer.encode_batch([prefix + text for text in texts])]
        longest = max(map(len, encoded), default=0)
        if longest > self.identity.max_tokens:
            raise ValueError(f"a passage of {longest} tokens exceeds the model's {self.identity.max_tokens}")
        return self._forward(encoded)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a query: float32 of shape (dimension,), length 1. A query that is too long is cut, with a warning."""
        return self.begin_query(text)()

    def begin_query(self, text: str) -> Callable[[], npt.NDArray[np.float32]]:
        """Begin to embed a query, so that the caller can do other things; what it gives waits for the vector."""
        ids = self._tokenizer.encode(self.identity.query_prefix + text).ids
        if len(ids) > self.identity.max_tokens:
            log.warning("the query has %d tokens; the embedding model reads %d", len(ids), self.identity.max_tokens)
            ids = ids[: self.identity.max_tokens - 1] + ids[-1:]
        found = self._runtime.begin_query(ids, self.identity.max_tokens)

        def unit() -> npt.NDArray[np.float32]:
            vector = found()
            of_length_1: npt.NDArray[np.float32] = vector / np.linalg.norm(vector)
            return of_length_1

        return unit

    def _forward(self, texts: list[list[int]]) -> npt.NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.identity.dimension), dtype=np.float32)
        vectors = self._runtime.forward(texts)
        unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit
