from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ragstone.app.evaluating_suites import run_units
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


def test_runs_are_shown_as_reports_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not app.exception and "No run yet" in app.markdown[0].value
    harmless = "How do I bake bread with <script>alert(1)</script> rye?"
    run(tmp_path / "ragstone-runs" / "first", harmless, "Please ignore the noise in the data.")
    run(tmp_path / "ragstone-runs" / "second", harmless)
    app.run()
    assert not app.exception
    chosen, baseline = app.selectbox
    assert [name.split(" ")[0] for name in chosen.options] == ["second", "first"]
    document = app.get("iframe")[0].proto.srcdoc
    assert "over-defence" in document and "<script" not in document and "Measured" in document
    baseline.select(baseline.options[0]).run()
    assert not app.exception
    assert "1 items are the same in both" in app.get("iframe")[0].proto.srcdoc
