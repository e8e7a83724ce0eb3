"""`ragstone monitor`"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...eval.report.wording import counted, shorten, spread
from .common import Number, emit_json, json_option, library_option, open_engine, table

if TYPE_CHECKING:
    from ...eval.drift import Shift
    from ..monitor_report import Topic, Usage

_OFF = "Nothing is kept: set monitor = 'figures', 'embeddings' or 'text' in ragstone.toml (see docs/monitoring.md)."


@click.group(invoke_without_command=True)
@library_option
@click.option("--days", default=7.0, show_default=True, type=Number(0, min_open=True), help="The last days.")
@click.option("--baseline", default="", metavar="FROM..TO", help="Days to compare with. [default: all before]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the resamples.")
@json_option
@click.pass_context
def monitor(context: click.Context, library: Path | None, days: float, baseline: str, seed: int, as_json: bool) -> int:
    """How the library is used: figures, drift, and what its documents did not answer.

    Only what the setting `monitor` lets be kept; it is off by default, and nothing leaves this machine.
    """
    from ..monitor_report import report_usage

    if context.invoked_subcommand is not None:
        context.obj = library
        return 0
    with open_engine(library) as rag:
        level, usage = rag.settings.monitor, report_usage(rag.library, days, baseline, seed)
    if level == "off" and not as_json:
        click.secho(_OFF, fg="yellow", err=True)
    if as_json:
        emit_json({"monitor": level, **usage.as_json()})
    else:
        _show(usage)
    return 0


@monitor.command()
@library_option
@click.option("--since", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of stdout.")
@click.pass_obj
def export(group: Path | None, library: Path | None, since: datetime | None, out: Path | None) -> int:
    """Write what is kept as JSON Lines: one question a line, without embeddings."""
    from ...errors import EvaluationError
    from ..monitoring import UseLog

    with open_engine(library or group) as rag:
        kept = UseLog(rag.library).all(since.date().isoformat() if since else "")
    lines = [json.dumps(use.as_json(), ensure_ascii=False) for use in kept]
    if out is None:
        for line in lines:
            click.echo(line)
        return 0
    try:
        out.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        raise EvaluationError(f"cannot be written ({error.strerror})", path=out, remedy="Name another --out") from error
    click.echo(f"{counted(len(lines), 'question')} written to {out}", err=True)
    return 0


@monitor.command()
@library_option
@click.option("--keep-days", type=click.IntRange(1), help="Only what is older than so many days.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear(group: Path | None, library: Path | None, keep_days: int | None, yes: bool) -> int:
    """Erase what is kept; documents, chats and feedback stay."""
    from ..monitoring import UseLog, days_ago

    if not yes and not click.confirm("Erase what the monitor has kept?", err=True):
        click.echo("Nothing was erased.")
        return 0
    with open_engine(library or group) as rag:
        erased = UseLog(rag.library).clear(*([] if keep_days is None else [days_ago(keep_days)]))
    click.echo(f"{counted(erased, 'question')} erased.")
    return 0


def _show(usage: Usage) -> None:
    now, before = usage.period, usage.baseline
    since = f"{before.n:,} since {_day(before.since)} to compare with" if before.n else "none before to compare with"
    click.echo(f"{counted(now.n, 'question')} since {_day(now.since)} UTC; {since}.\n")
    if not now.n:
        return
    rows = [
        (name, spread(value), str(value.n), spread(usage.baseline_figures[name]))
        for name, value in usage.figures.items()
        if value.n
    ]
    table(("", "mean [95 %]", "n", "baseline"), rows)
    click.secho("\nDrift", bold=True)
    table(("", "test", "statistic", "p (Holm)", "PSI", "n", ""), [_drift_cells(shift) for shift in usage.drift])
    click.secho("\nMissing documents: what was not answered", bold=True)
    if not usage.topics:
        click.echo("Everything was answered.")
    for topic in usage.topics:
        _show_topic(topic)


def _show_topic(topic: Topic) -> None:
    click.echo(f"{topic.n:4}  {topic.name}")
    for question in topic.questions:
        click.echo(f"        {shorten(question, 100)}")
    if topic.documents and topic.terms:
        click.echo(f"        nearest: {', '.join(f'{path} ({n})' for path, n in topic.documents)}")


def _drift_cells(shift: Shift) -> tuple[str, ...]:
    counts = f"{shift.n:,} / {shift.n_baseline:,}"
    if shift.statistic is None or shift.p_holm is None:
        return (shift.name, shift.test, "-", "-", "-", counts, "too few to test")
    psi = "-" if shift.psi is None else f"{shift.psi:.2f}"
    told = (shift.name, shift.test, f"{shift.statistic:.3f}", f"{shift.p_holm:.4f}", psi, counts)
    return (*told, "shifted" if shift.shifted else "")


def _day(time: str) -> str:
    return time[:16].replace("T", " ")
