"""Guesses at the next tokens, checked by the model in one step: what it would have drawn anyway comes sooner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import llama_cpp

from ...errors import ModelLoadError
from ._context import Context
from ._prefixes import shared
from ._weights import Weights


class Draft(Protocol):
    """Guesses for one answer."""

    def propose(self, tokens: Sequence[int]) -> list[int]:
        """What may follow the prompt and the answer so far; nothing where there is no good guess."""

    def judge(self, proposed: int, right: int) -> None:
        """Tells how many of the last guesses were right."""


class PromptLookup:
    """Guesses that an answer goes on as its prompt did after the same words.

    Source: Saxena, "Prompt Lookup Decoding", 2023. Where guesses fail, it makes fewer and then waits, because reading
    them takes time.

    Args:
        most: The longest guess, in tokens.
        longest: Of the last tokens, how many are looked for at first.
        shortest: ... and at last.
    """

    def __init__(self, most: int = 8, longest: int = 4, shortest: int = 2) -> None:
        self._most = most
        self._longest = longest
        self._shortest = shortest
        self._wait = 0
        self._hope = 0.6

    def propose(self, tokens: Sequence[int]) -> list[int]:
        """What may follow the prompt and the answer so far; nothing where there is no good guess."""
        if self._wait:
            self._wait -= 1
            return []
        for size in range(self._longest, self._shortest - 1, -1):
            end = tuple(tokens[-size:])
            for start in range(len(tokens) - size - 1, -1, -1):
                if tokens[start] == end[0] and tuple(tokens[start : start + size]) == end:
                    count = max(2, round(self._most * self._hope))
                    return list(tokens[start + size : start + size + count])
        return []

    def judge(self, proposed: int, right: int) -> None:
        """Tells how many of the last guesses were right."""
        if proposed:
            self._hope = 0.5 * self._hope + 0.5 * right / proposed
            self._wait = 0 if right else 4


class DraftModel:
    """Guesses what a smaller model of the same vocabulary would write.

    Source: Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", ICML 2023, for the likeliest
    token only.

    Args:
        path: The smaller model's GGUF file.
        weights: Of the model that checks the guesses.
        params: Of that model's context.
        most: The longest guess, in tokens.

    Raises:
        ModelLoadError: It cannot be loaded, or its vocabulary is another.
    """

    def __init__(self, path: Path, weights: Weights, params: llama_cpp.llama_context_params, most: int = 4) -> None:
        self._weights = Weights(path, "auto", params)
        if not _same_vocabulary(self._weights, weights):
            self._weights.close()
            raise ModelLoadError(
                f"its vocabulary is not that of {weights.path.name}",
                path=path,
                remedy="Give a smaller model of the same family as draft_model",
            )
        try:
            self._context = Context(self._weights, params)
        except ModelLoadError:
            self._weights.close()
            raise
        self._known_tokens = weights.vocabulary_size
        self._most = most
        self._read: list[int] = []

    def close(self) -> None:
        """Free its memory."""
        self._context.close()
        self._weights.close()

    def forget(self) -> None:
        """Forget what was read."""
        self._read = []
        self._context.clear()

    def propose(self, tokens: Sequence[int]) -> list[int]:
        """See `Draft`."""
        known = min(shared(self._read, tokens), len(tokens) - 1)
        self._read = list(tokens[:known]) if self._context.cut(0, known) else []
        behind, guess = list(tokens[len(self._read) :]), list[int]()
        for start in range(0, len(behind) - 1, self._context.batch_tokens):
            self._next(behind[start : min(start + self._context.batch_tokens, len(behind) - 1)], wanted=0)
        token = self._next(behind[-1:], wanted=1)
        while token is not None and len(guess) < self._most:
            guess.append(token)
            if len(guess) < self._most:
                token = self._next([token], wanted=1)
        return guess

    def judge(self, proposed: int, right: int) -> None:
        """See `Draft`."""

    def _next(self, tokens: list[int], wanted: int) -> int | None:
        (rows,) = self._context.read([(0, len(self._read), tokens, wanted)])
        self._read += tokens
        token = int(rows[0].argmax()) if rows else None
        useless = token is None or self._weights.ends(token) or token >= self._known_tokens
        return None if useless else token


def _same_vocabulary(one: Weights, other: Weights) -> bool:
    """Whether tokens mean the same; families of models differ at most in unused ones at the end."""
    size = min(one.vocabulary_size, other.vocabulary_size)
    near = abs(one.vocabulary_size - other.vocabulary_size) < 256
    return near and all(one.piece(token) == other.piece(token) for token in range(0, size, 97))
