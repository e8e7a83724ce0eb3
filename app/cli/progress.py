"""Progress bars on stderr; silent where stderr is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from ...ingest.report import Progress as IngestProgress


@contextmanager
def ingest_progress() -> Iterator[Callable[[IngestProgress], None]]:
    """Files, chunks a second and remaining time."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.fields[files]} files"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=1.0, files="0/0", rate="")

        def show(progress: IngestProgress) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            bar.update(
                task,
                completed=progress.fraction,
                files=f"{progress.files_done}/{progress.files}",
                rate=f"{progress.chunks / elapsed:.0f} chunks/s" if progress.chunks and elapsed else "",
                description=progress.path[-48:],
            )

        yield show


@contextmanager
def download_progress(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """Bytes, speed and remaining time of a download."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(name)

        def show(step: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=f"{name}: {step}"[:48])

        yield show
