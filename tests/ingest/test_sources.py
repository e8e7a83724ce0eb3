import os
import time
from pathlib import Path

import pytest

from ragstone.errors import SourceError
from ragstone.ingest.parsers import family
from ragstone.ingest.selection import Selection
from ragstone.ingest.sources import SourceFile, Walk, deleted, has_changed, moved, require, walk
from ragstone.retrieval.disk import sha256_of
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import StoredFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a few files in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("docs/b.md", "docs/a.txt", "docs/deep/er/c.csv", "docs2/d.md", "docs/photo.heic"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The text of {name}.")
    return tmp_path


def is_supported(path: Path) -> bool:
    return family(path) is not None


def paths(found: Walk) -> list[str]:
    return [file.path for file in found.files]


def as_stored(file: SourceFile, *, settled: bool = True, recipe: str = "1") -> StoredFile:
    return StoredFile(1, file.path, sha256_of(file.absolute), file.size, file.mtime_ns, recipe, settled)


def test_files_are_found_in_order_under_the_path_as_given(folder: Path):
    assert paths(walk(["docs"], is_supported)) == ["docs/a.txt", "docs/b.md", "docs/deep/er/c.csv"]
    assert paths(walk([folder / "docs" / "deep"], is_supported)) == [f"{folder}/docs/deep/er/c.csv"]
    assert paths(walk(["./docs2/", "docs/../docs2/d.md"], is_supported)) == ["docs2/d.md"]


def test_a_file_that_is_given_twice_is_found_once(folder: Path):
    found = walk(["docs/deep", "docs", folder / "docs", "docs/a.txt", "docs/a.txt"], is_supported)
    assert paths(found) == ["docs/deep/er/c.csv", "docs/a.txt", "docs/b.md"]
    assert found.unsupported == ["docs/photo.heic"]


def test_files_of_unknown_formats_are_reported_unless_they_are_named_themselves(folder: Path):
    assert walk(["docs"], is_supported).unsupported == ["docs/photo.heic"]
    assert paths(walk(["docs/photo.heic"], is_supported)) == ["docs/photo.heic"]


def test_suffixes_are_known_whatever_their_case(folder: Path):
    (folder / "LOUD.TXT").write_text("x")
    assert "LOUD.TXT" in paths(walk(["."], is_supported))


def test_hidden_files_and_folders_are_left_out_unless_they_are_named_themselves(folder: Path):
    (folder / "docs" / ".hidden.md").write_text("x")
    (folder / "docs" / ".git").mkdir()
    (folder / "docs" / ".git" / "notes.md").write_text("x")
    assert paths(walk(["docs"], is_supported)) == ["docs/a.txt", "docs/b.md", "docs/deep/er/c.csv"]
    assert paths(walk(["docs/.hidden.md", "docs/.git"], is_supported)) == ["docs/.hidden.md", "docs/.git/notes.md"]


def test_the_files_by_which_office_marks_an_open_one_are_left_out(folder: Path):
    for name in ("~$Lease.docx", ".~lock.Lease.docx#", "~Lease.md"):
        (folder / "docs" / name).write_text("x")
    found = walk(["docs"], is_supported)
    assert paths(found) == ["docs/a.txt", "docs/b.md", "docs/~Lease.md", "docs/deep/er/c.csv"]
    assert (found.failed, found.unsupported) == ([], ["docs/photo.heic"])


def test_links_to_folders_are_not_followed_and_links_to_files_are_files_of_their_own(folder: Path):
    (folder / "docs" / "circle").symlink_to(folder / "docs")
    (folder / "docs" / "linked.md").symlink_to(folder / "docs2" / "d.md")
    (folder / "docs" / "nowhere.md").symlink_to(folder / "gone.md")
    (folder / "docs" / "self.md").symlink_to("self.md")
    os.mkfifo(folder / "docs" / "pipe.md")
    found = walk(["docs"], is_supported)
    assert paths(found) == ["docs/a.txt", "docs/b.md", "docs/linked.md", "docs/deep/er/c.csv"]
    assert found.failed == []
    assert found.unsupported == ["docs/photo.heic"]
    (folder / "link").symlink_to("docs2")
    assert paths(walk(["link"], is_supported)) == ["link/d.md"]


def test_what_lies_in_a_library_is_left_out_unless_its_uploads_are_named(folder: Path):
    Library(folder / "docs" / "kept", create=True).close()
    for name in ("index/1/manifest.json", "uploads/a.md"):
        (folder / "docs" / "kept" / name).parent.mkdir(parents=True)
        (folder / "docs" / "kept" / name).write_text("{}")
    found = walk(["docs"], is_supported)
    assert paths(found) == ["docs/a.txt", "docs/b.md", "docs/deep/er/c.csv"]
    assert (found.unsupported, found.failed) == (["docs/photo.heic"], [])
    for named in ("docs/kept/uploads", "docs/kept/uploads/a.md"):
        assert paths(walk([named], is_supported)) == ["docs/kept/uploads/a.md"]
    for look in (lambda: walk(["docs/kept"], is_supported), lambda: require(["docs/kept"])):
        with pytest.raises(SourceError, match="docs/kept: this is a Ragstone library, not a folder of documents"):
            look()


def test_a_path_that_is_no_utf_8_is_reported_and_stops_nothing(folder: Path):
    with open(os.fsencode(folder) + b"/docs/caf\xe9.txt", "w") as file:  # noqa: PTH123 - a name in bytes
        file.write("x")
    found = walk(["docs"], is_supported)
    assert len(found.files) == 3
    ((path, reason),) = found.failed
    assert path == "docs/caf\ufffd.txt"
    assert "not valid UTF-8" in reason


@pytest.mark.parametrize("name", ["none", "docs/a.txt/below", "x" * 300, "docs/pipe.md", ("y" * 200 + "/") * 30])
def test_a_path_that_cannot_be_ingested_is_refused(folder: Path, name: str):
    os.mkfifo(folder / "docs" / "pipe.md")
    with pytest.raises(SourceError) as raised:
        walk(["docs", name], is_supported)
    assert raised.value.path is not None
    assert raised.value.path.startswith(name[:20])


def test_an_empty_path_is_refused_and_is_not_the_current_folder(folder: Path):
    for look in (lambda: walk(["docs", ""], is_supported), lambda: require([""])):
        with pytest.raises(SourceError, match="a path is empty"):
            look()
    assert len(walk([Path()], is_supported).files) == 4


def test_a_file_has_changed_when_its_bytes_or_the_recipe_have(folder: Path):
    (file,) = walk(["docs/a.txt"], is_supported).files
    assert has_changed(file, None, "1")
    assert not has_changed(file, as_stored(file), "1")
    assert has_changed(file, as_stored(file), "2")
    known = as_stored(file)
    os.utime(file.absolute, ns=(0, 0))
    (touched,) = walk(["docs/a.txt"], is_supported).files
    assert not has_changed(touched, known, "1")
    file.absolute.write_text("Another text")
    (edited,) = walk(["docs/a.txt"], is_supported).files
    assert has_changed(edited, known, "1")


def test_an_edit_that_size_and_time_do_not_show_is_noticed_while_the_time_is_fresh(folder: Path):
    (file,) = walk(["docs/a.txt"], is_supported).files
    known = as_stored(file, settled=False)
    file.absolute.write_text("THE TEXT OF DOCS/A.TXT.")
    os.utime(file.absolute, ns=(file.mtime_ns, file.mtime_ns))
    (edited,) = walk(["docs/a.txt"], is_supported).files
    assert (edited.size, edited.mtime_ns) == (file.size, file.mtime_ns)
    assert has_changed(edited, known, "1")


def test_size_and_time_alone_settle_that_a_file_is_unchanged(folder: Path):
    (file,) = walk(["docs/a.txt"], is_supported).files
    known = as_stored(file)
    file.absolute.unlink()
    started = time.monotonic()
    assert not has_changed(file, known, "1")  # else it would read the file, which is gone
    assert time.monotonic() - started < 1


def test_only_files_below_the_walked_folders_count_as_deleted(folder: Path):
    everything = walk(["docs", "docs2"], is_supported)
    stored = {str(file.absolute): as_stored(file) for file in everything.files}
    for name in ("docs/a.txt", "docs2/d.md"):
        (folder / name).unlink()
    assert [known.path for _, known in deleted(walk(["docs"], is_supported), stored)] == ["docs/a.txt"]
    assert [known.path for _, known in deleted(walk(["docs2"], is_supported), stored)] == ["docs2/d.md"]
    assert deleted(walk(["docs/b.md"], is_supported), stored) == []
    (folder / "docs" / "deep").rename(folder / "elsewhere")
    gone = {known.path for _, known in deleted(walk(["."], is_supported), stored)}
    assert gone == {"docs/a.txt", "docs2/d.md", "docs/deep/er/c.csv"}


def test_a_file_in_whose_place_there_is_a_folder_counts_as_deleted(folder: Path):
    known = stored(walk(["docs"], is_supported))
    (folder / "docs" / "a.txt").unlink()
    (folder / "docs" / "a.txt").mkdir()
    (folder / "docs" / "a.txt" / "new.md").touch()
    assert [gone.path for _, gone in deleted(walk(["docs"], is_supported), known)] == ["docs/a.txt"]


def stored(found: Walk) -> dict[str, StoredFile]:
    return {str(file.absolute): as_stored(file) for file in found.files}


def test_what_is_ignored_from_now_on_counts_as_deleted_and_what_is_not_selected_does_not(folder: Path):
    known = stored(walk(["docs"], is_supported))
    unselected = walk(["docs"], is_supported, Selection(include=("*.md",), exclude=("deep/",), max_bytes=3))
    assert unselected.files == []
    assert deleted(unselected, known) == []
    (folder / "docs" / ".ragstoneignore").write_text("deep/\n*.txt\n")
    gone = deleted(walk(["docs"], is_supported, Selection(include=("*.md",))), known)
    assert gone == [(path, known[path]) for path in (f"{folder}/docs/a.txt", f"{folder}/docs/deep/er/c.csv")]
    assert deleted(walk(["docs", "docs/a.txt", "docs/deep"], is_supported), known) == []


@pytest.mark.parametrize(
    "selection",
    [
        Selection(include=("*.md",)),
        Selection(exclude=("*.txt", "deep")),
        Selection(exclude=("*.txt", "deep/")),
        Selection(exclude=("*.txt", "er/")),
        Selection(exclude=("*.txt", "*/")),
    ],
)
def test_what_was_not_looked_for_does_not_count_as_deleted(folder: Path, selection: Selection):
    known = stored(walk(["docs"], is_supported))
    for path in known:
        Path(path).unlink()
    (folder / "docs" / "new.md").touch()
    assert [gone.path for _, gone in deleted(walk(["docs"], is_supported, selection), known)] == ["docs/b.md"]
    both = walk(["docs", "docs/deep/er"], is_supported, Selection(exclude=("*.txt", "deep/")))
    assert [gone.path for _, gone in deleted(both, known)] == ["docs/b.md", "docs/deep/er/c.csv"]


def test_a_folder_that_cannot_be_told_what_to_ignore_loses_nothing(folder: Path):
    known = stored(walk(["docs"], is_supported))
    (folder / "docs" / ".ragstoneignore").write_bytes(b"*.txt\n\xff\n")
    found = walk(["docs"], is_supported)
    assert len(found.failed) == 1
    assert deleted(found, known) == []


def test_a_stored_file_beside_a_walked_folder_of_a_like_name_is_not_below_it(folder: Path):
    known = stored(walk(["docs2"], is_supported))
    (folder / "docs2" / "d.md").unlink()
    assert deleted(walk(["docs"], is_supported), known) == []
    assert len(deleted(walk(["."], is_supported), known)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported_and_loses_nothing(folder: Path):
    known = stored(walk(["docs"], is_supported))
    (folder / "docs" / "deep").chmod(0)
    try:
        found = walk(["docs"], is_supported)
        assert [path for path, _ in found.failed] == ["docs/deep"]
        assert deleted(found, known) == []
    finally:
        (folder / "docs" / "deep").chmod(0o700)


def test_a_folder_whose_name_is_no_utf_8_is_reported_once(folder: Path):
    bad = os.fsencode(folder) + b"/docs/caf\xe9"
    os.mkdir(bad)  # noqa: PTH102 - a name in bytes
    for name in (b"/a.md", b"/b.md"):
        with open(bad + name, "w") as file:  # noqa: PTH123
            file.write("x")
    found = walk(["docs"], is_supported)
    assert [path for path, _ in found.failed] == ["docs/caf\ufffd"]
    assert len(found.files) == 3


def test_ten_thousand_files_are_found_in_a_moment(tmp_path: Path):
    for number in range(100):
        (tmp_path / f"{number}").mkdir()
        for name in range(100):
            (tmp_path / f"{number}" / f"{name}.md").touch()
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        assert len(walk([tmp_path], is_supported).files) == 10_000
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.25


def gone_from(found: Walk, recipe: str = "1") -> list[tuple[str, StoredFile]]:
    return [(str(file.absolute), as_stored(file, recipe=recipe)) for file in found.files]


def pairs(moves: dict[SourceFile, StoredFile]) -> dict[str, str]:
    return {known.path: file.path for file, known in moves.items()}


def test_a_file_of_the_same_bytes_at_another_place_has_moved(folder: Path):
    before = gone_from(walk(["docs"], is_supported))
    (folder / "docs").rename(folder / "new")
    (folder / "new" / "b.md").write_text("other text, of no length that was")
    (folder / "new" / "a.txt").write_text("THE TEXT OF DOCS/A.TXT.")
    (folder / "new" / "deep" / "er" / "c.csv").rename(folder / "new" / "d.csv")
    new = walk(["new"], is_supported).files
    assert pairs(moved(new, before, lambda _: "1")) == {"docs/deep/er/c.csv": "new/d.csv"}
    assert pairs(moved(new, before, lambda _: "2")) == {"docs/deep/er/c.csv": "new/d.csv"}


def test_each_stored_file_moves_once_and_first_to_its_own_name(folder: Path):
    for name in ("old/x.md", "old/y.md", "new/a.md", "new/y.md", "new/z.md"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("the same")
    before = gone_from(walk(["old"], is_supported))
    assert pairs(moved(walk(["new"], is_supported).files, before, lambda _: "1")) == {
        "old/y.md": "new/y.md",
        "old/x.md": "new/a.md",
    }


def test_of_equal_files_that_are_gone_one_that_need_not_be_read_again_has_moved(folder: Path):
    for name in ("old/x.md", "old/y.md", "new/y.md"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("the same")
    before = gone_from(walk(["old/x.md"], is_supported)) + gone_from(walk(["old/y.md"], is_supported), recipe="")
    assert pairs(moved(walk(["new"], is_supported).files, before, lambda _: "1")) == {"old/x.md": "new/y.md"}


def test_a_new_file_that_is_gone_again_has_not_moved(folder: Path):
    found = walk(["docs"], is_supported)
    before = gone_from(found)
    for file in found.files:
        file.absolute.unlink()
    assert moved(found.files, before, lambda _: "1") == {}
