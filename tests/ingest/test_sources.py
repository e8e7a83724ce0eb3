import os
import time
from pathlib import Path

import pytest

from ragstone.errors import SourceError
from ragstone.ingest.parsers import SUFFIXES
from ragstone.ingest.sources import SourceFile, Walk, deleted, has_changed, sha256, walk
from ragstone.retrieval.records import StoredFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a few files in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("docs/b.md", "docs/a.txt", "docs/deep/er/c.csv", "docs2/d.md", "docs/photo.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The text of {name}.")
    return tmp_path


def paths(found: Walk) -> list[str]:
    return [file.path for file in found.files]


def as_stored(file: SourceFile, *, settled: bool = True, recipe: str = "1") -> StoredFile:
    return StoredFile(1, file.path, sha256(file.absolute), file.size, file.mtime_ns, recipe, settled)


def test_files_are_found_in_order_under_the_path_as_given(folder: Path):
    assert paths(walk(["docs"], SUFFIXES)) == ["docs/a.txt", "docs/b.md", "docs/deep/er/c.csv"]
    assert paths(walk([folder / "docs" / "deep"], SUFFIXES)) == [f"{folder}/docs/deep/er/c.csv"]
    assert paths(walk(["./docs2/", "docs/../docs2/d.md"], SUFFIXES)) == ["docs2/d.md"]


def test_a_file_that_is_given_twice_is_found_once(folder: Path):
    found = walk(["docs/deep", "docs", folder / "docs", "docs/a.txt", "docs/a.txt"], SUFFIXES)
    assert paths(found) == ["docs/deep/er/c.csv", "docs/a.txt", "docs/b.md"]
    assert found.unsupported == ["docs/photo.jpeg"]


def test_files_of_unknown_formats_are_reported_unless_they_are_named_themselves(folder: Path):
    assert walk(["docs"], SUFFIXES).unsupported == ["docs/photo.jpeg"]
    assert paths(walk(["docs/photo.jpeg"], SUFFIXES)) == ["docs/photo.jpeg"]


def test_suffixes_are_known_whatever_their_case(folder: Path):
    (folder / "LOUD.TXT").write_text("x")
    assert "LOUD.TXT" in paths(walk(["."], SUFFIXES))


def test_hidden_files_and_folders_are_left_out_unless_they_are_named_themselves(folder: Path):
    (folder / "docs" / ".hidden.md").write_text("x")
    (folder / "docs" / ".git").mkdir()
    (folder / "docs" / ".git" / "notes.md").write_text("x")
    assert paths(walk(["docs"], SUFFIXES)) == ["docs/a.txt", "docs/b.md", "docs/deep/er/c.csv"]
    assert paths(walk(["docs/.hidden.md", "docs/.git"], SUFFIXES)) == ["docs/.hidden.md", "docs/.git/notes.md"]


def test_links_to_folders_are_not_followed_and_links_to_files_are_files_of_their_own(folder: Path):
    (folder / "docs" / "circle").symlink_to(folder / "docs")
    (folder / "docs" / "linked.md").symlink_to(folder / "docs2" / "d.md")
    (folder / "docs" / "nowhere.md").symlink_to(folder / "gone.md")
    (folder / "docs" / "self.md").symlink_to("self.md")
    os.mkfifo(folder / "docs" / "pipe.md")
    found = walk(["docs"], SUFFIXES)
    assert paths(found) == ["docs/a.txt", "docs/b.md", "docs/linked.md", "docs/deep/er/c.csv"]
    assert found.failed == []
    assert found.unsupported == ["docs/photo.jpeg"]
    (folder / "link").symlink_to("docs2")
    assert paths(walk(["link"], SUFFIXES)) == ["link/d.md"]


def test_a_path_that_is_no_utf_8_is_reported_and_stops_nothing(folder: Path):
    with open(os.fsencode(folder) + b"/docs/caf\xe9.txt", "w") as file:  # noqa: PTH123 - a name in bytes
        file.write("x")
    found = walk(["docs"], SUFFIXES)
    assert len(found.files) == 3
    ((path, reason),) = found.failed
    assert path == "docs/caf\ufffd.txt"
    assert "not valid UTF-8" in reason


@pytest.mark.parametrize("name", ["none", "docs/a.txt/below", "x" * 300, "docs/pipe.md", ("y" * 200 + "/") * 30])
def test_a_path_that_cannot_be_ingested_is_refused(folder: Path, name: str):
    os.mkfifo(folder / "docs" / "pipe.md")
    with pytest.raises(SourceError) as raised:
        walk(["docs", name], SUFFIXES)
    assert raised.value.path is not None
    assert raised.value.path.startswith(name[:20])


def test_a_file_has_changed_when_its_bytes_or_the_recipe_have(folder: Path):
    (file,) = walk(["docs/a.txt"], SUFFIXES).files
    assert has_changed(file, None, "1")
    assert not has_changed(file, as_stored(file), "1")
    assert has_changed(file, as_stored(file), "2")
    known = as_stored(file)
    os.utime(file.absolute, ns=(0, 0))
    (touched,) = walk(["docs/a.txt"], SUFFIXES).files
    assert not has_changed(touched, known, "1")
    file.absolute.write_text("Another text")
    (edited,) = walk(["docs/a.txt"], SUFFIXES).files
    assert has_changed(edited, known, "1")


def test_an_edit_that_size_and_time_do_not_show_is_noticed_while_the_time_is_fresh(folder: Path):
    (file,) = walk(["docs/a.txt"], SUFFIXES).files
    known = as_stored(file, settled=False)
    file.absolute.write_text("THE TEXT OF DOCS/A.TXT.")
    os.utime(file.absolute, ns=(file.mtime_ns, file.mtime_ns))
    (edited,) = walk(["docs/a.txt"], SUFFIXES).files
    assert (edited.size, edited.mtime_ns) == (file.size, file.mtime_ns)
    assert has_changed(edited, known, "1")


def test_size_and_time_alone_settle_that_a_file_is_unchanged(folder: Path):
    (file,) = walk(["docs/a.txt"], SUFFIXES).files
    known = as_stored(file)
    file.absolute.unlink()
    started = time.monotonic()
    assert not has_changed(file, known, "1")  # else it would read the file, which is gone
    assert time.monotonic() - started < 1


def test_only_files_below_the_walked_folders_count_as_deleted(folder: Path):
    everything = walk(["docs", "docs2"], SUFFIXES)
    stored = {str(file.absolute): as_stored(file) for file in everything.files}
    for name in ("docs/a.txt", "docs2/d.md"):
        (folder / name).unlink()
    assert [known.path for known in deleted(walk(["docs"], SUFFIXES), stored)] == ["docs/a.txt"]
    assert [known.path for known in deleted(walk(["docs2"], SUFFIXES), stored)] == ["docs2/d.md"]
    assert deleted(walk(["docs/b.md"], SUFFIXES), stored) == []
    (folder / "docs" / "deep").rename(folder / "elsewhere")
    gone = {known.path for known in deleted(walk(["."], SUFFIXES), stored)}
    assert gone == {"docs/a.txt", "docs2/d.md", "docs/deep/er/c.csv"}
