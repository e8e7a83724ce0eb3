import errno
import io
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.ui import uploads
from ragstone.app.ui.folders import forget_folder, known_folders, note_folder
from ragstone.app.ui.uploads import FOLDER, remove_upload, safe_name, store_uploads
from ragstone.errors import LibraryWriteError, SourceError


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("notes.txt", "notes.txt"),
        ("folder/sub/notes.txt", "folder/sub/notes.txt"),
        ("../../etc/passwd.txt", "etc/passwd-5f510902.txt"),
        ("/etc/passwd.txt", "etc/passwd-d9d650ab.txt"),
        ("..\\..\\windows\\notes.txt", "windows/notes-52cc2ee0.txt"),
        ("C:\\notes.txt", "C_/notes-774ebfe3.txt"),
        (".hidden.txt", "hidden-42746226.txt"),
        ("a\x00b\n.txt", "a_b_-b31deea8.txt"),
        ("Grüße 日本.pdf", "Grüße 日本.pdf"),
    ],
)
def test_an_upload_stays_below_its_folder_whatever_it_is_called(name: str, kept: str):
    assert safe_name(name) == Path(kept)


@pytest.mark.parametrize("name", ["", "..", "../..", "/", "...", "\\"])
def test_a_name_of_which_nothing_is_left_is_refused(name: str):
    with pytest.raises(SourceError):
        safe_name(name)


def test_a_long_name_is_shortened_and_keeps_its_suffix():
    assert len(str(safe_name("x" * 500 + ".pdf"))) <= 120
    assert safe_name("x" * 500 + ".pdf").suffix == ".pdf"


@pytest.mark.parametrize("letter", ["文", "😀", "é"])
def test_a_long_name_of_any_letters_fits_the_file_system(library: Any, letter: str):
    name = letter * 100 + ".pdf"
    (stored,), refused = store_uploads(library(), [(f"folder/{name}", io.BytesIO(b"x"))])
    assert refused == [] and stored.read_bytes() == b"x"
    assert stored.suffix == ".pdf" and name.startswith(stored.stem.rpartition("-")[0])


def test_a_name_that_cannot_be_used_keeps_no_other_file_from_being_stored(
    library: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "_MOST_BYTES", 1000)  # as if this file system took less than others
    long = "文" * 100 + ".txt"
    files = [(name, io.BytesIO(b"x")) for name in ("a.txt", long, "...", "b.txt")]
    stored, refused = store_uploads(library(), files)
    assert [path.name for path in stored] == ["a.txt", "b.txt"]
    assert refused == [long, "..."]


@pytest.mark.parametrize(
    "names",
    [
        ["x" * 150 + "1.pdf", "x" * 150 + "2.pdf"],
        ["Q1: plan.txt", "Q1_ plan.txt", "Q1? plan.txt"],
        ["a?/notes.txt", "a*/notes.txt", "a_/notes.txt"],
        ["a/" * 20 + "notes.txt", "a/" * 30 + "notes.txt"],
        [".notes.txt", "notes.txt"],
    ],
)
def test_uploads_of_different_names_do_not_take_each_others_place(library: Any, names: list[str]):
    opened = library()
    for _ in range(2):  # the second time each takes its own place
        stored, _ = store_uploads(opened, [(name, io.BytesIO(name.encode())) for name in names])
        assert [path.read_text() for path in stored] == names
    assert len([p for p in (opened.folder / FOLDER).rglob("*") if p.is_file()]) == len(names)


def test_of_two_uploads_of_one_name_at_the_same_time_the_last_one_stays_whole(library: Any):
    opened = library()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if not self.tell():
                store_uploads(opened, [("notes.txt", io.BytesIO(b"of another session"))])
            return super().read(size)

    (stored,), _ = store_uploads(opened, [("notes.txt", Slow(b"mine"))])
    assert stored.read_bytes() == b"mine"
    assert [p.name for p in stored.parent.iterdir()] == ["notes.txt"]


def test_of_an_upload_that_breaks_off_nothing_is_left(library: Any):
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = library()
    with pytest.raises(LibraryWriteError, match="no space left"):
        store_uploads(opened, [("notes.txt", Full())])
    assert list((opened.folder / FOLDER).iterdir()) == []


def test_uploads_lie_in_the_library_and_what_no_parser_reads_is_not_stored(library: Any):
    opened = library()
    files = [("a/notes.txt", io.BytesIO(b"old")), ("../x.exe", io.BytesIO(b"MZ")), ("a/notes.txt", io.BytesIO(b"new"))]
    stored, refused = store_uploads(opened, files)
    assert stored == [opened.folder / FOLDER / "a" / "notes.txt"] * 2
    assert stored[0].read_bytes() == b"new"
    assert refused == ["../x.exe"]
    assert [p.name for p in (opened.folder / FOLDER).rglob("*") if p.is_file()] == ["notes.txt"]


def test_an_upload_that_cannot_be_stored_says_where(library: Any):
    opened = library()
    (opened.folder / FOLDER).write_text("a file is in the way")
    with pytest.raises(LibraryWriteError, match="an upload cannot be stored"):
        store_uploads(opened, [("notes.txt", io.BytesIO(b"x"))])


def test_only_uploads_are_deleted_with_their_documents(library: Any, tmp_path: Path):
    opened = library()
    (stored,), _ = store_uploads(opened, [("notes.txt", io.BytesIO(b"x"))])
    own = tmp_path / "own.txt"
    own.write_text("mine")
    remove_upload(opened, own)
    remove_upload(opened, opened.folder / FOLDER / ".." / ".." / "own.txt")
    remove_upload(opened, stored)
    assert own.exists()
    assert not stored.exists()


def test_folders_of_the_server_are_remembered(library: Any, tmp_path: Path):
    opened = library()
    for name in ("a", "b", "a"):
        note_folder(opened, tmp_path / name)
    assert known_folders(opened) == [tmp_path / "a", tmp_path / "b"]
    forget_folder(opened, tmp_path / "a")
    assert known_folders(opened) == [tmp_path / "b"]
