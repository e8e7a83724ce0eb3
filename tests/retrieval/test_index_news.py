"""How an index follows its library: news, deletions, when it is stored anew, backups."""

import logging
import math
import random
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

from ragstone.retrieval._index_rows import StoredRows
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.index import Index
from ragstone.retrieval.index._postings import K1, B
from ragstone.retrieval.index._store import FILES
from ragstone.retrieval.library import DATABASE, Library

Vectors = npt.NDArray[np.float32]
DIMENSION = 16

KILLED = """
import os, signal, sys
from pathlib import Path
from ragstone.retrieval.library import Library
from ragstone.retrieval.index import Index

Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Index.load(Library(Path(sys.argv[1])))
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
    Index.load(one)
    assert one.published
    return one


def exactly(index: Index, library: Library) -> None:
    """A search finds what brute force over the library's vectors does, and nothing else."""
    known = library.rows()
    assert (len(index), index.revision) == (len(known.ids), known.revision)
    for seed in range(3):
        query = unit(1000 + seed)[0]
        cosines = known.vectors @ query
        order = np.argsort(-cosines, kind="stable")
        for k in (1, 7, len(order) + 50):
            hits = index.dense(query, k)
            assert [number for number, _ in hits] == known.ids[order[:k]].tolist()
            assert [score for _, score in hits] == pytest.approx(cosines[order[:k]].tolist(), abs=1e-5)
        every = range(int(known.ids.max(initial=0)) + 20)
        expected = dict(zip(known.ids.tolist(), cosines.tolist(), strict=True))
        assert index.similarities(query, every) == pytest.approx(expected, abs=1e-5)
    lexically(index, known)


def lexically(index: Index, known: StoredRows) -> None:
    """A search for words finds what BM25 over the library's rows by its formula does, and nothing else."""
    ends = np.cumsum(known.counts)[:-1]
    pairs = zip(np.split(known.term_ids, ends), np.split(known.frequencies, ends), strict=True)
    rows = {
        number: dict(zip(terms.tolist(), often.tolist(), strict=True))
        for number, (terms, often) in zip(known.ids.tolist(), pairs, strict=False)
    }
    lengths = {number: sum(of.values()) for number, of in rows.items()}
    average = sum(lengths.values()) / max(len(lengths), 1)
    dice = random.Random(len(rows))
    every = sorted({term for of in rows.values() for term in of})
    for terms in (every[:1], every[-3:], dice.sample(every, min(len(every), 5)), [*every[:2], 10**6]):
        df = {term: sum(term in of for of in rows.values()) for term in terms}
        idf = {term: math.log1p((len(rows) - n + 0.5) / (n + 0.5)) for term, n in df.items()}
        norm = {number: K1 * (1 - B + B * length / average) for number, length in lengths.items()}
        scores = {
            number: sum(idf[term] * of[term] * (K1 + 1) / (of[term] + norm[number]) for term in terms if term in of)
            for number, of in rows.items()
        }
        best = sorted((number for number in rows if scores[number]), key=lambda i: (-round(scores[i], 9), i))
        for k in (1, 7, len(rows) + 50):
            hits = index.lexical(terms, k)
            assert [number for number, _ in hits] == best[:k]
            assert [score for _, score in hits] == pytest.approx([scores[number] for number in best[:k]])
        assert index.bm25_of(terms, range(max(rows, default=0) + 20)) == pytest.approx(scores)
        assert index.holding(terms) == [df[term] for term in terms]


def test_news_are_found_at_once_and_do_not_write_the_index_anew(hundred: Library, add):
    name, index = hundred.published, Index.load(hundred)
    vectors = add(hundred, "new.txt", 9)
    for following in (index.refreshed(hundred), Index.load(hundred), Index.publish(hundred)):
        exactly(following, hundred)
        assert following.dense(vectors[3], 1)[0][1] == pytest.approx(1, abs=1e-5)
    assert hundred.published == name
    assert len(index) == 100


def test_chunks_that_are_gone_are_never_found(hundred: Library, add):
    index, name = Index.load(hundred), hundred.published
    add(hundred, "new.txt", 3)
    index = index.refreshed(hundred)
    hundred.remove([hundred.documents()[-1].id])  # of the news
    exactly(index.refreshed(hundred), hundred)
    add(hundred, "0.txt", 1)  # ten chunks of the stored index gone, one new
    for following in (index.refreshed(hundred), Index.load(hundred)):
        exactly(following, hundred)
    assert hundred.published != name


def test_an_index_that_has_followed_many_changes_finds_what_a_new_one_does(hundred: Library, add):
    index, dice = Index.load(hundred), random.Random(3)
    with hundred.locked():  # nothing is stored meanwhile
        for turn in range(60):
            if dice.random() < 0.3:
                hundred.remove([dice.choice(hundred.documents()).id])
            else:
                add(hundred, f"{chr(65 + dice.randrange(40))}.txt", dice.randrange(1, 12))
            index = index.refreshed(hundred)
            if turn % 6 == 5:
                exactly(index, hundred)
                assert len(index._news) < 10
    exactly(Index.load(hundred), hundred)
    exactly(index.refreshed(hundred), hundred)


def test_only_some_chunks_are_searched_when_told_so(hundred: Library, add):
    add(hundred, "new.txt", 5)
    index, documents = Index.load(hundred), [document.id for document in hundred.documents()]
    wanted, gone = documents[::3], documents[3]
    assert gone in wanted and documents[-1] not in wanted
    hundred.remove([gone])
    index = index.refreshed(hundred)
    for chosen in (wanted, documents[-1:], [gone], []):
        among = index.rows_among(np.array(chosen, np.int64))
        alive = {chunk.id for number in chosen for chunk in hundred.chunks_of(number)}
        words = list(hundred.term_ids(query_terms("0.txt 1.txt 3.txt new.txt txt")).values())
        for hits in (index.dense(unit(5)[0], 1000, among), index.lexical(words, 1000, among)):
            assert {number for number, _ in hits} == alive
            assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))


@pytest.mark.parametrize(("rows", "stored"), [(9, False), (11, False), (12, True)])
def test_the_index_is_stored_anew_when_more_than_a_tenth_is_missing(hundred: Library, add, rows: int, stored: bool):
    before = hundred.published
    add(hundred, "new.txt", rows)
    with hundred.locked():
        exactly(Index.publish(hundred), hundred)
    assert (hundred.published != before) is stored
    folders = [folder.name for folder in (hundred.folder / "index").iterdir()]
    assert folders == [hundred.published]
    exactly(Index.load(hundred), hundred)


def test_the_earlier_chunks_of_a_document_that_is_stored_again_are_no_neighbours_of_its_new_ones(
    hundred: Library, file
):
    index = Index.load(hundred)
    for _ in range(2):
        (document,) = hundred.store(file("new.txt", "apple", "plum", "pear", vectors=unit(1, 3)))
        index = index.refreshed(hundred)
    weights = dict.fromkeys(hundred.term_ids(query_terms("pear")).values(), 1.0)
    covered = index.coverage(weights, [chunk.id for chunk in hundred.chunks_of(document)])
    assert list(covered.values()) == [0, 1, 1]


def test_an_index_follows_one_that_another_process_has_stored(hundred: Library, add, library: Callable[..., Library]):
    index, other = Index.load(hundred), library(hundred.folder)
    assert index.refreshed(hundred) is index
    for n in range(5):
        add(other, f"new{n}.txt", 8)
        Index.load(other)
        index = index.refreshed(hundred)
        exactly(index, hundred)
    other.remove(document.id for document in other.documents())
    index = index.refreshed(hundred)
    assert (len(index), index.dense(unit(1)[0], 5)) == (0, [])
    add(other, "last.txt", 1)
    exactly(index.refreshed(hundred), hundred)


def test_a_reader_that_comes_while_another_writes_finds_everything_stored_so_far(
    hundred: Library, add, library: Callable[..., Library]
):
    writer = library(hundred.folder)
    with writer.locked():
        for n in range(5):
            vectors = add(writer, f"new{n}.txt", 10)
            index = Index.load(library(hundred.folder, create=False))  # it may not store its index now
            exactly(index, hundred)
            assert index.dense(vectors[0], 1)[0][1] == pytest.approx(1, abs=1e-5)
    assert len(index) == 150


def test_readers_find_what_is_stored_while_another_thread_stores_and_publishes(
    hundred: Library, add, library: Callable[..., Library], caplog: pytest.LogCaptureFixture
):
    kept = hundred.chunks_of(hundred.documents()[0].id)[0].id
    wanted = hundred.rows().vectors[0]
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        reader = library(hundred.folder, create=False)
        index = Index.load(reader)
        while not done.is_set():
            index = index.refreshed(reader)
            (hit,) = index.dense(wanted, 1)
            if hit[0] != kept or hit[1] < 0.999:
                failures.append((hit, len(index)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    with caplog.at_level(logging.ERROR):
        for reader in readers:
            reader.start()
        for n in range(30):
            add(hundred, f"{n % 5 + 1}.txt", n)
            with hundred.locked(wait=True):
                Index.publish(hundred)
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    exactly(Index.load(hundred), hundred)


def test_what_a_killed_process_left_half_written_goes_when_the_index_is_stored_next(hundred: Library, add):
    folder = hundred.folder / "index"
    add(hundred, "new.txt", 20)
    done = subprocess.run([sys.executable, "-c", KILLED, hundred.folder], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = folder.glob(".new-*")
    assert {path.name for path in left.rglob("*")} == {"index", *FILES}
    index = Index.load(hundred)
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
    Index.load(later)
    later.close()
    (hundred.folder / DATABASE).write_bytes(backup)
    restored = library(hundred.folder)
    exactly(Index.load(restored), restored)
    add(restored, "other.txt", rows)  # its chunks have the ids that those of later.txt had
    exactly(Index.load(restored), restored)
    add(restored, "more.txt", rows)
    exactly(Index.load(restored), restored)


def test_a_folder_from_a_backup_is_followed_by_a_process_that_has_seen_more(
    hundred: Library, add, library: Callable[..., Library], tmp_path: Path
):
    hundred.close()
    shutil.copytree(hundred.folder, tmp_path / "backup")
    later = library(hundred.folder)
    add(later, "later.txt", 30)
    index = Index.load(later)
    restored = library(tmp_path / "backup")
    add(restored, "other.txt", 30)
    exactly(index.refreshed(restored), restored)


def test_an_emptied_library_has_an_empty_index(hundred: Library, add):
    index = Index.load(hundred)
    hundred.remove(document.id for document in hundred.documents())
    for following in (index.refreshed(hundred), Index.load(hundred)):
        assert len(following) == 0
        assert following.dense(unit(1)[0], 5) == []
    add(hundred, "new.txt", 2)
    exactly(following.refreshed(hundred), hundred)
