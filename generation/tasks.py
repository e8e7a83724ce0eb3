"""What a chat model does besides answering: make a follow-up stand alone, summarize, judge a claim."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ContextOverflowError
from .chat_model import ChatModel
from .conversation import Turn
from .guarding import cleaned
from .prompts import ShownPassage, shown
from .prompts.quoting import one_line
from .sampling import Message, Sampling

if TYPE_CHECKING:
    from .prompts.template import Prompt

LONGEST_QUERY = 400
"""Characters; what is longer is no question any more."""
EARLIER_TURN = 1000
"""Characters shown of a question or an answer of the conversation."""


def condense(model: ChatModel, prompt: Prompt, question: str, history: Sequence[Turn]) -> str:
    """A follow-up, made to stand alone by the model; the question as it is where the model makes no question of it.

    Args:
        model: Rewrites the question.
        prompt: `condense`.
        question: The question.
        history: The earlier turns, oldest first.

    Raises:
        ContextOverflowError: The conversation does not fit the context.
    """
    turns = [
        {"question": one_line(turn.question, EARLIER_TURN), "answer": one_line(turn.answer, EARLIER_TURN)}
        for turn in history
    ]
    messages = prompt.render({"history": turns, "question": question})
    completion = model.generate(messages, Sampling(max_tokens=96))
    written = "".join(completion).strip().strip('"')
    is_question = 0 < len(written) <= LONGEST_QUERY and "\n" not in written and not written.startswith("<think>")
    return written if is_question and completion.finish_reason != "length" else question


def judge(model: ChatModel, prompt: Prompt, claim: str, passages: Sequence[tuple[str, str]]) -> float | None:
    """The probability that the model says passages support a claim, 0..1; None where it says neither yes nor no.

    A model that does not tell its odds is asked for the word, and has 1 or 0.

    Args:
        model: Judges.
        prompt: `judge`.
        claim: One statement.
        passages: The label and the text of each.

    Raises:
        ContextOverflowError: The passages do not fit the context.
    """
    messages = prompt.render({"claim": one_line(claim, EARLIER_TURN), "passages": _numbered(passages)})
    odds = model.log_odds(messages, ("yes", "Yes"), ("no", "No"))
    if odds is not None:
        return 0.5 + 0.5 * math.tanh(odds / 2)  # the logistic function, without overflow
    said = re.match(r"\W*(yes|no)\b", "".join(model.generate(messages, Sampling(max_tokens=4))), re.IGNORECASE)
    return None if said is None else float(said[1].lower() == "yes")


def summarize(
    model: ChatModel, prompt: Prompt, passages: Sequence[tuple[str, str]], sampling: Sampling | None = None
) -> str:
    """A summary of passages. Where they exceed the context, parts of them are summarized, and then their summaries.

    Args:
        model: Summarizes.
        prompt: `summarize`.
        passages: The label and the text of each, in their order.
        sampling: How the words are drawn, and how many a summary has at most.

    Raises:
        ContextOverflowError: A single passage does not fit the context, or two summaries do not.
    """
    sampling = sampling or Sampling(max_tokens=200)
    room = model.context_tokens - sampling.max_tokens
    while True:
        parts = _parts(model, prompt, passages, room)
        if len(parts) > 1 and len(parts) == len(passages):
            raise ContextOverflowError(
                f"no two of {len(passages)} passages fit into {room} tokens",
                remedy="Raise context_tokens or lower max_tokens",
            )
        written = ["".join(model.generate(_asked(prompt, part), sampling)).strip() for part in parts]
        if len(written) <= 1:
            return "".join(written)
        passages = [(f"part {n}", text) for n, text in enumerate(written, 1)]


def _parts(
    model: ChatModel, prompt: Prompt, passages: Sequence[tuple[str, str]], room: int
) -> list[list[tuple[str, str]]]:
    """The passages in their order, as many in each part as fit."""
    parts: list[list[tuple[str, str]]] = []
    for passage in passages:
        longer = [*parts[-1], passage] if parts else []
        if longer and model.count(_asked(prompt, longer)) <= room:
            parts[-1] = longer
        else:
            parts.append([passage])
    return parts


def _asked(prompt: Prompt, passages: Sequence[tuple[str, str]]) -> list[Message]:
    return prompt.render({"passages": _numbered(passages)})


def _numbered(passages: Sequence[tuple[str, str]]) -> list[ShownPassage]:
    return [shown(n, cleaned(label), cleaned(text)) for n, (label, text) in enumerate(passages, 1)]
