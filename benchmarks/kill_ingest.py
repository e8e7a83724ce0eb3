"""Kills ingests at random instants, and compares what the next run makes of it with an ingest that nothing disturbed.

    python benchmarks/kill_ingest.py [--kills 100] [--seed 1] [--folder DIR]

Half are first ingests into a new library, half are ingests of changed, new, moved and deleted files into a full one.
Each is a process that gets SIGKILL, alone or with its children: one half at an instant between its start and a little
after its usual end, the other half within half a second after it has begun to write. Then the library is searched, an
ordinary ingest runs to the end, and documents, chunks and vectors are compared with those of an undisturbed run; SQLite
checks the database, its foreign keys and its words.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from ragstone.app.ingesting import ingest_options
from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.errors import LibraryNotFoundError
from ragstone.generation.models import ModelStore
from ragstone.ingest.pipeline import ingest
from ragstone.retrieval._terms import differing as terms_differing
from ragstone.retrieval.embedding import load_embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.retriever import Retriever

SAMPLES = Path(__file__).resolve().parents[1] / "app" / "samples"
LEFT_OUT = ("safety-manual.pdf", "subsea-cable-agreement.pdf", "battery-maintenance-handbook.docx")
"""The others have every format, and more kills are made in the same time."""
SETTINGS = {"chunk_tokens": 32, "chunk_overlap": 0}
"""Many small chunks."""
QUERY = "How much does a kilowatt hour cost in winter?"


@dataclass(frozen=True, slots=True)
class Content:
    """What a library holds, without its ids."""

    documents: dict[str, tuple[object, ...]]
    """By path: SHA-256, text, and of every chunk its place, text, heading, page and tokens."""
    vectors: dict[str, np.ndarray]

    @classmethod
    def of(cls, library: Library) -> Content:
        """Read everything."""
        stored = library.rows()
        places = {chunk: place for place, chunk in enumerate(stored.ids.tolist())}
        documents, vectors = {}, {}
        for document in library.documents():
            chunks = library.chunks_of(document.id)
            told = tuple((c.char_start, c.char_end, c.text, c.heading, c.page, c.tokens) for c in chunks)
            documents[document.path] = (document.sha256, document.title, library.text(document.id), told)
            vectors[document.path] = stored.vectors[[places[c.id] for c in chunks]]
        return cls(documents, vectors)

    def difference(self, other: Content) -> tuple[list[str], float]:
        """The paths that differ, and the largest difference of a vector's component."""
        paths = sorted(self.documents.keys() | other.documents.keys())
        differing = [path for path in paths if self.documents.get(path) != other.documents.get(path)]
        same = [path for path in paths if path not in differing and len(self.vectors[path])]
        return differing, max((float(np.abs(self.vectors[p] - other.vectors[p]).max()) for p in same), default=0.0)


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill led to."""

    kind: str
    seconds: float
    """After the start of the process."""
    target: str
    state: str
    """What the process had done."""
    documents: int
    """That it left in the library."""
    faults: list[str]
    farthest: float
    """The largest difference of a vector's component from that of the undisturbed run."""


class Killer:
    """Kills ingests of copies of the sample documents.

    Args:
        folder: An empty folder to work in.
    """

    def __init__(self, folder: Path) -> None:
        self._docs, self._library, self._full = folder / "docs", folder / "library", folder / "full"
        shutil.copytree(SAMPLES, self._docs, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self._settings = Settings.load(SETTINGS)
        store = ModelStore(self._settings.models_dir, self._settings.offline)
        own = self._settings.embedding_model
        model = store.path(own) if own else store.pull(DEFAULT_EMBEDDING_MODEL)
        self._embedder = load_embedder(model, store.folder / "exported")

    def run(self, kills: int, seed: int) -> Iterator[Kill]:
        """Kill half of the ingests as first ones, half as later ones."""
        chance = random.Random(seed)
        first = kills - kills // 2
        yield from self._kind("first", first, chance)
        shutil.rmtree(self._library)
        self._ingest_whole()
        shutil.copytree(self._library, self._full)
        self._change_documents()
        yield from self._kind("changed", kills - first, chance)

    def _kind(self, kind: str, kills: int, chance: random.Random) -> Iterator[Kill]:
        expected, usual = self._undisturbed()
        for number in range(kills):
            seconds = (number + chance.random()) / kills * usual * 1.05
            self._prepare()
            target, before = chance.choice(("parent", "group")), self._stored()
            process, started = self._start(), time.monotonic()
            if number % 2:
                time.sleep(seconds)
            else:
                self._wait_for_writing(process)
                time.sleep(chance.random() / 2)
            yield self._kill(process, kind, target, time.monotonic() - started, before, expected)

    def _undisturbed(self) -> tuple[Content, float]:
        self._prepare()
        started = time.monotonic()
        assert self._start().wait() == 0
        took = time.monotonic() - started
        with Library(self._library) as library:
            return Content.of(library), took

    def _prepare(self) -> None:
        shutil.rmtree(self._library, ignore_errors=True)
        if self._full.exists():
            shutil.copytree(self._full, self._library)

    def _kill(
        self,
        process: subprocess.Popen[bytes],
        kind: str,
        target: str,
        seconds: float,
        before: tuple[int | None, str],
        expected: Content,
    ) -> Kill:
        children = []
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            (os.killpg if target == "group" else os.kill)(process.pid, signal.SIGKILL)
        code = process.wait()
        _, orphans = psutil.wait_procs(children, timeout=2)
        faults = [f"{len(orphans)} orphans"] if orphans else []
        documents, state = self._look(code, before)
        faults += [] if self._can_search(documents) else ["search failed"]
        self._ingest_whole()
        with Library(self._library) as library:
            differing, farthest = Content.of(library).difference(expected)
            faults += [f"{path} differs" for path in differing] + self._damage(library)
        return Kill(kind, seconds, target, state, documents, faults, farthest)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ragstone", "ingest", str(self._docs), "--library", str(self._library)]
        environment = os.environ | {f"RAGSTONE_{name.upper()}": str(value) for name, value in SETTINGS.items()}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)

    def _wait_for_writing(self, process: subprocess.Popen[bytes]) -> None:
        before = self._stored()[0] or 0
        while process.poll() is None and (self._stored()[0] or 0) == before:
            time.sleep(0.002)

    def _stored(self) -> tuple[int | None, str]:
        """Revision and index that the database names; no revision while it has no tables."""
        try:
            with closing(sqlite3.connect(f"file:{self._library / DATABASE}?mode=ro", uri=True)) as db:
                told = dict(db.execute("SELECT name, value FROM settings"))
        except sqlite3.OperationalError:
            return None, ""
        return int(told.get("revision", 0)), told.get("published", "")

    def _look(self, code: int, before: tuple[int | None, str]) -> tuple[int, str]:
        """The number of documents that a process left, and how far it had come."""
        revision, published = self._stored()
        if revision is None:
            return 0, "no library"
        with closing(sqlite3.connect(self._library / DATABASE)) as db:
            documents = int(db.execute("SELECT count(*) FROM documents").fetchone()[0])
        if code == 0:
            return documents, "finished"
        if any((self._library / "index").glob(".new-*")):
            return documents, "writing the index"
        if published != before[1]:
            return documents, "index published"
        return documents, "reading" if revision == (before[0] or 0) else "storing"

    def _can_search(self, documents: int) -> bool:
        try:
            with Library(self._library) as library:
                hits = Retriever(library, lambda: self._embedder).search(QUERY)
                chunks = [hit.chunk for hit in hits]
                whole = all(library.text(c.document_id)[c.char_start : c.char_end] == c.text for c in chunks)
                return whole and bool(hits) == bool(documents)
        except LibraryNotFoundError:
            return documents == 0

    def _ingest_whole(self) -> None:
        with Library(self._library, create=True) as library:
            report = ingest(library, [self._docs], lambda: self._embedder, ingest_options(self._settings))
            assert report.failed == []

    def _damage(self, library: Library) -> list[str]:
        faults = ["leftovers of an index"] if any((self._library / "index").glob(".new-*")) else []
        with closing(sqlite3.connect(self._library / DATABASE)) as db:
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                faults.append("integrity_check")
            if db.execute("PRAGMA foreign_key_check").fetchall():
                faults.append("foreign_key_check")
            if differing := terms_differing(db):
                faults.append(f"the terms of {differing} chunks are not those of their text")
        rows, index = library.rows(), Index.load(library)
        ids = rows.ids.tolist()
        found, words = index.similarities(rows.vectors[0], ids), index.lexical(rows.term_ids[:1].tolist(), 1)
        if len(index) != len(ids) or found.keys() != set(ids) or not words:
            faults.append("the index holds other chunks")
        return faults

    def _change_documents(self) -> None:
        for number, path in enumerate(sorted(p for p in self._docs.rglob("*") if p.is_file())):
            if number % 4 == 0:
                path.unlink()
            elif number % 4 == 1:
                path.rename(path.with_stem(path.stem + "-moved"))
            elif number % 4 == 2 and path.suffix in (".md", ".txt", ".html", ".csv"):
                path.write_text(path.read_text("utf-8").replace("2024", "2025") + "\nOne more line.\n", "utf-8")
        source = SAMPLES / "handbook" / "operations-guide.md"
        (self._docs / "new.md").write_text(source.read_text("utf-8").replace("the", "this"), "utf-8")


def main() -> None:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; by default a temporary folder")
    options = parser.parse_args()
    kills = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        killer = Killer(Path(folder))
        print("| ingest | second | killed | state | documents | differences | farthest vector |\n" + "| --- " * 7 + "|")
        for kill in killer.run(options.kills, options.seed):
            kills.append(kill)
            told = ", ".join(kill.faults) or "0"
            print(
                f"| {kill.kind} | {kill.seconds:.2f} | {kill.target} | {kill.state} | {kill.documents} | {told} "
                f"| {kill.farthest:.1e} |",
                flush=True,
            )
    states = Counter(kill.state for kill in kills)
    print(f"\n{len(kills)} kills ({', '.join(f'{count} {state}' for state, count in states.most_common())})")
    faulty, farthest = sum(bool(kill.faults) for kill in kills), max(kill.farthest for kill in kills)
    print(f"{faulty} with differences; the farthest component of a vector is {farthest:.1e} away")
    sys.exit(1 if faulty or farthest > 1e-2 else 0)


if __name__ == "__main__":
    main()
