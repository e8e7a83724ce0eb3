"""Texts that a program gives the engine, and tags."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.app import doctor
from ragstone.app.engine import Ragstone
from ragstone.errors import RagstoneError, SettingsError, SourceError
from ragstone.retrieval.records import Document

pytestmark = pytest.mark.usefixtures("embedder")

FERRY = "The ferry leaves at nine.\r\n\r\nIt returns at noon, ﬁrst from the harbour."


@pytest.fixture
def rag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ragstone]:
    """Of a library in the working directory."""
    monkeypatch.chdir(tmp_path)
    with Ragstone.open("library") as opened:
        yield opened


def paths(rag: Ragstone, **conditions: Any) -> list[str]:
    return [document.path for document in rag.documents(**conditions)]


def test_a_text_is_stored_as_that_of_a_file_would_be(rag: Ragstone):
    added = rag.add(FERRY, name="ferry")
    Path("ferry.txt").write_bytes(FERRY.encode())
    rag.ingest("ferry.txt")
    (of_file,) = [document for document in rag.documents() if document.path == "ferry.txt"]
    assert (added.path, added.title, added.media_type) == ("ferry", "ferry", "text/plain")
    assert rag.library.text(added.id) == rag.library.text(of_file.id)
    chunks = [rag.library.chunks_of(document.id) for document in (added, of_file)]
    assert len({tuple((c.char_start, c.char_end, c.passage, c.tokens) for c in found) for found in chunks}) == 1
    vectors = [rag.library.vectors_of([chunk.id for chunk in found]) for found in chunks]
    assert np.allclose(*(np.stack(list(found.values())) for found in vectors), atol=1e-6)
    assert {hit.chunk.document for hit in rag.search("When does the ferry leave?")} <= {"ferry", "ferry.txt"}


def test_a_text_takes_the_place_of_the_earlier_one_of_its_name(rag: Ragstone):
    first = rag.add("The ferry leaves at nine.", name="notes/ferry")
    rag.tag(first.id, "urgent")
    rag.add("Another text.", name="notes/ferry/more")
    second = rag.add("The ferry leaves at ten.", name="notes/ferry")
    assert rag.library.text(second.id) == "The ferry leaves at ten."
    assert second.tags == ("urgent",)
    assert paths(rag) == ["notes/ferry", "notes/ferry/more"]


def test_texts_whose_names_would_be_the_same_path_stay_apart(rag: Ragstone):
    names = ["./a/b", "a/./b", "a/b", "a/b/", "a//b", "https://x.org/p", "https://x.org/p/"]
    ids = {rag.add(f"The text of {name}.", name=name).id for name in names}
    assert paths(rag) == sorted(names)
    assert {rag.add(f"The new text of {name}.", name=name).path for name in names} == set(names)
    assert {document.path: rag.library.text(document.id) for document in rag.documents()} == {
        name: f"The new text of {name}." for name in names
    }
    assert len(ids) == len(names)
    assert rag.remove("a/b") == 1
    assert paths(rag) == sorted(set(names) - {"a/b"})


def test_an_unchanged_text_is_not_embedded_again_and_may_change_its_collection(rag: Ragstone):
    first = rag.add(FERRY, name="ferry", metadata={"author": "Jane"}, collection="notes")
    revision = rag.library.revision
    assert rag.add(FERRY, name="ferry", metadata={"author": "Jane"}) == first
    moved = rag.add(FERRY, name="ferry", metadata={"author": "Jane"}, collection="harbour")
    assert (moved.id, moved.collection) == (first.id, "harbour")
    assert rag.library.revision == revision
    for other in ({"title": "The ferry"}, {"metadata": {"author": "John"}}):
        changed = rag.add(FERRY, name="ferry", **other)
        assert rag.library.revision > revision and changed.collection == "harbour"
        revision = rag.library.revision


def test_no_ingest_removes_a_text_and_remove_does(rag: Ragstone):
    added = rag.add(FERRY, name="docs/ferry")
    Path("docs").mkdir()
    Path("docs/a.txt").write_text("Apples.")
    for folder in (Path("docs").absolute(), ".", "docs"):
        assert rag.ingest(folder).removed == 0
    assert paths(rag) == ["docs/a.txt", "docs/ferry"]
    assert doctor._files(rag.library).found.startswith("1 file: 0 cannot be read")
    rag.remove(added.id)
    assert paths(rag) == ["docs/a.txt"]
    assert rag.add(FERRY, name="docs/ferry").id != added.id


def test_the_metadata_of_a_text_can_be_filtered_by(rag: Ragstone):
    rag.add("One.", name="a", metadata={"author": "Jane", "date": date(2024, 7, 31), "Ticket": 4711})
    rag.add("Two.", name="b", title="The second", metadata={"date": datetime(2023, 1, 2, 3, 4)})
    assert paths(rag, filter={"author": "jane"}) == paths(rag, filter="date>=2024") == ["a"]
    assert paths(rag, filter={"meta.Ticket": 4711}) == ["a"]
    assert paths(rag, filter="date<2024") == paths(rag, filter={"title": "the second"}) == ["b"]
    assert [hit.chunk.document for hit in rag.search("One", filter="author=Jane")] == ["a"]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"text": " \n\0"}, "the text is empty"),
        ({"text": b"bytes"}, "is no text"),
        ({"name": ""}, "the name is empty"),
        ({"name": "a\0b"}, "the name 'a\\\\x00b' is no text"),
        ({"title": "\ud800"}, "the title '\\\\ud800' is no text"),
        ({"metadata": {"author": None}}, "the value of author None is no text"),
        ({"metadata": ["author"]}, "the metadata \\['author'\\] is no mapping"),
        ({"metadata": {5: "x"}}, "the key 5 is no text"),
        ({"collection": 5}, "5 is no name of a collection"),
    ],
)
def test_what_cannot_be_stored_is_refused(rag: Ragstone, given: Any, what: str):
    with pytest.raises((SettingsError, SourceError), match=what) as raised:
        rag.add(**({"text": "A text.", "name": "a"} | given))
    assert isinstance(raised.value, RagstoneError)
    assert paths(rag) == []


def test_documents_are_tagged_and_untagged(rag: Ragstone):
    a, b = (rag.add(f"The text of {name}.", name=name) for name in "ab")

    def tags(document: Document) -> tuple[str, ...]:
        found = rag.library.document(document.id)
        assert found is not None
        return found.tags

    rag.tag([a.id, b.id], "urgent", "harbour")
    rag.untag(b.id, "harbour")
    assert (tags(a), tags(b)) == (("harbour", "urgent"), ("urgent",))
    assert paths(rag, filter={"tag": "harbour"}) == ["a"]
    for ids, name, what in ((a.id, "", "the tag is empty"), (a.id, 5, "5 is no text"), ("ab", "x", "'a' is no id")):
        for change in (rag.tag, rag.untag):
            with pytest.raises(SettingsError, match=what):
                change(ids, name)  # type: ignore[arg-type]
