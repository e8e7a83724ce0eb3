"""The report of a night: compared, held against the gates, and written in every form."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import EvaluationError, LibraryNotFoundError
from ..eval.gates import Gate
from ..eval.report.data import Report, build_report
from ..eval.report.html import as_html
from ..eval.report.junit import as_junit
from ..eval.report.markdown import as_markdown
from ..eval.run_sets import RunSet, find_run_sets
from ..eval.suites.registry import SUITES
from ..eval.task import Task
from ..retrieval.library import Library
from .feedback import Feedback, FeedbackStore
from .monitor_report import DAYS, report_usage, usage_told
from .nightly import Night, baseline_of
from .nightly_config import NightlyConfig

MOST_FEEDBACK = 30
FORMATS = ("html", "md", "json", "junit")
_FILES = {"html": "report.html", "md": "report.md", "json": "report.json", "junit": "report.junit.xml"}


def known_tasks() -> Mapping[str, Task[Any, Any]]:
    """What every suite asks, by its name."""
    return {name: suite.task for name, suite in SUITES.items()}


def report_night(
    night: Night, config: NightlyConfig, tasks: Mapping[str, Task[Any, Any]], library: Path | None = None
) -> Report:
    """Compute the report of a night and write it into its folder; the HTML also beside the nights, as the last one.

    The baseline is the night that was chosen, else the first one.

    Args:
        night: Finished.
        config: Its gates, and where nights are kept.
        tasks: By suite.
        library: Whose users' feedback since the night before is shown; None for none.

    Raises:
        EvaluationError: The chosen baseline is gone.
        LibraryError: The library cannot be read.
    """
    history = find_run_sets(config.out)
    baseline = _baseline(night, config.out, history)
    report = build_report(
        _ran(night),
        tasks,
        baseline=baseline,
        history=history,
        gates=config.gate,
        not_run=night.not_run,
        put_off=night.put_off,
        feedback=[] if library is None else _feedback(library, history, night),
        seed=config.seed,
    )
    if library is not None:
        report = replace(report, use=_use(library, history, night))
    for name in FORMATS:
        write_report(night.path / _FILES[name], written(report, name))
    shutil.copyfile(night.path / _FILES["html"], config.out / _FILES["html"])
    return report


def make_report(
    run: Path,
    tasks: Mapping[str, Task[Any, Any]],
    *,
    baseline: Path | None = None,
    history: Path | None = None,
    gates: Sequence[Gate] = (),
    seed: int = 0,
) -> Report:
    """The report of any run, or of several in one folder.

    Args:
        run: The folder.
        tasks: By suite.
        baseline: The folder of what it is compared with.
        history: A folder of earlier runs.
        gates: What has to hold.
        seed: Of the resamples.

    Raises:
        EvaluationError: A folder holds no finished run.
    """
    night = Night.read(run) if (run / "night.json").is_file() else None
    return build_report(
        RunSet.read(run),
        tasks,
        baseline=None if baseline is None else RunSet.read(baseline),
        history=[] if history is None else find_run_sets(history),
        gates=gates,
        not_run={} if night is None else night.not_run,
        put_off=() if night is None else night.put_off,
        seed=seed,
    )


def written(report: Report, form: str) -> str:
    """A report in one of the `FORMATS`."""
    if form == "json":
        return json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
    return {"html": as_html, "md": as_markdown, "junit": as_junit}[form](report)


def write_report(path: Path, text: str) -> None:
    """Write a report, whole or not at all.

    Raises:
        EvaluationError: It cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(text.encode("utf-8", "replace"))  # a document may hold halves of characters
        new.replace(path)
    except OSError as error:
        raise EvaluationError(
            f"the report cannot be written ({error.strerror})", path=path, remedy="Name another --out"
        ) from error


def _ran(night: Night) -> RunSet:
    """What was run; nothing where nothing could be."""
    if any(done.state in ("done", "cut") for done in night.units.values()):
        return RunSet.read(night.path)
    return RunSet(night.path, {}, night.begun, night.finished)


def _feedback(library: Path, history: Sequence[RunSet], night: Night) -> list[dict[str, Any]]:
    """What users did not like since the night before, newest first."""
    try:
        with Library(library, create=False) as opened:
            said = FeedbackStore(opened).all(since=_night_before(history, night))
    except LibraryNotFoundError:  # a night of published suites needs none
        return []
    return [
        {"when": one.given_at, "rating": one.kind, "reason": one.text, "question": one.question, "answer": _said(one)}
        for one in said
        if one.kind != "good"
    ][:MOST_FEEDBACK]


def _use(library: Path, history: Sequence[RunSet], night: Night) -> list[str]:
    """What the monitor kept since the night before, held against all before; nothing where it is off."""
    since = _night_before(history, night)
    passed = datetime.now(UTC) - datetime.fromisoformat(since or night.begun)
    try:
        with Library(library, create=False) as opened:
            return usage_told(report_usage(opened, passed.total_seconds() / 86_400 if since else DAYS))
    except LibraryNotFoundError:
        return []


def _night_before(history: Sequence[RunSet], night: Night) -> str:
    """When the last night before this one began; empty for none."""
    before = [one.begun for one in history if one.name != night.path.name and one.begun < night.begun]
    return before[-1] if before else ""


def _said(feedback: Feedback) -> str:
    return "did not answer" if feedback.answer.get("abstained") else str(feedback.answer.get("answer", ""))


def _baseline(night: Night, out: Path, history: Sequence[RunSet]) -> RunSet | None:
    chosen = baseline_of(out)
    earlier = [one for one in history if one.name != night.path.name]
    if not chosen:
        return earlier[0] if earlier else None
    if chosen == night.path.name:
        return None
    found = [one for one in earlier if one.name == chosen]
    if not found:
        raise EvaluationError(
            f"the baseline {chosen!r} is gone", path=out, remedy="Choose another: ragstone nightly baseline NIGHT"
        )
    return found[0]
