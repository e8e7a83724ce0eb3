"""`ragstone eval report` and `ragstone eval gate`"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import F, emit_json, json_option

if TYPE_CHECKING:
    from ...eval.gates import Gate
    from ...eval.report.data import Report

_FORMATS = ("html", "md", "json", "junit")
_ENDINGS = {".html": "html", ".htm": "html", ".md": "md", ".json": "json", ".xml": "junit"}


def _compared(command: F) -> F:
    """`RUN`, `--baseline`, `--history` and `--seed`."""
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    options: list[Callable[[F], F]] = [
        click.argument("run", type=folder),
        click.option("--baseline", type=folder, help="Compare with this run."),
        click.option("--history", type=folder, help="A folder of earlier runs, for the trends."),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the resamples."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_compared
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Show the gates of this nightly.toml as well."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file. [default: stdout]")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="[default: by the ending of --out, or md]")
def report(
    run: Path,
    baseline: Path | None,
    history: Path | None,
    seed: int,
    config: Path | None,
    out: Path | None,
    form: str | None,
) -> int:
    """Write a report of a run: what changed, what is worst, how it went over time.

    RUN is the folder of a run, or one that holds several, such as a night. The HTML is one file without scripts that
    needs no network. It holds text of the documents.
    """
    from ..nightly_report import known_tasks, make_report, write_report, written

    if form is None:
        form = "md" if out is None else _ENDINGS.get(out.suffix.lower(), "")
    if not form:
        raise click.UsageError(f"{out} does not tell the format. Add --format {'|'.join(_FORMATS)}.")
    gates = _gates(config)
    made = make_report(run, known_tasks(), baseline=baseline, history=history, gates=gates, seed=seed)
    text = written(made, form)
    if out is None:
        click.echo(text.encode("utf-8", "replace"), nl=False)
    else:
        write_report(out, text)
        click.echo(f"{made.headline} Report: {out}", err=True)
    return 0


@click.command()
@_compared
@click.option(
    "--config",
    default=Path("nightly.toml"),
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with the gates.",
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here, for CI.")
@json_option
def gate(
    run: Path, baseline: Path | None, history: Path | None, seed: int, config: Path, junit: Path | None, as_json: bool
) -> int:
    """Hold a run against the gates of nightly.toml: exit code 4 when one is not met.

    A gate over a suite that the run does not have is not checked, and neither is one over a change without --baseline.
    """
    from ..nightly_report import known_tasks, make_report, write_report, written

    made = make_report(run, known_tasks(), baseline=baseline, history=history, gates=_gates(config), seed=seed)
    if junit is not None:
        write_report(junit, written(made, "junit"))
    if as_json:
        emit_json(
            {"run": str(run), "state": made.state, "headline": made.headline, "gates": list(map(asdict, made.gates))}
        )
    else:
        show_gates(made)
    return 4 if any(one.state == "not met" for one in made.gates) else 0


def show_gates(made: Report) -> None:
    """The gates that are not met or were not checked, a line each, and how many are met."""
    for one in made.gates:
        if one.state != "met":
            colour = "red" if one.state == "not met" else "yellow"
            click.secho(f"{one.state}: ", fg=colour, nl=False)
            click.echo(f"{one.unit}: {one.metric}: {one.reason} ({one.gate})")
    click.echo(f"{sum(one.state == 'met' for one in made.gates)} of {len(made.gates)} met.")


def _gates(config: Path | None) -> Sequence[Gate]:
    from ..nightly_config import load_nightly

    return () if config is None else load_nightly(config).gate
