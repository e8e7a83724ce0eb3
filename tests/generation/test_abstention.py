import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from ragstone.app.settings import Settings
from ragstone.generation.abstention import CLEAR, Signals, answerable, retrieval_signals
from ragstone.generation.context import Passage

MakePassages = Callable[..., list[Passage]]
STRONG = Signals(relevance=3.0)


def test_no_passage_means_no_answer() -> None:
    assert answerable(retrieval_signals("What is the limit?", [])) < Settings().min_confidence


def test_near_passages_are_trusted_before_the_model_has_spoken() -> None:
    assert answerable(STRONG) > 0.5


def test_every_sign_against_an_answer_lowers_the_probability() -> None:
    against = [
        replace(STRONG, relevance=-3.0),
        replace(STRONG, missing_number=True),
        replace(STRONG, holds=-1.0),
        replace(STRONG, support=0.0),
    ]
    assert all(answerable(signals) < answerable(STRONG) for signals in against)


def test_retrieval_and_model_decide_together() -> None:
    weak = Signals(relevance=-1.0)
    assert answerable(replace(weak, holds=0.0)) < answerable(weak)
    assert answerable(replace(weak, holds=0.0)) < answerable(replace(STRONG, holds=0.0))


def test_a_number_of_the_question_that_no_passage_holds_is_noticed(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("Alma produced 2,412 MWh in 2019.")]
    assert retrieval_signals("How much did Alma produce in 2017?", hits).missing_number
    assert not retrieval_signals("How much did Alma produce in 2019?", hits).missing_number


def test_the_relevance_is_that_of_the_likeliest_passage(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The pump needs oil.", "The harbour is deep.", "Bees.")]
    told = [0.1, 0.8, 0.05]
    hits = [replace(hit, probability=chance) for hit, chance in zip(hits, told, strict=True)]
    assert retrieval_signals("How deep is the harbour?", hits).relevance == pytest.approx(math.log(4))
    assert retrieval_signals("How deep is the harbour?", []).relevance == -CLEAR


def test_without_a_hybrid_search_the_relevance_is_even(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The harbour is deep.")]
    assert retrieval_signals("How deep is the harbour?", hits).relevance == 0.0
