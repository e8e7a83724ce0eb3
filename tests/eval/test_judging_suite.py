from pathlib import Path

import pytest

from ragstone.eval.judges.verifier import VerifierJudge
from ragstone.eval.readers.grounding import GroundedAnswer
from ragstone.eval.subjects import Subject
from ragstone.eval.suites.judges import JUDGES
from ragstone.eval.summary import summarize
from ragstone.eval.task import Row
from ragstone.eval.tasks.judging import JudgedSet, JudgingTask
from ragstone.generation.grounding import default_scorer

PASSAGE = "The pump was replaced in 2019 by Dr. Holm. It weighs 38 kg and stands in hall B."
ANSWERS = {
    "The pump was replaced in 2019.": True,
    "The pump weighs 38 kg.": True,
    "The pump weighs 83 kg.": False,
    "Norway paid 800 dollars for the new turbine.": False,
}


def run(items: tuple, judge) -> list[Row]:
    task, data = JudgingTask(), JudgedSet("set", items)
    with task.open(data, Subject("judge", {}, judge=judge)) as ask:
        return [
            Row(one.id, one.group, one.source, task.shown(one), output, task.values(one, output))
            for one in task.records(data)
            for (output,) in [ask([one])]
        ]


def test_the_verifier_agrees_with_people_about_plain_cases():
    items = tuple(
        GroundedAnswer(str(n), text, (PASSAGE,), grounded=grounded, source=str(n))
        for n, (text, grounded) in enumerate(ANSWERS.items())
    )
    found = summarize("judges/set", "judges", JudgingTask(), run(items, VerifierJudge(default_scorer())))
    assert {name: found.metrics[name].mean for name in ("accuracy", "kappa", "AUROC")} == dict.fromkeys(
        ("accuracy", "kappa", "AUROC"), 1.0
    )
    assert found.metrics["accuracy"].n == 4
    assert found.metrics["Pearson overall"].mean is None and found.metrics["Pearson overall"].n == 0


def test_the_published_correlations_follow_from_the_published_scores(bench_data: Path):
    data = JUDGES.set("ragchecker").load(bench_data)
    task = JudgingTask()
    rows = []
    for pair in data.items:
        output = {aspect: {"score": score} for aspect, score in pair.published.items()}
        rows.append(Row(pair.id, pair.group, pair.source, None, output, task.values(pair, output)))
    found = task.measure(rows)
    shown = [round(100 * (found[f"Pearson {aspect}"].mean or 0), 2) for aspect in pair.published]
    assert shown == pytest.approx([49.66, 60.67, 61.93])


def test_a_sample_of_judged_answers_has_as_many_of_either_kind():
    items = tuple(GroundedAnswer(str(n), "x", ("y",), grounded=n % 4 == 0) for n in range(80))
    kept = JudgedSet("set", items).sample(20).items
    assert [one.grounded for one in kept].count(True) == 10
