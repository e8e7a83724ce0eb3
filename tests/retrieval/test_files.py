"""Files that hold several documents, collections, moves, and what stands around a chunk."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ragstone.errors import LibraryError
from ragstone.retrieval._reading import SETTLED_NS
from ragstone.retrieval.analysis import terms
from ragstone.retrieval.library import DATABASE, Library

PARTS = {"": ["letter"], "a/one.txt": ["apple", "apricot"], "two.txt": ["banana"]}


@pytest.fixture
def one(library) -> Library:
    return library()


def numbers(library: Library) -> dict[str, int]:
    return {document.path: document.id for document in library.documents()}


# Files of several documents


def test_the_documents_of_a_file_are_listed_by_their_path_inside_it(one: Library, file):
    numbered = one.store(file("box.zip", parts=PARTS))
    assert numbers(one) == dict(zip(("box.zip", "box.zip/a/one.txt", "box.zip/two.txt"), numbered, strict=True))
    assert [chunk.document for chunk in one.chunks_of(numbered[1])] == ["box.zip/a/one.txt"] * 2
    assert one.counts() == (3, 4)
    assert [known.path for known in one.files().values()] == ["box.zip"]
    assert {file for file, _ in one.signatures().values()} == {known.id for known in one.files().values()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/files/box.zip", ["box.zip", "box.zip/a/one.txt", "box.zip/two.txt"]),
        ("/files/box.zip/a", ["box.zip/a/one.txt"]),
        ("/files/box.zip/two.txt", ["box.zip/two.txt"]),
        ("/files", ["box.zip", "box.zip.txt", "box.zip/a/one.txt", "box.zip/two.txt"]),
        ("/", ["box.zip", "box.zip.txt", "box.zip/a/one.txt", "box.zip/two.txt"]),
        ("/files/bo", []),
        ("/files/%", []),
    ],
)
def test_documents_are_found_by_a_path_inside_their_file(one: Library, file, path: str, expected: list[str]):
    one.store(file("box.zip", parts=PARTS))
    one.store(file("box.zip.txt", "other"))
    assert [document.path for document in one.documents_at(path)] == expected


def test_a_file_is_forgotten_with_the_last_of_its_documents(one: Library, file, check, found):
    first, second, third = one.store(file("box.zip", parts=PARTS))
    one.store(file("other.txt", "cherry"))
    one.remove([second])
    assert set(one.files()) == {"/files/box.zip", "/files/other.txt"}
    assert set(numbers(one)) == {"box.zip", "box.zip/two.txt", "other.txt"}
    assert not found(one, "apple")
    assert found(one, "banana")
    check(one)
    one.remove([third, first])
    assert set(one.files()) == {"/files/other.txt"}
    check(one)


def test_removing_a_document_that_is_gone_changes_no_other(one: Library, file, check):
    (gone,) = one.store(file("a.txt", "apple"))
    one.remove([gone])
    one.store(file("b.txt", "banana"))
    one.remove([gone, 99])
    assert set(numbers(one)) == {"b.txt"}
    check(one)


def test_with_a_file_all_that_was_read_of_it_goes(one: Library, file, check, found):
    documents = one.store(file("box.zip", parts=PARTS))
    kept = one.store(file("other.txt", "cherry"))
    before = one.revision
    one.remove_files([one.files()["/files/box.zip"].id])
    assert one.revision > before
    assert list(numbers(one).values()) == kept
    assert all(one.chunks_of(document) == one.pages(document) == [] for document in documents)
    assert not found(one, "apple") | found(one, "banana") | found(one, "letter")
    assert one.rows().ids.tolist() == [chunk.id for chunk in one.chunks_of(kept[0])]
    check(one)


def test_a_new_version_of_a_file_replaces_all_its_documents(one: Library, file, check, found):
    old = one.store(file("box.zip", parts=PARTS))
    new = one.store(file("box.zip", parts={"two.txt": ["banana", "berry"], "three.txt": ["cherry"]}))
    assert not set(old) & set(new)
    assert set(numbers(one)) == {"box.zip/two.txt", "box.zip/three.txt"}
    assert not found(one, "letter") | found(one, "apple")
    assert len(one.files()) == 1
    check(one)


def test_a_file_without_documents_is_known_too(one: Library, file):
    """So that one whose only document was left out as a duplicate is not taken for new."""
    assert one.store(replace(file("empty.zip"), documents=())) == []
    assert list(one.files()) == ["/files/empty.zip"]
    assert one.counts() == (0, 0)


# Moves and refreshes


def test_a_moved_file_keeps_all_that_was_read_of_it(one: Library, file, found, check):
    documents = one.store(file("box.zip", parts=PARTS))
    chunks, revision = found(one, "apple"), one.revision
    one.move({one.files()["/files/box.zip"].id: ("new/crate.zip", "/files/new/crate.zip", "another recipe")})
    assert list(one.files()) == ["/files/new/crate.zip"]
    assert one.files()["/files/new/crate.zip"].recipe == "another recipe"
    assert numbers(one) == dict(
        zip(("new/crate.zip", "new/crate.zip/a/one.txt", "new/crate.zip/two.txt"), documents, strict=True)
    )
    assert (found(one, "apple"), one.revision) == (chunks, revision)
    assert {chunk.document for chunk in one.chunks(list(chunks)).values()} == {"new/crate.zip/a/one.txt"}
    check(one)


def test_files_can_change_places(one: Library, file):
    names = ("a.txt", "b.txt", "c.txt")
    before = {name: one.store(file(name, name))[0] for name in names}
    files = one.files()
    turned = dict(zip(names, ("b.txt", "c.txt", "a.txt"), strict=True))
    one.move({files[f"/files/{old}"].id: (new, f"/files/{new}", "1") for old, new in turned.items()})
    assert numbers(one) == {turned[name]: before[name] for name in names}
    assert {path.removeprefix("/files/"): known.path for path, known in one.files().items()} == {n: n for n in names}


def test_a_refreshed_file_has_the_path_time_and_collection_of_its_last_look(one: Library, file):
    one.store(file("a.txt", "apple"))
    (known,) = one.files().values()
    now = datetime.now(UTC)
    young = int(now.timestamp() * 1e9) - SETTLED_NS // 2
    one.refresh([(known.id, "../a.txt", young, "fruit")], now)
    (refreshed,) = one.files().values()
    assert (refreshed.id, refreshed.path, refreshed.mtime_ns) == (known.id, "../a.txt", young)
    assert (refreshed.collection, known.settled, refreshed.settled) == ("fruit", True, False)
    assert one.collections() == {"fruit": 1}


# Collections


def test_collections_are_counted_by_their_documents(one: Library, file):
    assert one.collections() == {}
    one.store(file("box.zip", parts=PARTS, collection="boxes"))
    one.store(file("a.txt", "apple"))
    assert one.collections() == {"": 1, "boxes": 3}


# What stands around a chunk


def test_neighbours_are_those_before_and_after_in_the_same_document(one: Library, file):
    one.store(file("a.txt", "other"))
    (number,) = one.store(file("b.txt", *"vwxyz"))
    one.store(file("c.txt", "other"))
    chunks = one.chunks_of(number)

    def around(place: int, *reach: int) -> str:
        return "".join(chunk.text for chunk in one.neighbours(chunks[place], *reach))

    assert [around(place) for place in range(5)] == ["vw", "vwx", "wxy", "xyz", "yz"]
    assert around(2, 0, 0) == "x"
    assert around(2, 2, 0) == "vwx"
    assert around(0, 5, 2) == "vwx"
    assert around(4, 1, 9) == "yz"


def test_a_section_is_the_run_of_chunks_under_the_same_headings(one: Library, file):
    headings = ("A", "A", "A > B", "A > B", "A > B", "A", "C")
    (number,) = one.store(file("a.txt", *"1234567", headings=headings))
    chunks = one.chunks_of(number)
    sections = ["".join(chunk.text for chunk in one.section(chunk)) for chunk in chunks]
    assert sections == ["12", "12", "345", "345", "345", "6", "7"]


def test_a_chunk_that_is_gone_has_no_neighbours_and_no_section(one: Library, file):
    (number,) = one.store(file("a.txt", *"xyz"))
    chunk = one.chunks_of(number)[1]
    one.remove([number])
    assert one.neighbours(chunk) == one.section(chunk) == []


# Rows of an index


def test_rows_after_an_id_come_with_what_was_removed_before(one: Library, file):
    gone, first, second = (one.store(file(name, "x", "yy"))[0] for name in ("gone.txt", "a.txt", "b.txt"))
    removed, old, new = ([chunk.id for chunk in one.chunks_of(number)] for number in (gone, first, second))
    one.use_index("5")
    one.remove([gone])
    rows = one.rows(after=old[-1])
    assert (rows.ids.tolist(), rows.revision, rows.published) == (new, one.revision, "5")
    assert rows.documents.tolist() == [second] * 2
    assert rows.removed.tolist() == removed
    every = one.rows()
    assert every.ids.tolist() == old + new
    assert np.array_equal(rows.vectors, every.vectors[2:])
    assert rows.counts.tolist() == every.counts[2:].tolist()
    assert rows.term_ids.tolist() == every.term_ids[-rows.counts.sum() :].tolist()
    assert rows.frequencies.tolist() == every.frequencies[-rows.counts.sum() :].tolist()
    nothing = one.rows(after=new[-1])
    assert (nothing.ids.tolist(), len(nothing.vectors), len(nothing.term_ids)) == ([], 0, 0)


def test_removed_chunks_are_remembered_until_a_stored_index_is_without_them(one: Library, file):
    documents = [one.store(file(f"{n}.txt", "x", "y"))[0] for n in range(4)]
    chunks = [[chunk.id for chunk in one.chunks_of(number)] for number in documents]
    one.remove(documents[:1])
    one.remove_files([one.files()["/files/1.txt"].id])
    read = one.rows().removed
    assert read.tolist() == chunks[0] + chunks[1]
    one.store(file("2.txt", "z"))
    one.use_index("7", without=read)
    assert one.rows().removed.tolist() == chunks[2]
    one.remove(documents[3:])
    one.use_index("8")
    assert one.rows().removed.tolist() == []


def test_a_term_keeps_its_id_and_unknown_words_have_none(one: Library, file):
    one.store(file("a.txt", "apple pear"))
    before = one.term_ids([*terms("apple pear melon")])
    assert set(before) == set(terms("apple pear"))
    one.store(file("a.txt", "melon apple"))
    assert one.term_ids(before) == before
    assert one.term_ids([]) == {}


@pytest.mark.parametrize("table", ["vectors", "postings"])
def test_a_chunk_without_its_vector_or_terms_is_reported_as_damage(one: Library, file, table: str):
    one.store(file("a.txt", "apple", "pear", "plum"))
    with closing(sqlite3.connect(one.folder / DATABASE)) as db, db:
        db.execute(f"DELETE FROM {table} WHERE chunk_id = 2")
    with pytest.raises(LibraryError, match=r"damaged.*doctor"):
        one.rows()
