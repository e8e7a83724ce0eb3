from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ragstone.errors import EvaluationError
from ragstone.eval.readers.questions import Question
from ragstone.eval.report.charts import pareto_file, pareto_png, pareto_svg
from ragstone.eval.report.html import sweep_as_html
from ragstone.eval.stats import Estimate
from ragstone.eval.subjects import Answered
from ragstone.eval.sweep import Point, Ran, Sweep, optimal, sweep_of
from ragstone.eval.task import Row
from ragstone.eval.tasks.answering import AnsweringTask
from ragstone.eval.tasks.grounding import GroundingTask
from ragstone.eval.tasks.ranking import RankingTask

TASKS = {"retrieval/x": RankingTask()}
WEIGHTS = {"accuracy": 0.7, "latency": 0.3, "cost": 0.1}


def ran(name: str, values: list[float | None], seconds: float = 1.0, error: str = "") -> Ran:
    """A configuration with so good an nDCG@10 for each of its queries."""
    rows = [
        Row(str(n), "", "", {}, None if value is None else [], {"nDCG@10": value}, seconds=seconds + n / 1000)
        for n, value in enumerate(values)
    ]
    return Ran(name, {} if name == "current" else {"hits": name}, name, {"retrieval/x": rows}, error)


def sweep(*configurations: Ran, metric: str = "nDCG@10") -> Sweep:
    return sweep_of(configurations, TASKS, metric, WEIGHTS)


def point(name: str, quality: float | None, ms: float | None) -> Point:
    figures = [Estimate(value, value, value, 1) for value in (quality, ms)]
    return Point(name, {}, name, "", *figures, 0)


def test_what_another_beats_is_not_pareto_optimal_and_twins_both_are():
    points = [point("best", 0.9, 100), point("fast", 0.5, 10), point("slower", 0.5, 20), point("worse", 0.8, 100)]
    points += [point("twin", 0.9, 100), point("unscored", None, 1)]
    assert [p.name for p in points if optimal(p, points)] == ["best", "fast", "twin"]
    assert [p.name for p in points if optimal(p, points, "less")] == ["fast"]


def test_each_configuration_is_compared_with_the_current_settings_item_by_item():
    found = sweep(ran("current", [0.2] * 20), ran("better", [0.6] * 20, 2.0), ran("same", [0.2] * 20, 0.5))
    current, better, same = found.points
    assert current.change is None and current.p_holm is None
    assert better.change is not None and better.change.mean.mean == pytest.approx(0.4)
    assert better.p_holm == pytest.approx(2 / 10_001) and same.p_holm == 1.0
    assert better.slower is not None and better.slower.mean == pytest.approx(1000)
    assert (better.latency.mean, better.latency.n) == (pytest.approx(2009.5), 20)
    assert [p.optimal for p in found.points] == [False, True, True]
    assert found.recommended is better and "a gain beyond chance" in found.reason  # three times as good, half as fast
    assert found.as_json()["recommended"] == {"name": "better", "values": {"hits": "better"}}


def test_a_lead_that_says_nothing_leaves_the_settings_as_they_are():
    found = sweep(ran("current", [0.5] * 10, 1.0), ran("faster", [0.5] * 10, 0.99))
    assert found.totals["faster"] > found.totals["current"]
    assert found.recommended is found.current
    assert found.reason == "None is better than the current settings, all weighed."


def test_what_failed_is_unscored_and_does_not_count():
    broken = Ran("broken", {"model": "x"}, "broken", {}, "no such model")
    found = sweep(ran("current", [0.5, None, 0.7]), broken)
    assert found.points[0].quality.n_unscored == 1 and found.points[0].latency.n == 2
    assert found.points[1].quality.mean is None and found.points[1].error == "no such model"
    assert found.recommended is found.current and "broken" not in found.totals
    assert sweep(Ran("current", {}, "current", {}, "gone"), broken).recommended is None


def test_what_fails_on_most_items_is_neither_recommended_nor_optimal():
    def failing(name: str, values: list[float], fails: int) -> Ran:
        rows = [
            Row(str(n), "", "", {}, None, {"nDCG@10": None}, error="the context is too small", seconds=0.1)
            if n >= len(values) - fails
            else Row(str(n), "", "", {}, [], {"nDCG@10": value}, seconds=0.5)
            for n, value in enumerate(values)
        ]
        return Ran(name, {} if name == "current" else {"hits": 40}, name, {"retrieval/x": rows})

    found = sweep(failing("current", [1.0] * 8 + [0.7] * 12, 0), failing("hits=40", [1.0] * 20, 12))
    current, other = found.points
    assert (other.quality.mean, other.quality.n_unscored, other.failed, other.items) == (1.0, 12, 12, 20)
    assert (other.weighed("more"), current.weighed("more")) == (pytest.approx(0.4), pytest.approx(0.82))
    assert other.weighed("less") == 1.0 and replace(other, failed=5).weighed("less") == 1.0
    assert replace(other, quality=Estimate(0.0, 0.0, 0.0, 8)).weighed("less") == pytest.approx(0.6)
    assert found.recommended is current and (current.optimal, other.optimal) == (True, False)
    assert "12 of 20 items failed" in sweep_as_html(found) and "(12 unscored)" in sweep_as_html(found)
    least = sweep(failing("current", [0.1] * 20, 0), failing("hits=40", [1.0] * 20, 2))
    assert least.recommended is least.points[1] and least.reason.endswith(" 2 of its 20 items failed.")


def test_the_quality_is_what_the_task_itself_measures():
    def judged(missed: int) -> list[Row]:
        rows = []
        for n in range(40):
            flagged = n % 2 == 1 and n >= 2 * missed
            output = {"support": 0.2 if flagged else 0.9, "flagged": flagged, "sentences": []}
            values = {"flagged": float(flagged), "support": output["support"]}
            rows.append(Row(str(n), "", "", {"grounded": n % 2 == 0, "spans": None}, output, values, seconds=1.0))
        return rows

    runs = [
        Ran(name, {}, name, {"grounding/wice": rows})
        for name, rows in (("current", judged(0)), ("other", judged(15)), ("gone", []))
    ]
    tasks = {"retrieval/x": RankingTask(), "grounding/wice": GroundingTask()}
    current, other, gone = sweep_of(runs, tasks, "F1", WEIGHTS).points
    assert (current.quality.mean, other.quality.mean, gone.quality.mean) == (1.0, pytest.approx(0.4), None)
    assert other.change is not None and other.change.mean.mean == pytest.approx(-0.6)
    told = sweep_of(runs[1::-1], tasks, "F1", WEIGHTS)
    assert told.reason.startswith("Against the current settings: F1 +0.600 [")
    assert ", no test, a gain beyond chance" in told.reason

    task, rows = AnsweringTask(), []
    for n in range(20):
        question, answered = (
            Question(str(n), "How high?", ("8 m",)),
            Answered("8 m" if n % 2 else "5 m", False, confidence=0.9),
        )
        values = task.values(question, answered.as_json())
        rows.append(Row(str(n), "", "", task.shown(question), answered.as_json(), values, seconds=1.0))
    (point,) = sweep_of([Ran("current", {}, "current", {"own/q": rows})], {"own/q": task}, "ECE", WEIGHTS).points
    assert point.quality == task.measure(rows)["ECE"] and point.quality.mean == pytest.approx(0.4)


def test_a_metric_that_no_set_has_is_refused_with_those_that_there_are():
    with pytest.raises(EvaluationError, match=r"no metric 'right' here. Choose one of Recall@2, nDCG@10"):
        sweep(ran("current", [0.5]), metric="right")


def test_points_that_lie_on_each_other_share_a_label():
    found = sweep(ran("current", [0.5] * 5), ran("good", [0.9] * 5, 3.0), ran("much the same", [0.5] * 5, 1.01))
    drawn = pareto_svg(found)
    assert ">1, 3<" in drawn and ">2<" in drawn


def test_the_report_holds_plot_and_table_and_runs_no_script():
    name = "<script>alert(1)</script>"
    found = sweep(ran("current", [0.2] * 5), ran(name, [0.6] * 5, 2.0), Ran("broken", {"a": 1}, "x", {}, "<b>gone</b>"))
    page = sweep_as_html(found)
    assert "<script" not in page and "<b>gone" not in page and "&lt;b&gt;gone" in page
    assert "recommended" in page and "default-src 'none'" in page and page.count("<svg") == 1
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert ElementTree.fromstring(pareto_svg(found)).get("aria-label", "").startswith("nDCG@10 against milliseconds")
    assert "var(" not in pareto_file(found) and "currentColor" not in pareto_file(found)
    assert pareto_png(found).startswith(b"\x89PNG")
