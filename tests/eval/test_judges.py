"""Judges of answers, with real weights: the verifier, and a chat model that knows little but keeps to the form."""

from dataclasses import asdict, replace

import pytest

from ragstone.eval.judges import NO_PASSAGES, NO_QUESTION, NO_REFERENCE, NO_STATEMENTS, Case, Judge
from ragstone.eval.judges.local import ChatJudge, average_precision
from ragstone.eval.judges.verifier import VerifierJudge, faithfulness
from ragstone.eval.judging import judge_grounded, judge_pairs, stratified
from ragstone.eval.metrics.citations import Statement
from ragstone.eval.readers.grounding import GroundedAnswer, GroundedSet
from ragstone.eval.readers.ragchecker import AnswerPair
from ragstone.eval.task import Row
from ragstone.eval.tasks.judging import JudgingTask
from ragstone.generation.grounding import default_scorer
from ragstone.generation.grounding.overlap import Overlap
from ragstone.generation.llama import LlamaModel
from ragstone.generation.prompts import Prompts

PUMP = "The pump in hall B was replaced in March 2019. The new pump weighs 38 kg."
RIGHT, WRONG = "The new pump weighs 38 kg.", "Rain fell on the harbour all day."
CASE = Case(f"{RIGHT} {WRONG}", (PUMP,), "What does the pump weigh?", RIGHT)


def test_the_verifier_counts_the_claims_that_the_passages_support() -> None:
    judge: Judge = VerifierJudge(default_scorer())
    judgement = judge.judge(CASE)
    assert judgement.scores["faithfulness"] == 0.5
    assert judgement.scores["hallucination"] == 1.0
    assert judge.judge(Case(RIGHT, (PUMP,)), ("hallucination",)).scores == {"hallucination": 0.0}


def test_the_verifier_judges_what_an_answer_cites() -> None:
    judge, cited = (
        VerifierJudge(default_scorer()),
        (Statement(RIGHT, (0,)), Statement(WRONG, (0,)), Statement(RIGHT, ())),
    )
    judgement = judge.judge(replace(CASE, statements=cited))
    assert judgement.scores["citation recall"] == pytest.approx(1 / 3)
    assert judgement.scores["citation precision"] == 0.5
    assert judge.judge(CASE).reasons["citation recall"] == NO_STATEMENTS
    silent = judge.judge(replace(CASE, statements=cited[2:]), ("citation precision",))
    assert silent.scores == {"citation precision": None}
    assert silent.reasons == {"citation precision": "nothing is cited"}


def test_without_passages_or_claims_nothing_is_scored_and_the_reason_is_told() -> None:
    judge = VerifierJudge(Overlap())
    unscored = judge.judge(Case(RIGHT))
    assert set(unscored.scores.values()) == {None}
    assert set(unscored.reasons.values()) == {NO_PASSAGES}
    assert judge.judge(Case("", (PUMP,)), ("faithfulness",)).scores == {"faithfulness": None}
    assert faithfulness([]) is None


def test_a_chat_model_gives_every_metric_a_score_of_0_to_1_and_the_same_again(shallow_model: LlamaModel) -> None:
    judge: Judge = ChatJudge(shallow_model, Prompts())
    first = judge.judge(CASE)
    assert set(first.scores) == set(judge.metrics)
    assert all(score is not None and 0 <= score <= 1 for score in first.scores.values()), first
    assert judge.judge(CASE) == first


def test_what_a_chat_model_would_need_and_does_not_have_leaves_the_metric_unscored(shallow_model: LlamaModel) -> None:
    found = ChatJudge(shallow_model, Prompts()).judge(Case(RIGHT))
    assert set(found.scores.values()) == {None}
    assert found.reasons["answer relevance"] == NO_QUESTION
    assert found.reasons["correctness"] == NO_REFERENCE
    assert found.reasons["faithfulness"] == NO_PASSAGES


def test_passages_that_do_not_fit_leave_the_claims_unscored(shallow_model: LlamaModel) -> None:
    found = ChatJudge(shallow_model, Prompts()).judge(Case(RIGHT, (PUMP * 200,)), ("faithfulness",))
    assert found.scores == {"faithfulness": None}
    assert found.reasons["faithfulness"]


def test_a_preference_does_not_depend_on_which_answer_is_named_first(shallow_model: LlamaModel) -> None:
    judge = ChatJudge(shallow_model, Prompts())
    forth, back = judge.prefer("Weight?", RIGHT, WRONG), judge.prefer("Weight?", WRONG, RIGHT)
    assert forth is not None
    assert back is not None
    assert forth == pytest.approx(1 - back, abs=1e-3)


def test_votes_are_words_of_the_form_and_are_repeatable(shallow_model: LlamaModel) -> None:
    judge = ChatJudge(shallow_model, Prompts(), votes=3, seed=1)
    score = judge.judge(CASE, ("answer relevance",)).scores["answer relevance"]
    assert score is not None
    assert score * 6 == pytest.approx(round(score * 6))  # of three votes in each of two orders
    assert judge.judge(CASE, ("answer relevance",)).scores["answer relevance"] == score


def test_precision_at_the_rank_of_each_passage_that_helps() -> None:
    assert average_precision([True, False, True]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([False, False]) == 0


def test_a_judge_is_measured_against_labels_with_the_best_of_alternatives_and_unscored_counted() -> None:
    answers = (
        GroundedAnswer("right", RIGHT, (PUMP,), grounded=True, source="a"),
        GroundedAnswer("elsewhere", RIGHT, (WRONG,), grounded=True, source="b", alternatives=((PUMP,),)),
        GroundedAnswer("wrong", WRONG, (PUMP,), grounded=False, source="c"),
        GroundedAnswer("empty", "", (PUMP,), grounded=False, source="d"),
    )
    rows = list(judge_grounded(answers, VerifierJudge(default_scorer())))
    assert [row.verdict for row in rows] == [True, True, False, None]
    assert rows[-1].reason
    task = JudgingTask()
    found = task.measure(
        [
            Row(one.id, "", row.source, {}, {}, task.values(one, asdict(row)))
            for one, row in zip(answers, rows, strict=True)
        ]
    )
    assert found["balanced accuracy"].mean == found["AUROC"].mean == found["kappa"].mean == 1
    assert (found["kappa"].n, found["kappa"].n_unscored) == (3, 1)


def test_of_a_pair_the_answer_that_says_what_the_reference_says_is_preferred() -> None:
    human = dict.fromkeys(("correctness", "completeness", "overall"), (2, 1))
    pair = AnswerPair("0", "", "What does the pump weigh?", RIGHT, WRONG, RIGHT, human, {})
    rows = list(judge_pairs([pair], VerifierJudge(default_scorer())))
    assert [row.label for row in rows] == [2, 1] * 3
    assert {row.score for row in rows} == {1.0}


def test_a_sample_has_as_many_grounded_answers_as_others() -> None:
    answers = tuple(GroundedAnswer(str(n), "", (), grounded=n % 10 > 0) for n in range(100))
    drawn = stratified(GroundedSet("made up", answers), 16, seed=2)
    assert [one.grounded for one in drawn].count(False) == 8
    assert len(drawn) == 16
    assert len(stratified(GroundedSet("made up", answers), 60)) == 60
