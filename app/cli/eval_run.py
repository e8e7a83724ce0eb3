"""`ragstone eval run SUITE...` and `ragstone eval compare`"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import emit_json, json_option, library_option, table
from .eval_common import OWN, RUNS, progress, suites_of

if TYPE_CHECKING:
    from ...eval.runner import Unit
    from ...eval.runs import RunFolder
    from ...eval.stats import Estimate
    from ...eval.subjects import Subject
    from ...eval.summary import Comparison, MetricChange, UnitSummary
    from ...generation.llama import ModelPool
    from ..settings import Settings


@click.command("run")
@click.argument("suites", nargs=-1, metavar="SUITE...")
@click.option(
    "--questions",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your own questions about your own library: CSV or JSON Lines (see docs/evaluation.md).",
)
@library_option
@click.option(
    "--data",
    envvar="RAGSTONE_BENCH_DATA",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of sets. [$RAGSTONE_BENCH_DATA]",
)
@click.option("--model", help="The chat model, instead of the one of the settings.")
@click.option(
    "--subject",
    metavar="FILE.py:FUNCTION",
    help="Evaluate this function instead of the engine: it takes a question and passages, and returns an answer.",
)
@click.option(
    "--judge",
    "judges",
    multiple=True,
    metavar="NAME",
    help="Judge the answers besides: verifier, local[:MODEL][@VOTES], ragas[:MODEL]. Can be given again.",
)
@click.option("--limit", type=click.IntRange(1), help="Run only so many items of each set, drawn at random.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help=f"The run's folder. [default: {RUNS}/TIME]"
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--work", type=click.Path(path_type=Path), help="Where libraries of corpora are kept. [default: a cache]")
@click.option("--cache", type=click.Path(path_type=Path), help="Where outputs are kept. [default: a cache]")
@click.option("--no-cache", is_flag=True, help="Make every output anew.")
@json_option
def run(
    suites: tuple[str, ...],
    questions: Path | None,
    library: Path | None,
    data: Path | None,
    model: str | None,
    subject: str | None,
    judges: tuple[str, ...],
    limit: int | None,
    seed: int,
    out: Path | None,
    resume: bool,
    work: Path | None,
    cache: Path | None,
    no_cache: bool,
    as_json: bool,
) -> int:
    """Run suites: `bbq`, `retrieval/scifact`, `all`; see `ragstone eval list`.

    A run is a folder: what was run, a line for each item as it was done, and the figures, each with its 95 % interval.
    An output that an earlier run made of the same item, with the same code, model and settings, is used again.

    `retrieval` alone compares the ways to search, and `grounding` alone compares scorers; they have options of their
    own: `ragstone eval run retrieval --help`.
    """
    from ...eval.cache import OutputCache
    from ...eval.runs import RunFolder
    from ...eval.suites.judges import JUDGES
    from ..chat_models import open_pool
    from ..evaluating_suites import kept_folder, run_units
    from ..judging import open_judges
    from ..settings import Settings

    about_own, others = suites_of(suites, questions, resume=resume, out=out, what="run")
    settings = Settings.load({"model": model, "library": library})
    units, corpus = _units(about_own, others, questions, data, settings, limit, seed)
    folder = RunFolder(out or RUNS / datetime.now().strftime("%Y-%m-%dT%H-%M-%S"))
    kept = kept_folder()
    with ExitStack() as stack, progress() as tell:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        outputs = stack.enter_context(OutputCache((temporary if no_cache else cache or kept) / "outputs.sqlite3"))
        pool = stack.enter_context(open_pool(settings))
        evaluated = _subject(subject, settings, work or kept / "libraries", tell, pool)
        judging = stack.enter_context(open_judges(judges, settings, pool))
        if any(unit.suite.name == JUDGES.name for unit in units):
            judging = judging or stack.enter_context(open_judges(["verifier"], settings, pool))
            evaluated = replace(evaluated, judge=judging[0])
            if others_named := [one.name for one in judging[1:]]:
                told = f"`judges` holds {judging[0].name} against people, and not {', '.join(others_named)}"
                click.secho(f"{told}: only the first --judge.", fg="yellow", err=True)
        failed = False
        for summary in run_units(
            units,
            evaluated,
            judging,
            folder,
            outputs,
            limit=limit,
            seed=seed,
            corpus=corpus,
            resume=resume,
            tell=tell,
        ):
            failed |= bool(summary.failed)
            if not as_json:
                show_summary(summary)
    if as_json:
        emit_json(run_as_json(folder))
    else:
        click.echo(f"Run: {folder.path}")
    return 3 if failed else 0


def _units(
    about_own: list[str],
    others: list[str],
    questions: Path | None,
    data: Path | None,
    settings: Settings,
    limit: int | None,
    seed: int,
) -> tuple[list[Unit[Any, Any]], Mapping[str, Any] | None]:
    """The sets to run, and what the user's own library holds, if it is asked."""
    from ..evaluating_suites import load_units, own_units, present

    names, absent = present(others, data)
    if absent:
        click.secho(f"Left out, for {data} does not hold them: {', '.join(absent)}", fg="yellow", err=True)
    units = load_units(names, data, limit, seed)
    if questions is None:
        return units, None
    own, corpus = own_units(about_own or OWN[:1], questions, settings.library, limit, seed)
    return [*own, *units], corpus


def run_as_json(folder: RunFolder) -> dict[str, Any]:
    """A run as `--json` has it: without its items."""
    return {"run": str(folder.path), **folder.manifest, **folder.summary}


def _subject(function: str | None, settings: Settings, work: Path, tell: Any, pool: ModelPool) -> Subject:
    from ..evaluated import callable_subject, engine_subject

    return callable_subject(function, settings, work, tell) if function else engine_subject(settings, work, tell, pool)


def show_summary(summary: UnitSummary) -> None:
    """A set's figures as a table, groups below."""
    failed = f", {summary.failed} failed" if summary.failed else ""
    click.secho(summary.name, bold=True, nl=False)
    click.echo(f"  {summary.n:,} items{failed}; {spread(summary.seconds)} s an item")
    rows = [(f"  {name}", spread(value), _count(value)) for name, value in summary.metrics.items() if _told(value)]
    rows += [
        (f"  {judge}: {name}", spread(value), _count(value))
        for judge, scores in summary.judged.items()
        for name, value in scores.items()
    ]
    rows += [(f"  {name}", spread(value), _count(value)) for name, value in summary.times.items() if value.n]
    table(("", "mean [95 %]", "n (unscored)"), rows)
    for group, metrics in summary.groups.items():
        told = [(name, value) for name, value in metrics.items() if value.mean is not None][:3]
        shown = "; ".join(f"{name} {spread(value)} (n = {value.count})" for name, value in told)
        click.echo(f"  {group or 'no group'}: {shown}")
    for figure in summary.published:
        group = "" if figure.group == "all" else f" ({figure.group})"
        click.echo(f"  published: {figure.metric}{group} {figure.value / 100:.3f}  {figure.system}")
    click.echo()


def _told(value: Estimate) -> bool:
    return bool(value.n or value.n_unscored)


def spread(value: Estimate, sign: str = "") -> str:
    """A mean with its interval."""
    return value.spread(f"{sign}.3f")


def _count(value: Estimate) -> str:
    return value.count + (f" ({value.n_unscored:,})" if value.n_unscored else "")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("baseline", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the resamples.")
@click.option("--all", "everything", is_flag=True, help="Show also what does not differ.")
@json_option
def compare(run: Path, baseline: Path, seed: int, everything: bool, as_json: bool) -> int:
    """Compare a run with another of the same items.

    Each metric of RUN less that of BASELINE over the items that both scored, with the 95 % interval of paired
    resamples, a p value adjusted for all comparisons (Holm), and for means the effect size (Cohen's d for pairs).
    """
    from ...eval.runs import RunFolder
    from ...eval.suites.registry import SUITES
    from ...eval.summary import compare_runs

    tasks = {name: suite.task for name, suite in SUITES.items()}
    found = compare_runs(RunFolder(run), RunFolder(baseline), tasks, seed)
    if as_json:
        emit_json({"run": str(run), "baseline": str(baseline), **found.as_json()})
    else:
        _show_comparison(found, everything)
    return 0


def _show_comparison(found: Comparison, everything: bool) -> None:
    for warning in found.warnings:
        click.secho(warning, fg="yellow", err=True)
    shown = [change for change in found.changes if everything or change.verdict not in ("no difference", "unscored")]
    if shown:
        table(("", "", "baseline", "run", "difference [95 %]", "p (Holm)", "effect", "n"), [_cells(c) for c in shown])
    untold = 0 if everything else sum(change.verdict == "unscored" for change in found.changes)
    same = len(found.changes) - len(shown) - untold
    if same:
        click.echo(f"{same} other figures show no difference.")
    if untold:
        click.echo(f"{untold} figures are unscored, or of too few sources to tell; --all shows them.")


def _cells(change: MetricChange) -> tuple[str, ...]:
    of = change.difference
    return (
        *(change.unit, change.metric, spread(change.baseline), spread(change.value), spread(of.mean, "+")),
        "-" if change.p_holm is None else f"{change.p_holm:.4f}",
        "-" if of.effect is None else f"{of.effect:+.2f}",
        f"{of.mean.count} {change.verdict}",
    )
