"""Changes a library at random, and compares every search with brute force.

    python benchmarks/changing_library.py [--minutes 5] [--seed 1]

Files are stored, replaced, removed, moved and given to other collections; the index is stored, left behind, damaged and
lost; libraries are opened again, by this process and by others, some of which may not write and some of which die in
the midst of a change; all vectors are made anew by another model. After each step an index that has followed all
changes, or a new one, is searched by vectors, by words and by both, with filters and without, and so is the model of
the library in `_brute_force`. Hypothesis chooses the steps and finds the shortest way to a failure.

Indexes of all kinds are used: thresholds are lowered, for else they would begin at 30,000 chunks.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from ragstone.benchmarks._brute_force import Chosen, Model, made_file, unit
from ragstone.benchmarks._searched_library import MEMORY_MB, SearchedLibrary, Told, Warnings
from ragstone.benchmarks._victim import Victims, many_from
from ragstone.retrieval import index
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.index import FLAT_BELOW, Index
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.records import NewFile
from ragstone.retrieval.reindex import NewVectors

SLOTS = 8
"""Places that files are stored in: few, so that they are replaced."""
MANY = (130, 1 << 30)
"""From how many rows an inverted file is made; FAISS needs as many as it makes lists."""
ROWS = 250
"""With more, no more are stored but a few at a time."""
MEMORY_DISK = Path("/dev/shm")
"""Where it is, libraries are made there: what dies here is processes, and not the power."""

slots, seeds = st.integers(0, SLOTS - 1), st.integers(0, 1 << 20)


class ChangingLibrary(SearchedLibrary):
    """The steps."""

    victims: Victims

    @initialize(
        dice=seeds, rows=st.sampled_from((3, 60, 140)), many=st.sampled_from(MANY), memory=st.sampled_from(MEMORY_MB)
    )
    def begin(self, dice: int, rows: int, many: int, memory: float) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="changing-", dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None))
        self.dice, self.many, self.memory_mb, self.model = random.Random(dice), many, memory, Model()
        many_from(many)
        self.warnings = Warnings()
        self.log = logging.getLogger("ragstone")
        self.log.addHandler(self.warnings)
        self.log.propagate = False
        self.library = Library(self.folder / "library", create=True)
        self.embedder = Chosen(0, 16)
        self.library.use_embedder(self.embedder.identity)
        self.readers = []
        for slot in range(3):
            self._put(made_file(slot, dice + slot, (rows, 5, 1)[slot], 1, "ab"[slot % 2], 16))
        self.open_another()

    def teardown(self) -> None:
        self.log.removeHandler(self.warnings)
        self.log.propagate = True
        for reader in self.readers:
            reader.library.close()
        self.library.close()
        shutil.rmtree(self.folder)

    # Changes of the library

    @rule(slot=slots, seed=seeds, rows=st.integers(1, 5), parts=st.integers(1, 2), collection=st.sampled_from("ab"))
    def store(self, slot: int, seed: int, rows: int, parts: int, collection: str) -> None:
        self._put(made_file(slot, seed, rows, parts, collection, self.embedder.identity.dimension))
        self.check("store")

    @precondition(lambda self: len(self.model.rows) < ROWS)
    @rule(slot=slots, seed=seeds, rows=st.sampled_from((0, 25, 60, 100, 150)))
    def store_many(self, slot: int, seed: int, rows: int) -> None:
        self._put(made_file(slot, seed, rows, 1, "a", self.embedder.identity.dimension))
        self.check("store_many")

    @precondition(lambda self: self.model.files)
    @rule(seed=seeds, rows=st.integers(0, 5), same=st.booleans())
    def replace(self, seed: int, rows: int, same: bool) -> None:
        """Store other versions of some files, or the same one again."""
        for path, file in sorted(self.model.files.items()):
            if self.dice.random() < 0.3:
                slot, version = int(path.removeprefix("/docs/").removesuffix(".txt")), file.version.split()
                given = (int(version[0]), int(version[1])) if same and int(version[1]) < 6 else (seed, rows)
                self._put(made_file(slot, *given, 1, file.collection, self.embedder.identity.dimension))
        self.check("replace")

    def _put(self, new: NewFile) -> None:
        self.library.store(new)
        self.model.stored(self.library, new)

    @precondition(lambda self: self.model.files)
    @rule(share=st.sampled_from((0.1, 0.5)))
    def remove(self, share: float) -> None:
        known = sorted(self.model.paths())
        gone = [i for i in known if self.dice.random() < share] or known[-1:]
        self.library.remove([*gone, 10**9])
        self.model.removed_documents(gone)
        self.check("remove")

    @precondition(lambda self: self.model.files)
    @rule(share=st.sampled_from((0.1, 0.3, 0.3, 1.0)))
    def remove_files(self, share: float) -> None:
        gone = [file.id for file in self.model.files.values() if self.dice.random() < share]
        self.library.remove_files(gone)
        self.model.removed(gone)
        self.check("remove_files")

    @precondition(lambda self: self.model.files)
    @rule()
    def move(self) -> None:
        """Give files each other's places, and new ones."""
        places = self.dice.sample(range(3 * SLOTS), len(self.model.files))
        files, moved = list(self.model.files.values()), {}
        for file, place in zip(files, places, strict=True):
            file.path = f"docs/{place}.txt"
            moved[file.id] = (file.path, f"/docs/{place}.txt", "1")
        self.library.move(moved)
        self.model.files = {moved[file.id][1]: file for file in files}
        self.check("move")

    @precondition(lambda self: self.model.files)
    @rule(collection=st.sampled_from("abc"))
    def refresh(self, collection: str) -> None:
        """Let files go into another collection."""
        chosen = [file for file in self.model.files.values() if self.dice.random() < 0.4]
        for file in chosen:
            file.collection = collection
        self.library.refresh([(file.id, file.path, 2_000, collection) for file in chosen], datetime.now(UTC))
        self.check("refresh")

    @rule(share=st.sampled_from((0.5, 1.0)))
    def embed_anew(self, share: float) -> None:
        """By another model, if the run is not interrupted."""
        other = Chosen(self.embedder.identity.sha256.count("1") + self.dice.randrange(1, 1 << 20), 16)
        vectors = {i: unit(self.dice, 16) for i in self.model.rows}
        with self.library.locked(), NewVectors(self.library, other.identity, "") as new:
            new.begin()
            for file in self.model.files.values():
                chunks = new.missing(file.id)
                if chunks and self.dice.random() <= share:
                    new.add(chunks, [c.tokens + 1 for c in chunks], np.array([vectors[c.id] for c in chunks]))
            if any(new.missing(file.id) for file in self.model.files.values()):
                self.check("embed_anew, interrupted")
                return
            new.switch({file.id: "2" for file in self.model.files.values()})
        self.embedder = other
        for i, row in self.model.rows.items():
            row.vector = vectors[i]
        self.check("embed_anew")

    @precondition(lambda self: not self.model.rows)
    @rule(dimension=st.sampled_from((8, 16)))
    def use_another_model(self, dimension: int) -> None:
        """While there are no vectors, any model may be used."""
        self.embedder = Chosen(self.dice.randrange(1 << 21, 1 << 22), dimension)
        self.library.use_embedder(self.embedder.identity)
        self.check("use_another_model")

    # The stored index

    @rule(meanwhile=st.booleans(), seed=seeds)
    def publish(self, meanwhile: bool, seed: int) -> None:
        """While the files are written, others may be removed and stored."""

        def write_and_change(*segment: Any) -> None:
            write_segment(*segment)
            gone = [file.id for file in self.model.files.values() if self.dice.random() < 0.3]
            self.library.remove_files(gone)
            self.model.removed(gone)
            self._put(made_file(0, seed, 2, 1, "a", self.embedder.identity.dimension))

        write_segment = index.write_segment
        try:
            if meanwhile:
                index.write_segment = write_and_change
            with self.library.locked():
                self.readers[0].index = Index.publish(self.library, self.memory_mb)
        finally:
            index.write_segment = write_segment
        self.check("publish", self.readers[0])

    @precondition(lambda self: self.library.published)
    @rule(damage=st.sampled_from(("flip", "cut", "delete", "lose", "name")), place=st.floats(0, 1))
    def damage(self, damage: str, place: float) -> None:
        """Damage the index in another copy of the file: what is mapped already cannot be damaged without a crash."""
        folder = self.library.folder / "index" / self.library.published
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        if damage == "name" or not files:
            with closing(sqlite3.connect(self.library.folder / DATABASE)) as db, db:
                db.execute("UPDATE settings SET value = ? WHERE name = 'published'", (self.dice.choice(("", "123")),))
        elif damage == "lose":
            shutil.rmtree(folder)
        else:
            _damage(files[int(place * (len(files) - 1))], damage, place)
        self.warnings.lines.clear()
        reader = self.open_another()
        assert ("is damaged" in "".join(self.warnings.lines)) == (damage in ("flip", "cut", "delete") and bool(files))
        self.check(f"damage: {damage}", reader)

    @precondition(lambda self: not (self.library.folder / "index" / ".new-left").exists())
    @rule()
    def leave_half_written(self) -> None:
        """As a killed process does."""
        left = self.library.folder / "index" / ".new-left" / "index"
        left.mkdir(parents=True, exist_ok=True)
        (left / "ids.npy").write_bytes(b"half")
        (self.library.folder / "index" / "1" / "files").mkdir(parents=True, exist_ok=True)
        self.check("leave_half_written")

    # Other readers, other processes

    @rule(all_of_them=st.booleans())
    def reopen(self, all_of_them: bool) -> None:
        if all_of_them:
            self._reopen_all()
        self.check("reopen", self.open_another())

    def _reopen_all(self) -> None:
        """So that for a moment nobody has the database open."""
        while self.readers:
            self.readers.pop().library.close()
        self.library.close()
        self.library = Library(self.folder / "library")

    @rule(slot=slots, seed=seeds, rows=st.integers(1, 20), calls=st.integers(0, 1500))
    def die_while_storing(self, slot: int, seed: int, rows: int, calls: int) -> None:
        given = (slot, seed, rows, 1, "b", self.embedder.identity.dimension)
        new = made_file(*given)
        self._kill("store", calls, file=given)
        known = self.library.files().get(new.absolute_path)
        before = self.model.files.get(new.absolute_path)
        if known is not None and (before is None or known.id != before.id):  # it died after the commit
            self.model.stored(self.library, new)
        self.check("die_while_storing")

    @precondition(lambda self: self.model.files)
    @rule(calls=st.integers(0, 60))
    def die_while_removing(self, calls: int) -> None:
        gone = [file.id for file in self.model.files.values() if self.dice.random() < 0.5]
        self._kill("remove", calls, files=gone)
        left = {file.id for file in self.library.files().values()} & set(gone)
        assert left in (set(), set(gone))
        self.model.removed([] if left else gone)
        self.check("die_while_removing")

    @rule(calls=st.integers(0, 4000))
    def die_while_publishing(self, calls: int) -> None:
        self._kill("publish", calls, memory_mb=self.memory_mb)
        self.check("die_while_publishing", self.open_another())

    def _kill(self, what: str, calls: int, **task: object) -> None:
        _, done = self.victims.do(what=what, library=str(self.library.folder), many_from=self.many, calls=calls, **task)
        self.told.died += not done

    @rule(read_only=st.booleans(), closed=st.booleans())
    def search_elsewhere(self, read_only: bool, closed: bool) -> None:
        """In another process, which may not be allowed to write, and with the database in use here or not."""
        if closed:
            while self.readers:
                self.readers.pop().library.close()
            self.library.close()
        if read_only:
            self.library.folder.chmod(0o555)
        where, among = self.some_filter()
        terms, vector, k = query_terms(self.query()), self.vector(), self.dice.choice((1, 10, 1000))
        (approximate, dense, lexical), _ = self.victims.do(
            **{"what": "search", "library": str(self.library.folder), "many_from": self.many, "k": k},
            **{"memory_mb": self.memory_mb, "read_only": read_only, "where": where, "terms": terms},
            vector=vector.tolist(),
        )
        self.library.folder.chmod(0o755)
        if closed:
            self._reopen_all()
            self.open_another()
        dense, lexical = ([tuple(hit) for hit in hits] for hits in (dense, lexical))
        self.count("elsewhere", *self.model.check_dense(dense, vector, among, k, approximate=approximate))
        self.model.check_lexical(lexical, terms, among, k)
        self.check("search_elsewhere")


def _damage(path: Path, how: str, place: float) -> None:
    data = bytearray(path.read_bytes())
    path.unlink()
    if how == "flip":
        data[int(place * (len(data) - 1))] ^= 1
    elif how == "cut":
        del data[int(place * (len(data) - 1)) :]
    if how != "delete":
        path.write_bytes(data)


def run(seed_value: int, examples: int, steps: int, *, shrink: bool = True) -> Told:
    """Make so many libraries and change each so many times; the same seed makes the same changes.

    Raises:
        AssertionError: A search was wrong.
    """
    threads, told = faiss.omp_get_max_threads(), Told()
    faiss.omp_set_num_threads(1)  # indexes this small are faster without the others
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        with Victims() as victims:
            machine = type("ChangingLibrary", (ChangingLibrary,), {"told": told, "victims": victims})
            run_state_machine_as_test(seed(seed_value)(machine), settings=limits)
    finally:
        many_from(FLAT_BELOW)
        faiss.omp_set_num_threads(threads)
    return told


def main() -> None:
    """Run for some minutes, and tell what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    whole, begun, number = Told(), time.monotonic(), arguments.seed
    while time.monotonic() < begun + 60 * arguments.minutes:
        whole.add(run(number, 40, 50))
        number += 1
    print(f"seeds {arguments.seed} to {number - 1}, {whole.steps.total():,} steps, every search was right")
    for name in ("steps", "kinds"):
        print(name, json.dumps(dict(getattr(whole, name).most_common())))
    print("processes that died in the midst:", whole.died)
    print("recall", {kind: round(share, 4) for kind, share in whole.recall().items()})


if __name__ == "__main__":
    main()
