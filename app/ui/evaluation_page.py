"""The page of evaluation: runs and nights, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from ...eval.report.data import Report
from ...eval.report.wording import SIGNS
from ...eval.run_sets import RunSet, find_run_sets
from ..nightly_report import known_tasks, make_report, written
from .evaluating_view import show_running
from .runs_view import show_comparison, show_trends, show_worst
from .words import plain

RUNS = "ragstone-runs"
FOLDERS = ("ragstone-nights", RUNS)
"""Where `ragstone nightly` and `ragstone eval run` keep what they did, below the folder in which the server started."""
_HEIGHT = 1400
"""Pixels of the report, which scrolls by itself."""


def show() -> None:
    """Show the page."""
    st.header("Evaluation", anchor=False)
    with st.container():  # a place of its own: when a run begins or ends, the tab that is open below stays open
        show_running(Path(RUNS))
    runs = found_runs(Path(folder) for folder in FOLDERS)
    if not runs:
        st.markdown(
            "No run yet. Start one here, by `ragstone eval run --questions mine.csv`, or let `ragstone nightly` do it "
            "every night; what they leave in this folder is shown here."
        )
        return
    names = {_name(one): one for one in reversed(runs)}
    left, right = st.columns(2)
    chosen = left.selectbox("Run", list(names))
    baseline = right.selectbox(
        "Compare with", [name for name in names if name != chosen], index=None, placeholder="Nothing"
    )
    report = _report(str(names[chosen].path), str(names[baseline].path) if baseline else "")
    st.markdown(f"{SIGNS[report.state]} **{plain(report.headline)}**")
    trends, compared, worst, whole = st.tabs(["Over time", "Compared", "Worst answers", "Report"])
    with trends:
        show_trends([run for run in runs if run.begun <= names[chosen].begun])
    with compared:
        show_comparison(report)
    with worst:
        show_worst(report)
    with whole:
        document = written(report, "html")
        st.download_button(
            "Download the report", document, f"{names[chosen].name}.html", "text/html", icon=":material/download:"
        )
        # It is ours, and its own policy lets no script run.
        st.iframe(document, height=_HEIGHT, alt="The report of the run")


def found_runs(folders: Iterable[Path]) -> list[RunSet]:
    """The finished runs below folders, oldest first."""
    return sorted((run for folder in folders for run in find_run_sets(folder)), key=lambda run: run.begun)


def _name(run: RunSet) -> str:
    return f"{run.path.name} ({run.begun[:16].replace('T', ' ')})"


@st.cache_data(show_spinner="Comparing ...", max_entries=8, ttl=300)
def _report(run: str, baseline: str) -> Report:
    path = Path(run)
    return make_report(path, known_tasks(), baseline=Path(baseline) if baseline else None, history=path.parent)
