"""A question of a chat, made to stand alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .prompts import prompt
from .sampling import Message, Sampling

if TYPE_CHECKING:
    from .llama import LlamaModel


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a chat and the answer it got."""

    question: str
    answer: str
    cited: tuple[int, ...] = ()
    """The ids of the chunks that the answer cited."""


def standalone(question: str, history: Sequence[Turn], model: LlamaModel) -> str:
    """A follow-up with the names and things that it refers to; any other question as it is."""
    if not history or not leans_on_history(question):
        return question
    last = history[-1]
    ask = (
        f"{prompt('condense')}\n\nConversation:\nQ: {last.question}\nA: {last.answer}\n"
        f"Last question: {question}\nRewritten question:"
    )
    messages: list[Message] = [{"role": "user", "content": ask}]
    rewritten = "".join(model.generate(model.render(messages), Sampling(max_tokens=64))).strip().splitlines()
    return rewritten[0].strip().strip('"') if rewritten and rewritten[0].strip() else f"{last.question} {question}"


_LEANING = re.compile(
    r"^\W*(?:and|but|or|so|then|also|what about|how about|why|why not|when|where|who|how (?:much|many|long|come))?\W*$"
    r"|^\W*(?:and|but|or|so|then|what about|how about)\b"
    r"|\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|then|one|ones|same|former"
    r"|latter|previous|both|else|instead)\b",
    re.IGNORECASE,
)


def leans_on_history(question: str) -> bool:
    """Whether a question is too short or too full of pronouns to stand alone."""
    return len(question.split()) <= 3 or bool(_LEANING.search(question))
