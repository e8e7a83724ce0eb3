from collections.abc import Callable

import pytest

from ragstone.errors import ContextOverflowError
from ragstone.generation.context import Passage, pack
from ragstone.generation.llama import LlamaModel

MakePassages = Callable[..., list[Passage]]


def test_the_prompt_never_exceeds_its_budget_and_the_best_hits_stay(
    tiny_model: LlamaModel, passages: MakePassages
) -> None:
    hits = [p.hit for p in passages(*(f"Passage {n}: " + "the pump needs oil. " * 10 * n for n in range(1, 8)))]
    whole = tiny_model.count(pack("How much?", hits, tiny_model.count, 10**6).holds_prompt)
    for budget in range(200, whole, 150):
        packed = pack("How much?", hits, tiny_model.count, budget)
        assert packed.tokens < tiny_model.count(packed.holds_prompt) <= budget
        assert [p.hit for p in packed.passages] == hits[: len(packed.passages)]
        assert [p.n for p in packed.passages] == list(range(1, len(packed.passages) + 1))
    assert len(pack("How much?", hits, tiny_model.count, whole).passages) == len(hits)


def test_both_prompts_begin_alike_so_that_the_passages_are_read_once(
    tiny_model: LlamaModel, passages: MakePassages
) -> None:
    packed = pack("How much?", [p.hit for p in passages("The pump needs oil.")], tiny_model.count, 1000)
    prompt, holds_prompt = tiny_model.render(packed.prompt), tiny_model.render(packed.holds_prompt)
    shared = next(i for i, (a, b) in enumerate(zip(prompt, holds_prompt, strict=False)) if a != b)
    assert shared > 0.8 * len(prompt)


def test_a_question_that_fits_beside_no_passage_is_refused(tiny_model: LlamaModel, passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The pump needs oil.")]
    with pytest.raises(ContextOverflowError, match="the question and one passage take"):
        pack("why " * 500, hits, tiny_model.count, 300)


def test_a_passage_shows_its_number_title_heading_and_page(passages: MakePassages) -> None:
    (passage,) = passages("The pump needs oil.")
    assert str(passage) == "[1] (Manual)\nThe pump needs oil."
