from collections.abc import Callable
from dataclasses import replace

import pytest

from ragstone.errors import ContextOverflowError
from ragstone.generation.context import Asking, Passage, pack
from ragstone.generation.llama import LlamaModel
from ragstone.generation.prompts import Prompts
from ragstone.generation.trimming import Economy, bearing_spans

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


TEXT = "Rain fell. The pump is old. The pump needs oil. It stands outside. Snow fell. Wind blew. Oil is in the shed."
TERMS = {"pump": 2.0, "oil": 1.0}


def test_the_sentences_with_the_questions_words_stay_with_their_neighbours_at_exact_offsets() -> None:
    spans = bearing_spans(TEXT, TERMS)
    assert spans is not None
    assert [TEXT[start:end] for start, end in spans] == [
        "Rain fell. The pump is old. The pump needs oil. It stands outside.",
        "Wind blew. Oil is in the shed.",
    ]


@pytest.mark.parametrize("text", ["The pump needs oil.", "Rain fell. Snow fell. Wind blew.", "", "oil. " * 9])
def test_a_text_without_sentences_to_spare_stays_whole(text: str) -> None:
    assert bearing_spans(text, TERMS) is None


def test_a_trimmed_passage_shows_where_sentences_are_left_out(passages: MakePassages) -> None:
    (hit,) = (p.hit for p in passages(TEXT))
    packed = pack("Which pump?", [hit], lambda _: 1, 10, ASKING, Economy(trim=True, terms=TERMS))
    assert "It stands outside. … Wind blew." in packed.prompt[-1]["content"]
    assert "Snow" not in packed.prompt[-1]["content"]
    in_table = replace(hit, chunk=replace(hit.chunk, table_header="| a |"))
    packed = pack("Which pump?", [in_table], lambda _: 1, 10, ASKING, Economy(trim=True, terms=TERMS))
    assert TEXT in packed.prompt[-1]["content"]


def test_a_hit_far_less_probable_than_the_best_one_does_not_enter_and_numbers_stay_ranks(
    passages: MakePassages,
) -> None:
    probabilities = (0.8, 0.1, 0.41, None, 0.39)
    found = passages("One.", "Two.", "Three.", "Four.", "Five.")
    hits = [replace(p.hit, probability=chance) for p, chance in zip(found, probabilities, strict=True)]

    def entering(economy: Economy) -> list[int]:
        return [p.n for p in pack("How much?", hits, lambda _: 1, 10, ASKING, economy).passages]

    assert entering(Economy()) == [1, 2, 3, 4, 5]
    assert entering(Economy(share=0.5)) == [1, 3, 4]
    assert entering(Economy(share=1.0)) == [1, 4]


def test_the_first_hit_enters_also_when_a_reranker_put_it_before_a_more_probable_one(passages: MakePassages) -> None:
    low, high = (replace(p.hit, probability=c) for p, c in zip(passages("One.", "Two."), (0.1, 0.9), strict=True))
    packed = pack("How much?", [low, high], lambda _: 1, 10, ASKING, Economy(share=0.5))
    assert [p.n for p in packed.passages] == [1, 2]
