import os
import random
import sqlite3
import threading
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ragstone.errors import (
    EmbedderMismatchError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    LibraryVersionError,
    LibraryWriteError,
)
from ragstone.retrieval._migrations import MIGRATIONS
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.records import EmbedderIdentity, Line, Link, Page, TextChunk

IDENTITY = EmbedderIdentity(
    model="a-model",
    sha256="0" * 64,
    dimension=3,
    max_tokens=256,
    pooling="mean",
    normalized=True,
    query_prefix="",
    passage_prefix="",
    quantization="none",
    runtime="openvino-bf16",
)


def ids(library: Library, path: str) -> list[int]:
    (known,) = (document for document in library.documents() if document.path == path)
    return [chunk.id for chunk in library.chunks_of(known.id)]


# Making, opening, migrating


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_library_of_any_earlier_version_is_brought_up_to_date(library, version: int, tmp_path: Path, file, check):
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        for step in MIGRATIONS[:version]:
            db.executescript(step)
        db.execute(f"PRAGMA user_version = {version}")
    opened = library(folder)
    opened.store(file("a.txt", "a word"))
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert opened.counts() == (1, 1)
    check(opened)


def test_a_library_of_a_newer_ragstone_is_refused_and_not_touched(library, tmp_path: Path):
    library().close()
    folder = tmp_path / "library"
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(LibraryVersionError, match=r"newer Ragstone.*Upgrade Ragstone"):
        Library(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_library_that_is_only_to_be_read_is_not_made(library, tmp_path: Path):
    with pytest.raises(LibraryNotFoundError):
        library(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made_is_a_library_write_error(library, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryWriteError):
        library(tmp_path / "file" / "library")
    with pytest.raises(LibraryWriteError):
        library(tmp_path / "file")


def test_a_database_of_garbage_is_reported_as_damaged(library, tmp_path: Path):
    (tmp_path / DATABASE).write_bytes(random.Random(1).randbytes(8192))
    with pytest.raises(LibraryError, match=r"damaged.*backup") as raised:
        library(tmp_path)
    assert type(raised.value) is LibraryError


def test_a_database_with_overwritten_pages_is_reported_as_damaged(library, file):
    full = library()
    for n in range(50):
        full.store(file(f"{n}.txt", *(f"word{n} " * 200 for _ in range(5))))
    full.close()
    database = full.folder / DATABASE
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 16384))
    with pytest.raises(LibraryError, match=r"damaged.*backup"):
        damaged = library(create=False)
        for known in damaged.documents():
            damaged.chunks_of(known.id)


# Storing


def test_ids_of_removed_documents_and_chunks_are_never_used_again(library, file):
    one = library()
    one.store(file("a.txt", "x", "y"))
    documents, chunks = {d.id for d in one.documents()}, set(ids(one, "a.txt"))
    for _ in range(3):
        one.remove(d.id for d in one.documents())
        one.close()
        one = library(create=False)
        one.store(file("a.txt", "x", "y"))
        assert not documents & {d.id for d in one.documents()}
        assert not chunks & set(ids(one, "a.txt"))
        documents |= {d.id for d in one.documents()}
        chunks |= set(ids(one, "a.txt"))


def test_a_document_that_is_stored_again_with_the_same_text_keeps_its_id_and_one_with_another_does_not(library, file):
    one = library()
    one.store(file("box.zip", parts={"a.txt": ["apple"], "b.txt": ["banana"]}))
    first, second = (d.id for d in one.documents())
    chunks = ids(one, "box.zip/a.txt")
    assert one.store(file("box.zip", parts={"b.txt": ["berry"], "a.txt": ["apple"]})) == [second + 1, first]
    assert not set(chunks) & set(ids(one, "box.zip/a.txt"))


def test_storing_a_document_again_replaces_only_its_own_chunks(library, file):
    one = library()
    one.store(file("a.txt", "apple"))
    one.store(file("b.txt", "banana", "berry"))
    old, other = ids(one, "a.txt"), ids(one, "b.txt")
    one.store(file("a.txt", "avocado", "almond"))
    assert ids(one, "b.txt") == other
    assert not set(old) & set(ids(one, "a.txt"))
    assert [chunk.text for chunk in one.chunks(ids(one, "a.txt")).values()] == ["avocado", "almond"]
    assert one.chunks(old) == {}
    assert one.counts() == (2, 4)


def test_the_lexical_index_follows_every_replacement_and_removal(library, file, check, found):
    one, dice = library(), random.Random(7)
    for turn in range(40):
        name = f"{dice.randrange(8)}.txt"
        if dice.random() < 0.3 and one.documents():
            one.remove([dice.choice(one.documents()).id])
        else:
            one.store(file(name, *(f"turn{turn} part{part}" for part in range(dice.randrange(4)))))
    check(one)
    for turn in range(40):
        present = {c.id for d in one.documents() for c in one.chunks_of(d.id) if f"turn{turn} " in c.text}
        assert found(one, f"turn{turn}") == present
    one.remove(d.id for d in one.documents())
    check(one)
    assert one.counts() == (0, 0)
    assert found(one, "part1") == set()


def test_the_documents_of_a_file_are_stored_all_or_none(library, file, check, found):
    one = library()
    one.store(file("a.txt", "apple"))
    revision = one.revision
    new = file("a.txt", parts={"": ["avocado"], "b.txt": ["banana"], "c.txt": ["cherry"]})
    broken = replace(new.documents[2], vectors=np.zeros((5, 3), np.float32))
    with pytest.raises(ValueError, match="zip"):
        one.store(replace(new, documents=[*new.documents[:2], broken]))
    assert [d.path for d in one.documents()] == ["a.txt"]
    assert found(one, "apple")
    assert not found(one, "banana")
    assert one.revision == revision
    check(one)


def test_what_is_stored_comes_back_as_it_was(library, file):
    one = library()
    pages = (
        Page(1, 0, 5, (Line(0, 5, (72.0, 100.5, 140.25, 112.0)),), label="iv"),
        Page(2, 6, 6, links=(Link((1.0, 2.0, 3.5, 4.0), "https://example.org/ä"),)),
        Page(3, 6, 11, (Line(6, 8, (0.0, 0.0, 1.0, 1.0)), Line(8, 11, (1.0, 0.0, 2.0, 1.0))), ocr=True),
    )
    new = file("Ä 文 😀.pdf", "äpfel", "文字x", headings=("", "Ä > Ö"), pages=pages, collection="Früchte")
    (document,) = new.documents
    chunks = [document.chunks[0], replace(document.chunks[1], table_header="| Ä |\n| --- |", page=3)]
    document = replace(document, metadata={"author": "Ægir"}, signature=b"\0\xff", chunks=chunks)
    (number,) = one.store(replace(new, documents=[document], failed=[("x.bin", "it is broken. Mend it.")]))
    (known,) = one.documents()
    assert one.document(number) == known
    assert (known.path, known.size, known.sha256, known.pages, known.chunks) == (new.path, new.size, new.sha256, 3, 2)
    assert (known.title, known.media_type, known.mtime_ns) == (document.title, "text/plain", new.mtime_ns)
    assert (known.metadata, known.collection, known.empty_pages) == ({"author": "Ægir"}, "Früchte", (2,))
    assert one.text(number) == document.text
    assert one.pages(number) == list(pages)
    back = one.chunks_of(number)
    assert [TextChunk(**{f.name: getattr(chunk, f.name) for f in fields(TextChunk)}) for chunk in back] == chunks
    assert {(chunk.document, chunk.title, chunk.document_id) for chunk in back} == {(new.path, new.path, number)}
    rows = one.rows()
    assert rows.ids.tolist() == ids(one, new.path)
    assert rows.documents.tolist() == [number] * 2
    assert np.array_equal(rows.vectors, document.vectors)
    vectors = one.vectors_of([*rows.ids.tolist(), 999])
    assert [vectors.pop(i).tolist() for i in ids(one, new.path)] == document.vectors.tolist()
    assert not vectors
    (stored,) = one.files().values()
    assert one.signatures() == {number: (stored.id, b"\0\xff")}
    assert (stored.collection, stored.failed) == ("Früchte", (("x.bin", "it is broken. Mend it."),))
    assert (stored.path, stored.sha256, stored.recipe, stored.settled) == (new.path, new.sha256, "1", True)
    assert one.document(number + 1) is None
    assert one.text(number + 1) == ""


def test_the_revision_changes_exactly_when_chunks_do(library, file):
    one = library()
    seen = [one.revision]
    one.store(file("a.txt", "apple"))
    seen.append(one.revision)
    one.store(file("a.txt", "apple"))
    seen.append(one.revision)
    one.remove([one.documents()[0].id])
    seen.append(one.revision)
    assert seen == sorted(set(seen))
    one.store(file("b.txt", "banana"))
    seen.append(one.revision)
    (known,) = one.files().values()
    one.refresh([(known.id, "a.txt", 5, "fruit")], datetime.now(UTC))
    one.move({known.id: ("c.txt", "/files/c.txt", known.recipe)})
    one.use_index("5")
    one.use_embedder(IDENTITY)
    assert one.revision == seen[-1]


# The embedding model


def test_vectors_of_another_model_are_refused(library, file):
    one = library()
    one.use_embedder(IDENTITY)
    one.store(file("a.txt", "apple"))
    assert one.embedder == IDENTITY
    for change in (
        {"sha256": "1" * 64},
        {"dimension": 4},
        {"pooling": "cls"},
        {"normalized": False},
        {"query_prefix": "query: "},
        {"passage_prefix": "passage: "},
        {"quantization": "int8"},
        {"max_tokens": 512},
    ):
        other = replace(IDENTITY, model="another-model", **change)
        with pytest.raises(EmbedderMismatchError, match=r"a-model.*another-model.*embedding_model = 'a-model'"):
            one.use_embedder(other)
        with pytest.raises(EmbedderMismatchError):
            one.require_embedder(other)
    assert one.embedder == IDENTITY


def test_another_runtime_or_name_of_the_same_weights_is_welcome(library, file):
    one = library()
    one.use_embedder(IDENTITY)
    one.store(file("a.txt", "apple"))
    one.use_embedder(replace(IDENTITY, model="renamed", runtime="torch-cuda"))
    assert one.embedder == replace(IDENTITY, model="renamed", runtime="torch-cuda")


def test_an_empty_library_may_change_its_model(library):
    one = library()
    one.use_embedder(IDENTITY)
    one.use_embedder(replace(IDENTITY, sha256="1" * 64))
    assert one.embedder.sha256 == "1" * 64


# Several at once


def test_a_second_writer_is_told_which_process_holds_the_library(library):
    one, other = library(), library()
    with one.locked(), pytest.raises(LibraryLockedError, match=f"process {os.getpid()} is writing"), other.locked():
        pytest.fail("both hold the lock")
    with other.locked():
        pass


def test_a_library_stays_where_it_is_when_the_current_folder_changes(
    library, file, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, documents in {"here": ["a.txt"], "there": ["b.txt", "c.txt"]}.items():
        (tmp_path / name).mkdir()
        with Library(tmp_path / name / "kb", create=True) as made:
            for path in documents:
                made.store(file(path))
    monkeypatch.chdir(tmp_path / "here")
    one = library(Path("kb"), create=False)
    monkeypatch.chdir(tmp_path / "there")
    counted: list[int] = []
    with one.one_state():  # it holds the only connection, so that the other thread makes another one
        reader = threading.Thread(target=lambda: counted.append(one.counts()[0]))
        reader.start()
        reader.join()
    assert counted == [1]
    assert one.folder == tmp_path / "here" / "kb"
    with one.locked(), Library(tmp_path / "there" / "kb") as other, other.locked():
        pass
    with one.locked(), pytest.raises(LibraryLockedError) as raised, one.locked():
        pass
    assert raised.value.path == "kb"


def test_an_error_of_the_work_done_under_the_lock_stays_what_it_is(library):
    with pytest.raises(PermissionError), library().locked():
        raise PermissionError(13, "Permission denied", "/somewhere/else")


def test_threads_read_whole_states_while_one_writes(library, file, check, found):
    one = library()
    texts = ("version", "version of it", "version again")
    one.store(file("a.txt", *texts))
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        reads = 0
        while not done.is_set() or not reads:
            reads += 1
            rows = one.rows()
            state = (
                len(rows.ids),
                len(rows.vectors),
                len(found(one, "version")),
                [d.chunks for d in one.documents()],
            )
            if state != (3, 3, 3, [3]):
                failures.append(str(state))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(60):
        one.store(file("a.txt", *texts))
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    check(one)


def test_threads_that_write_wait_for_each_other(library, file, check):
    one = library()

    def write(thread: int) -> None:
        for n in range(10):
            one.store(file(f"{thread}-{n}.txt", "word"))

    writers = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert one.counts() == (40, 40)
    check(one)
