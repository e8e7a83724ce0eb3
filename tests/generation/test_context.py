from collections.abc import Callable

import pytest

from ragstone.errors import ContextOverflowError
from ragstone.generation.context import Asking, Passage, pack
from ragstone.generation.llama import LlamaModel
from ragstone.generation.prompts import Prompts

MakePassages = Callable[..., list[Passage]]
ASKING = Asking.of(Prompts())


def test_the_prompt_never_exceeds_its_budget_and_the_best_hits_stay(
    tiny_model: LlamaModel, passages: MakePassages
) -> None:
    hits = [p.hit for p in passages(*(f"Passage {n}: " + "the pump needs oil. " * 10 * n for n in range(1, 8)))]
    whole = tiny_model.count(pack("How much?", hits, tiny_model.count, 10**6, ASKING).holds_prompt)
    for budget in range(200, whole, 150):
        packed = pack("How much?", hits, tiny_model.count, budget, ASKING)
        assert packed.tokens < tiny_model.count(packed.holds_prompt) <= budget
        assert [p.hit for p in packed.passages] == hits[: len(packed.passages)]
        assert [p.n for p in packed.passages] == list(range(1, len(packed.passages) + 1))
    assert len(pack("How much?", hits, tiny_model.count, whole, ASKING).passages) == len(hits)


@pytest.mark.parametrize("style", ["answer", "chain_of_thought"])
def test_both_prompts_begin_alike_so_that_the_passages_are_read_once(
    tiny_model: LlamaModel, passages: MakePassages, style: str
) -> None:
    asking = Asking.of(Prompts(), style)  # type: ignore[arg-type]
    packed = pack("How much?", [p.hit for p in passages("The pump needs oil.")], tiny_model.count, 1000, asking)
    prompt, holds_prompt = tiny_model.render(packed.prompt), tiny_model.render(packed.holds_prompt)
    assert _shared(prompt, holds_prompt) > 0.8 * len(prompt)


def test_another_question_over_the_same_passages_begins_alike(tiny_model: LlamaModel, passages: MakePassages) -> None:
    found = passages("The pump needs oil.", "The valve needs none.")
    first, second = (tiny_model.render(ASKING.for_answer(q, found)) for q in ("How much?", "Which valve is it?"))
    before_question = tiny_model.count(ASKING.for_answer("", found))
    assert _shared(first, second) > before_question - 10


def test_a_question_that_fits_beside_no_passage_is_refused(tiny_model: LlamaModel, passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The pump needs oil.")]
    with pytest.raises(ContextOverflowError, match="the question and one passage take"):
        pack("why " * 500, hits, tiny_model.count, 300, ASKING)


def test_a_passage_shows_its_number_title_heading_and_page(passages: MakePassages) -> None:
    *_, user = ASKING.for_answer("How much?", passages("The pump needs oil."))
    assert user["content"] == "Passages:\n\n[1] (Manual)\nThe pump needs oil.\n\nQuestion: How much?"


def _shared(a: list[int], b: list[int]) -> int:
    return next(i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other)
