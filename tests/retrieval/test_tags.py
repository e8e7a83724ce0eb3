from collections.abc import Callable
from pathlib import Path

import pytest

from ragstone.errors import SettingsError
from ragstone.retrieval._migrations import MIGRATIONS
from ragstone.retrieval.filters import Filter
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import NewFile
from ragstone.retrieval.tags import all_tags, file_under, tag, untag

MakeFile = Callable[..., NewFile]


@pytest.fixture
def shelf(library: Callable[..., Library], file: MakeFile) -> Library:
    """A text, a letter and an archive of two texts; the letter and one of the archive have tags."""
    one = library()
    one.store(file("a.txt", "apple"))
    tag(one, one.store(file("b.txt", "banana")), "urgent", "To  read, soon")
    tag(one, one.store(file("box.zip", parts={"c.txt": ["cherry"], "d.txt": ["date"]}))[:1], "urgent")
    return one


def tagged(library: Library) -> dict[str, tuple[str, ...]]:
    return {document.path: document.tags for document in library.documents()}


def kept(library: Library, condition: str) -> set[str]:
    ids = library.document_ids(Filter.parse(condition)).tolist()
    return {document.path for document in library.documents() if document.id in ids}


def test_tags_are_given_once_and_taken(shelf: Library):
    both = ("To read, soon", "urgent")
    before = {"a.txt": (), "b.txt": both, "box.zip/c.txt": ("urgent",), "box.zip/d.txt": ()}
    assert tagged(shelf) == before
    ids = {document.path: document.id for document in shelf.documents()}
    tag(shelf, [ids["b.txt"], 99], "urgent")
    untag(shelf, [ids["a.txt"], ids["b.txt"]], "never given", "urgent")
    assert tagged(shelf) == before | {"b.txt": ("To read, soon",)}
    assert all_tags(shelf) == {"To read, soon": 1, "urgent": 1}


def test_documents_are_filed_under_a_collection_with_all_of_their_file_and_keep_their_path_and_tags(shelf: Library):
    before = {document.path: document for document in shelf.documents()}
    file_under(shelf, [before["b.txt"].id, before["box.zip/d.txt"].id, 99], 'fruit "soft"')
    assert kept(shelf, 'collection="fruit ""soft"""') == {"b.txt", "box.zip/c.txt", "box.zip/d.txt"}
    file_under(shelf, [document.id for document in before.values()], "")
    assert {document.path: document for document in shelf.documents()} == before


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("tag=urgent", {"b.txt", "box.zip/c.txt"}),
        ("tag=Urgent", set()),
        ("tag=urg", set()),
        ("tag~=URG", {"b.txt", "box.zip/c.txt"}),
        ('tag="To read, soon"', {"b.txt"}),
        ('tag="To read, soon",nothing', {"b.txt"}),
        ("tag!=urgent", {"a.txt", "box.zip/d.txt"}),
        ("tag=", {"a.txt", "box.zip/d.txt"}),
        ("tag!=", {"b.txt", "box.zip/c.txt"}),
    ],
)
def test_a_filter_keeps_what_has_exactly_the_tag(shelf: Library, condition: str, expected: set[str]):
    assert kept(shelf, condition) == expected


def test_tags_stay_when_a_file_is_read_again_or_moves_and_go_with_the_document(shelf: Library, file: MakeFile):
    before = tagged(shelf)
    shelf.store(file("b.txt", "blueberry"))
    shelf.store(file("box.zip", parts={"d.txt": ["date"]}))
    shelf.store(file("box.zip", parts={"c.txt": ["cranberry"], "d.txt": ["date"]}))  # its first part can be read again
    assert tagged(shelf) == before
    files = shelf.files()
    shelf.move({known.id: (f"new/{known.path}", f"/new/{known.path}", known.recipe) for known in files.values()})
    assert tagged(shelf) == {f"new/{path}": tags for path, tags in before.items()}
    shelf.remove([document.id for document in shelf.documents() if document.tags])
    assert all_tags(shelf) == {}
    with shelf.database.reading() as db:
        assert db.execute("SELECT count(*) FROM tags").fetchone() == (0,)


@pytest.mark.parametrize("name", ["", " \n", "x" * 101])
def test_a_tag_that_is_none_is_refused(shelf: Library, name: str):
    with pytest.raises(SettingsError, match="a tag"):
        tag(shelf, [1], name)


def test_a_library_of_before_there_were_tags_has_none(library: Callable[..., Library], file: MakeFile, tmp_path: Path):
    one = library(tmp_path / "old")
    one.store(file("a.txt", "apple"))
    with one.database.writing() as db:
        db.execute("DROP TABLE tags")
        before = next(n for n, step in enumerate(MIGRATIONS) if "CREATE TABLE tags" in step)
        db.execute(f"PRAGMA user_version = {before}")
    one.close()
    again = library(tmp_path / "old")
    assert tagged(again) == {"a.txt": ()}
