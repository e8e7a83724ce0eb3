"""`ragstone nightly`"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs

from .common import emit_json, json_option, table
from .eval_common import progress

if TYPE_CHECKING:
    from ...eval.judges import Judge
    from ...eval.report.data import Report
    from ...eval.subjects import Subject
    from ...generation.llama import ModelPool
    from ..nightly import Candidate, Night
    from ..nightly_config import NightlyConfig
    from ..settings import Settings

_config = click.option(
    "--config",
    default=Path("nightly.toml"),
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="What is run, and what it has to reach.",
)
_out = click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where nights are kept.")


@click.group(invoke_without_command=True)
@_config
@_out
@click.option("--dry-run", is_flag=True, help="Say what would be run, and how long it is expected to take.")
@click.option(
    "--rerun-baseline",
    is_flag=True,
    help="Run the baseline again, with its settings, on the present documents, and compare with that from now on.",
)
@json_option
@click.pass_context
def nightly(
    context: click.Context, config: Path, out: Path | None, dry_run: bool, rerun_baseline: bool, as_json: bool
) -> int:
    """Did the answers get worse? Run the suites of nightly.toml and write a report.

    Exit code 4 when a gate is not met, 3 when a part could not be run or items failed, 1 when nothing could be run. A
    night that was interrupted is gone on with.
    """
    from ..nightly import locked
    from ..settings import Settings

    if context.invoked_subcommand is not None:
        context.default_map = {context.invoked_subcommand: {"config": config, "out": out}}
        return 0
    read, settings = _read(config, out), Settings.load()
    if dry_run:
        return _plan(read, settings, as_json)
    with locked(read.out):
        return _rerun(read, settings, as_json) if rerun_baseline else _night(read, settings, as_json)


@nightly.command()
@click.argument("night", required=False)
@_config
@_out
def baseline(night: str | None, config: Path, out: Path | None) -> int:
    """Compare with NIGHT from now on; without it, say which nights there are."""
    from ..nightly import baseline_of, choose_baseline, find_nights

    folder = _read(config, out).out
    if night is not None:
        choose_baseline(folder, night)
        click.echo(f"Nights are compared with {night} from now on.")
        return 0
    nights = [one.path.name for one in find_nights(folder)]
    chosen = baseline_of(folder) or (nights[0] if nights else "")
    for name in nights:
        click.echo(f"{name}{'  (baseline)' if name == chosen else ''}")
    return 0


@nightly.command()
@_config
@click.option("--at", default="02:00", show_default=True, metavar="HH:MM", help="When, in local time.")
@click.option("--cron", is_flag=True, help="A line in the crontab, also where there is systemd.")
@click.option("--print", "only_print", is_flag=True, help="Install nothing; show what would be.")
def install(config: Path, at: str, cron: bool, only_print: bool) -> int:
    """Run every night: a systemd timer of yours, or a line in your crontab where there is no systemd."""
    from ..scheduling import UNIT, Schedule, has_systemd, install_cron, install_timer

    hour, minute = _time(at)
    schedule = Schedule(config.absolute(), Path.cwd(), hour, minute, _read(config, None).budget_minutes)
    by_cron = cron or not has_systemd()
    if only_print:
        named = {f"{UNIT}.service": schedule.service(), f"{UNIT}.timer": schedule.timer()}
        click.echo(schedule.cron_line() if by_cron else "\n".join(f"# {name}\n{text}" for name, text in named.items()))
        return 0
    if by_cron:
        install_cron(schedule)
        click.echo(f"Your crontab runs it every night at {at}. `ragstone nightly uninstall` takes it out.")
        return 0
    for path in install_timer(schedule, _units()):
        click.echo(f"Written: {path}")
    click.echo(f"systemd runs it every night at {at}, while you are logged in; `loginctl enable-linger` lifts that.")
    return 0


@nightly.command()
def uninstall() -> int:
    """Run it no longer."""
    from ..scheduling import remove_cron, remove_timer

    timer = remove_timer(_units())
    if timer:
        click.echo("Taken out: timer.")
    if remove_cron():
        click.echo("Taken out: crontab.")
    elif not timer:
        click.echo("Nothing was installed.")
    return 0


def _night(config: NightlyConfig, settings: Settings, as_json: bool) -> int:
    from ..evaluated import engine_subject
    from ..nightly import run_night
    from ..nightly_report import known_tasks, report_night
    from ..nightly_suites import candidates
    from ..notifying import notify

    found = candidates(config, settings)
    with _running(settings) as (work, outputs, tell, pool), ExitStack() as stack:
        evaluated = engine_subject(settings, work, tell, pool)
        judged = stack.enter_context(_judged(evaluated, config, settings, pool))
        night = run_night(config, found, judged[0], outputs, judged[1], tell)
    report = report_night(night, config, known_tasks(), config.library or settings.library)
    for problem in notify(report, config.notify, offline=settings.offline):
        click.secho(problem, fg="yellow", err=True)
    if as_json:
        emit_json({"night": str(night.path), "report": str(night.path / "report.html"), **report.as_json()})
    else:
        _show(night, report)
    if any(gate.state == "not met" for gate in report.gates):
        return 4
    if not report.units:
        return 1
    return 3 if report.not_run or any(unit.failed for unit in report.units) else 0


def _rerun(config: NightlyConfig, settings: Settings, as_json: bool) -> int:
    from ...errors import EvaluationError
    from ...eval.run_sets import RunSet
    from ..evaluated import engine_subject
    from ..nightly import baseline_of, choose_baseline, find_nights, run_night
    from ..nightly_suites import as_before, baseline_settings

    nights = find_nights(config.out)
    if not nights:
        raise EvaluationError("there is no night yet", path=config.out, remedy="Run `ragstone nightly` first")
    before = RunSet.read(config.out / (baseline_of(config.out) or nights[0].path.name))
    as_then = baseline_settings(before, settings)
    unhurried, found = replace(config, budget_minutes=7 * 24 * 60.0), as_before(before, config, settings)
    with _running(settings) as (work, outputs, tell, pool), ExitStack() as stack:
        evaluated = engine_subject(as_then, work, tell, pool)
        judged = stack.enter_context(_judged(evaluated, config, settings, pool))
        night = run_night(unhurried, found, judged[0], outputs, judged[1], tell)
    if night.ran:
        choose_baseline(config.out, night.path.name)
    _show_rerun(night, before.name, as_json)
    if not night.ran:
        return 1
    return 3 if night.not_run or any(done.failed for done in night.units.values()) else 0


def _show_rerun(night: Night, before: str, as_json: bool) -> None:
    chosen = night.path.name if night.ran else before
    if as_json:
        about = {"night": str(night.path), "baseline": chosen, "settings_of": before}
        emit_json({**about, "ran": night.ran, "not_run": night.not_run})
    elif night.ran:
        click.echo(f"Nights are compared with {chosen} from now on: the settings of {before}, run today.")
    else:
        click.echo(f"Nothing could be run, so nights are compared with {chosen} as before.", err=True)
    for name, why in night.not_run.items():
        click.secho(f"{name} was not run: {why}", fg="yellow", err=True)


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[Path, Any, Any, ModelPool]]:
    """Where libraries are kept, the cache of outputs, what is told of the progress, and what holds the models."""
    from ...eval.cache import OutputCache
    from ..chat_models import open_pool
    from ..evaluating_suites import kept_folder

    kept = kept_folder()
    with progress() as tell, OutputCache(kept / "outputs.sqlite3") as outputs, open_pool(settings) as pool:
        yield kept / "libraries", outputs, tell, pool


@contextmanager
def _judged(
    subject: Subject, config: NightlyConfig, settings: Settings, pool: ModelPool
) -> Iterator[tuple[Subject, list[Judge]]]:
    """The judges, and the subject with the one that the suite of judges is about."""
    from ..judging import open_judges

    about_judges = any(suite.name.split("/")[0] in ("judges", "all") for suite in config.suite)
    names = config.judges or (("verifier",) if about_judges else ())
    with open_judges(names, settings, pool) as judges:
        yield (replace(subject, judge=judges[0]) if about_judges else subject), judges


def _plan(config: NightlyConfig, settings: Settings, as_json: bool) -> int:
    from ..nightly import expected_seconds, find_nights, in_order
    from ..nightly_suites import candidates

    nights = find_nights(config.out)
    rows: list[tuple[Candidate, float]] = [
        (one, one.items * expected_seconds(one, nights))
        for one in in_order(candidates(config, settings), config, nights)
    ]
    if as_json:
        emit_json({"suites": [{"name": one.name, "items": one.items, "seconds": seconds} for one, seconds in rows]})
        return 0
    table(("suite", "items", "minutes"), [(one.name, f"{one.items:,}", f"{s / 60:.1f}") for one, s in rows])
    total = sum(seconds for _, seconds in rows) / 60
    click.echo(f"{total:.1f} of {config.budget_minutes:g} minutes; what does not fit is run another night.")
    return 0


def _show(night: Night, report: Report) -> None:
    from ...eval.report.wording import SIGNS, WORDS
    from .eval_report import show_gates

    colour = {"good": "green", "gate": "red", "worse": "red", "incomplete": "yellow", "measured": "yellow"}[
        report.state
    ]
    click.secho(f"{SIGNS[report.state]} {WORDS[report.state]}. ", fg=colour, bold=True, nl=False)
    click.echo(report.headline)
    for change in report.moved("beyond noise"):
        click.echo(
            f"{change.verdict}: {change.unit}: {change.metric} {change.baseline.mean:.3f} → {change.value.mean:.3f}"
        )
    if report.gates:
        show_gates(report)
    for name, why in report.not_run.items():
        click.secho(f"Not run: {name}: {why}", fg="yellow", err=True)
    if report.put_off:
        click.echo(f"Put off for want of time: {', '.join(report.put_off)}")
    click.echo(f"Report: {night.path / 'report.html'}")


def _read(config: Path, out: Path | None) -> NightlyConfig:
    from ..nightly_config import load_nightly

    read = load_nightly(config)
    return read if out is None else replace(read, out=out)


def _time(at: str) -> tuple[int, int]:
    time = re.fullmatch(r"([01]?\d|2[0-3]):(\d|[0-5]\d)", at, re.ASCII)
    if time is None:
        raise click.BadParameter(f"{at!r} is no time of the day such as 02:00.", param_hint="--at")
    return int(time[1]), int(time[2])


def _units() -> Path:
    return platformdirs.user_config_path("systemd") / "user"
