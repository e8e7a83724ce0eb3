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
    """The passages that fit, and the prompts about them, in tokens."""

    passages: tuple[Passage, ...]
    prompt: list[int]
    """Asks for the answer."""
    holds_prompt: list[int]
    """Asks whether the passages hold it; begins as `prompt` does, so that the model reads the passages once."""


def pack(
    question: str, hits: Sequence[Hit], render: Callable[[Sequence[Message]], list[int]], budget: int
) -> PackedContext:
    """Put as many hits as fit before the question, the best first.

    Args:
        question: The question.
        hits: Best first.
        render: Messages to the tokens of a prompt, by the model's template and tokenizer.
        budget: The most tokens that a prompt may have.

    Raises:
        ContextOverflowError: Not even one passage fits beside the question.
    """
    passages = [Passage(n, hit) for n, hit in enumerate(hits, 1)]
    while True:
        packed = PackedContext(
            tuple(passages),
            render(_messages(question, passages)),
            render(_messages(question, passages, f"\n\n{prompt('holds')}")),
        )
        if len(packed.holds_prompt) <= budget:
            return packed
        if len(passages) <= 1:
            raise ContextOverflowError(
                f"the question and one passage take {len(packed.holds_prompt)} tokens, and {budget} are free",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        passages.pop()


def _messages(question: str, passages: Sequence[Passage], task: str = "") -> list[Message]:
    listed = "\n\n".join(map(str, passages))
    return [
        {"role": "system", "content": prompt("answer")},
        {"role": "user", "content": f"Passages:\n\n{listed}\n\nQuestion: {question}{task}"},
    ]
