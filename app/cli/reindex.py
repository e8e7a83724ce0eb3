"""`ragstone reindex`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ...eval.report.wording import counted
from .common import emit_json, json_option, library_option, open_engine


@click.command()
@click.option("--embedder", metavar="NAME_OR_FOLDER", help="Embed all passages anew with this model.")
@library_option
@json_option
def reindex(embedder: str | None, library: Path | None, as_json: bool) -> int:
    """Change the embedding model, or make the search index anew.

    Searches go on with the old model until the new one takes its place at the end. What an interrupted run has embedded
    is kept, and the same command goes on from there. Without --embedder nothing is embedded.
    """
    from .progress import ingest_progress

    with open_engine(library) as rag:
        with ingest_progress() as on_progress:
            report = rag.reindex(embedder, on_progress)
        configured = rag.embedding_model
    if as_json:
        emit_json(asdict(report) | {"seconds": round(report.seconds, 3)})
    else:
        before = f", before {report.was}" if report.was not in ("", report.embedder) else ""
        click.echo(f"Embedding  {report.embedder or 'none yet'}{before}")
        click.echo(f"Embedded   {counted(report.chunks, 'chunk')} in {report.seconds:.1f} s")
    if report.embedder and configured != report.embedder:
        click.secho(f"The setting embedding_model is still {configured}: remove it.", fg="yellow", err=True)
    return 0
