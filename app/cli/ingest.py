"""`ingest PATH...`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import emit_json, json_option, library_option, open_engine

if TYPE_CHECKING:
    from ...ingest.pipeline import IngestReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@library_option
@json_option
def ingest(paths: tuple[Path, ...], library: Path | None, as_json: bool) -> int:
    """Bring the library up to date with files and folders.

    New and changed files are read; unchanged ones are left alone; files that are gone from a folder leave the library.
    """
    from .progress import ingest_progress

    with open_engine(library, create=True) as rag, ingest_progress() as on_progress:
        report = rag.ingest(*paths, on_progress=on_progress)
    if as_json:
        emit_json(_as_json(report))
    else:
        _show(report)
    if not report.failed:
        return 0
    return 3 if report.added + report.updated + report.unchanged else 1


def _as_json(report: IngestReport) -> dict[str, object]:
    return {
        "files": {
            "added": report.added,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "removed": report.removed,
            "failed": [{"path": path, "reason": reason} for path, reason in report.failed],
            "empty": [{"path": path, "pages": pages} for path, pages in report.empty],
            "unsupported": report.unsupported,
        },
        "chunks": report.chunks,
        "seconds": round(report.seconds, 3),
    }


def _show(report: IngestReport) -> None:
    from rich.console import Console
    from rich.table import Table

    rate = f" ({report.chunks / report.seconds:.0f}/s)" if report.chunks and report.seconds else ""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ("Files read", f"{report.added + report.updated} ({report.added} new, {report.updated} changed)"),
        ("Unchanged", report.unchanged),
        ("Removed", report.removed),
        ("Failed", len(report.failed)),
        ("Chunks", f"{report.chunks}{rate}"),
        ("Seconds", f"{report.seconds:.1f}"),
    ):
        table.add_row(name, str(value))
    console = Console(highlight=False)
    console.print(table)
    for path, reason in report.failed:
        console.print(f"Failed: {path}: {reason}", style="red", markup=False, soft_wrap=True)
    for path, pages in report.empty:
        where = f"pages {', '.join(map(str, pages))}" if pages else "the document"
        console.print(f"No text: {path}: {where}", style="yellow", markup=False, soft_wrap=True)
    if report.unsupported:
        kinds = Counter(Path(path).suffix.lower() or "no suffix" for path in report.unsupported)
        named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        console.print(f"Not supported: {named}", style="yellow", markup=False, soft_wrap=True)
