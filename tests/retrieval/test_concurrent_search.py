"""Threads search while a thread or another process changes the library.

The vectors are made from the words by chance: a text has the vector that the same text has as a query, and no other
text has one near it. So each chunk can be asked for by its vector as by its word, and what a hit says can be verified.
"""

import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.benchmarks._brute_force import Chosen
from ragstone.retrieval.filters import Filter
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import Hit, NewDocument, NewFile, TextChunk
from ragstone.retrieval.retriever import MODES, Retriever

FILES, CHUNKS, CHANGES, SEARCHERS = 40, 3, 150, 3
K = 10
Change = dict[str, list[int]]
"""What is stored, as number of the file and version, and which files are removed."""


class ByChance(Chosen):
    """Gives each text a vector of its own."""

    def embed_query(self, query: str) -> npt.NDArray[np.float32]:
        made = np.random.default_rng(zlib.crc32(query.encode())).standard_normal(self.identity.dimension)
        return (made / np.linalg.norm(made)).astype(np.float32)


EMBEDDER = ByChance(1, 32)


def words(file: int, version: int) -> list[str]:
    """Of each chunk, the one that no other chunk has."""
    return [f"word{file}x{version}x{chunk}" for chunk in range(CHUNKS)]


def made(file: int, version: int) -> NewFile:
    own = words(file, version)
    texts = [f"{word} common" for word in own]
    starts = [sum(len(text) + 1 for text in texts[:n]) for n in range(CHUNKS)]
    document = NewDocument(
        title="",
        media_type="text/plain",
        text="".join(f"{text}\n" for text in texts),
        pages=(),
        chunks=[
            TextChunk(ordinal=n, char_start=start, char_end=start + len(text), text=text, tokens=2)
            for n, (start, text) in enumerate(zip(starts, texts, strict=True))
        ],
        vectors=np.stack([EMBEDDER.embed_query(word) for word in own]),
    )
    return NewFile(
        path=f"{file}.txt",
        absolute_path=f"/{file}.txt",
        collection=f"c{file % 2}",
        sha256=str(version),
        size=1,
        mtime_ns=1,
        recipe="1",
        read_at=datetime.now(UTC),
        documents=[document],
    )


def change(library: Library, what: Change) -> None:
    """As an ingest does it: under the lock, file by file, and now and then it stores the index."""
    with library.locked(wait=True):
        if "store" in what:
            library.store(made(*what["store"]))
        elif "remove" in what:
            known = library.files()
            library.remove_files([known[f"/{file}.txt"].id for file in what["remove"]])
        else:
            Index.publish(library)


def serve(folder: str) -> None:
    """Another process that changes the library: a change a line."""
    with Library(Path(folder)) as library:
        for line in sys.stdin:
            change(library, json.loads(line))
            sys.stdout.write("done\n")
            sys.stdout.flush()


@contextmanager
def elsewhere(folder: Path) -> Iterator[Callable[[Change], None]]:
    """Makes changes in another process, and waits for each."""
    command = "import sys; from ragstone.tests.retrieval.test_concurrent_search import serve; serve(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", command, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def make(what: Change) -> None:
            print(json.dumps(what), file=process.stdin, flush=True)
            assert process.stdout.readline() == "done\n"

        yield make
        process.stdin.close()
    assert process.returncode == 0


@contextmanager
def here(folder: Path) -> Iterator[Callable[[Change], None]]:
    with Library(folder) as library:
        yield lambda what: change(library, what)


@dataclass
class Ledger:
    """When which version of a file was there, by a clock that counts what happens."""

    clock: int = 0
    there: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of a file, the version that has been stored, and when that was done."""
    going: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of a version of a file, when its removal began."""
    gone: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of a version of a file, when its removal was done."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> int:
        with self.guard:
            self.clock += 1
            return self.clock

    def surely(self, begun: int) -> list[tuple[int, int]]:
        """The versions that were there when a search began, and whose removal has not begun yet."""
        with self.guard:
            found = [(file, version) for file, (version, stored) in self.there.items() if stored <= begun]
            return [known for known in found if known not in self.going]


def keep_changing(make: Callable[[Change], None], ledger: Ledger, done: threading.Event) -> None:
    dice = np.random.default_rng(5)
    versions = {file: version for file, (version, _) in ledger.there.items()}
    for number in range(CHANGES):
        file = int(dice.integers(FILES))
        leaving = [(file, ledger.there[file][0])] if file in ledger.there else []
        if number % 20 == 19:
            make({})
            continue
        for known in leaving:
            ledger.going[known] = ledger.now()
        if leaving and dice.random() < 0.2 and len(ledger.there) > FILES * 3 // 4:
            make({"remove": [file]})
            with ledger.guard:
                del ledger.there[file]
        else:
            versions[file] = versions.get(file, 0) + 1
            make({"store": [file, versions[file]]})
            stored = ledger.now()
            with ledger.guard:
                ledger.there[file] = (versions[file], stored)
        for known in leaving:
            ledger.gone[known] = ledger.now()
        done.wait(float(dice.random()) / 100)


def verify(hit: Hit, query: str, ledger: Ledger, begun: int) -> None:
    """The hit is a chunk as it was stored, and was not gone when the search began."""
    word = hit.chunk.text.removesuffix(" common")
    file, version, chunk = map(int, word.removeprefix("word").split("x"))
    assert (hit.chunk.document, hit.chunk.ordinal) == (f"{file}.txt", chunk)
    assert ledger.gone.get((file, version), begun) >= begun, f"{word} was gone"
    if hit.similarity is not None:
        assert hit.similarity == pytest.approx(EMBEDDER.embed_query(query) @ EMBEDDER.embed_query(word), abs=1e-6)
    if hit.bm25 is not None:
        assert (hit.bm25 > 0) == (query in hit.chunk.text)


def keep_searching(retriever: Retriever, ledger: Ledger, done: threading.Event, seed: int) -> int:
    dice, count = np.random.default_rng(seed), 0
    while not done.is_set() or count < 10:
        mode = MODES[count % 3]
        where = [None, Filter.parse("collection=c0"), Filter.parse("collection=c1")][dice.integers(3)]
        begun = ledger.now()
        hits = retriever.search("common", K, mode, where)
        assert len(hits) == K
        for hit in hits:
            verify(hit, "common", ledger, begun)
            assert where is None or f"c{int(hit.chunk.document[:-4]) % 2}" == where.conditions[0].values[0]
        begun = ledger.now()
        asked = ledger.surely(begun)
        file, version = asked[int(dice.integers(len(asked)))]
        word = words(file, version)[int(dice.integers(CHUNKS))]
        hits = retriever.search(word, 3, mode)
        for hit in hits:
            verify(hit, word, ledger, begun)
        if (file, version) in ledger.surely(begun):  # its removal has not begun even now
            assert hits[0].chunk.text == f"{word} common", (word, mode)
        count += 2
    return count


@pytest.mark.parametrize("writer", [here, elsewhere])
@pytest.mark.parametrize("shared", [True, False], ids=["one retriever", "each its own"])
def test_searches_are_right_while_the_library_changes(
    library: Callable[..., Library],
    writer: Callable[..., object],
    shared: bool,
    record_property: Callable[[str, object], None],
):
    ledger, done = Ledger(), threading.Event()
    first = library()
    first.use_embedder(EMBEDDER.identity)
    for file in range(FILES):
        first.store(made(file, 0))
        ledger.there[file] = (0, 0)
    retrievers = [Retriever(library() if not shared else first, lambda: EMBEDDER) for _ in range(SEARCHERS)]
    retrievers = retrievers[:1] * SEARCHERS if shared else retrievers
    with writer(first.folder) as make, ThreadPoolExecutor() as pool:
        searches = [pool.submit(keep_searching, one, ledger, done, n) for n, one in enumerate(retrievers)]
        try:
            keep_changing(make, ledger, done)
        finally:
            done.set()
        record_property("searches", sum(search.result() for search in searches))
