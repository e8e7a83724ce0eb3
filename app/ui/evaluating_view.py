"""Starting a run of suites, the run in progress, and what came of the last one."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

from ...errors import RagstoneError
from ...eval.report.wording import counted
from ...eval.suites.registry import SUITES, unit_name
from ..evaluating_suites import present
from .evaluating import Evaluation, Plan
from .state import serves_folders, shared
from .words import duration, plain

_EVERY = 0.5
_OWN = {"own": "Your own questions", "parity": "Your own questions, asked in the name of several people"}
_FORMATS = ["csv", "tsv", "jsonl"]


def show_running(runs: Path) -> None:
    """Let a run be started, or show the one in progress.

    Args:
        runs: The folder of runs.
    """
    last = shared().evaluations.last
    if last is not None and not last.ended:
        _show_progress()
        return
    if last is not None:
        _show_outcome(last)
        if st.button("Run the same again", key="run-again", icon=":material/replay:"):
            _start(last.plan, runs)
    with st.expander("Start a run", icon=":material/play_arrow:"):
        _show_form(runs)


def _show_form(runs: Path) -> None:
    data = _data()
    names = [unit_name(suite, of) for suite in SUITES.values() for of in suite.sets if not of.folder]
    if data is not None:
        names = present(["all"], data)[0]
    about = {name: f"{name}: {SUITES[name.split('/')[0]].about}" for name in names}
    chosen = st.multiselect(
        "What is asked",
        [*_OWN, *names],
        ["own"],
        format_func=lambda name: _OWN.get(name) or about[name],
        help="Sets of published data are offered when the server is started with RAGSTONE_BENCH_DATA=FOLDER.",
    )
    questions = _questions() if any(name in _OWN for name in chosen) else None
    left, right = st.columns(2)
    limit = left.number_input(
        "At most so many items of each set",
        1,
        None,
        None,
        placeholder="All",
        help="Drawn at random, the same each time.",
    )
    judges = right.multiselect(
        "Judges besides",
        ["verifier", "local", *(["ragas"] if find_spec("ragas") else [])],
        placeholder="None",
        help="verifier is what chats use; local asks the chat model, which takes a while for each answer.",
    )
    ready = bool(chosen) and (questions is not None or not any(name in _OWN for name in chosen))
    if st.button("Start", key="start-run", type="primary", icon=":material/play_arrow:", disabled=not ready):
        _start(Plan(chosen, questions, data, judges, limit), runs)


def _start(plan: Plan, runs: Path) -> None:
    try:
        shared().evaluations.start(plan, runs)
    except RagstoneError as error:
        st.error(str(error))
        return
    st.rerun()


def _data() -> Path | None:
    folder = os.environ.get("RAGSTONE_BENCH_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


def _questions() -> tuple[str, bytes] | None:
    """A file of questions, as its name and content."""
    file = st.file_uploader(
        "Your questions",
        _FORMATS,
        key="own-questions",
        help="A column named question; answer, document and others help.",
    )
    if file is not None:
        return Path(file.name).name, file.getvalue()
    if not serves_folders():
        return None
    named = st.text_input("Or a file on this machine", placeholder="/home/me/questions.csv", key="own-questions-path")
    if not named.strip():
        return None
    path = Path(named.strip()).expanduser()
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        st.caption(f":red[{plain(f'{path}: it cannot be read ({error.strerror}). Name a file of questions')}]")
        return None


@st.fragment(run_every=_EVERY)
def _show_progress() -> None:
    run = shared().evaluations.last
    if run is None or run.ended:
        st.rerun()
    parts = [f"{run.done} of {run.items} items"] if run.items else []
    if (left := run.remaining_seconds) is not None:
        parts.append(f"about {duration(left)} left")
    st.progress(run.fraction, plain(" · ".join([*parts, run.step])))
    st.button(
        "Stopping …" if run.cancelling else "Stop the run",
        key="stop-run",
        icon=":material/stop:",
        on_click=run.cancel,
        disabled=run.cancelling,
        help="It ends after the item in progress. What was done is used again by the next run.",
    )


def _show_outcome(run: Evaluation) -> None:
    if run.cancelled:
        st.info(run.error)
    elif run.error:
        st.error(run.error)
    elif run.failed:
        st.warning(f"{run.folder.name} is done; {run.failed} of {counted(run.items, 'item')} failed and are unscored.")
    else:
        st.success(f"{run.folder.name} is done: {counted(run.items, 'item')}.")
