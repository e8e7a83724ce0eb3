"""`ragstone eval sweep`"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import emit_json, json_option, library_option, table
from .eval_common import OWN, RUNS, progress, suites_of
from .eval_run import spread

if TYPE_CHECKING:
    from ...eval.sweep import Point, Ran, Sweep
    from ...eval.task import Task
    from ..settings import Settings
    from ..sweeping import Asked, Configuration


@click.command()
@click.argument("suites", nargs=-1, metavar="[SUITE]...")
@click.option("--vary", multiple=True, metavar="NAME=VALUE,VALUE", help="A setting and its values. Can be given again.")
@click.option(
    "--axes", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file of them, as examples/sweep.toml."
)
@click.option(
    "--questions",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your own questions about your own library: CSV or JSON Lines.",
)
@library_option
@click.option(
    "--data",
    envvar="RAGSTONE_BENCH_DATA",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of sets. [$RAGSTONE_BENCH_DATA]",
)
@click.option("--metric", default="", help="The figure that is the quality. [default: the suite's first]")
@click.option("--weights", type=click.Path(path_type=Path), help="TOML: how much accuracy and latency count.")
@click.option("--limit", type=click.IntRange(1), help="Only so many items of each set, drawn at random.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option("--most", default=64, show_default=True, type=click.IntRange(2), help="The most configurations.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help=f"The folder. [default: {RUNS}/TIME]")
@click.option("--resume", is_flag=True, help="Go on with the sweep in --out.")
@click.option("--work", type=click.Path(path_type=Path), help="Where libraries are kept. [default: a cache]")
@click.option("--cache", type=click.Path(path_type=Path), help="Where outputs are kept. [default: a cache]")
@click.option("--no-cache", is_flag=True, help="Make every output anew: times of earlier runs are of then.")
@click.option("--write", is_flag=True, help="Write the recommended settings into ragstone.toml.")
@json_option
def sweep(
    suites: tuple[str, ...],
    vary: tuple[str, ...],
    axes: Path | None,
    questions: Path | None,
    library: Path | None,
    data: Path | None,
    metric: str,
    weights: Path | None,
    limit: int | None,
    seed: int,
    most: int,
    out: Path | None,
    resume: bool,
    work: Path | None,
    cache: Path | None,
    no_cache: bool,
    write: bool,
    as_json: bool,
) -> int:
    """Compare settings: which are worth their time?

    The current settings and every combination of the values are run, each as a run of its own; a table and a plot show
    quality against latency, which combinations no other beats, and one that is recommended.

      ragstone eval sweep --questions mine.csv --vary model=qwen2.5-coder-0.5b,qwen2.5-coder-1.5b --vary hits=2,4
    """
    from ...eval.decision import read_weights
    from ..evaluating_suites import kept_folder
    from ..settings import Settings
    from ..sweeping import Asked, begin_sweep, configurations, read_axes

    about_own, others = suites_of(suites, questions, resume=resume, out=out, what="sweep")
    settings, weighed = Settings.load({"library": library}), read_weights(weights)
    chosen = configurations(read_axes(vary, axes), settings, most)
    asked = Asked(others, questions, about_own or OWN[:1], data, limit, seed)
    folder = out or RUNS / f"sweep-{datetime.now().strftime('%Y-%m-%dT%H-%M-%S')}"
    begin_sweep(folder, resume=resume)
    kept = kept_folder()
    outputs = None if no_cache else cache or kept
    found = _run(chosen, asked, folder, metric, weighed, work or kept / "libraries", outputs, quiet=as_json)
    _written(found, folder)
    if as_json:
        emit_json({"sweep": str(folder), **found.as_json()})
    else:
        _show(found, folder)
    if write:
        _write(found, settings)
    for point in found.points:
        if point.error:
            click.secho(f"Error: {point.name}: {point.error}", fg="red", err=True)
        elif point.failed:
            click.secho(f"{point.name}: {point.failed} of {point.items} items failed.", fg="yellow", err=True)
    if all(point.error for point in found.points):
        return 1
    return 3 if any(point.error or point.failed for point in found.points) else 0


def _run(
    chosen: list[Configuration],
    asked: Asked,
    out: Path,
    metric: str,
    weights: dict[str, float],
    work: Path,
    cache: Path | None,
    *,
    quiet: bool,
) -> Sweep:
    from ...eval.cache import OutputCache
    from ...eval.sweep import sweep_of
    from ..sweeping import run_sweep

    with ExitStack() as stack, progress() as tell:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        outputs = stack.enter_context(OutputCache((cache or temporary) / "outputs.sqlite3"))
        ran: list[Ran] = []
        tasks: dict[str, Task[Any, Any]] = {}
        for one, units in run_sweep(chosen, asked, out, work, outputs, tell):
            ran.append(one)
            tasks |= {unit.name: unit.task for unit in units}
            if not quiet:
                click.echo(f"{len(ran)}/{len(chosen)}  {one.name}{': failed' if one.error else ''}", err=True)
        return sweep_of(ran, tasks, metric, weights, asked.seed)


def _written(found: Sweep, folder: Path) -> None:
    from ...eval.report.charts import pareto_file, pareto_png
    from ...eval.report.html import sweep_as_html
    from ..nightly_report import write_report
    from ..sweeping import write_record

    write_record(folder, found.as_json())
    write_report(folder / "sweep.html", sweep_as_html(found))
    write_report(folder / "pareto.svg", pareto_file(found))
    (folder / "pareto.png").write_bytes(pareto_png(found))


def _show(found: Sweep, folder: Path) -> None:
    rows = [_cells(number, point, found) for number, point in enumerate(found.points, 1)]
    table(("", "", f"{found.metric} [95 %]", "n", "median ms [95 %]", "change [95 %]", "p (Holm)", ""), rows)
    if any(point.reused for point in found.points):
        click.echo("Some outputs are of earlier runs, and their times of then; --no-cache makes all anew.")
    best = found.recommended
    click.secho(f"\nRecommended: {'none' if best is None else best.name}", bold=True)
    click.echo(f"{found.reason}\nPlot and table: {folder / 'sweep.html'}")


def _cells(number: int, point: Point, found: Sweep) -> tuple[str, ...]:
    if point.error:
        return (str(number), point.name, "failed", "", "", "", "", "")
    change = "-" if point.change is None else spread(point.change.mean, "+")
    p = "-" if point.p_holm is None else f"{point.p_holm:.4f}"
    mark = "recommended" if point is found.recommended else "Pareto-optimal" if point.optimal else ""
    latency = point.latency.spread(",.0f")
    unscored = f", {point.quality.n_unscored:,} unscored" if point.quality.n_unscored else ""
    n = f"{point.quality.count}{unscored}"
    return (str(number), point.name, spread(point.quality), n, latency, change, p, mark)


def _write(found: Sweep, settings: Settings) -> None:
    """Write the recommendation, and say what has to be done for it."""
    from ..settings import CONFIG_FILE, PREFIX
    from ..sweeping import INGEST, write_settings

    best = found.recommended
    if best is None or not best.values:
        click.echo("Nothing to write: the current settings stay.", err=True)
        return
    path = Path(os.environ.get(f"{PREFIX}CONFIG", CONFIG_FILE))
    write_settings(best.values, path)
    click.echo(f"Written to {path}: {best.name}", err=True)
    for name in best.values:
        if f"{PREFIX}{name.upper()}" in os.environ:
            click.secho(f"{PREFIX}{name.upper()} is set, and beats the file.", fg="yellow", err=True)
    if "embedding_model" in best.values:
        click.echo(f"Then run `ragstone reindex --embedder {best.values['embedding_model']}`.", err=True)
    elif any(name in INGEST for name in best.values):
        click.echo("Then run `ingest` on your documents again, so that they are cut anew.", err=True)
