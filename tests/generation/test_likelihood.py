"""Log-likelihoods with real weights: SmolLM2-135M, unpacked so that rounding does not hide a mistake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.errors import ContextOverflowError, GenerationError
from ragstone.generation.llama import LlamaModel, TokenRequest
from ragstone.generation.llama._context import Context
from ragstone.generation.llama._drawing import log_softmax
from ragstone.generation.llama._likelihood import encoded
from ragstone.generation.llama.requantize import requantize
from ragstone.generation.sampling import Message, Sampling

CLOSE = 0.02
"""Nats: keys and values are kept with 16 bits, and what is read beside changes how sums are rounded."""
QUESTION: list[Message] = [{"role": "user", "content": "Name three colours."}]
FRANCE = "The capital of France is"
REQUESTS = [
    (FRANCE, " Paris"),
    (FRANCE, " Paris, a city on the Seine."),
    (FRANCE, " Rome"),
    (f"{FRANCE} Paris", ", a city"),
    ("", FRANCE),
    ("", "The tide rose."),
    ("Größe: 3 €, 日本", " 語と 🙂 naïve"),
    ("The capital of Italy is ", "Rome"),
]


@pytest.fixture(scope="module")
def exact(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaModel]:
    path = requantize(tiny_model_path, tmp_path_factory.mktemp("f32") / "tiny-f32.gguf", "f32", threads=1)
    with LlamaModel(path, context_tokens=128, threads=1, parallel=1) as model:
        yield model


def plainly(model: LlamaModel, request: TokenRequest) -> tuple[float, bool]:
    """The same, with the continuation read token by token, alone in the memory."""
    before, after = request
    whole, value, greedy = [*before, *after], 0.0, True
    with model._scheduler.exclusively() as context:
        if len(before) > 1:
            context.read([(0, 0, whole[: len(before) - 1], 0)])
        for place in range(len(before) - 1, len(whole) - 1):
            ((logits,),) = context.read([(0, place, [whole[place]], 1)])
            value += float(log_softmax(logits)[whole[place + 1]])
            greedy &= int(logits.argmax()) == whole[place + 1]
    return value, greedy


def test_log_likelihoods_are_those_of_tokens_read_one_by_one(exact: LlamaModel) -> None:
    found = exact.log_likelihoods(REQUESTS)
    for (context, continuation), one in zip(REQUESTS, found, strict=True):
        request = encoded(exact._weights, context, continuation)
        value, greedy = plainly(exact, request)
        assert one.value == pytest.approx(value, abs=CLOSE), (context, continuation)
        assert (one.greedy, one.tokens, one.cut) == (greedy, len(request[1]), 0)
    assert found[0].greedy and not found[2].greedy
    assert found[0].value > found[2].value


def test_the_order_of_requests_changes_nothing(exact: LlamaModel) -> None:
    found = exact.log_likelihoods(REQUESTS)
    assert exact.log_likelihoods(REQUESTS[::-1]) == found[::-1]
    assert exact.log_likelihoods([*REQUESTS, *REQUESTS]) == found * 2


def test_what_requests_share_is_read_once(exact: LlamaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    before = Context._decode
    monkeypatch.setattr(Context, "_decode", lambda self, count: (read.append(count), before(self, count))[1])
    exact.log_likelihoods([(FRANCE, " Paris"), (FRANCE, " Rome"), (FRANCE, " Paris, a")])
    assert read == [5 + 2]


def test_what_is_shared_stays_when_there_is_more_than_is_read_together(exact: LlamaModel) -> None:
    requests = [("A tale of the sea, chapter", f" {number}.") for number in range(100, 180)]  # more than 64 sequences
    found = exact.log_likelihoods(requests)
    for number in (5, 79):
        value, _ = plainly(exact, encoded(exact._weights, *requests[number]))
        assert found[number].value == pytest.approx(value, abs=CLOSE)


def test_a_model_that_cannot_cut_reads_each_request_alone(exact: LlamaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    found = exact.log_likelihoods(REQUESTS)
    monkeypatch.setattr(type(exact._weights), "cuts", False)
    for one, alone in zip(found, exact.log_likelihoods(REQUESTS), strict=True):
        assert alone.value == pytest.approx(one.value, abs=CLOSE)


def test_white_space_before_a_continuation_is_its_own(exact: LlamaModel) -> None:
    left, right = exact.log_likelihoods([(f"{FRANCE} ", "Paris"), (FRANCE, " Paris")])
    assert left == right


def test_a_text_after_nothing_follows_the_token_of_a_beginning(exact: LlamaModel) -> None:
    before, after = encoded(exact._weights, "", FRANCE)
    assert before == [exact._weights.prefix]
    assert encoded(exact._weights, "", f"<|im_start|>{FRANCE}") == (before, after)
    assert exact._weights.piece(after[0]) == b"The"


def test_what_does_not_fit_is_cut_at_its_beginning_and_said_to_be(exact: LlamaModel) -> None:
    words = exact._weights.tokenize("one two three four five six seven eight nine ten " * 20)
    whole, cut = exact.token_log_likelihoods([(words[-150:-10], words[-10:]), (words[-129:-10], words[-10:])])
    assert (whole.cut, cut.cut) == (150 - 129, 0)
    assert whole.value == cut.value
    with pytest.raises(ContextOverflowError, match="a continuation of 150 tokens exceeds the context of 128"):
        exact.token_log_likelihoods([(words[:1], words[:150])])


def test_a_continuation_that_adds_no_token_is_refused(exact: LlamaModel) -> None:
    with pytest.raises(GenerationError, match="a continuation adds no token"):
        exact.log_likelihoods([(FRANCE, "")])
    with pytest.raises(GenerationError, match="has no token"):
        exact.token_log_likelihoods([([], [1])])
    assert exact.log_likelihoods([]) == []


def test_an_answers_log_probabilities_agree(exact: LlamaModel) -> None:
    completion = exact.generate(QUESTION, Sampling(max_tokens=8, logprobs=0))
    tokens = exact._weights.tokenize("".join(completion))
    (one,) = exact.token_log_likelihoods([(exact.render(QUESTION), tokens)])
    assert one.greedy
    assert one.value == pytest.approx(sum(token.logprob for token in completion.logprobs), abs=CLOSE)


def test_answers_go_on_after_log_likelihoods(exact: LlamaModel) -> None:
    told: list[tuple[int, int]] = []
    exact.log_likelihoods(REQUESTS, lambda done, of: told.append((done, of)))
    assert told[-1] == (len(REQUESTS), len(REQUESTS))
    assert len("".join(exact.generate(QUESTION, Sampling(max_tokens=2)))) > 0
