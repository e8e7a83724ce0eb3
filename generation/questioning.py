"""What a chat model does for a question set: it writes questions about passages, and is asked them to see what they
are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
WORDINGS = 4
"""So many ways of saying something are tried: the likeliest, then some that are drawn."""
_WRITING = Sampling(max_tokens=90)
_OTHERWISE = replace(_WRITING, temperature=0.8)
_ANSWERING = Sampling(max_tokens=60)


class Questioner:
    """A chat model that writes questions and answers them. What it writes may be wrong in every way.

    A method that writes gives an empty text where the model wrote nothing of the form; its `wording`, from 0 to
    `WORDINGS` - 1, gives another text each. Every method raises ContextOverflowError where a passage does not fit the
    context.

    Args:
        model: The model.
        prompts: The prompts; those of `PROMPTS` are used.
    """

    def __init__(self, model: ChatModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = {name: prompts.get(name) for name in PROMPTS}
        self._asking = Asking.of(prompts)
        self.identity = {name: prompt.identity.sha256 for name, prompt in self._prompts.items()}

    def question(self, chunk: Chunk, line: str, answer: str, naming: str = "", wording: int = 0) -> str:
        """A question to which this is the answer, as a line of a passage states it; it is to have these words."""
        given = {"line": one_line(line, LONGEST_LINE), "answer": answer, "naming": naming}
        return self._write("question_for", chunk, "question", wording, **given)

    def missing(self, chunk: Chunk, asked: str, wording: int = 0) -> str:
        """A question about what a passage is about, for something that it leaves open ("what it costs")."""
        return self._write("question_missing", chunk, "question", wording, asked=asked)

    def name(self, chunk: Chunk, line: str, figure: str, wording: int = 0) -> str:
        """A noun phrase for what a figure in a line of a passage is."""
        given = {"line": one_line(line, LONGEST_LINE), "figure": figure}
        return self._write("name_figure", chunk, "phrase", wording, **given)

    def describe(self, chunk: Chunk, line: str, name: str, wording: int = 0) -> str:
        """A noun phrase that says by a line of a passage what a name stands for."""
        given = {"line": one_line(line, LONGEST_LINE), "name": name}
        return self._write("describe", chunk, "phrase", wording, **given)

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

    def _write(self, prompt: str, chunk: Chunk, wanted: str, wording: int, **given: str) -> str:
        """What the model wrote; empty where that is not of the form."""
        passages = [passage.shown() for passage in _passages([chunk])]
        messages = self._prompts[prompt].render({"passages": passages, **given})
        sampling = replace(_OTHERWISE, seed=wording) if wording else _WRITING
        found = ask_for(self._model, messages, _schema(wanted), sampling).value
        return " ".join(str(found.get(wanted) or "").split()).rstrip(".") if isinstance(found, dict) else ""


def _schema(wanted: str) -> dict[str, Any]:
    text = {"type": "string", "maxLength": LONGEST_TEXT}
    return {"type": "object", "properties": {wanted: text}, "required": [wanted], "additionalProperties": False}


def _passages(chunks: Sequence[Chunk]) -> list[Passage]:
    return [Passage(n, Hit(rank=n, score=0.0, chunk=chunk)) for n, chunk in enumerate(chunks, 1)]
