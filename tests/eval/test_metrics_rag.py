"""Citations, contexts, abstention, exposure and parity."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ragstone.eval.metrics.abstention import Outcome, bins, compare, measure, risk_coverage
from ragstone.eval.metrics.citations import Statement, citation_scores, judged_by
from ragstone.eval.metrics.contexts import context_precision, context_recall
from ragstone.eval.metrics.excerpts import Retrieved, excerpt_scores, precision_omega
from ragstone.eval.metrics.exposure import exposure
from ragstone.eval.metrics.parity import METRICS, Told, manner, parity
from ragstone.eval.readers.excerpts import ExcerptQuestion
from ragstone.eval.readers.questions import Question, QuestionSet
from ragstone.eval.subjects import Answered, AnsweredSentence
from ragstone.eval.tasks.parity import ParityTask
from ragstone.generation.grounding.verifier import Verifier

PASSAGES = ["pump", "valve", "pump valve", "rain"]


def words_stand(claim: str, passages: Sequence[str]) -> bool | None:
    """A judge that anyone can follow: all words of the claim stand in the passages; it does not judge `?`."""
    return None if "?" in claim else set(claim.split()) <= set(" ".join(passages).split())


@pytest.mark.parametrize(
    ("text", "cites", "recall", "precision"),
    [
        ("pump", (0,), 1.0, 1.0),
        ("pump", (3,), 0.0, 0.0),
        ("pump", (), 0.0, None),
        ("pump valve", (0, 1), 1.0, 1.0),  # each is missed by the other
        ("pump valve", (2, 3), 1.0, 0.5),  # the rain is not needed
        ("pump valve", (0, 3), 0.0, 0.0),
        ("pump valve", (2, 0, 1), 1.0, 1 / 3),  # neither supports it alone, nor is missed
        ("pump", (0, 7), 0.0, None),  # there is no such passage
        ("pump", (0, 0), 1.0, 1.0),
    ],
)
def test_citations_are_scored_as_by_alce(
    text: str, cites: tuple[int, ...], recall: float, precision: float | None
) -> None:
    found = citation_scores([Statement(text, cites)], PASSAGES, words_stand)
    assert (found.recall, found.precision, found.n_unscored) == (recall, precision, 0)


def test_what_the_judge_cannot_tell_counts_for_nothing() -> None:
    statements = [Statement("pump", (0,)), Statement("pump valve", (2, 3)), Statement("pump ?", (0, 1))]
    found = citation_scores(statements, PASSAGES, words_stand)
    assert (found.recall, found.precision, found.n_unscored) == (1.0, 2 / 3, 1)
    nothing = citation_scores(statements[2:], PASSAGES, words_stand)
    assert (nothing.recall, nothing.precision, nothing.n_unscored) == (None, None, 1)


def test_the_verifier_judges_citations() -> None:
    passages = ["The new pump weighs 38 kg and costs EUR 1,950.", "The cafeteria opens at noon."]
    statements = [Statement("The new pump weighs 38 kg.", (0,)), Statement("The new pump weighs 83 kg.", (0,))]
    found = citation_scores(statements, passages, judged_by(Verifier(), "How heavy is the pump?"))
    assert (found.recall, found.precision, found.n_unscored) == (0.5, 0.5, 0)


def test_contexts_are_scored_as_by_ragas() -> None:
    retrieved, relevant = ["a", "b", "c", "b"], ["b", "d"]
    assert context_precision(retrieved, relevant) == pytest.approx(1 / 3)
    assert context_recall(retrieved, relevant) == 0.5
    assert context_precision([], relevant) is None
    assert context_precision(retrieved, []) is context_recall(retrieved, []) is None
    assert context_recall([], relevant) == 0.0


def outcomes() -> list[Outcome]:
    """Two of three that can be answered are, one of them right; one of two that cannot is refused; one is unknown."""
    return [
        Outcome("a", True, True, True, 0.95),
        Outcome("b", True, True, False, 0.55),
        Outcome("c", True, False),
        Outcome("d", False, True, None, 0.55),
        Outcome("e", False, False),
        Outcome("f", False, None),
    ]


def test_abstention_is_counted_over_what_each_metric_is_about() -> None:
    found = {name: (one.mean, one.n, one.n_unscored) for name, one in measure(outcomes()).items()}
    third = pytest.approx(1 / 3)
    assert found["abstention accuracy"] == (0.6, 5, 1)
    assert found["wrongly refused"] == (third, 3, 0)
    assert found["wrongly answered"] == (0.5, 2, 1)
    assert found["refused rightly"] == (0.5, 2, 0)
    assert found["accuracy"] == (0.4, 5, 1)
    assert found["precision"] == (third, 3, 0)
    assert found["Brier"] == (pytest.approx((0.05**2 + 2 * 0.55**2) / 3), 3, 0)
    assert found["ECE"] == (pytest.approx((0.05 + 1.1) / 3), 3, 0)
    assert found["AURC"] == (pytest.approx((0 + 2 * 2 / 3) / 3), 3, 0)


def test_answers_of_one_confidence_come_together_on_the_curve() -> None:
    assert risk_coverage(outcomes()) == [(1 / 6, 0.0), (pytest.approx(0.5), pytest.approx(2 / 3))]
    assert risk_coverage([]) == []
    assert list(bins(outcomes())) == [(0.55, 0.0, 2), (0.95, 1.0, 1)]


def test_where_nothing_is_known_nothing_is_scored() -> None:
    found = measure([Outcome("a", True, True), Outcome("b", True, True, None, 0.5)])
    for name in ("precision", "accuracy", "AURC", "ECE", "Brier", "refused rightly", "wrongly answered"):
        assert found[name].mean is None
    assert (found["precision"].n, found["precision"].n_unscored) == (0, 2)
    assert found["abstention accuracy"].mean == 1.0
    assert measure([])["AURC"].mean is None


def test_a_confidence_that_knows_what_is_right_has_the_least_area() -> None:
    draw = random.Random(0)
    rights = [draw.random() < 0.6 for _ in range(200)]

    def area(confidences: Sequence[float]) -> float:
        pairs = zip(rights, confidences, strict=True)
        value = measure([Outcome(str(n), True, True, *pair) for n, pair in enumerate(pairs)])["AURC"].mean
        assert value is not None
        return value

    risk = 1 - sum(rights) / len(rights)
    knowing, guessing = area([float(right) for right in rights]), area([0.5] * 200)
    assert knowing < area([draw.random() for _ in rights])
    assert guessing == pytest.approx(risk)  # one threshold, one coverage
    assert knowing == pytest.approx(risk**2)  # no risk until what is right is covered, then all of it at once


def test_what_a_confidence_is_worth_is_compared_over_the_answers_that_both_gave() -> None:
    before = [Outcome(str(n), True, True, n % 2 == 0, 0.5) for n in range(40)]
    sure = [replace(one, confidence=0.9 if one.right else 0.1) for one in before]
    now = [replace(sure[0], answered=False), replace(sure[1], answered=None), *sure[2:]]
    found = compare(now, before)
    assert (found["ECE"].mean.mean, found["ECE"].mean.n, found["ECE"].mean.n_unscored) == (pytest.approx(0.1), 38, 2)
    assert found["AURC"].mean.mean is not None and found["AURC"].mean.mean < -0.2
    assert found["AURC"].mean.high is not None and found["AURC"].mean.high < 0
    assert found["AURC"].p == pytest.approx(1 / 10_001)
    same = compare(before, before)
    assert [(one.mean.mean, one.mean.low, one.mean.high, one.p) for one in same.values()] == [(0, 0, 0, 1)] * 3
    few = compare(now[:7], before[:7])["ECE"]
    assert (few.mean.n, few.mean.has_interval, few.p) == (5, False, None)
    assert compare([], [])["ECE"].mean.mean is None


def test_the_interval_of_a_mean_is_drawn_by_source() -> None:
    """Five questions of one source say no more than one."""
    told = [Outcome(str(n), True, n % 3 > 0, True, 0.5) for n in range(30)]
    alone = measure(told)["wrongly refused"]
    together = measure([Outcome(str(n // 5), True, n < 20, True, 0.5) for n in range(30)])["wrongly refused"]
    assert alone.low is not None and alone.high is not None
    assert together.low is not None and together.high is not None
    assert alone.mean == together.mean == pytest.approx(1 / 3)
    assert together.high - together.low > 1.8 * (alone.high - alone.low)
    of_three = measure([Outcome(str(n // 10), True, n < 20, True, 0.5) for n in range(30)])["wrongly refused"]
    assert (of_three.mean, of_three.low, of_three.n, of_three.sources) == (alone.mean, None, 30, 3)


GROUPS = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "b3": "b", "b4": "b"}


def test_exposure_falls_with_the_rank_and_is_shared_by_the_group() -> None:
    found = exposure(["a1", "x", "b1"], GROUPS)
    assert found == {"a": pytest.approx(1 / 2), "b": pytest.approx(1 / np.log2(4) / 4)}
    assert exposure(["x"], GROUPS) == {"a": 0.0, "b": 0.0}


def test_answers_that_are_the_same_have_parity() -> None:
    told = Told("Emily pays 40 EUR.", frozenset({"a"}), (True,), right=True)
    assert parity(told, told) == dict.fromkeys(METRICS, 1.0)


def test_what_differs_is_told_apart() -> None:
    one = Told("You may pay 40 EUR, but it is late.", frozenset({"a", "b"}), (True,), right=True)
    other = Told("Pay 40 EUR!", frozenset({"a"}), (False,), right=True)
    found = parity(one, other)
    assert found["same answer"] == 0.0
    assert found["answer F1"] == pytest.approx(2 * 3 / 12)
    assert found["same citations"] == 0.5
    assert (found["same verdicts"], found["same correctness"], found["same abstention"]) == (0.0, 1.0, 1.0)
    assert found["length ratio"] == pytest.approx(3 / 9)
    assert found["manner"] == 0.0


def test_a_refusal_of_one_is_no_parity_and_of_both_is() -> None:
    said, refused = Told("Pay 40 EUR.", frozenset({"a"}), (True,), right=True), Told("", right=False)
    found = parity(said, refused)
    assert [found[name] for name in METRICS] == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    both = parity(refused, Told(""))
    assert (both["same abstention"], both["same correctness"], both["same answer"]) == (1.0, None, None)


def test_what_is_not_known_of_a_pair_is_unscored() -> None:
    found = parity(Told("Pay.", verdicts=(None,)), Told("Pay.", verdicts=(True,)))
    assert found["same verdicts"] is found["same correctness"] is found["same citations"] is None


@pytest.mark.parametrize(("cites", "same"), [(1, 1.0), (2, 1.0), (0, None), (9, None)])
def test_a_citation_of_no_passage_that_was_given_is_none(cites: int, same: float | None) -> None:
    sentence = AnsweredSentence("It is blue.", "supported", 0.9, (cites,))
    answered = Answered("It is blue.", abstained=False, passages=(("d", "x"), ("e", "y")), sentences=(sentence,))
    task, asked = ParityTask(), QuestionSet("x", (Question("1", "Which colour is it?", ("blue",)),))
    record = task.records(asked)[1]
    assert task.values(record, [answered.as_json()] * len(record.people))["same citations"] == same


def test_manner_sees_function_words_and_marks_only() -> None:
    assert manner("It is the pump.", "It is the valve.") == 1.0
    assert manner("pump", "valve") is None
    assert manner("pump.", "valve") == 0.0
    assert manner("It is late!", "It is late.") == pytest.approx(2 / 3)


QUESTION = ExcerptQuestion("?", "d", ((10, 20), (40, 50)))


def test_ranges_are_scored_by_the_excerpts_that_they_hold() -> None:
    found = [Retrieved("d", 0, 15), Retrieved("d", 10, 20), Retrieved("e", 40, 50)]
    assert excerpt_scores(QUESTION, found) == pytest.approx((10 / 20, 10 / 35, 10 / 45))
    assert excerpt_scores(QUESTION, []) == (0.0, None, 0.0)
    whole = [Retrieved("d", 0, 30), Retrieved("d", 30, 60), Retrieved("d", 60, 90)]
    assert precision_omega(QUESTION, whole) == pytest.approx(20 / 60)
