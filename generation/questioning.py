"""What a chat model does for a question set: it writes questions about passages, and is asked them to see what they
are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..retrieval.records import Chunk, Hit
from .chat_model import ChatModel
from .context import Asking, Passage
from .prompts import Prompts
from .prompts.quoting import one_line
from .sampling import Sampling
from .structure import ask_for

PROMPTS = ("question_for", "question_missing", "name_figure", "describe", "recall", "answer", "holds")
"""The prompts that are used."""
LONGEST_TEXT = 240
"""Characters of what the model writes."""
LONGEST_LINE = 600
"""Characters shown of a line."""
_WRITING = Sampling(max_tokens=90)
_ANSWERING = Sampling(max_tokens=60)


class Questioner:
    """A chat model that writes questions and answers them. What it writes may be wrong in every way.

    A method that writes gives an empty text where the model wrote nothing of the form, and every method raises
    ContextOverflowError where a passage does not fit the context.

    Args:
        model: The model.
        prompts: The prompts; those of `PROMPTS` are used.
    """

    def __init__(self, model: ChatModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = {name: prompts.get(name) for name in PROMPTS}
        self._asking = Asking.of(prompts)
        self.identity = {name: prompt.identity.sha256 for name, prompt in self._prompts.items()}

    def question(self, chunk: Chunk, line: str, answer: str) -> str:
        """A question to which this is the answer, as a line of a passage states it."""
        return self._write("question_for", chunk, "question", line=one_line(line, LONGEST_LINE), answer=answer)

    def missing(self, chunk: Chunk) -> str:
        """A question about what a passage is about, that it leaves open."""
        return self._write("question_missing", chunk, "question")

    def name(self, chunk: Chunk, line: str, figure: str) -> str:
        """A noun phrase for what a figure in a line of a passage is."""
        return self._write("name_figure", chunk, "phrase", line=one_line(line, LONGEST_LINE), figure=figure)

    def describe(self, chunk: Chunk, line: str, name: str) -> str:
        """A noun phrase that says by a line of a passage what a name stands for."""
        return self._write("describe", chunk, "phrase", line=one_line(line, LONGEST_LINE), name=name)

    def recall(self, question: str) -> str:
        """What the model answers without any passage."""
        messages = self._prompts["recall"].render({"question": question})
        return "".join(self._model.generate(messages, _ANSWERING)).strip()

    def answer(self, question: str, chunks: Sequence[Chunk]) -> str:
        """What the model answers from passages."""
        return "".join(self._model.generate(self._asking.for_answer(question, _passages(chunks)), _ANSWERING)).strip()

    def holds(self, question: str, chunk: Chunk) -> float | None:
        """The log-odds that the model says a passage states the answer; None where it does not tell."""
        asked = self._asking.for_answer(question, _passages([chunk]))
        return self._model.log_odds(self._asking.whether_held(asked), ("yes", "Yes"), ("no", "No"))

    def _write(self, prompt: str, chunk: Chunk, wanted: str, **given: str) -> str:
        """What the model wrote; empty where that is not of the form."""
        passages = [passage.shown() for passage in _passages([chunk])]
        messages = self._prompts[prompt].render({"passages": passages, **given})
        found = ask_for(self._model, messages, _schema(wanted), _WRITING).value
        return " ".join(str(found.get(wanted) or "").split()) if isinstance(found, dict) else ""


def _schema(wanted: str) -> dict[str, Any]:
    text = {"type": "string", "maxLength": LONGEST_TEXT}
    return {"type": "object", "properties": {wanted: text}, "required": [wanted], "additionalProperties": False}


def _passages(chunks: Sequence[Chunk]) -> list[Passage]:
    return [Passage(n, Hit(rank=n, score=0.0, chunk=chunk)) for n, chunk in enumerate(chunks, 1)]
