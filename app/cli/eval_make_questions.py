"""`ragstone eval make-questions` and `ragstone eval feedback-questions`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import emit_json, json_option, library_option, open_engine, table
from .eval_common import progress

if TYPE_CHECKING:
    from ..making.run import MakingReport

TYPES = ("fact", "multi-hop", "numeric", "comparison", "unanswerable", "adversarial")
SUFFIXES = (".csv", ".tsv", ".jsonl")


def _file(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if value.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"{value.name!r} does not end in {', '.join(SUFFIXES)}.")
    return value


def _types(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    given = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    if unknown := [name for name in given if name not in TYPES]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(TYPES)}.")
    if not given:
        raise click.BadParameter("Name at least one type.")
    return given


_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_file,
    default="questions.csv",
    show_default=True,
    help="The set: .csv, .tsv or .jsonl.",
)


@click.command("make-questions")
@library_option
@_OUT
@click.option("--count", default=24, show_default=True, type=click.IntRange(1), help="Questions, over all types.")
@click.option("--types", default=",".join(TYPES), show_default=True, callback=_types, help="Of questions.")
@click.option(
    "--tries", default=4, show_default=True, type=click.IntRange(1), help="The most attempts for each question wanted."
)
@click.option("--model", help="The chat model, instead of the one of the settings.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option("--resume", is_flag=True, help="Go on with a set that was begun.")
@json_option
def make_questions(
    library: Path | None,
    out: Path,
    count: int,
    types: tuple[str, ...],
    tries: int,
    model: str | None,
    seed: int,
    resume: bool,
    as_json: bool,
) -> int:
    """Make questions about your own documents, with answers and evidence, to review and evaluate with.

    The chat model words them, and each is checked: the ones that fail are dropped, and the log beside the set says
    why. Review what is left on the page Questions of `ragstone ui`, or in the file, then run `ragstone eval run
    --questions FILE`.
    """
    from ..making.run import Wanted, log_of, make_questions

    with open_engine(library, model=model) as rag, progress() as tell:
        report = make_questions(rag, Wanted(count, types, tries, seed), out, resume=resume, tell=tell)
    if as_json:
        emit_json({"questions": str(out), "log": str(log_of(out)), "seed": seed, **report.as_json()})
    else:
        _show(report)
        click.echo(f"Questions: {out}\nLog:       {log_of(out)}")
    if out.exists():
        return 0
    click.secho("No question passed its checks. Allow more --tries, or ask for other --types.", fg="red", err=True)
    return 1


def _show(report: MakingReport) -> None:
    rows, whole = [], report.as_json()
    for kind, of in report.of_each().items():
        rows.append((kind, str(of["wanted"]), str(of["tried"]), str(of["kept"]), f"{of['seconds']:.0f}"))
    table(("type", "wanted", "tried", "kept", "seconds"), rows)
    click.echo()
    for kind, of in report.of_each().items():
        for reason, number in of["dropped"].items():
            click.echo(f"{number:4} {kind}: {reason}")
    click.echo(f"\n{whole['kept']} of {whole['tried']} kept, about {len(whole['documents'])} documents.")


@click.command("feedback-questions")
@library_option
@_OUT
@json_option
def feedback_questions(library: Path | None, out: Path, as_json: bool) -> int:
    """Turn what people said of answers (thumbs, corrections, wrong sources) into questions to review.

    New ones are added to the file; those that are there already stay as they are.
    """
    from ...retrieval.library import Library
    from ..feedback import FeedbackStore
    from ..feedback_questions import add_drafts, drafts_of
    from ..settings import Settings

    settings = Settings.load({"library": library})
    with Library(settings.library) as opened:
        drafts = drafts_of(FeedbackStore(opened).all())
    added = add_drafts(out, drafts)
    if as_json:
        emit_json({"questions": str(out), "answers": len(drafts), "added": added})
    else:
        click.echo(f"{added} questions added to {out}; people said something of {len(drafts)} answers.")
    return 0
