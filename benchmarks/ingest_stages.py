"""Where the time of an ingest goes: its stages one after another, in one process.

    python benchmarks/ingest_stages.py FOLDER [--ocr auto|off|force]

An ordinary ingest runs parsing beside the rest, in processes of its own, so it takes less than the sum.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from _timing import table

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.generation.models import ModelStore
from ragstone.ingest.chunking import ChunkPlan, chunk_document, embedded_texts
from ragstone.ingest.parsed import ParseOptions
from ragstone.ingest.parsers import family, read
from ragstone.ingest.signatures import signature
from ragstone.ingest.sources import walk
from ragstone.retrieval.embedding import load_embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import NewDocument, NewFile


class Stages:
    """Seconds of each stage, wall and CPU of all threads, in the order of their first use."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ocr", choices=("auto", "off", "force"), default="auto")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        stages, chunks = _ingest(args.folder, ParseOptions(ocr=args.ocr), Path(scratch, "library"))
    total = sum(stages.wall.values())
    rows = [(n, f"{s:.2f}", f"{stages.cpu[n]:.2f}", f"{100 * s / total:.0f} %") for n, s in stages.wall.items()]
    print(table(("stage", "wall s", "CPU s", "share"), [*rows, ("sum", f"{total:.2f}")]))
    print(f"\n{chunks} chunks, {chunks / stages.wall['embed']:.0f} embedded a second")


def _ingest(folder: Path, options: ParseOptions, place: Path) -> tuple[Stages, int]:
    stages, plan, total = Stages(), ChunkPlan(), 0
    settings = Settings.load()
    with stages.stage("load the embedding model"):
        model = ModelStore(settings.models_dir, offline=True).path(settings.embedding_model or DEFAULT_EMBEDDING_MODEL)
        embedder = load_embedder(model, settings.models_dir / "exported", runtime=settings.embedding_runtime)
    with stages.stage("walk"):
        found = walk([folder], lambda path: family(path) is not None)
    with Library(place, create=True) as library:
        library.use_embedder(embedder.identity)
        for file in found.files:
            with stages.stage("parse"):
                parsed = [(r.part, r.document) for r in read(file.absolute, options) if r.document]
            documents = []
            for part, document in parsed:
                with stages.stage("signature"):
                    signed = signature(document.text)
                with stages.stage("chunk"):
                    chunks = chunk_document(document, embedder.token_offsets, plan)
                with stages.stage("embed"):
                    vectors = embedder.embed_passages(embedded_texts(chunks, "", embedder.token_offsets, plan))
                total += len(chunks)
                told = {"title": document.title, "media_type": document.media_type, "text": document.text}
                documents.append(
                    NewDocument(
                        part=part, pages=document.pages, signature=signed, chunks=chunks, vectors=vectors, **told
                    )
                )
            with stages.stage("store"):
                known = {"path": file.path, "absolute_path": str(file.absolute), "sha256": "", "size": file.size}
                library.store(
                    NewFile(mtime_ns=file.mtime_ns, recipe="", read_at=datetime.now(UTC), documents=documents, **known)
                )
        with stages.stage("publish the index"):
            Index.publish(library)
    return stages, total


if __name__ == "__main__":
    main()
