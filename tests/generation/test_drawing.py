"""Sampling parameters, grammars and log-probabilities, with real weights."""

import json
import math
import re
from typing import Any

import numpy as np
import pytest

from ragstone.errors import GenerationError
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama._drawing import Drawing
from ragstone.generation.sampling import Message, Sampling

ASK: list[Message] = [{"role": "user", "content": "Write about the sea."}]


def answer(model: LlamaModel, messages: list[Message] = ASK, **sampling: Any) -> str:
    return "".join(model.generate(messages, Sampling(**({"max_tokens": 24} | sampling))))


@pytest.mark.parametrize(
    "narrow", [{"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}, {"top_k": 0, "top_p": 1.0, "typical_p": 1.0, "min_p": 1.0}]
)
def test_a_draw_from_the_likeliest_token_alone_is_that_token(
    shallow_model: LlamaModel, narrow: dict[str, float]
) -> None:
    assert answer(shallow_model, temperature=1.5, **narrow) == answer(shallow_model)


@pytest.mark.parametrize("changed", [{"typical_p": 0.2}, {"mirostat": 1}, {"mirostat": 2}, {"min_p": 0.0}])
def test_each_way_of_drawing_repeats_itself_with_its_seed(shallow_model: LlamaModel, changed: dict[str, float]) -> None:
    wild = {"temperature": 1.5, "top_k": 0, "top_p": 1.0} | changed
    first, again, other = (answer(shallow_model, seed=seed, **wild) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_mirostat_with_a_low_aim_writes_what_is_less_surprising(tiny_model: LlamaModel) -> None:
    def surprise(tau: float) -> float:
        sampling = Sampling(temperature=1.0, mirostat=2, mirostat_tau=tau, mirostat_eta=0.5, logprobs=0, max_tokens=60)
        completion = tiny_model.generate(ASK, sampling)
        assert "".join(completion)
        return -sum(token.logprob for token in completion.logprobs) / len(completion.logprobs)

    assert surprise(0.5) < surprise(6.0)


@pytest.mark.parametrize(
    ("penalty", "second"),
    [
        ({}, "sea"),
        ({"repeat_penalty": 1.8}, "wave"),
        ({"presence_penalty": 1.5}, "wave"),
        ({"frequency_penalty": 1.5}, "wave"),
        ({"presence_penalty": 1.5, "penalty_tokens": 0}, "sea"),
    ],
)
def test_a_penalty_lets_another_token_go_first_once_one_was_drawn(
    shallow_model: LlamaModel, penalty: dict[str, float], second: str
) -> None:
    weights = shallow_model._weights
    logits = np.full(weights.vocabulary_size, -9.0, np.float32)
    tokens = {word: weights.tokenize(f" {word}")[0] for word in ("sea", "wave")}
    logits[tokens["sea"]], logits[tokens["wave"]] = 3.0, 2.0
    drawing = Drawing(weights, Sampling(**penalty))  # type: ignore[arg-type]
    assert [drawing.draw(logits), drawing.draw(logits)] == [tokens["sea"], tokens[second]]
    drawing.close()


def test_an_answer_ends_before_a_text_to_stop_at_wherever_tokens_are_cut(shallow_model: LlamaModel) -> None:
    whole = answer(shallow_model, max_tokens=40)
    for start in range(5, len(whole) - 12, 16):
        stop = whole[start : start + 9]
        completion = shallow_model.generate(ASK, Sampling(max_tokens=40, stop=("never said", stop)))
        assert "".join(completion) == whole[: whole.index(stop)]
        assert completion.finish_reason == "stop"


def test_what_may_become_a_text_to_stop_at_is_shown_when_it_does_not(shallow_model: LlamaModel) -> None:
    whole = answer(shallow_model, max_tokens=12)
    assert answer(shallow_model, max_tokens=12, stop=(whole[-4:] + "???",)) == whole


def test_log_probabilities_are_those_of_the_tokens_of_the_answer(shallow_model: LlamaModel) -> None:
    completion = shallow_model.generate(ASK, Sampling(max_tokens=10, logprobs=3))
    text = "".join(completion)
    assert "".join(token.text for token in completion.logprobs) == text
    assert len(completion.logprobs) == completion.completion_tokens == 10
    for token in completion.logprobs:
        assert token.top[0] == (token.text, token.logprob)  # the likeliest is taken
        values = [value for _, value in token.top]
        assert values == sorted(values, reverse=True)
        assert 0 < sum(map(math.exp, values)) <= 1


def test_without_being_asked_for_there_are_no_log_probabilities(shallow_model: LlamaModel) -> None:
    completion = shallow_model.generate(ASK, Sampling(max_tokens=3))
    assert "".join(completion)
    assert completion.logprobs == []


def test_a_grammar_allows_nothing_else(shallow_model: LlamaModel) -> None:
    grammar = 'root ::= ("yes" | "no") " because " [a-z ]{5,20} "."'
    for temperature in (0.0, 1.5):
        text = answer(shallow_model, grammar=grammar, temperature=temperature, max_tokens=60)
        assert re.fullmatch(r"(yes|no) because [a-z ]{5,20}\.", text), text


def test_a_schema_gives_json_of_its_form(shallow_model: LlamaModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "supported": {"type": "boolean"},
            "passages": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
            "why": {"type": "string", "maxLength": 40},
        },
        "required": ["supported", "passages", "why"],
    }
    value = json.loads(answer(shallow_model, schema=schema, max_tokens=120))
    assert isinstance(value["supported"], bool)
    assert all(isinstance(number, int) for number in value["passages"])
    assert isinstance(value["why"], str)


def test_a_grammar_that_means_nothing_is_refused_at_once(shallow_model: LlamaModel) -> None:
    with pytest.raises(GenerationError, match="refuses the grammar"):
        shallow_model.generate(ASK, Sampling(grammar="root ::= missing"))
    with pytest.raises(GenerationError, match="schema cannot be made a grammar"):
        shallow_model.generate(ASK, Sampling(schema={"type": "no such type"}))
    with pytest.raises(GenerationError, match="both a grammar and a schema"):
        Sampling(grammar="root ::= .", schema={})
