"""`ingest PATH...`"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ...errors import LibraryError, LibraryLockedError, SourceError
from .common import GivenPath, emit_json, json_option, library_option, open_engine

if TYPE_CHECKING:
    from ...ingest.report import IngestReport
    from ...retrieval.library import Library

_MOST_NAMED = 5
"""Files that are not supported of which the report gives the names."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=GivenPath(path_type=Path, readable=False))
@library_option
@json_option
@click.option("--collection", metavar="NAME", help="Put the files into this collection of the library.")
@click.option("--include", multiple=True, metavar="GLOB", help="Read only files that match (gitignore syntax).")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match.")
@click.option("--ocr", type=click.Choice(["auto", "off", "force"]), help="Recognize text in images and scans.")
@click.option("--password", "passwords", multiple=True, help="Try this password on locked files.")
@click.option(
    "--password-file", type=click.File(encoding="utf-8-sig"), help="Try the passwords in this file, one a line."
)
@click.option("--duplicates", type=click.Choice(["keep", "report", "skip"]), help="What to do with near-duplicates.")
@click.option("--jobs", type=int, help="How many files are read at a time.")
@click.option("--max-file-mb", type=int, help="Leave out larger files.")
@click.option("--watch", is_flag=True, help="Go on, and follow every change of the files until interrupted.")
def ingest(
    paths: tuple[Path, ...],
    library: Path | None,
    as_json: bool,
    collection: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    passwords: tuple[str, ...],
    password_file: IO[str] | None,
    watch: bool,
    **settings: Any,
) -> int:
    """Bring the library up to date with files and folders.

    New and changed files are read; unchanged and moved ones keep what was read of them; files that are gone from a
    folder leave the library. What a .ragstoneignore file names (gitignore syntax) is left out.
    """
    if watch and as_json:
        raise click.UsageError("--watch goes on for ever, so it cannot write one JSON document. Leave out one of them.")
    from ...ingest.refusing import with_what_stays
    from ...ingest.sources import require
    from ..given import require_name

    try:
        require(paths)  # what is misspelled is to leave no empty library behind
    except SourceError as error:
        with suppress(LibraryError), open_engine(library) as rag:
            raise with_what_stays(error, rag.library) from error
        raise
    require_name(collection)
    known = (*passwords, *(_lines(password_file) if password_file else ()))
    with open_engine(library, create=True, **settings) as rag:

        def once() -> IngestReport:
            from .progress import ingest_progress

            with ingest_progress() as on_progress:
                return rag.ingest(
                    *paths,
                    collection=collection,
                    include=include,
                    exclude=exclude,
                    passwords=known,
                    on_progress=on_progress,
                )

        report = once()
        if as_json:
            emit_json(_as_json(report))
        else:
            show(report)
        if watch:
            _watch(paths, rag.library, once, _failures(report))
    if not report.failed:
        return 0
    return 3 if report.added + report.updated + report.unchanged + report.moved else 1


def _lines(file: IO[str]) -> list[str]:
    try:
        return [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        what = f"{file.name!r} is not UTF-8 text. Save it as UTF-8."
        raise click.BadParameter(what, param_hint="'--password-file'") from error


def _watch(
    paths: tuple[Path, ...], library: Library, once: Callable[[], IngestReport], told: set[tuple[str, str, int]]
) -> None:
    from ...ingest.watching import changes

    click.echo("Watching for changes; press Ctrl-C to end.", err=True)
    for _ in changes(paths, ignore=library.folder, at_once=True):  # for what changed during the first run
        try:
            report = _when_free(library, once)
        except SourceError as error:  # a folder that is away for now
            click.secho(str(error), fg="yellow", err=True)
            continue
        failures = _failures(report)
        if report.added + report.updated + report.moved + report.removed or not failures <= told:
            show(report)
        told = failures


def _failures(report: IngestReport) -> set[tuple[str, str, int]]:
    """What failed, why, and of when: a file that was saved again and fails again is to be told again."""
    return {(path, reason, _modified(Path(path))) for path, reason in report.failed}


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # it is gone by now, or inside another file
        return 0


def _when_free(library: Library, once: Callable[[], IngestReport]) -> IngestReport:
    """Ingest; if another process is writing to the library, as soon as it has finished: a change is told only once."""
    while True:
        try:
            return once()
        except LibraryLockedError as error:
            told = f"{error.path}: {error.what}. The changes are tried again when it has finished."
            click.secho(told, fg="yellow", err=True)
            with library.locked(wait=True):
                pass


def _as_json(report: IngestReport) -> dict[str, object]:
    return {
        "files": {
            "added": report.added,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "moved": report.moved,
            "removed": report.removed,
            "failed": [{"path": path, "reason": reason} for path, reason in report.failed],
            "empty": [{"path": path, "pages": pages} for path, pages in report.empty],
            "recognized": [{"path": path, "pages": pages} for path, pages in report.recognized],
            "unsupported": report.unsupported,
            "duplicates": [asdict(duplicate) for duplicate in report.duplicates],
            "instructions": [{"path": path, "places": places} for path, places in report.instructions],
        },
        "chunks": report.chunks,
        "seconds": round(report.seconds, 3),
    }


def show(report: IngestReport) -> None:
    """Print what an ingest did."""
    from rich.console import Console
    from rich.table import Table

    rate = f" ({report.chunks / report.seconds:.0f}/s)" if report.chunks and report.seconds else ""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ("Files read", f"{report.added + report.updated} ({report.added} new, {report.updated} changed)"),
        ("Unchanged", report.unchanged),
        ("Moved", report.moved),
        ("Removed", report.removed),
        ("Failed", len(report.failed)),
        ("Chunks", f"{report.chunks}{rate}"),
        ("Seconds", f"{report.seconds:.1f}"),
    ):
        table.add_row(name, str(value))
    console = Console(highlight=False)
    console.print(table)
    for line, style in _remarks(report):
        console.print(line, style=style, markup=False, soft_wrap=True)


def _remarks(report: IngestReport) -> Iterator[tuple[str, str]]:
    for path, reason in report.failed:
        yield f"Failed: {path}: {reason}", "red"
    for path, pages in report.empty:
        yield f"No text: {path}: {_pages(pages) if pages else 'the document'}", "yellow"
    for path, pages in report.recognized:
        yield f"Recognized by OCR: {path}: {_pages(pages)}", "yellow"
    for duplicate in report.duplicates:
        did = "skipped, " if duplicate.skipped else ""
        yield f"Near-duplicate: {duplicate.path}: {did}{duplicate.similarity:.0%} as {duplicate.of}", "yellow"
    for path, places in report.instructions:
        what = f"{places} places speak" if places > 1 else "1 place speaks"
        yield f"Hidden instructions: {path}: {what} to the assistant; see `ragstone docs show`", "yellow"
    yield from ((line, "yellow") for line in _unsupported(report.unsupported))


def _unsupported(paths: list[str]) -> Iterator[str]:
    """What is not read, a line for each remedy."""
    from ...ingest.parsers import CONVERTIBLE, family

    images = [path for path in paths if family(Path(path)) == "image"]
    others = [path for path in paths if path not in set(images)]
    it = "it" if len(others) == 1 else "them"
    for alike, remedy in (
        (others, f"Convert {it} to {CONVERTIBLE}"),
        (images, "Install the extra ragstone[ocr], and set ocr to auto"),
    ):
        if alike:
            kinds = Counter(Path(path).suffix.lower() or "no suffix" for path in alike)
            counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            more = f" and {len(alike) - _MOST_NAMED:,} more" if len(alike) > _MOST_NAMED else ""
            yield f"Not supported: {counted}: {', '.join(alike[:_MOST_NAMED])}{more}. {remedy}."


def _pages(numbers: list[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
