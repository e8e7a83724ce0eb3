"""Guesses at the next tokens, by the prompt and by a draft model, with real weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import ModelLoadError
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama._speculation import PromptLookup
from ragstone.generation.llama.requantize import requantize
from ragstone.generation.sampling import Message, Sampling

TEXT = "The pump of the second line was made in Bergen in 1987 and serviced in 2003 and 2011."
COPIED: list[Message] = [{"role": "user", "content": f"Repeat this text: {TEXT}"}]
LONG: list[Message] = [{"role": "user", "content": f"{TEXT} " * 22 + f"Repeat this text: {TEXT}"}]


@contextmanager
def counted_steps(model: LlamaModel) -> Iterator[list[int]]:
    """How often the model reads."""
    steps: list[int] = []
    read = model._context.read

    def count(pieces: Any) -> Any:
        steps.append(len(pieces))
        return read(pieces)

    model._context.read = count  # type: ignore[method-assign]
    yield steps
    model._context.read = read  # type: ignore[method-assign]


@pytest.fixture(scope="module", params=["lookup", "draft model"])
def guessing(request: pytest.FixtureRequest, tiny_model_path: Path, shallow_model_path: Path) -> Iterator[LlamaModel]:
    """The tiny model repeats what it is told to; any model writes what it guesses itself."""
    path, how = {
        "lookup": (tiny_model_path, {"prompt_lookup": True}),
        "draft model": (shallow_model_path, {"draft_model": shallow_model_path}),
    }[request.param]
    with LlamaModel(path, context_tokens=2048, threads=1, **how) as model:
        yield model


@pytest.mark.parametrize("messages", [COPIED, LONG], ids=["short", "longer than a batch"])
def test_an_answer_takes_fewer_steps_and_each_token_is_the_likeliest(
    messages: list[Message], guessing: LlamaModel, assert_likeliest: Callable[..., None]
) -> None:
    with counted_steps(guessing) as steps:
        completion = guessing.generate(messages, Sampling(max_tokens=40))
        answer = "".join(completion)
    assert len(steps) < completion.completion_tokens
    assert_likeliest(guessing, messages, answer)


def test_max_tokens_and_texts_to_stop_at_hold_in_the_middle_of_a_guess(guessing: LlamaModel) -> None:
    whole = "".join(guessing.generate(COPIED, Sampling(max_tokens=30)))
    for most in range(1, 9):
        completion = guessing.generate(COPIED, Sampling(max_tokens=most))
        assert whole.startswith("".join(completion))
        assert completion.completion_tokens == most
    stop = whole[20:26]
    stopped = guessing.generate(COPIED, Sampling(max_tokens=30, stop=(stop,)))
    assert "".join(stopped) == whole[: whole.index(stop)]


def test_answers_that_are_drawn_or_constrained_are_not_guessed(guessing: LlamaModel) -> None:
    for sampling in (Sampling(max_tokens=6, temperature=1.0), Sampling(max_tokens=6, grammar='root ::= "a"{6}')):
        with counted_steps(guessing) as steps:
            completion = guessing.generate(COPIED, sampling)
            assert "".join(completion)
        assert len(steps) >= completion.completion_tokens


def test_a_draft_model_of_another_vocabulary_is_refused(tiny_model_path: Path, rewritten: Callable[..., Path]) -> None:
    def swapped(tokens: list[str]) -> list[str]:
        return [*tokens[:1000], *reversed(tokens[1000:])]

    other = rewritten("other.gguf", {"tokenizer.ggml.tokens": swapped})
    with pytest.raises(ModelLoadError, match=r"other\.gguf: its vocabulary is not that of SmolLM2"):
        LlamaModel(tiny_model_path, context_tokens=512, threads=1, draft_model=other)


def test_a_guess_is_what_followed_the_same_words_last() -> None:
    lookup = PromptLookup()
    assert lookup.propose([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3])[:2] == [4, 5]
    assert lookup.propose([1, 2, 9, 9, 1, 2, 8, 8, 1, 2])[:1] == [8]
    assert lookup.propose([1, 2, 3]) == []


def test_guesses_that_fail_are_made_less_often() -> None:
    lookup, tokens = PromptLookup(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]
    first = len(lookup.propose(tokens))
    lookup.judge(first, first)
    assert len(lookup.propose(tokens)) > first
    lookup.judge(first, 0)
    assert [bool(lookup.propose(tokens)) for _ in range(5)] == [False] * 4 + [True]


def test_another_layout_of_a_model_answers_much_the_same(tiny_model: LlamaModel, tmp_path: Path) -> None:
    path = requantize(tiny_model.path, tmp_path / "fast" / "tiny-q8_0.gguf", "q8_0", threads=1)
    asked: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]
    words = ("Paris", "The"), ("London", "Fish")
    with LlamaModel(path, context_tokens=512, threads=1) as model:
        assert model.log_odds(asked, *words) == pytest.approx(tiny_model.log_odds(asked, *words), abs=1.0)
    assert [file.name for file in path.parent.iterdir()] == ["tiny-q8_0.gguf"]


def test_what_is_no_model_cannot_be_laid_out_anew(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelLoadError, match="cannot write it as q4_0"):
        requantize(tmp_path / "broken.gguf", tmp_path / "out.gguf", "q4_0", threads=1)
    assert not (tmp_path / "out.gguf").exists()
