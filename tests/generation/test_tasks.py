"""What a chat model does besides answering, with real weights; SmolLM2 does it badly, so only the form is tested."""

from collections.abc import Callable, Sequence

import pytest

from ragstone.errors import ContextOverflowError
from ragstone.generation.chat_model import Completion
from ragstone.generation.conversation import Turn
from ragstone.generation.llama import LlamaModel
from ragstone.generation.prompts import Prompts
from ragstone.generation.sampling import Message, Sampling
from ragstone.generation.tasks import LONGEST_QUERY, condense, judge, summarize

OURS = Prompts()
FACT = "The pump on deck two needs a litre of oil every month."


def test_a_follow_up_becomes_one_line(tiny_model: LlamaModel) -> None:
    history = [Turn("How much oil does the pump need?", "A litre a month. " * 200)]
    query = condense(tiny_model, OURS.get("condense"), "And the valve?", history)
    assert query
    assert "\n" not in query
    assert len(query) <= LONGEST_QUERY


def test_a_conversation_is_written_a_line_a_turn() -> None:
    turns = [{"question": "Who?", "answer": "Ann."}, {"question": "When?", "answer": "In May."}]
    *_, user = OURS.get("condense").render({"history": turns, "question": "Why?"})
    assert user["content"] == (
        "Conversation:\n\nUser: Who?\nAssistant: Ann.\n\nUser: When?\nAssistant: In May.\n\nLast question: Why?"
    )


def test_a_claim_gets_a_probability(tiny_model: LlamaModel) -> None:
    probability = judge(tiny_model, OURS.get("judge"), "The pump needs oil.", [("Manual", FACT)])
    assert probability is not None
    assert 0 < probability < 1


class Silent:
    """SmolLM2 behind a server that does not tell odds."""

    def __init__(self, model: LlamaModel) -> None:
        self._model = model
        self.name, self.context_tokens = model.name, model.context_tokens
        self.count: Callable[[Sequence[Message]], int] = model.count
        self.close = model.close

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        return self._model.generate(messages, sampling)

    def log_odds(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float | None:
        return None


def test_a_model_that_tells_no_odds_is_asked_for_the_word(tiny_model: LlamaModel) -> None:
    assert judge(Silent(tiny_model), OURS.get("judge"), "The pump needs oil.", [("Manual", FACT)]) in (0.0, 1.0, None)


def test_what_exceeds_the_context_is_summarized_in_parts(tiny_model: LlamaModel) -> None:
    passages = [("Manual", f"Section {n}. {FACT * 10}") for n in range(8)]
    prompt, asked = OURS.get("summarize"), []

    class Watched(Silent):
        def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
            asked.append(messages[-1]["content"])
            return super().generate(messages, sampling)

    text = summarize(Watched(tiny_model), prompt, passages, Sampling(max_tokens=16))
    assert text
    assert all(tiny_model.count([{"role": "user", "content": a}]) < 1024 for a in asked)
    *parts, last = asked
    assert len(parts) > 1
    assert [n for n in range(8) if any(f"Section {n}." in part for part in parts)] == list(range(8))
    assert last.startswith("Passages:\n\n[1] (part 1)\n")


def test_nothing_to_summarize_is_no_text_and_what_never_fits_is_refused(tiny_model: LlamaModel) -> None:
    assert summarize(tiny_model, OURS.get("summarize"), []) == ""
    with pytest.raises(ContextOverflowError):
        summarize(tiny_model, OURS.get("summarize"), [("Manual", FACT * 200)])
    with pytest.raises(ContextOverflowError, match="no two of 2 passages fit"):
        summarize(tiny_model, OURS.get("summarize"), [("Manual", FACT * 40)] * 2)
