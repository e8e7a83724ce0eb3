from collections.abc import Callable
from dataclasses import replace

from ragstone.app.settings import Settings
from ragstone.generation.abstention import Signals, answerable, retrieval_signals
from ragstone.generation.context import Passage

MakePassages = Callable[..., list[Passage]]
STRONG = Signals(similarity=0.7, coverage=1.0)


def test_no_passage_means_no_answer() -> None:
    assert answerable(retrieval_signals("What is the limit?", [])) < Settings().min_confidence


def test_near_passages_are_trusted_before_the_model_has_spoken() -> None:
    assert answerable(STRONG) > 0.5


def test_every_sign_against_an_answer_lowers_the_probability() -> None:
    against = [
        replace(STRONG, similarity=0.2),
        replace(STRONG, coverage=0.2),
        replace(STRONG, missing_number=True),
        replace(STRONG, holds=-1.0),
        replace(STRONG, support=0.0),
    ]
    assert all(answerable(signals) < answerable(STRONG) for signals in against)


def test_retrieval_and_model_decide_together() -> None:
    weak = Signals(similarity=0.25, coverage=0.3)
    assert answerable(replace(weak, holds=0.0)) < answerable(weak)
    assert answerable(replace(weak, holds=0.0)) < answerable(replace(STRONG, holds=0.0))


def test_a_number_of_the_question_that_no_passage_holds_is_noticed(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("Alma produced 2,412 MWh in 2019.")]
    assert retrieval_signals("How much did Alma produce in 2017?", hits).missing_number
    assert not retrieval_signals("How much did Alma produce in 2019?", hits).missing_number


def test_coverage_is_the_share_of_the_questions_words_in_one_passage(passages: MakePassages) -> None:
    hits = [p.hit for p in passages("The pump needs oil.", "The harbour is deep.")]
    assert retrieval_signals("How deep is the harbour?", hits).coverage == 1.0
    assert retrieval_signals("How deep is the pump?", hits).coverage == 0.5
