"""`ragstone eval run retrieval`"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import emit_json, json_option, table
from .eval_common import chosen, data_options, drawing_options, make_folders, make_room, progress, run_json, writing

if TYPE_CHECKING:
    from ...eval.readers.corpus import JudgedCorpus
    from ...eval.stats import Estimate
    from ..evaluating import RetrievalResult

_MODES = ("hybrid", "dense", "lexical")


def _modes(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    modes = list(dict.fromkeys(mode.strip() for mode in value.split(",")))
    if unknown := [mode for mode in modes if mode not in _MODES]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(_MODES)}.")
    return modes


@click.command()
@data_options("BEIR's layout", "Which of qrels/*.tsv of a folder in BEIR's layout. [default: test, or the only one]")
@click.option("--modes", default=",".join(_MODES), show_default=True, callback=_modes, help="Ways to search.")
@click.option("--against", type=click.Choice(_MODES), help="The mode to compare with. [default: the first one]")
@click.option("--hits", type=click.IntRange(1, 10_000), help="Chunks asked of each search. [default: by the data]")
@click.option("--limit", type=click.IntRange(1), help="Ask only so many queries of each set, drawn at random.")
@click.option("--work", type=click.Path(path_type=Path), help="Keep the libraries here for the next run.")
@drawing_options
@click.option("--run-dir", type=click.Path(path_type=Path), help="Write runs and qrels here, as trec_eval reads them.")
@json_option
def retrieval(
    data: Path,
    sets: tuple[str, ...],
    split: str | None,
    modes: list[Any],
    against: Any,
    hits: int | None,
    limit: int | None,
    seed: int,
    work: Path | None,
    out: Path | None,
    run_dir: Path | None,
    as_json: bool,
) -> int:
    """Does the document that answers a query come first?

    The documents are ingested into a library of their own and searched in each mode. Means come with 95 % bootstrap
    intervals, differences with p values of a paired randomization test, adjusted after Holm.
    """
    from ...eval.ranking import write_trec
    from ...eval.suites.retrieval import RETRIEVAL
    from ..evaluating import run_retrieval
    from ..settings import Settings

    against = against or modes[0]
    if against not in modes:
        raise click.BadParameter(f"{against!r} is not among the --modes.", param_hint="--against")
    settings = Settings.load()
    corpora = list(_corpora(data, sets, split))
    make_folders(work, run_dir)
    make_room(out)
    results: list[RetrievalResult] = []
    with tempfile.TemporaryDirectory() as temporary:
        for corpus in corpora:
            with progress() as tell:
                result = run_retrieval(
                    corpus.sample(limit, seed),
                    modes,
                    against,
                    RETRIEVAL.metrics,
                    work=work or Path(temporary),
                    settings=settings,
                    hits=hits,
                    seed=seed,
                    tell=tell,
                )
            results.append(result)
            if run_dir:
                with writing(run_dir):
                    write_trec(run_dir, result.corpus, result.runs)
            if out:  # after every set: the next one may take long, or fail
                with writing(out):
                    out.write_text(json.dumps(_as_json(seed, results, per_query=True), indent=1), "utf-8")
            if not as_json:
                _show(result)
    if as_json:
        emit_json(_as_json(seed, results, per_query=False))
    return 0


def _corpora(data: Path, sets: Sequence[str], split: str | None) -> Iterator[JudgedCorpus]:
    from ...eval.readers.beir import read_beir
    from ...eval.suites import as_published
    from ...eval.suites.retrieval import RETRIEVAL

    if not sets:
        with as_published(data.resolve().name, data):
            found = read_beir(data, split)
        yield found
        return
    for one in chosen(RETRIEVAL, sets):
        yield one.load(data)


def _as_json(seed: int, results: Sequence[RetrievalResult], *, per_query: bool) -> dict[str, Any]:
    return run_json("retrieval", seed, [_set_json(result, per_query=per_query) for result in results])


def _set_json(result: RetrievalResult, *, per_query: bool) -> dict[str, Any]:
    corpus = result.corpus
    return {
        "name": corpus.name,
        "sha256": corpus.fingerprint(),
        "documents": result.documents,
        "chunks": result.chunks,
        "queries": len(corpus.queries),
        "judgements": corpus.judgements,
        "judgements_absent": corpus.absent,
        "queries_absent": corpus.queries_absent,
        "hits": result.hits,
        "embedder": None if result.embedder is None else asdict(result.embedder),
        "reranker": result.reranker or None,
        **result.report.as_json(per_query=per_query),
    }


def _show(result: RetrievalResult) -> None:
    corpus, report = result.corpus, result.report
    click.secho(corpus.name, bold=True, nl=False)
    click.echo(
        f"  {result.documents:,} documents in {result.chunks:,} chunks, {len(corpus.queries):,} queries,", nl=False
    )
    click.echo(f" {corpus.judgements:,} judgements; {result.hits} chunks a search")
    if corpus.absent:
        click.secho(f"{corpus.absent} judgements are of documents that the corpus lacks.", fg="yellow")
    if corpus.queries_absent:
        click.secho(f"{corpus.queries_absent} judged queries have no text, and are left out.", fg="yellow")
    modes = list(report.estimates)
    first = report.estimates[modes[0]]
    rows = [(m, *(_spread(report.estimates[mode][m]) for mode in modes), f"{first[m].n:,}") for m in first]
    table(("", *modes, "n"), rows)
    if unscored := next(iter(first.values())).n_unscored:
        click.secho(f"{unscored} queries without a relevant document are unscored.", fg="yellow")
    click.echo()
    contrasts = [
        (
            *(c.metric, c.configuration, _spread(c.difference.mean, "+")),
            *(_number(c.difference.p), _number(c.p_holm), _number(c.difference.effect, "+.2f")),
        )
        for c in report.contrasts
    ]
    if contrasts:
        table((f"less {report.baseline}", "mode", "difference [95 %]", "p", "p (Holm)", "effect"), contrasts)
        click.echo()


def _spread(value: Estimate, sign: str = "") -> str:
    return value.spread(f"{sign}.4f")


def _number(value: float | None, form: str = ".4f") -> str:
    return "-" if value is None else format(value, form)
