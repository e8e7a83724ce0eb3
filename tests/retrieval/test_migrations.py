"""Libraries of earlier versions with what stands in them."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ragstone.retrieval import analysis
from ragstone.retrieval._migrations import MIGRATIONS
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.records import Line, Page

DOCUMENTS = {2: ("a.txt", "apple tree\napple pie"), 5: ("sub/b.pdf", "banana bread\nberry")}
"""Of the ids up to 9, so that later ones were removed; each line is a chunk, and a page."""


def insert(db: sqlite3.Connection, number: int, path: str, text: str) -> None:
    db.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?, 'text/plain', ?, ?, 7, 'old recipe', '2024-05-06T07:08:09Z', ?)",
        (number, path, f"/files/{path}", f"Title {number}", "f" * 64, len(text), text),
    )
    start = 0
    for ordinal, line in enumerate(text.split("\n")):
        end = start + len(line)
        lines = json.dumps([[start, end, 1.0, 2.0, 3.0, 4.0]])
        db.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?)", (number, ordinal + 1, start, end, lines))
        vector = np.eye(4, dtype="<f4")[number % 2 * 2 + ordinal].tobytes()
        chunk = (number * 10 + ordinal, number, ordinal, ordinal + 1, start, end, "A > B", line, 2, vector)
        db.execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", chunk)
        start = end + 1
    db.execute(
        "INSERT INTO lexicon (rowid, title, heading, text) SELECT id, title, heading, text FROM searchable "
        "WHERE document_id = ?",
        (number,),
    )


@pytest.fixture(params=[1, 2], ids=lambda version: f"version {version}")
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A library of an earlier version with documents, pages, chunks and an index of that time."""
    folder = tmp_path / "library"
    (folder / "index" / "3").mkdir(parents=True)
    (folder / "index" / "3" / "flat.faiss").write_bytes(b"an index of old")
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(MIGRATIONS[0])
        for number, (path, text) in DOCUMENTS.items():
            insert(db, number, path, text)
        db.execute("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'documents'")
        db.execute("UPDATE sqlite_sequence SET seq = 99 WHERE name = 'chunks'")
        db.execute("UPDATE settings SET value = '3' WHERE name = 'revision'")
        db.execute("INSERT INTO settings VALUES ('published', '3')")
        db.commit()
        for step in MIGRATIONS[1 : request.param]:
            db.executescript(step)
        db.execute(f"PRAGMA user_version = {request.param}")
    return folder


def dump(db: sqlite3.Connection) -> list[str]:
    """All that stands in a database; FTS5's own tables are listed in any order."""
    return sorted(db.iterdump())


@pytest.fixture
def migrated(folder: Path, library: Callable[..., Library]) -> Library:
    return library(folder, create=False)


def test_documents_keep_their_ids_and_what_is_known_of_them(migrated: Library):
    assert {d.id: (d.path, migrated.text(d.id)) for d in migrated.documents()} == DOCUMENTS
    known = migrated.document(5)
    assert known is not None
    assert (known.title, known.media_type, known.sha256, known.size, known.mtime_ns) == (
        *("Title 5", "text/plain", "f" * 64, len(DOCUMENTS[5][1])),
        7,
    )
    assert (known.pages, known.chunks, known.metadata, known.collection) == (2, 2, {}, "")
    assert known.added_at == "2024-05-06T07:08:09Z"
    assert migrated.collections() == {"": 2}
    files = migrated.files()
    assert set(files) == {"/files/a.txt", "/files/sub/b.pdf"}
    assert {(file.recipe, file.settled, file.failed) for file in files.values()} == {("old recipe", True, ())}


def test_chunks_pages_and_vectors_are_still_there(migrated: Library, check):
    for number, (path, text) in DOCUMENTS.items():
        chunks = migrated.chunks_of(number)
        assert [chunk.id for chunk in chunks] == [number * 10, number * 10 + 1]
        assert [text[chunk.char_start : chunk.char_end] for chunk in chunks] == text.split("\n")
        assert {(chunk.document, chunk.heading, chunk.table_header) for chunk in chunks} == {(path, "A > B", "")}
        end = text.index("\n")
        assert migrated.pages(number)[0] == Page(1, 0, end, (Line(0, end, (1.0, 2.0, 3.0, 4.0)),))
        assert len(migrated.pages(number)) == 2
    known = migrated.rows()
    assert known.ids.tolist() == [20, 21, 50, 51]
    assert np.array_equal(known.vectors, np.eye(4, dtype=np.float32))
    check(migrated)


def test_both_searches_find_what_was_stored(migrated: Library, found):
    assert found(migrated, "apple") == {20, 21}
    assert found(migrated, "banana") == {50}
    index = Index.load(migrated)
    assert [index.dense(vector, 1)[0][0] for vector in np.eye(4, dtype=np.float32)] == [20, 21, 50, 51]
    words = migrated.term_ids(analysis.query_terms("bread"))
    assert [number for number, _ in index.lexical(list(words.values()), 5)] == [50]
    assert [folder.name for folder in (migrated.folder / "index").iterdir()] == [migrated.published]


def test_ids_of_before_are_not_used_again(migrated: Library, file):
    (number,) = migrated.store(file("c.txt", "cherry"))
    assert number > 9
    assert migrated.chunks_of(number)[0].id > 99
    assert migrated.revision > 3


def test_a_document_of_before_can_be_replaced_and_removed(migrated: Library, file, check, found):
    migrated.store(file("a.txt", "avocado"))
    migrated.remove([5])
    assert [document.path for document in migrated.documents()] == ["a.txt"]
    assert migrated.pages(5) == migrated.chunks_of(5) == []
    assert migrated.counts() == (1, 1)
    assert not found(migrated, "apple") | found(migrated, "banana")
    with closing(sqlite3.connect(migrated.folder / DATABASE)) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (0,)
    check(migrated)


def test_a_library_whose_migration_fails_stays_as_it_was(folder: Path, library: Callable[..., Library]):
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        in_the_way = ("new_documents", "tombstones")[version - 1]
        db.execute(f"CREATE TABLE {in_the_way} (id INTEGER)")
        before = dump(db)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        library(folder, create=False)
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        assert dump(db) == before
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        db.execute(f"DROP TABLE {in_the_way}")
    assert library(folder, create=False).counts() == (2, 4)


def test_texts_that_are_no_files_stand_under_their_names_as_they_were_given(library: Callable[..., Library], file):
    one = library()
    ids = [one.store(file(name, "apple"))[0] for name in ("https://x.org/p/", "a/b", "c.txt")]
    with one._db.writing() as db:
        db.execute("UPDATE files SET absolute_path = 'text:https:/x.org/p' WHERE path LIKE 'https:%'")
        db.execute("UPDATE files SET absolute_path = 'text:a/b' WHERE path = 'a/b'")
        db.execute("PRAGMA user_version = 8")
    known = set(one.files())
    one.close()
    opened = library(create=False)
    assert set(opened.files()) == known - {"text:https:/x.org/p"} | {"text:https://x.org/p/"}
    assert {document.id for document in opened.documents()} == set(ids)


# The terms of another analysis


def test_terms_of_another_analysis_are_made_anew_when_the_library_is_opened(
    library: Callable[..., Library], file, check, found, monkeypatch: pytest.MonkeyPatch, caplog
):
    one = library()
    one.store(file("a.txt", "apple", "pear"))
    one.use_index("5")
    before = one.revision
    one.close()
    monkeypatch.setattr(analysis, "VERSION", analysis.VERSION + 1)
    terms = analysis.terms
    monkeypatch.setattr(analysis, "terms", lambda text: [f"{term}x" for term in terms(text)])
    opened = library(create=False)
    assert "read anew" in caplog.text
    check(opened)
    with closing(sqlite3.connect(opened.folder / DATABASE)) as db:
        assert {term[-1] for (term,) in db.execute("SELECT term FROM terms")} == {"x"}
    assert (opened.published, opened.revision > before) == ("", True)
    caplog.clear()
    assert library(create=False).revision == opened.revision
    assert caplog.text == ""


def test_a_library_that_needs_its_terms_anew_and_may_not_be_written_is_refused(
    library: Callable[..., Library], file, bound_by_permissions: Callable[[], None]
):
    one = library()
    one.store(file("a.txt", "apple"))
    with one._db.writing() as db:
        db.execute("DELETE FROM settings WHERE name = 'analysis'")
    one.close()
    for path in one.folder.iterdir():
        path.chmod(0o444)
    one.folder.chmod(0o555)
    imports = "import sys; from pathlib import Path; from ragstone.retrieval.library import Library"
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{imports}; Library(Path(sys.argv[1]))", one.folder],
            preexec_fn=bound_by_permissions,
            capture_output=True,
            text=True,
        )
    finally:
        one.folder.chmod(0o755)
    assert done.returncode == 1
    assert "LibraryWriteError" in done.stderr
    assert "writable" in done.stderr
