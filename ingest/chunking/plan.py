"""How documents are to be cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TokenOffsets = list[tuple[int, int]]
Tokenize = Callable[[Sequence[str]], list[TokenOffsets]]
"""Texts to the offsets of their tokens; an embedder's `token_offsets`."""
Embed = Callable[[Sequence[str]], "npt.NDArray[np.float32]"]
"""Texts to unit vectors, float32 of shape (texts, dimension); an embedder's `embed_passages`."""

Method = Literal["recursive", "tokens", "sentences", "semantic", "page"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How a document is cut into chunks."""

    method: Method = "recursive"
    tokens: int = 200
    """The most tokens that is embedded of a chunk, the prefix and a repeated table header included."""
    overlap: int = 0
    """The most tokens that a chunk repeats of the one before; at most a quarter of `tokens` is."""
    prefix: bool = False
    """Whether title and heading path are embedded before the text; at most a quarter of `tokens` goes to them."""
