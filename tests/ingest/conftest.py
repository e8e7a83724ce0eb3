"""What the tests of whole ingests share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragstone.ingest.options import IngestOptions
from ragstone.ingest.pipeline import ingest
from ragstone.ingest.report import IngestReport, Progress
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library

Ingest = Callable[..., IngestReport]
OLD = 1_600_000_000_000_000_000
"""A modification time that is long past, so that size and time prove a file unchanged."""


def write(path: str | Path, text: str, mtime_ns: int = OLD) -> None:
    Path(path).write_text(text)
    os.utime(path, ns=(mtime_ns, mtime_ns))


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `docs` of the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


@pytest.fixture
def one(library: Callable[..., Library]) -> Library:
    """The test's library."""
    return library()


@pytest.fixture
def run(one: Library, embedder: Embedder) -> Ingest:
    """Ingests into the test's library."""

    def run(*paths: str | Path, on_progress: Callable[[Progress], None] | None = None, **options: Any) -> IngestReport:
        return ingest(one, paths, lambda: embedder, IngestOptions(**options), on_progress)

    return run


@pytest.fixture
def run_without_embedder(one: Library) -> Ingest:
    """Ingests what needs no embedding."""

    def run(*paths: str | Path, **options: Any) -> IngestReport:
        return ingest(one, paths, lambda: pytest.fail("nothing is to be embedded"), IngestOptions(**options))

    return run
