"""`ragstone search QUERY`"""

from __future__ import annotations

from pathlib import Path

import click

from ...retrieval.filters import as_filter
from .common import (
    NO_DOCUMENT,
    emit_json,
    filter_options,
    hit_json,
    json_option,
    library_option,
    open_engine,
    place,
    shorten,
)


@click.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="The most hits.")
@click.option("--mode", type=click.Choice(["hybrid", "dense", "lexical"]), help="How to search. [default: hybrid]")
@filter_options
@library_option
@json_option
def search(
    query: str,
    k: int,
    mode: str | None,
    conditions: tuple[str, ...],
    collection: str | None,
    library: Path | None,
    as_json: bool,
) -> int:
    """Find the passages that answer a query best."""
    where = as_filter(conditions, collection)
    with open_engine(library, search_mode=mode) as rag:
        hits = rag.search(query, k, filter=where)
        nowhere = where is not None and not hits and not len(rag.library.document_ids(where))
    if nowhere:
        click.echo(NO_DOCUMENT, err=True)
    if as_json:
        emit_json({"query": query, "hits": [hit_json(hit) for hit in hits]})
        return 0
    for hit in hits:
        ranks = ", ".join(f"{method} {rank}" for method, rank in hit.ranks.items())
        click.secho(f"{hit.rank}. {place(hit.chunk.document, hit.chunk.page)}", bold=True, nl=False)
        click.echo(f"  score {hit.score:.3f} ({ranks})")
        if hit.chunk.heading:
            click.secho(f"   {hit.chunk.heading}", dim=True)
        click.echo(f"   {shorten(hit.chunk.passage, 300)}")
    if not hits and not nowhere:
        click.echo("Nothing found.", err=True)
    return 0
