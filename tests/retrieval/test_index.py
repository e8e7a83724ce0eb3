import logging
import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.index._store import FILES, allocated
from ragstone.retrieval.library import DATABASE, Library

QUERIES = ("battery capacity", "When does the agreement expire?", "a", "tariff for households", "Dagny", "日本語", "😀")


@pytest.fixture
def copy(library: Callable[..., Library], sample_library: Path, tmp_path: Path) -> Library:
    """The sample documents, to change."""
    shutil.copytree(sample_library, tmp_path / "copy")
    return library(tmp_path / "copy", create=False)


def stored(library: Library) -> list[str]:
    return sorted(str(path.relative_to(library.folder / "index")) for path in (library.folder / "index").rglob("*"))


def check(library: Library, index: Index) -> None:
    """The index holds exactly the library's rows, and its only stored one is that which the library names."""
    known = library.rows()
    assert index.revision == known.revision
    assert len(index) == len(known.ids)
    for number, vector in zip(known.ids[:5], known.vectors[:5], strict=True):
        assert index.dense(vector, 1)[0][1] == pytest.approx(1, abs=1e-5)
        assert index.similarities(vector, [int(number)]) == {int(number): pytest.approx(1, abs=1e-5)}
    every = index.dense(known.vectors[0], len(known.ids) + 10) if len(known.ids) else []
    assert sorted(number for number, _ in every) == known.ids.tolist()
    worded = index.lexical(sorted(set(known.term_ids.tolist())), len(known.ids) + 10)
    assert sorted(number for number, _ in worded) == known.ids[known.counts > 0].tolist()
    name = library.published
    assert stored(library) == sorted([name, *(f"{name}/{file}" for file in FILES)])


def stored_files(library: Library) -> dict[str, int]:
    """The files of the stored index, and when each was written."""
    return {name: (library.folder / "index" / name).stat().st_mtime_ns for name in stored(library)}


def test_hits_are_those_of_brute_force_over_real_embeddings(copy: Library, embedder: Embedder):
    known = copy.rows()
    ids, vectors = known.ids, known.vectors
    index = Index.load(copy)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(ids)), abs=1e-5)
    for query in QUERIES:
        vector = embedder.embed_query(query)
        cosines = vectors @ vector
        hits = index.dense(vector, 10)
        order = np.argsort(-cosines, kind="stable")[:10]
        assert [score for _, score in hits] == pytest.approx(cosines[order].tolist(), abs=1e-5)
        cosine = dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        assert {i: pytest.approx(cosine[i], abs=1e-5) for i, _ in hits} == dict(hits)
        assert index.similarities(vector, ids.tolist()) == pytest.approx(cosine, abs=1e-5)


def test_an_index_that_is_there_is_read_and_not_made_anew(copy: Library):
    before = stored_files(copy)
    check(copy, Index.load(copy))
    assert stored_files(copy) == before


def emptied(data: bytes) -> bytes:
    return b""


def cut(data: bytes) -> bytes:
    return data[:-20]


def garbage(data: bytes) -> bytes:
    return random.Random(1).randbytes(100_000)


def flipped(data: bytes) -> bytes:
    """With one bit turned, in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [None, emptied, cut, garbage, flipped])
def test_a_damaged_index_is_made_anew_from_the_database(
    copy: Library, name: str, damage: Callable[[bytes], bytes] | None, caplog: pytest.LogCaptureFixture
):
    folder = copy.folder / "index" / copy.published
    file = folder / name
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(file.read_bytes()))
    check(copy, Index.load(copy))
    assert f"{folder} is damaged and will be made anew" in caplog.text
    caplog.clear()
    check(copy, Index.load(copy))
    assert caplog.text == ""


def test_a_lost_index_is_made_anew_from_the_database(copy: Library, caplog: pytest.LogCaptureFixture):
    shutil.rmtree(copy.folder / "index")
    check(copy, Index.load(copy))
    assert caplog.text == ""


def test_an_index_of_which_a_tenth_is_gone_is_made_anew(copy: Library):
    before = copy.published
    gone = max(copy.documents(), key=lambda document: document.chunks)
    assert gone.chunks > copy.counts()[1] // 10
    chunks = [chunk.id for chunk in copy.chunks_of(gone.id)]
    copy.remove([gone.id])
    index = Index.load(copy)
    assert copy.published not in ("", before)
    assert not index.similarities(copy.rows().vectors[0], chunks)
    check(copy, index)


def test_a_database_from_a_backup_never_meets_the_index_of_what_came_after_the_backup(
    library: Callable[..., Library], copy: Library
):
    first, second = (document.id for document in copy.documents()[:2])
    copy.close()
    backup = (copy.folder / DATABASE).read_bytes()
    after = library(copy.folder)
    after.remove([first])
    Index.load(after)
    after.close()
    (copy.folder / DATABASE).write_bytes(backup)
    restored = library(copy.folder)
    restored.remove([second])
    index = Index.load(restored)
    known = restored.rows()
    assert sorted(index.similarities(known.vectors[0], range(max(known.ids) + 1))) == known.ids.tolist()


def test_an_index_that_cannot_be_stored_is_still_searched(copy: Library, caplog: pytest.LogCaptureFixture):
    shutil.rmtree(copy.folder / "index")
    (copy.folder / "index").write_text("a file where the folder should be")
    index = Index.load(copy)
    assert len(index) == len(index.refreshed(copy)) == copy.counts()[1]
    assert "could not be stored" in caplog.text


def test_an_index_is_stored_on_a_system_without_posix_fallocate(
    copy: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    shutil.rmtree(copy.folder / "index")
    monkeypatch.delattr(os, "posix_fallocate")  # as on macOS
    check(copy, Index.load(copy))
    assert caplog.text == ""


@pytest.mark.parametrize("system", ["Linux", "macOS"])
def test_a_full_disk_is_met_before_an_array_in_it_is_written(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if system == "macOS":
        monkeypatch.delattr(os, "posix_fallocate")
    array = allocated(tmp_path)("places", 1_000_000, np.dtype(np.int64))
    stat = (tmp_path / "places.npy").stat()
    assert stat.st_blocks * 512 >= stat.st_size  # no holes
    array[-1] = 7
    assert np.load(tmp_path / "places.npy").tolist() == [0] * 999_999 + [7]


def test_an_empty_library_has_an_empty_index(library: Callable[..., Library]):
    index = Index.load(library())
    assert len(index) == 0
    assert index.dense(np.ones(3, np.float32), 5) == []
    assert index.similarities(np.ones(3, np.float32), [1]) == {}


def test_readers_meet_whole_indexes_only_while_another_thread_publishes(
    copy: Library, caplog: pytest.LogCaptureFixture
):
    sizes = {copy.revision: copy.counts()[1]}
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            index = Index.load(copy)
            if sizes.get(index.revision, len(index)) != len(index):
                failures.append(f"{len(index)} vectors in revision {index.revision}, not {sizes[index.revision]}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    with caplog.at_level(logging.ERROR):
        for reader in readers:
            reader.start()
        for document in copy.documents():
            copy.remove([document.id])
            sizes[copy.revision] = copy.counts()[1]
            Index.load(copy)
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert len(sizes) == 20
    check(copy, Index.load(copy))
