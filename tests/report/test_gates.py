import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.ui.run_charts import differences_chart, trend_chart
from ragstone.eval.gates import Gate, GateResult, check_gates
from ragstone.eval.readers.questions import Question
from ragstone.eval.report.data import build_report
from ragstone.eval.report.html import as_html
from ragstone.eval.report.markdown import as_markdown
from ragstone.eval.run_sets import RunSet, RunUnit, compare_run_sets, find_run_sets, unlike
from ragstone.eval.runs import RunFolder
from ragstone.eval.subjects import Answered
from ragstone.eval.summary import compare_unit, summarize
from ragstone.eval.task import Row, Task
from ragstone.eval.tasks.answering import AnsweringTask


@pytest.fixture(scope="module")
def check(night: RunSet, first_night: RunSet, tasks: Mapping[str, Task[Any, Any]]) -> Callable[..., list[GateResult]]:
    """Holds the last night against a gate, with the first one as the baseline."""
    changes = compare_run_sets(night, first_night, tasks).changes
    return lambda compared=True, **gate: check_gates([Gate(**gate)], night.units, changes if compared else None)


def test_an_absolute_gate_is_about_the_mean_and_tells_the_interval(check: Callable[..., list[GateResult]]):
    (result,) = check(suite="own", metric="faithfulness", at_least=0.85)
    assert (result.unit, result.metric, result.state) == ("own", "faithfulness", "not met")
    assert result.reason.startswith("0.789 [0.") and "n = 38, 1 unscored" in result.reason
    (result,) = check(suite="own", metric="faithfulness", at_least=0.75, at_most=0.8)
    assert result.state == "met"
    (result,) = check(suite="own", metric="hallucination", at_most=0.2)
    assert result.state == "not met"
    (result,) = check(suite="own", metric="seconds", at_most=2)
    assert result.state == "met"
    (result,) = check(suite="own", metric="smol: faithfulness", at_least=0.7)
    assert result.state == "not met"


def test_a_gate_over_a_suite_is_about_each_of_its_sets(check: Callable[..., list[GateResult]]):
    assert [one.unit for one in check(suite="retrieval", metric="nDCG@10", at_least=0.5)] == ["retrieval/stations"]
    assert [one.unit for one in check(suite="retrieval/*", metric="nDCG@10", at_least=0.5)] == ["retrieval/stations"]


def test_a_relative_gate_rings_for_what_is_significant_and_large(check: Callable[..., list[GateResult]]):
    assert {one.metric for one in check(suite="own", max_drop=0.02) if one.state == "not met"} == {
        "faithfulness",
        "hallucination",
        "smol: faithfulness",
    }
    assert {one.state for one in check(suite="own", max_drop=0.5)} == {"met"}  # significant, but not so large


def test_what_chance_alone_explains_among_many_figures_does_not_ring(check: Callable[..., list[GateResult]]):
    # Six more of thirty documents came second: the interval leaves out 0, and p is 0.03, but not after it is adjusted.
    assert {one.state for one in check(suite="retrieval", max_drop=0.02)} == {"met"}


def test_unknown_is_not_good_enough(check: Callable[..., list[GateResult]], night: RunSet):
    (result,) = check(suite="own", metric="faithfullness", at_least=0.5)
    assert (result.state, result.reason) == ("not met", "there is no such figure; did you mean 'faithfulness'?")
    unit = night.units["own"]
    nothing = {"mean": None, "low": None, "high": None, "n": 0, "n_unscored": 40}
    summary = {**unit.summary, "metrics": {"faithfulness": nothing}}
    gate = Gate(suite="own", metric="faithfulness", at_least=0.1)
    (result,) = check_gates([gate], {"own": replace(unit, summary=summary)}, None)
    assert (result.state, result.reason) == ("not met", "unscored (n = 0, 40 unscored)")


def confident(wrong: int, silent: int = 0) -> list[Row]:
    """Answers to forty questions with their confidence: so many are wrong, and so many of the others are not given."""
    task, rows = AnsweringTask(), []
    for n in range(40):
        question = Question(str(n), "How high?", ("eight metres",))
        said = "Five metres." if n < wrong else "" if n >= 40 - silent else "Eight metres."
        answered = Answered(said, not said, confidence=0.5 + n / 100)
        values = task.values(question, answered.as_json())
        rows.append(Row(str(n), "", "", task.shown(question), answered.as_json(), values, seconds=1.0))
    return rows


def held(gate: Gate, now: list[Row], before: list[Row], task: Task[Any, Any]) -> dict[str, str]:
    """What comes of a gate, by figure."""
    changes = compare_unit("own", task, now, before).changes
    return {result.metric: result.state for result in check_gates([gate], {"own": unit_of(now, task)}, changes)}


def unit_of(rows: list[Row], task: Task[Any, Any]) -> RunUnit:
    """Rows as a set that was run."""
    summary = summarize("own", "own", task, rows).as_json()
    return RunUnit(RunFolder(Path("none")), {}, {"name": "own", "suite": "own"}, summary)


def test_what_is_no_mean_has_a_difference_and_an_unchanged_run_meets_a_gate_over_everything():
    found = held(Gate(max_drop=0.02), confident(4), confident(4), AnsweringTask())
    assert set(found.values()) == {"met"} and {"ECE", "AURC"} <= found.keys()
    worse = held(Gate(max_drop=0.02), confident(25), confident(4), AnsweringTask())
    assert worse["ECE"] == worse["AURC"] == "not met"


def test_a_figure_that_both_have_but_of_no_common_item_is_not_checked():
    before = [replace(row, values={"abstention accuracy": 0.0}) if int(row.id) < 20 else row for row in confident(0)]
    found = held(Gate(metric="Brier", max_drop=0.02), confident(0, 20), before, AnsweringTask())
    assert found == {"Brier": "not checked"}
    none = [replace(row, values=dict.fromkeys(row.values)) for row in confident(0)]
    assert held(Gate(metric="Brier", max_drop=0.02), none, confident(0), AnsweringTask()) == {"Brier": "not met"}


def test_items_that_fail_only_now_meet_no_relative_gate():
    task, before = AnsweringTask(), confident(4)
    now = [
        replace(row, output=None, values={}, error="it broke off") if n > 29 else row for n, row in enumerate(before)
    ]
    gate = Gate(metric="right", max_drop=0.02)
    (result,) = check_gates([gate], {"own": unit_of(now, task)}, compare_unit("own", task, now, before).changes)
    assert result.state == "not met"
    assert result.reason.endswith("; 10 of the items that have an output in the baseline failed")
    assert held(gate, now, now, task) == held(gate, before, now, task) == {"right": "met"}  # they failed before, too


def test_more_that_a_judge_calls_hallucinated_is_worse_and_less_is_better():
    task = AnsweringTask()

    def judged(bad: int) -> list[Row]:
        found = [{"hallucination": float(n < bad), "support": 1.0 - (n < bad)} for n in range(40)]
        return [replace(row, judged={"verifier": scores}) for row, scores in zip(confident(0), found, strict=True)]

    gate = Gate(metric="verifier: *", max_drop=0.02)
    assert held(gate, judged(20), judged(0), task) == dict.fromkeys(
        ("verifier: hallucination", "verifier: support"), "not met"
    )
    assert set(held(gate, judged(0), judged(20), task).values()) == {"met"}
    changes = compare_unit("own", task, judged(0), judged(20)).changes
    assert {one.verdict for one in changes if one.metric.startswith("verifier")} == {"better"}
    unit = unit_of(judged(0), task)
    assert (unit.better["verifier: hallucination"], unit.better["verifier: support"]) == ("less", "more")


def test_the_figures_beside_a_difference_are_over_its_items():
    task = AnsweringTask()
    before, now = confident(0, silent=10), confident(20)
    now[:10] = confident(0, silent=40)[:10]  # ten that only the baseline answers, and ten that only the run does
    found = {one.metric: one for one in compare_unit("own", task, now, before).changes}
    for metric in ("right where answered", "Brier", "ECE", "AURC"):
        change = found[metric]
        value, baseline, moved = change.value, change.baseline, change.difference.mean
        assert (value.n, baseline.n, moved.n, moved.n_unscored) == (20, 20, 20, 20)
        assert value.mean is not None and baseline.mean is not None
        assert moved.mean == pytest.approx(value.mean - baseline.mean)
    right = found["right where answered"]
    assert (right.value.mean, right.baseline.mean) == (0.5, 1.0)  # of all answers .667
    told = right.as_json()
    assert set(told["difference"]) == {"mean", "p", "effect"} and told["value"]["mean"] == 0.5


def test_where_all_items_share_a_source_no_gate_rings_and_no_change_has_a_direction(
    tmp_path: Path, write: Callable[..., Any], rows: list[Any], tasks: Mapping[str, Task[Any, Any]]
):
    def run(name: str, day: int, shared: list[Any]) -> RunSet:
        write(tmp_path / name, {"own": ("own", shared)}, day)
        return RunSet.read(tmp_path / name)

    before = [replace(row, source="handbook.pdf") for row in rows]
    worse = [replace(row, values=dict.fromkeys(row.values, 0.3)) if row.output else row for row in before]
    night, baseline = run("now", 25, worse), run("before", 24, before)
    compared = compare_run_sets(night, baseline, tasks)
    assert {change.verdict for change in compared.changes} == {"unscored"}
    assert {change.difference.p for change in compared.changes} == {None}
    assert compared.warnings == [
        "own: the 40 items come from 1 source, and no difference can be told from chance by fewer than 6"
    ]
    gate = Gate(suite="own", metric="faithfulness", max_drop=0.02)
    (result,) = check_gates([gate], night.units, compared.changes)
    assert result.state == "not checked"
    assert "[unknown], n = 38 of 1 source: too few to tell it from chance, which takes 6 sources" in result.reason
    (result,) = check_gates([Gate(suite="own", metric="faithfulness", at_least=0.5)], night.units, None)
    assert (result.state, result.reason) == ("not met", "0.300 [unknown] (n = 38 of 1 source, 1 unscored)")
    report = build_report(night, tasks, baseline=baseline, history=[baseline], gates=[gate])
    assert "[unknown]" in as_html(report)
    assert r"\[unknown\]" in as_markdown(report)
    assert (report.state, report.headline) == (
        "incomplete",
        "No gate was checked; no difference from the baseline can be told from chance; 1 item failed.",
    )
    trend_chart("faithfulness", [(one, one.units["own"].metrics["faithfulness"]) for one in (baseline, night)])
    assert differences_chart(report.changes) is not None


def test_a_relative_gate_on_the_time_of_an_output_is_checked_where_it_is_named(
    tmp_path: Path, write: Callable[..., Any], rows: list[Any], tasks: Mapping[str, Task[Any, Any]]
):
    rows = [row for row in rows if not row.error]
    slow = [replace(row, seconds=9.0 + n / 100) for n, row in enumerate(rows)]
    write(tmp_path / "slow", {"own": ("own", slow)}, 25)
    write(tmp_path / "fast", {"own": ("own", rows)}, 24)
    night, baseline = (RunSet.read(tmp_path / name) for name in ("slow", "fast"))
    changes = compare_run_sets(night, baseline, tasks).changes
    (result,) = check_gates([Gate(suite="own", metric="seconds", max_drop=0.5)], night.units, changes)
    assert result.state == "not met" and result.reason.startswith("+8.1")
    (result,) = check_gates([Gate(suite="own", metric="seconds", max_drop=10)], night.units, changes)
    assert result.state == "met"
    of_all = check_gates([Gate(max_drop=0.02)], night.units, changes)
    assert of_all and {one.state for one in of_all} == {"met"} and "seconds" not in {one.metric for one in of_all}
    report = build_report(night, tasks, baseline=baseline)
    assert (report.state, [one.metric for one in report.moved("beyond noise")]) == ("good", ["seconds"])


def test_a_relative_gate_on_a_figure_that_nothing_has_is_not_met(
    check: Callable[..., list[GateResult]], night: RunSet, first_night: RunSet, tasks: Mapping[str, Task[Any, Any]]
):
    for suite in ("own", "*"):
        (result,) = check(suite=suite, metric="faithfullness", max_drop=0.02)
        assert (result.state, result.reason) == ("not met", "there is no such figure; did you mean 'faithfulness'?")
    # What another night had is a figure, though the suite that has it was put off in this one.
    units = {"retrieval/stations": night.units["retrieval/stations"]}
    changes = [one for one in compare_run_sets(night, first_night, tasks).changes if one.unit in units]
    gate = Gate(metric="faithfulness", max_drop=0.02)
    (result,) = check_gates([gate], units, changes, list(first_night.units.values()))
    assert (result.state, result.reason) == ("not checked", "not both runs have this figure")


def test_changes_come_in_the_order_of_the_judges(
    tmp_path: Path, write: Callable[..., Any], rows: list[Any], tasks: Mapping[str, Task[Any, Any]]
):
    names = [f"judge {letter}" for letter in "hgfedcba"]
    judged = [replace(row, judged={name: {"score": 0.5} for name in names}) for row in rows]
    for name, day in (("now", 25), ("before", 24)):
        write(tmp_path / name, {"own": ("own", judged)}, day)
    changes = compare_run_sets(*(RunSet.read(tmp_path / name) for name in ("now", "before")), tasks).changes
    assert [one.metric for one in changes if ": " in one.metric] == [f"{name}: score" for name in names]


def test_what_was_not_run_or_has_no_baseline_is_not_checked(check: Callable[..., list[GateResult]]):
    assert [(one.state, one.reason) for one in check(suite="bbq", max_drop=0.02)] == [
        ("not checked", "this suite was not run")
    ]
    assert [(one.state, one.reason) for one in check(compared=False, suite="own", max_drop=0.02)] == [
        ("not checked", "there is no baseline")
    ]


def test_nights_are_found_oldest_first_and_what_is_no_run_is_left_out(nights: Path, tmp_path: Path):
    assert [one.name for one in find_run_sets(nights)] == [f"2026-11-{day}" for day in range(20, 25)]
    assert find_run_sets(tmp_path / "none") == []
    assert set(find_run_sets(nights)[0].units) == {"own", "retrieval/stations"}


def test_a_night_that_cannot_be_read_is_left_out_with_a_warning(
    nights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    shutil.copytree(nights, tmp_path / "nights")
    (tmp_path / "nights" / "2026-11-21" / "own" / "summary.json").write_text("{}")
    (tmp_path / "nights" / "2026-11-22" / "own" / "run.json").write_text('{"form')
    assert [one.name for one in find_run_sets(tmp_path / "nights")] == [f"2026-11-{day}" for day in (20, 23, 24)]
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == ["Left out", "Left out"]


def test_what_two_runs_do_not_share_is_told(
    night: RunSet, first_night: RunSet, tmp_path: Path, write: Callable[..., Any], rows: list[Any]
):
    assert [(one.what, one.honest) for one in unlike(night, first_night)] == [("code", True)]
    write(tmp_path / "other", {"own": ("own", rows)}, 25, corpus="beef")
    found = {one.what: one for one in unlike(RunSet.read(tmp_path / "other"), first_night)}
    assert (found["corpus: fingerprint"].baseline, found["corpus: fingerprint"].now) == ("c0ffee", "beef")
    assert not found["corpus: fingerprint"].honest
