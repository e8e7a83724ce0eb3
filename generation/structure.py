"""Answers of a given form, such as a judge's verdict; whatever the model writes, its text is not lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .chat_model import ChatModel
from .sampling import Message, Sampling


@dataclass(frozen=True, slots=True)
class Structured:
    """What a model wrote, and what it means."""

    text: str
    """All of it."""
    value: Any | None
    """The JSON in it; None if there is none that is whole."""
    problem: str = ""
    """Why there is no value, or it does not have the form."""


def ask_for(
    model: ChatModel, messages: Sequence[Message], schema: Mapping[str, Any], sampling: Sampling | None = None
) -> Structured:
    """Let a model answer in JSON.

    A model on this machine can write nothing else. A server may not know schemas: then the first JSON of its answer is
    taken, and checked for what the schema requires.

    Args:
        model: Writes the answer.
        messages: The turns so far; they should tell what is wanted.
        schema: A JSON schema.
        sampling: How tokens are drawn; its grammar and schema are replaced.

    Raises:
        GenerationError: The schema cannot be used.
        ContextOverflowError: The prompt leaves no room for an answer.
    """
    completion = model.generate(messages, replace(sampling or Sampling(), grammar="", schema=schema))
    text = "".join(completion)
    value = first_json(text)
    if value is None:
        ends = {"length": "it was cut at max_tokens", "timeout": "it took too long"}
        return Structured(text, None, ends.get(completion.finish_reason, "it holds no JSON"))
    return Structured(text, value, _misses(value, schema))


def first_json(text: str) -> Any | None:
    """The first object or array in a text, in whatever it is wrapped; None if there is none that is whole."""
    decoder = json.JSONDecoder()
    for start, character in enumerate(text):
        if character in "{[":
            try:
                return decoder.raw_decode(text, start)[0]
            except (ValueError, RecursionError):
                continue
    return None


def _misses(value: Any, schema: Mapping[str, Any]) -> str:
    """What of the outermost form a value lacks."""
    kinds: dict[str, type] = {"object": dict, "array": list}
    kind = kinds.get(str(schema.get("type")), object)
    if not isinstance(value, kind):
        return f"it is no {schema['type']}"
    missing = [name for name in schema.get("required", ()) if isinstance(value, dict) and name not in value]
    return f"it lacks {', '.join(missing)}" if missing else ""
