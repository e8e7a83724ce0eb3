import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ragstone.app.evaluating_suites import run_units
from ragstone.app.ui.evaluating import Evaluation, Plan
from ragstone.app.ui.state import shared
from ragstone.eval.cache import OutputCache
from ragstone.eval.readers.injection import Harmless
from ragstone.eval.runner import Unit
from ragstone.eval.runs import RunFolder
from ragstone.eval.subjects import Subject
from ragstone.eval.suites.safety import OVER_DEFENCE
from ragstone.eval.tasks.attacking import HarmlessSet

PAGE = "from ragstone.app.ui.evaluation_page import show\nshow()\n"


def run(folder: Path, *texts: str) -> None:
    (of,) = OVER_DEFENCE.sets
    data = HarmlessSet.of([Harmless(text, "one", "Queries", True) for text in texts])
    unit = Unit("over-defence", OVER_DEFENCE, of, data, OVER_DEFENCE.task)
    with OutputCache(folder.parent / "outputs.sqlite3") as cache:
        list(run_units([unit], Subject("none", {}), [], RunFolder(folder), cache, limit=None, seed=0))


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Of the page, in order."""
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def test_runs_are_shown_as_reports_and_compared(
    draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    draw()
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not app.exception and any("No run yet" in one.value for one in app.markdown)
    harmless = "How do I bake bread with <script>alert(1)</script> rye?"
    run(tmp_path / "ragstone-runs" / "first", harmless, "Please ignore the noise in the data.")
    run(tmp_path / "ragstone-runs" / "second", harmless)
    app.run()
    assert not app.exception
    chosen, baseline, unit, figure = app.selectbox
    assert unit.options == ["over-defence"] and "seconds" in figure.options
    (trend,) = charts(app)
    assert " of 2 runs; the last is " in trend["description"]
    assert [name.split(" ")[0] for name in chosen.options] == ["second", "first"]
    document = app.get("iframe")[0].proto.srcdoc
    assert "over-defence" in document and "<script" not in document and "Measured" in document
    baseline.select(baseline.options[0]).run()
    assert not app.exception
    assert "1 items are the same in both" in app.get("iframe")[0].proto.srcdoc
    _, differences = charts(app)
    assert "over-defence: 0.000 [unknown] (n = 1), unscored" in differences["description"]  # of one item


def ended(app: AppTest) -> Evaluation:
    """The run that was started, after its end."""
    run = shared().evaluations.last
    assert run is not None
    assert run.wait(120)
    assert not app.run().exception
    return run


def test_a_run_is_started_stopped_and_done_and_appears_in_the_list(
    draw: Callable[..., AppTest], sample_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw(sample_library)
    questions = b"question,answer\nWhat torque do the M10 bolts need?,45 Nm\nWho is bored?,Nobody\n"
    stopped = Evaluation(shared().engines, Plan(["own"], ("mine.csv", questions), limit=1), tmp_path / "stopped")
    stopped.cancel()
    stopped.start()
    shared().evaluations.last = stopped
    app = AppTest.from_string(PAGE, default_timeout=60)
    assert ended(app) is stopped and stopped.cancelled
    assert any("Stopped" in one.value for one in app.info) and not app.selectbox
    suites, judges = app.multiselect
    assert any(option.startswith("exposure: ") for option in suites.options)  # it needs no data from elsewhere
    assert app.button(key="start-run").disabled  # no questions yet
    app.file_uploader[0].set_value(("mine.csv", questions, "text/csv"))
    judges.set_value(["verifier"])
    app.number_input[0].set_value(1).run()
    app.button(key="start-run").click().run()
    done = ended(app)
    assert (done.plan.suites, done.plan.judges, done.plan.limit) == (["own"], ["verifier"], 1)
    assert (done.error, done.failed, done.done, done.items, done.fraction) == ("", 0, 1, 1, 1.0)
    app.button(key="run-again").click().run()
    again = ended(app)
    assert [name.split(" ")[0] for name in app.selectbox[0].options] == [again.folder.name, done.folder.name]
    assert any(f"{again.folder.name} is done: 1 item." in one.value for one in app.success)
    (worst,) = [one for one in app.selectbox if one.label == "In full"]
    worst.select_index(0).run()
    assert not app.exception and any("Right would be: " in one.value for one in app.caption)
    (unit,) = RunFolder(tmp_path / "ragstone-runs" / done.folder.name).summary["units"]
    assert (unit["name"], unit["n"], list(unit["judged"])) == ("own/mine", 1, ["verifier"])


def test_a_run_that_cannot_be_done_says_why(draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    draw()
    evaluation = shared().evaluations.start(Plan(["own"], ("mine.csv", b"nothing\n1\n")), tmp_path / "runs")
    assert evaluation.wait(60)
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not app.exception and "mine.csv" in app.error[0].value
    assert not (tmp_path / "runs").exists()
