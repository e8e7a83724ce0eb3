import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from ragstone.app.settings import Settings
from ragstone.generation.abstention import CLEAR, Signals, answerable, retrieval_signals, right
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


@pytest.mark.parametrize(
    ("asked", "held", "missing"),
    [
        ("Which invoice is over 84016 euros?", "Invoice 7: 84,016.38", False),
        ("What rent is 1150 pounds?", "The rent is £1,150.00.", False),
        ("What rent is £1,150?", "Die Miete ist 1.150,00", False),
        ("What costs 1390?", "The gasket costs 13,90.", True),
        ("What costs 13.90?", "The gasket costs 13,90.", False),
        ("What does clause 7.3 say?", "Clause 3 and clause 7", True),
        ("Is the hex bolt M12 in stock?", "Hex bolt M10, hex bolt M8", True),
        ("Is the hex bolt M12 in stock?", "Hex bolt M12", False),
        ("What drives K3?", "Compressor K2 has a belt.", True),
        ("Where is BF2215?", "The filter BF-2215", False),
        ("Where is BF2215?", "The filter BF-2217", True),
        ("Where is BF-2215?", "The filter BF 2215", False),
        ("What was 2019-2020 like?", "It was dry in 2020.", True),
        ("What happened on 5 February 2024?", "2024-02-05 09:14 printer out of toner", False),
        ("What happened on 5 February 2024?", "2024-02-15 09:14 printer out of toner", True),
        ("What came on 26/06/2023?", "Date: Mon, 26 Jun 2023 10:14", False),
        ("What was done on 25/03/2024?", "It was replaced on 25th March 2024.", False),
        ("What did 3 pumps do in March 2021?", "03/11/2021: the pump failed", True),
        ("Who won in the 1990s?", "He won in 1990.", False),
        ("How far is 10 km?", "It is 10km.", False),
        ("Which flat is 4B?", "Flat 4A", True),
    ],
)
def test_numbers_and_codes_are_compared_by_what_they_mean(
    passages: MakePassages, asked: str, held: str, missing: bool
) -> None:
    assert retrieval_signals(asked, [p.hit for p in passages(held)]).missing_number == missing


def test_the_relevance_is_that_of_the_likeliest_passage(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The pump needs oil.", "The harbour is deep.", "Bees.")]
    told = [0.1, 0.8, 0.05]
    hits = [replace(hit, probability=chance) for hit, chance in zip(hits, told, strict=True)]
    assert retrieval_signals("How deep is the harbour?", hits).relevance == pytest.approx(math.log(4))
    assert retrieval_signals("How deep is the harbour?", []).relevance == -CLEAR


def test_without_a_hybrid_search_the_relevance_is_even(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The harbour is deep.")]
    assert retrieval_signals("How deep is the harbour?", hits).relevance == 0.0


def test_of_few_chunks_the_likeliest_counts_for_more_than_of_many(passages: MakePassages) -> None:
    hits = [replace(p.hit, probability=0.2) for p in passages("The harbour is deep.")]
    told = [
        retrieval_signals("How deep is the harbour?", hits, searched).relevance for searched in (5, 50, 1000, 10**6)
    ]
    assert told[0] > told[1] > told[2] == told[3] == pytest.approx(math.log(1 / 4))
    assert retrieval_signals("How deep is the harbour?", [], 5).relevance == -CLEAR


def test_the_support_of_an_answer_grows_with_the_confidence() -> None:
    weak = replace(STRONG, holds=-3.0, relevance=-3.0)
    assert 0.0 < right(answerable(weak)) < right(answerable(STRONG)) < 1.0
    assert 0.0 < right(0.0) < right(1.0) < 1.0


def test_a_search_may_be_quite_sure(passages: MakePassages) -> None:
    (passage,) = passages("The limit is 4 kg.")
    for probability in (0.0, 1.0):
        hit = replace(passage.hit, probability=probability)
        assert 0.0 < answerable(retrieval_signals("What is the limit?", [hit])) < 1.0
