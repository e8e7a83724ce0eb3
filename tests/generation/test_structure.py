"""JSON from a real model, and what is left of it when it is not whole."""

from collections.abc import Sequence

import pytest

from ragstone.generation.chat_model import Completion
from ragstone.generation.llama import LlamaModel
from ragstone.generation.sampling import Message, Sampling
from ragstone.generation.structure import ask_for, first_json

ASK: list[Message] = [{"role": "user", "content": "Is the sea wet? Answer in JSON with supported and why."}]
SCHEMA = {
    "type": "object",
    "properties": {"supported": {"type": "boolean"}, "why": {"type": "string", "maxLength": 30}},
    "required": ["supported", "why"],
}


class Unaware(LlamaModel):
    """The real model, as a server runs it that knows no schemas."""

    def generate(self, messages: Sequence[Message], sampling: Sampling, adapters: object = None) -> Completion:  # type: ignore[override]
        return super().generate(messages, Sampling(max_tokens=sampling.max_tokens))


def test_a_model_writes_what_a_schema_asks_for(tiny_model: LlamaModel) -> None:
    found = ask_for(tiny_model, ASK, SCHEMA)
    assert not found.problem
    assert isinstance(found.value, dict)
    assert isinstance(found.value["supported"], bool)
    assert found.text.strip().startswith("{")


def test_what_was_cut_is_told_and_its_text_kept(tiny_model: LlamaModel) -> None:
    found = ask_for(tiny_model, ASK, SCHEMA, Sampling(max_tokens=4))
    assert found.value is None
    assert found.text
    assert found.problem == "it was cut at max_tokens"


def test_a_model_that_heeds_no_schema_loses_no_text(tiny_model: LlamaModel) -> None:
    unaware = Unaware.__new__(Unaware)
    unaware.__dict__ = tiny_model.__dict__
    found = ask_for(unaware, [{"role": "user", "content": "Tell me about the sea."}], SCHEMA, Sampling(max_tokens=20))
    assert len(found.text) > 20
    assert found.problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"a": [1, 2]}\n```', {"a": [1, 2]}),
        ('Here {it} is: {"a": 1} and {"b": 2}', {"a": 1}),
        ("[1, 2", None),
        ("nothing", None),
        ('{"a": {"b": 1}', {"b": 1}),
    ],
)
def test_the_first_whole_json_is_found_in_whatever_it_is_wrapped(text: str, value: object) -> None:
    assert first_json(text) == value


def test_brackets_without_end_are_no_json() -> None:
    assert first_json("[" * 3000) is None
