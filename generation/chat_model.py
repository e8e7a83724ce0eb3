"""What Ragstone asks of a chat model, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .sampling import Message, Sampling

FinishReason = Literal["stop", "length", "timeout", "interrupted"]


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of an answer, and how likely it was before the sampling changed anything."""

    text: str
    logprob: float
    """The natural logarithm of its probability, at most 0."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens in its place, best first, with theirs."""


class Completion:
    """Text as it is generated: iterate over it once; the counts and the reason are final when it ends."""

    def __init__(self, start: Callable[[Completion], Iterator[str]], prompt_tokens: int) -> None:
        self.start = start
        """Makes the text, and keeps the counts in the completion that it is given."""
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = 0
        self.finish_reason: FinishReason = "interrupted"
        self.read_tokens: int | None = None
        """Of the prompt, those that had to be read; the others were known. None where it is not told."""
        self.logprobs: list[TokenLogprob] = []
        """Of each token, if `Sampling.logprobs` asked for it."""

    def __iter__(self) -> Iterator[str]:
        # The iterator knows the completion and not the other way round: with a cycle, an iterator that is dropped would
        # keep its place in the model until the garbage collector comes by.
        return self.start(self)


class ChatModel(Protocol):
    """A model on this machine (`llama`) or behind a server (`remote`). Safe to use from several threads."""

    @property
    def name(self) -> str:
        """As answers and reports name it."""

    @property
    def context_tokens(self) -> int:
        """The most tokens of a prompt and its answer together."""

    def count(self, messages: Sequence[Message]) -> int:
        """How many tokens the prompt of these messages has; at least that many where it cannot be told exactly."""

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Generate the next turn; the text comes while it is made. Closing the iterator stops the generation.

        Raises:
            ContextOverflowError: The prompt and `sampling.max_tokens` do not fit the context together.
        """

    def log_odds(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float | None:
        """The natural logarithm of P(the next turn begins with one of `yes`) / P(... one of `no`); None if unknown.

        Raises:
            ContextOverflowError: The prompt does not fit the context.
        """

    def forget(self) -> None:
        """Forget what was read of earlier prompts."""

    def close(self) -> None:
        """Free what the model holds."""
