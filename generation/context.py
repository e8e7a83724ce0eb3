"""Which hits enter the model's context, and how they stand there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ContextOverflowError
from ..retrieval.records import Hit
from .prompts import prompt
from .sampling import Message


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit as the model sees it, under the number by which it is cited."""

    n: int
    hit: Hit

    @property
    def label(self) -> str:
        """Title, heading path and page: words of the source that the passage itself may lack."""
        chunk = self.hit.chunk
        page = f"page {chunk.page}" if chunk.page is not None else ""
        return ", ".join(part for part in (chunk.title, chunk.heading, page) if part)

    def __str__(self) -> str:
        return f"[{self.n}] ({self.label})\n{self.hit.chunk.passage}"


@dataclass(frozen=True, slots=True)
class PackedContext:
    """The passages that fit, and what the model is asked about them."""

    passages: tuple[Passage, ...]
    prompt: list[Message]
    """Asks for the answer."""
    holds_prompt: list[Message]
    """Asks whether the passages hold it; begins as `prompt` does, so that the model reads the passages once."""
    tokens: int
    """Of `prompt`."""


def pack(question: str, hits: Sequence[Hit], count: Callable[[Sequence[Message]], int], budget: int) -> PackedContext:
    """Put as many hits as fit before the question, the best first.

    Args:
        question: The question.
        hits: Best first.
        count: How many tokens the prompt of these messages has.
        budget: The most tokens that a prompt may have.

    Raises:
        ContextOverflowError: Not even one passage fits beside the question.
    """
    passages = [Passage(n, hit) for n, hit in enumerate(hits, 1)]
    while True:
        asked = _messages(question, passages)
        asked_whether = _messages(question, passages, f"\n\n{prompt('holds')}")
        taken = count(asked_whether)
        if taken <= budget:
            return PackedContext(tuple(passages), asked, asked_whether, count(asked))
        if len(passages) <= 1:
            raise ContextOverflowError(
                f"the question and one passage take {taken} tokens, and {budget} are free",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        passages.pop()


def _messages(question: str, passages: Sequence[Passage], task: str = "") -> list[Message]:
    listed = "\n\n".join(map(str, passages))
    return [
        {"role": "system", "content": prompt("answer")},
        {"role": "user", "content": f"Passages:\n\n{listed}\n\nQuestion: {question}{task}"},
    ]
