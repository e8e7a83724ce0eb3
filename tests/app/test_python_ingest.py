"""Files as a program gives them to the engine."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone.app.engine import Ragstone
from ragstone.errors import LibraryError, LibraryNotFoundError, LibraryWriteError, SettingsError, SourceError

pytestmark = pytest.mark.usefixtures("embedder")


@pytest.fixture
def rag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ragstone]:
    """Of an empty library; the folder `docs` of the working directory holds two files."""
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    Path("docs/a.md").write_text("Apples are red.")
    Path("docs/b.txt").write_text("Bananas are long.")
    with Ragstone.open("library") as opened:
        yield opened


def paths(rag: Ragstone) -> list[str]:
    return [document.path for document in rag.documents()]


def test_a_pattern_or_a_password_may_be_given_as_one_text(rag: Ragstone):
    canvas = Canvas("plain.pdf")
    canvas.drawString(72, 720, "The secret recipe.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader("plain.pdf"))
    writer.encrypt("geheim", algorithm="AES-256")
    writer.write("docs/locked.pdf")
    rag.ingest("docs", include="*.md")
    assert paths(rag) == ["docs/a.md"]
    rag.ingest("docs", exclude="*.pdf")
    assert paths(rag) == ["docs/a.md", "docs/b.txt"]
    assert rag.ingest("docs", passwords="geheim").failed == []
    assert paths(rag) == ["docs/a.md", "docs/b.txt", "docs/locked.pdf"]


@pytest.mark.parametrize("name", ["include", "exclude", "passwords"])
@pytest.mark.parametrize("given", [5, [5], b"*.md", None])
def test_what_is_neither_a_text_nor_several_is_refused(rag: Ragstone, name: str, given: object):
    with pytest.raises(SettingsError, match=f"{name} is no text"):
        rag.ingest("docs", **{name: given})


def test_paths_may_be_given_in_lists(rag: Ragstone):
    with os.scandir("docs") as entries:
        rag.ingest([Path("docs/a.md")], (entry for entry in entries if entry.name == "b.txt"))
    assert paths(rag) == ["docs/a.md", "docs/b.txt"]


@pytest.mark.parametrize("given", ["a\0b", "\ud800", b"docs", None, 5, [b"docs"], [["docs"]], [None]])
def test_what_can_be_no_path_is_refused(rag: Ragstone, given: Any):
    with pytest.raises(SourceError, match="is no path"):
        rag.ingest(given)


@pytest.mark.parametrize("place", ["a\0b", "\ud800x", b"library", 5])
def test_a_library_whose_folder_can_be_no_path_is_refused(rag: Ragstone, place: Any):
    for settings in (None, rag.settings):
        with pytest.raises(SettingsError, match=re.escape(f"Ragstone.open sets library to {place!r}")):
            Ragstone.open(place, settings=settings)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_opened_as_a_library_is_called_one(rag: Ragstone, create: bool):
    with pytest.raises(LibraryError) as raised:
        Ragstone.open("docs/a.md", create=create)
    told = "docs/a.md: this is a file, not a folder. Name the folder of a library, or of one to be made."
    assert str(raised.value) == told


def test_what_cannot_be_opened_is_told_without_flags_of_the_command_line(rag: Ragstone):
    for place, create in (("none", False), ("docs/a.md/library", True), ("x" * 300, True)):
        with pytest.raises(LibraryError) as raised:
            Ragstone.open(place, create=create)
        assert "--library" not in str(raised.value) and "disk space" not in str(raised.value)


def test_a_library_whose_folder_has_too_long_a_name_is_refused(rag: Ragstone):
    with pytest.raises(LibraryWriteError, match="file name too long"):
        Ragstone.open("x" * 300)


@pytest.mark.parametrize("given", [None, b"x", 5])
def test_what_is_no_text_is_neither_searched_for_nor_asked(rag: Ragstone, given: Any):
    for call in (rag.search, rag.ask, rag.ask_stream, lambda question: rag.answer_from(question, [])):
        with pytest.raises(SettingsError, match="is no text"):
            call(given)


def test_a_collection_is_called_by_a_text(rag: Ragstone):
    with pytest.raises(SettingsError, match="5 is no name of a collection"):
        rag.ingest("docs", collection=5)  # type: ignore[arg-type]


def test_an_ingest_into_a_library_that_was_deleted_says_so(rag: Ragstone):
    rag.ingest("docs/a.md")
    shutil.rmtree("library")
    with pytest.raises(LibraryNotFoundError, match="library: the library was deleted since it was opened"):
        rag.ingest("docs")
