"""How a vector index follows its library: news, deletions, when it is stored anew, backups."""

import logging
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.vectors import IDS, VECTORS, VectorIndex

Vectors = npt.NDArray[np.float32]
DIMENSION = 16

KILLED = """
import os, signal, sys
from pathlib import Path
from ragstone.retrieval.library import Library
from ragstone.retrieval.vectors import VectorIndex

Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
VectorIndex.load(Library(Path(sys.argv[1])))
"""
"""Dies when the files of the index are written and have not got their name yet."""


def unit(seed: int, rows: int = 1) -> Vectors:
    """Vectors of length 1."""
    made = np.random.default_rng(seed).standard_normal((rows, DIMENSION), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture
def add(file) -> Callable[[Library, str, int], Vectors]:
    """Stores a file of so many chunks with random vectors; these."""

    def add(library: Library, path: str, rows: int) -> Vectors:
        vectors = unit(sum(path.encode()), rows)
        library.store(file(path, *(f"{path} {row}" for row in range(rows)), vectors=vectors))
        return vectors

    return add


@pytest.fixture
def hundred(library: Callable[..., Library], add) -> Library:
    """A library of ten files of ten chunks, whose index is stored."""
    one = library()
    for n in range(10):
        add(one, f"{n}.txt", 10)
    VectorIndex.load(one)
    assert one.published
    return one


def exactly(index: VectorIndex, library: Library) -> None:
    """A search finds what brute force over the library's vectors does, and nothing else."""
    known = library.vectors()
    assert (len(index), index.revision) == (len(known.ids), known.revision)
    for seed in range(3):
        query = unit(1000 + seed)[0]
        cosines = known.vectors @ query
        order = np.argsort(-cosines, kind="stable")
        for k in (1, 7, len(order) + 50):
            hits = index.search(query, k)
            assert [number for number, _ in hits] == known.ids[order[:k]].tolist()
            assert [score for _, score in hits] == pytest.approx(cosines[order[:k]].tolist(), abs=1e-5)
        every = range(int(known.all_ids.max(initial=0)) + 20)
        expected = dict(zip(known.ids.tolist(), cosines.tolist(), strict=True))
        assert index.similarities(query, every) == pytest.approx(expected, abs=1e-5)


def test_news_are_found_at_once_and_do_not_write_the_index_anew(hundred: Library, add):
    name, index = hundred.published, VectorIndex.load(hundred)
    vectors = add(hundred, "new.txt", 9)
    for following in (index.refreshed(hundred), VectorIndex.load(hundred), VectorIndex.publish(hundred)):
        exactly(following, hundred)
        assert following.search(vectors[3], 1)[0][1] == pytest.approx(1, abs=1e-5)
    assert hundred.published == name
    assert len(index) == 100


def test_chunks_that_are_gone_are_never_found(hundred: Library, add):
    index, name = VectorIndex.load(hundred), hundred.published
    add(hundred, "new.txt", 3)
    index = index.refreshed(hundred)
    hundred.remove([hundred.documents()[-1].id])  # of the news
    exactly(index.refreshed(hundred), hundred)
    add(hundred, "0.txt", 1)  # ten chunks of the stored index gone, one new
    for following in (index.refreshed(hundred), VectorIndex.load(hundred)):
        exactly(following, hundred)
    assert hundred.published != name


def test_only_some_chunks_are_searched_when_told_so(hundred: Library, add):
    add(hundred, "new.txt", 5)
    index, known = VectorIndex.load(hundred), hundred.vectors()
    hundred.remove([hundred.documents()[3].id])
    index = index.refreshed(hundred)
    among = known.ids[::7]
    alive = set(hundred.vectors().ids.tolist()) & set(among.tolist())
    assert 0 < len(alive) < len(among)
    hits = index.search(unit(5)[0], 1000, among)
    assert {number for number, _ in hits} == alive
    assert hits == sorted(hits, key=lambda hit: -hit[1])
    assert index.search(unit(5)[0], 1000, np.zeros(0, np.int64)) == []


@pytest.mark.parametrize(("rows", "stored"), [(9, False), (11, False), (12, True)])
def test_the_index_is_stored_anew_when_more_than_a_tenth_is_missing(hundred: Library, add, rows: int, stored: bool):
    before = hundred.published
    add(hundred, "new.txt", rows)
    with hundred.locked():
        exactly(VectorIndex.publish(hundred), hundred)
    assert (hundred.published != before) is stored
    folders = [folder.name for folder in (hundred.folder / "index").iterdir()]
    assert folders == [hundred.published]
    exactly(VectorIndex.load(hundred), hundred)


def test_an_index_follows_one_that_another_process_has_stored(hundred: Library, add, library: Callable[..., Library]):
    index, other = VectorIndex.load(hundred), library(hundred.folder)
    assert index.refreshed(hundred) is index
    for n in range(5):
        add(other, f"new{n}.txt", 8)
        VectorIndex.load(other)
        index = index.refreshed(hundred)
        exactly(index, hundred)
    other.remove(document.id for document in other.documents())
    index = index.refreshed(hundred)
    assert (len(index), index.search(unit(1)[0], 5)) == (0, [])
    add(other, "last.txt", 1)
    exactly(index.refreshed(hundred), hundred)


def test_a_reader_that_comes_while_another_writes_finds_everything_stored_so_far(
    hundred: Library, add, library: Callable[..., Library]
):
    writer = library(hundred.folder)
    with writer.locked():
        for n in range(5):
            vectors = add(writer, f"new{n}.txt", 10)
            index = VectorIndex.load(library(hundred.folder, create=False))  # it may not store its index now
            exactly(index, hundred)
            assert index.search(vectors[0], 1)[0][1] == pytest.approx(1, abs=1e-5)
    assert len(index) == 150


def test_readers_find_what_is_stored_while_another_thread_stores_and_publishes(
    hundred: Library, add, library: Callable[..., Library], caplog: pytest.LogCaptureFixture
):
    kept = hundred.chunks_of(hundred.documents()[0].id)[0].id
    wanted = hundred.vectors().vectors[0]
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        reader = library(hundred.folder, create=False)
        index = VectorIndex.load(reader)
        while not done.is_set():
            index = index.refreshed(reader)
            (hit,) = index.search(wanted, 1)
            if hit[0] != kept or hit[1] < 0.999:
                failures.append((hit, len(index)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    with caplog.at_level(logging.ERROR):
        for reader in readers:
            reader.start()
        for n in range(30):
            add(hundred, f"{n % 5 + 1}.txt", n)
            with hundred.locked(wait=True):
                VectorIndex.publish(hundred)
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    exactly(VectorIndex.load(hundred), hundred)


def test_what_a_killed_process_left_half_written_goes_when_the_index_is_stored_next(hundred: Library, add):
    folder = hundred.folder / "index"
    add(hundred, "new.txt", 20)
    done = subprocess.run([sys.executable, "-c", KILLED, hundred.folder], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = folder.glob(".new-*")
    assert {path.name for path in left.rglob("*")} == {"index", VECTORS, IDS}
    index = VectorIndex.load(hundred)
    exactly(index, hundred)
    assert [path.name for path in folder.iterdir()] == [hundred.published]


# Backups


@pytest.mark.parametrize("rows", [5, 50])
def test_a_library_from_a_backup_never_uses_an_index_of_a_later_state(
    hundred: Library, add, library: Callable[..., Library], rows: int
):
    """Fifty chunks are stored in an index of their own after the backup, five are not."""
    hundred.close()
    backup = (hundred.folder / DATABASE).read_bytes()
    later = library(hundred.folder)
    add(later, "later.txt", rows)
    VectorIndex.load(later)
    later.close()
    (hundred.folder / DATABASE).write_bytes(backup)
    restored = library(hundred.folder)
    exactly(VectorIndex.load(restored), restored)
    add(restored, "other.txt", rows)  # its chunks have the ids that those of later.txt had
    exactly(VectorIndex.load(restored), restored)
    add(restored, "more.txt", rows)
    exactly(VectorIndex.load(restored), restored)


def test_a_folder_from_a_backup_is_followed_by_a_process_that_has_seen_more(
    hundred: Library, add, library: Callable[..., Library], tmp_path: Path
):
    hundred.close()
    shutil.copytree(hundred.folder, tmp_path / "backup")
    later = library(hundred.folder)
    add(later, "later.txt", 30)
    index = VectorIndex.load(later)
    restored = library(tmp_path / "backup")
    add(restored, "other.txt", 30)
    exactly(index.refreshed(restored), restored)


def test_an_emptied_library_has_an_empty_index(hundred: Library, add):
    index = VectorIndex.load(hundred)
    hundred.remove(document.id for document in hundred.documents())
    for following in (index.refreshed(hundred), VectorIndex.load(hundred)):
        assert len(following) == 0
        assert following.search(unit(1)[0], 5) == []
    add(hundred, "new.txt", 2)
    exactly(following.refreshed(hundred), hundred)
