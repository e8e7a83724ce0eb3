import logging
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.vectors import FILE, VectorIndex

QUERIES = ("battery capacity", "When does the agreement expire?", "a", "tariff for households", "Dagny", "日本語", "😀")


@pytest.fixture
def copy(library: Callable[..., Library], sample_library: Path, tmp_path: Path) -> Library:
    """The sample documents, to change."""
    shutil.copytree(sample_library, tmp_path / "copy")
    return library(tmp_path / "copy", create=False)


def stored(library: Library) -> list[str]:
    return sorted(str(path.relative_to(library.folder / "index")) for path in (library.folder / "index").rglob("*"))


def check(library: Library, index: VectorIndex) -> None:
    """The index holds exactly the library's vectors, and its only file is that of the present revision."""
    ids, vectors, revision = library.vectors()
    assert index.revision == revision
    assert len(index) == len(ids)
    for number, vector in zip(ids[:5], vectors[:5], strict=True):
        assert index.search(vector, 1)[0][1] == pytest.approx(1, abs=1e-5)
        assert index.similarities(vector, [int(number)]) == {int(number): pytest.approx(1, abs=1e-5)}
    assert stored(library) == [str(revision), f"{revision}/{FILE}"]


def test_hits_are_those_of_brute_force_over_real_embeddings(copy: Library, embedder: Embedder):
    ids, vectors, _ = copy.vectors()
    index = VectorIndex.load(copy)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(ids)), abs=1e-5)
    for query in QUERIES:
        vector = embedder.embed_query(query)
        cosines = vectors @ vector
        hits = index.search(vector, 10)
        order = np.argsort(-cosines, kind="stable")[:10]
        assert [score for _, score in hits] == pytest.approx(cosines[order].tolist(), abs=1e-5)
        known = dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        assert {i: pytest.approx(known[i], abs=1e-5) for i, _ in hits} == dict(hits)
        assert index.similarities(vector, ids.tolist()) == pytest.approx(known, abs=1e-5)


def test_an_index_that_is_there_is_read_and_not_made_anew(copy: Library):
    file = copy.folder / "index" / str(copy.revision) / FILE
    before = file.stat().st_mtime_ns
    check(copy, VectorIndex.load(copy))
    assert file.stat().st_mtime_ns == before


def damage_nothing_left(folder: Path) -> None:
    shutil.rmtree(folder)


def damage_file_gone(folder: Path) -> None:
    next(folder.glob(f"*/{FILE}")).unlink()


def damage_empty(folder: Path) -> None:
    next(folder.glob(f"*/{FILE}")).write_bytes(b"")


def damage_cut(folder: Path) -> None:
    file = next(folder.glob(f"*/{FILE}"))
    file.write_bytes(file.read_bytes()[:-1000])


def damage_garbage(folder: Path) -> None:
    next(folder.glob(f"*/{FILE}")).write_bytes(random.Random(1).randbytes(100_000))


def damage_header(folder: Path) -> None:
    file = next(folder.glob(f"*/{FILE}"))
    data = bytearray(file.read_bytes())
    data[4:40] = b"\xff" * 36  # dimension and number of vectors
    file.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [damage_nothing_left, damage_file_gone, damage_empty, damage_cut, damage_garbage, damage_header]
)
def test_a_lost_or_damaged_index_is_made_anew_from_the_database(copy: Library, damage: Callable[[Path], None]):
    damage(copy.folder / "index")
    check(copy, VectorIndex.load(copy))
    check(copy, VectorIndex.load(copy))


def test_the_index_of_an_earlier_revision_is_not_used_and_goes(copy: Library):
    VectorIndex.load(copy)
    gone = copy.documents()[0].id
    chunks = {chunk.id for chunk in copy.chunks_of(gone)}
    copy.remove([gone])
    index = VectorIndex.load(copy)
    assert not index.similarities(copy.vectors()[1][0], sorted(chunks))
    check(copy, index)


def test_a_database_from_a_backup_never_meets_the_index_of_what_came_after_the_backup(
    library: Callable[..., Library], copy: Library
):
    first, second = (document.id for document in copy.documents()[:2])
    copy.close()
    backup = (copy.folder / DATABASE).read_bytes()
    after = library(copy.folder)
    after.remove([first])
    VectorIndex.load(after)
    after.close()
    (copy.folder / DATABASE).write_bytes(backup)
    restored = library(copy.folder)
    restored.remove([second])
    index = VectorIndex.load(restored)
    vector = restored.vectors()[1][0]
    ids = restored.vectors()[0].tolist()
    assert sorted(index.similarities(vector, range(max(ids) + 1))) == ids


def test_an_index_that_cannot_be_stored_is_still_searched(copy: Library, caplog: pytest.LogCaptureFixture):
    shutil.rmtree(copy.folder / "index")
    (copy.folder / "index").write_text("a file where the folder should be")
    index = VectorIndex.load(copy)
    assert len(index) == copy.counts()[1]
    assert "could not be stored" in caplog.text


def test_an_empty_library_has_an_empty_index(library: Callable[..., Library]):
    index = VectorIndex.load(library())
    assert len(index) == 0
    assert index.search(np.ones(3, np.float32), 5) == []
    assert index.similarities(np.ones(3, np.float32), [1]) == {}


def test_readers_meet_whole_indexes_only_while_another_thread_publishes(
    copy: Library, caplog: pytest.LogCaptureFixture
):
    sizes = {copy.revision: copy.counts()[1]}
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            index = VectorIndex.load(copy)
            if sizes.get(index.revision, len(index)) != len(index):
                failures.append(f"{len(index)} vectors in revision {index.revision}, not {sizes[index.revision]}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    with caplog.at_level(logging.ERROR):
        for reader in readers:
            reader.start()
        for document in copy.documents():
            copy.remove([document.id])
            sizes[copy.revision] = copy.counts()[1]
            VectorIndex.load(copy)
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert len(sizes) == 20
    copy.remove([])  # a slow reader may have stored an older revision last: it goes with the next one
    VectorIndex.load(copy)
    assert stored(copy) == [str(copy.revision), f"{copy.revision}/{FILE}"]
