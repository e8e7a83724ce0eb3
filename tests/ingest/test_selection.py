import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ragstone.errors import SettingsError
from ragstone.ingest.selection import IGNORE_FILE, Selection
from ragstone.ingest.sources import Walk, walk

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files below the working directory: names, or names with their text."""
    monkeypatch.chdir(tmp_path)

    def write(*names: str, **texts: str) -> None:
        for name, text in {**dict.fromkeys(names, "x"), **texts}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def ignore(folder: str, *lines: str) -> None:
    Path(folder, IGNORE_FILE).write_text("\n".join(lines) + "\n")


def found(*paths: str, **selection: object) -> Walk:
    return walk(paths or ["."], lambda path: path.suffix != ".bin", Selection(**selection))  # type: ignore[arg-type]


def files(*paths: str, **selection: object) -> list[str]:
    return [file.path for file in found(*paths, **selection).files]


def test_only_what_is_included_and_not_excluded_is_selected(write: Write):
    write("docs/a.md", "docs/b.txt", "docs/drafts/c.md", "docs/old/drafts/d.md", "docs/old/e.md")
    assert files("docs", include=("*.md",)) == [
        "docs/a.md",
        "docs/drafts/c.md",
        "docs/old/e.md",
        "docs/old/drafts/d.md",
    ]
    assert files("docs", include=("*.md",), exclude=("drafts/",)) == ["docs/a.md", "docs/old/e.md"]
    assert files("docs", exclude=("/drafts", "*.txt")) == ["docs/a.md", "docs/old/e.md", "docs/old/drafts/d.md"]
    assert files("docs", include=("old/**/*.md",)) == ["docs/old/e.md", "docs/old/drafts/d.md"]
    assert files("docs", include=("old/",), exclude=("*", "!e.md", "!*/")) == ["docs/old/e.md"]


def test_patterns_are_relative_to_the_folder_given(write: Write):
    write("docs/a/b.md")
    assert files("docs", include=("/a/*.md",)) == ["docs/a/b.md"]
    assert files(".", include=("/a/*.md",)) == []
    assert files("docs/a", include=("/b.md",)) == ["docs/a/b.md"]


def test_a_file_that_is_named_has_to_match_by_its_name(write: Write):
    write("docs/a.md", "docs/b.txt")
    assert files("docs/a.md", "docs/b.txt", exclude=("*.txt",)) == ["docs/a.md"]
    assert files("docs/a.md", "docs/b.txt", include=("b.*",)) == ["docs/b.txt"]


@pytest.mark.parametrize("pattern", ["", " ", "#notes", "/", "!", "[z-a]", "a\\", "*a*b*c*", "**/a/**/b/**/c"])
def test_a_pattern_that_is_malformed_or_matches_nothing_is_refused(pattern: str):
    with pytest.raises(SettingsError, match=r"\.gitignore"):
        Selection(include=(pattern,))
    with pytest.raises(SettingsError, match=r"\.gitignore"):
        Selection(exclude=("*.md", pattern))


def test_a_file_over_the_limit_fails_and_says_which_setting_to_raise(write: Write):
    write("a.md", "huge.bin")
    Path("b.md").write_bytes(b"x" * (3 << 19))
    os.truncate("huge.bin", 2 << 20)
    walked = found(".", max_bytes=1 << 20)
    assert [file.path for file in walked.files] == ["a.md"]
    assert walked.unsupported == ["huge.bin"]
    ((path, reason),) = walked.failed
    assert path == "b.md"
    assert reason.startswith("it has 1.5 MB, more than the 1.0 that are read. Raise max_file_mb")
    assert [path for path, _ in found("huge.bin", max_bytes=1 << 20).failed] == ["huge.bin"]


def test_an_ignore_file_holds_for_its_folder_and_below(write: Write):
    write(
        "a.log", "docs/a.log", "docs/a.md", "docs/deep/b.log", "docs/build/c.md", "docs/deep/build/d.md", "docs/e/build"
    )
    ignore("docs", "# what machines write", "", "*.log", "/build/")
    assert files() == ["a.log", "docs/a.md", "docs/deep/build/d.md", "docs/e/build"]
    here = os.getcwd()  # noqa: PTH109
    assert found().ignored == {f"{here}/docs/{name}" for name in ("a.log", "deep/b.log", "build")}


def test_a_nearer_ignore_file_overrides_the_others_and_can_take_back(write: Write):
    write("docs/a.log", "docs/keep/a.log", "docs/keep/b.log", "docs/keep/c.md")
    ignore(".", "*.log")
    ignore("docs/keep", "!a.log", "c.md")
    assert files() == ["docs/keep/a.log"]


def test_what_lies_in_an_ignored_folder_cannot_be_taken_back(write: Write):
    write("old/a.md", "old/keep.md", "b.md")
    ignore(".", "old/", "!old/keep.md")
    ignore("old", "!keep.md")
    assert files() == ["b.md"]


def test_a_folder_that_is_taken_back_takes_nothing_back_that_lies_in_it(write: Write):
    write("keep/a.md", "keep/a.log", "keep/build/b.md")
    ignore(".", "*.log", "build/", "!keep/")
    ignore("keep", "!build.md")
    assert files() == ["keep/a.md"]


def test_all_but_some_files_can_be_ignored(write: Write):
    write("a.md", "b.txt", "deep/er/c.md", "deep/er/d.txt")
    ignore(".", "*", "!*/", "!*.md")
    assert files() == ["a.md", "deep/er/c.md"]


def test_ignore_files_above_the_folder_given_hold_too(write: Write):
    write("docs/deep/a.md", "docs/deep/b.log")
    ignore(".", "*.log")
    assert files("docs/deep") == ["docs/deep/a.md"]


def test_what_is_named_itself_is_not_ignored(write: Write):
    write("docs/drafts/a.md", "docs/drafts/b.log", "docs/c.log")
    ignore("docs", "drafts/", "*.log")
    assert files("docs") == []
    assert files("docs/c.log") == ["docs/c.log"]
    assert files("docs/drafts") == ["docs/drafts/a.md", "docs/drafts/b.log"]


def test_an_ignore_file_may_begin_with_a_byte_order_mark_and_have_windows_line_ends(write: Write):
    write("a.log", "b.md")
    Path(IGNORE_FILE).write_bytes(b"\xef\xbb\xbf*.log\r\n")
    assert files() == ["b.md"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"*.log\na\\\n", r"its line 2, 'a\\', is not a pattern"),
        (b"[z-a]\n", "its line 1, '[z-a]', is not a pattern"),
        (b"*a*a*a*a*a*b\n", "more than 3 asterisks"),
        (b"caf\xe9\n", "is not UTF-8 text"),
        (b"#" * 70_000, "larger than 64 KiB"),
    ],
)
def test_nothing_is_read_below_an_ignore_file_that_cannot_be_used(write: Write, content: bytes, why: str):
    write("docs/a.md", "b.md")
    Path("docs", IGNORE_FILE).write_bytes(content)
    walked = found()
    assert [file.path for file in walked.files] == ["b.md"]
    ((path, reason),) = walked.failed
    assert path == f"docs/{IGNORE_FILE}"
    assert why in reason
    assert files("docs") == []


def test_an_ignore_file_that_is_a_pipe_or_leads_in_a_circle_is_none(write: Write):
    write("docs/a.md", "loop/b.md")
    os.mkfifo(Path("docs", IGNORE_FILE))
    Path("loop", IGNORE_FILE).symlink_to(IGNORE_FILE)
    assert files() == ["docs/a.md", "loop/b.md"]


def test_a_hostile_pattern_ends_in_reasonable_time(write: Write):
    write("a" * 250, *("a/" * depth + "a.md" for depth in (1, 500)))
    ignore(".", "*a*a*ab", "**/a/**/b", "a/**/a/**/b")
    started = time.monotonic()
    assert len(files()) == 3
    assert time.monotonic() - started < 5
