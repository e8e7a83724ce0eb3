"""`ragstone search QUERY`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...eval.report.wording import shorten
from ...retrieval.filters import as_filter
from .common import (
    Number,
    emit_json,
    filter_options,
    how_scored,
    json_option,
    library_option,
    open_engine,
    place,
    show_dropped,
    show_no_document,
)

if TYPE_CHECKING:
    from ...retrieval.records import Hit

WIDENINGS = ("none", "neighbours", "section")


@click.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="The most hits.")
@click.option("--mode", type=click.Choice(["hybrid", "dense", "lexical"]), help="How to search. [default: hybrid]")
@click.option(
    "--min-probability", default=0.0, type=Number(0, 1), help="Only hits that answer it at least so probably."
)
@click.option("--widen", type=click.Choice(WIDENINGS), help="How far hits reach. [default: none]")
@click.option("--explain", is_flag=True, help="Show how each hit was scored, and what was dropped and why.")
@filter_options
@library_option
@json_option
def search(
    query: str,
    k: int,
    mode: str | None,
    min_probability: float,
    widen: str | None,
    explain: bool,
    conditions: tuple[str, ...],
    collection: str | None,
    library: Path | None,
    as_json: bool,
) -> int:
    """Find the passages that answer a query best."""
    where = as_filter(conditions, collection)
    with open_engine(library, search_mode=mode, widen=widen) as rag:
        trace = rag.trace(query, k, filter=where, min_probability=min_probability)
        hits = rag.widened(trace.hits)
        nowhere = where is not None and not hits and not len(rag.library.document_ids(where))
        if where is not None and nowhere:
            show_no_document(rag.library, where)
    if as_json:
        told = {"terms": trace.terms, "dropped": [one.as_json() for one in trace.dropped]} if explain else {}
        emit_json({"query": query, "hits": [hit.as_json() for hit in hits], **told})
        return 0
    if explain:
        terms = ", ".join(f"{term} {weight:.2f}" for term, weight in trace.terms.items()) or "none"
        click.echo(f"Terms, and how telling they are: {terms}\n")
    for hit in hits:
        _show(hit, explain=explain)
    if explain:
        show_dropped(trace.dropped)
    if not hits and not nowhere:
        click.echo("Nothing found.", err=True)
    return 0


def _show(hit: Hit, *, explain: bool) -> None:
    click.secho(f"{hit.rank}. {place(hit.chunk.document, hit.chunk.page)}", bold=True, nl=False)
    click.echo(f"  {how_scored(hit)}")
    if explain and hit.features is not None:
        f = hit.features
        read = f"exact {f.exact:.3f}, near {f.near:.3f}, around {f.around:.3f}, behind {f.behind:.3f}"
        click.echo(f"   lexical share {f.lexical:.3f}, {read}")
    if hit.chunk.heading:
        click.secho(f"   {hit.chunk.heading}", dim=True)
    click.echo(f"   {shorten(hit.chunk.passage, 300)}")
    if hit.also_in:
        click.secho(f"   also in {', '.join(hit.also_in)}", dim=True)
