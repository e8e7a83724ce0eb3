"""`ragstone eval run grounding`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import emit_json, json_option, table
from .eval_common import chosen, data_options, drawing_options, make_room, progress, run_json, writing

if TYPE_CHECKING:
    from ...eval.grounding import GroundingReport
    from ...eval.readers.grounding import GroundedSet
    from ...eval.stats import Estimate
    from ...eval.suites import Published

_BY_GROUP = ("F1", "balanced accuracy", "AUROC")


def _scorers(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    from ..evaluating_grounding import SCORERS, is_scorer

    names = list(dict.fromkeys(name.strip() for name in value.split(",")))
    if unknown := [name for name in names if not is_scorer(name)]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(SCORERS)}.")
    return names


@click.command()
@data_options("RAGTruth's format", "Of a folder in RAGTruth's format. [default: test, or all where none is of it]")
@click.option(
    "--scorer",
    "scorers",
    default="default",
    show_default=True,
    callback=_scorers,
    metavar="NAME,...",
    help="What judges: default, overlap, judge[:MODEL] or hub:MODEL; compared with the first one.",
)
@click.option("--limit", type=click.IntRange(1), help="Judge only so many answers of each set, drawn at random.")
@drawing_options
@json_option
def grounding(
    data: Path,
    sets: tuple[str, ...],
    split: str | None,
    scorers: list[str],
    limit: int | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> int:
    """Is it found which answers the passages do not carry?

    Each scorer judges answers that people have judged. Figures come with 95 % bootstrap intervals over the sources,
    beside controls that never look at the passages, and published figures where there are some.
    """
    from ..evaluating_grounding import open_scorers, run_grounding
    from ..settings import Settings

    data_sets = list(_sets(data, sets, split))
    make_room(out)
    found: list[tuple[GroundedSet, GroundingReport, Sequence[Published]]] = []
    with open_scorers(scorers, Settings.load()) as opened:
        for whole, published in data_sets:
            one = whole.sample(limit, seed)
            with progress() as tell:
                found.append((one, run_grounding(one, opened, seed, tell), published))
            if out:  # after every set: the next one may take long, or fail
                with writing(out):
                    out.write_text(json.dumps(_as_json(seed, found, per_answer=True), indent=1), "utf-8")
            if not as_json:
                _show(*found[-1])
    if as_json:
        emit_json(_as_json(seed, found, per_answer=False))
    return 0


def _sets(data: Path, names: Sequence[str], split: str | None) -> Iterator[tuple[GroundedSet, Sequence[Published]]]:
    from ...eval.readers.grounding import read_ragtruth
    from ...eval.suites import as_published
    from ...eval.suites.grounding import GROUNDING

    if not names:
        with as_published(data.resolve().name, data):
            found = read_ragtruth(data, split)
        yield found, ()
        return
    for one in chosen(GROUNDING, names):
        yield one.load(data), one.published


def _as_json(
    seed: int, found: Sequence[tuple[GroundedSet, GroundingReport, Sequence[Published]]], *, per_answer: bool
) -> dict[str, Any]:
    sets = [
        {
            "name": one.name,
            "sha256": one.fingerprint(),
            "answers": len(one.answers),
            "ungrounded": sum(answer.grounded is False for answer in one.answers),
            **report.as_json(one.answers, per_answer=per_answer),
            "published": [asdict(figure) for figure in published],
        }
        for one, report, published in found
    ]
    return run_json("grounding", seed, sets)


def _show(one: GroundedSet, report: GroundingReport, published: Sequence[Published]) -> None:
    from ...eval.grounding import ALL, shown_metrics

    bad, sources = sum(answer.grounded is False for answer in one.answers), {answer.source for answer in one.answers}
    click.secho(one.name, bold=True, nl=False)
    click.echo(f"  {len(one.answers):,} answers on {len(sources):,} sources, {bad:,} unsupported; in per cent")
    whole, scorers = report.estimates[ALL], list(report.thresholds)
    metrics = shown_metrics(whole)
    rows = [
        (m, *(_spread(of[m]) for of in whole.values()), _counts([whole[name][m] for name in scorers])) for m in metrics
    ]
    for kind in next(iter(report.times.values())):
        times = [_spread(of[kind], 1) for of in report.times.values()]
        rows.append(
            (kind, *times, *([""] * (len(whole) - len(times))), _counts([of[kind] for of in report.times.values()]))
        )
    table(("", *whole, "n (unscored)"), rows)
    click.echo(f"Flagged is an answer whose support is below {_listed(report.thresholds)}.")
    _show_groups(report)
    _show_differences(report)
    for figure in published:
        group = "" if figure.group == ALL else f" ({figure.group})"
        click.echo(f"published: {figure.metric}{group} {figure.value:.1f}  {figure.system}")
    click.echo()


def _show_groups(report: GroundingReport) -> None:
    groups = list(report.estimates.items())
    names = list(groups[0][1])
    rows = [
        (
            *(group, metric, *(_spread(by[name][metric]) if name in by else "-" for name in names)),
            f"{max(of[metric].n for of in by.values()):,}",
        )
        for group, by in groups[1:]
        for metric in _BY_GROUP
    ]
    if rows:
        click.echo()
        table(("group", "", *names, "n"), rows)


def _show_differences(report: GroundingReport) -> None:
    for name, of in report.differences.items():
        click.echo()
        rows = [(metric, _spread(value, sign="+"), value.count) for metric, value in of.items() if value.n]
        table((f"{name} less {report.baseline}", "difference [95 %]", "n"), rows)


def _listed(thresholds: Any) -> str:
    return ", ".join(f"{threshold:.2f} ({name})" for name, threshold in thresholds.items())


def _counts(estimates: Sequence[Estimate]) -> str:
    """How many were scored, the scorers' counts one after another where they differ."""
    texts = [one.count + (f" ({one.n_unscored:,})" if one.n_unscored else "") for one in estimates]
    return ", ".join(texts if len(set(texts)) > 1 else texts[:1])


def _spread(value: Estimate, scale: float = 100, sign: str = "") -> str:
    return "-" if value.mean is None else value.spread(f"{sign}.1f", scale)
