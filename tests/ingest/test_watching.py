import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from ragstone.ingest.watching import QUIET_SECONDS, changes

SOON = QUIET_SECONDS + 4
"""Seconds in which a change must have been told."""
LONG = QUIET_SECONDS + 1.2
"""Seconds after which no change is taken for none."""


class Watcher:
    """Watches in a thread and notes when it was told of changes."""

    def __init__(self, *paths: Path, ignore: Path | None = None) -> None:
        self.told = Queue[float]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(paths, ignore), daemon=True)
        self._thread.start()
        time.sleep(0.4)  # until the system watches

    def _run(self, paths: tuple[Path, ...], ignore: Path | None) -> None:
        for _ in changes(paths, self._stop, ignore=ignore):
            self.told.put(time.monotonic())

    def wait(self) -> float:
        return self.told.get(timeout=SOON)

    def is_told_nothing(self) -> bool:
        try:
            self.told.get(timeout=LONG)
        except Empty:
            return True
        return False

    def stop(self) -> float:
        started = time.monotonic()
        self._stop.set()
        self._thread.join(timeout=SOON)
        assert not self._thread.is_alive()
        return time.monotonic() - started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("x")
    return tmp_path / "docs"


@pytest.fixture
def watcher(folder: Path) -> Iterator[Watcher]:
    watcher = Watcher(folder, ignore=folder / "library")
    yield watcher
    watcher.stop()


def test_a_burst_of_changes_is_told_once_when_it_is_over(folder: Path, watcher: Watcher):
    for number in range(8):
        (folder / "a.md").write_text(str(number))
        (folder / "deep" / f"{number}.md").write_text("x")
        time.sleep(0.25)
    last = time.monotonic()
    assert watcher.wait() - last > QUIET_SECONDS - 0.3
    assert watcher.is_told_nothing()


def test_deletions_renames_and_new_folders_are_told(folder: Path, watcher: Watcher):
    (folder / "a.md").rename(folder / "b.md")
    watcher.wait()
    (folder / "new").mkdir()
    (folder / "new" / "c.md").write_text("x")
    watcher.wait()
    (folder / "new" / "c.md").unlink()
    watcher.wait()


def test_reading_hidden_files_and_the_library_are_no_changes(folder: Path, watcher: Watcher):
    (folder / "a.md").read_text()
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_text("x")
    (folder / ".a.md.swp").write_text("x")
    (folder / "library").mkdir()
    (folder / "library" / "library.sqlite3").write_text("x")
    assert watcher.is_told_nothing()
    (folder / ".ragstoneignore").write_text("a.md")
    watcher.wait()


def test_a_folder_that_is_deleted_and_made_again_is_followed(folder: Path, watcher: Watcher):
    shutil.rmtree(folder)
    watcher.wait()
    folder.mkdir()
    (folder / "a.md").write_text("x")
    watcher.wait()
    (folder / "a.md").write_text("y")
    watcher.wait()


def test_a_file_that_editors_replace_is_followed_and_its_neighbours_are_not(folder: Path):
    watcher = Watcher(folder / "a.md")
    (folder / "b.md").write_text("x")
    assert watcher.is_told_nothing()
    for _ in range(2):
        (folder / "new").write_text("y")
        os.replace(folder / "new", folder / "a.md")  # noqa: PTH105
        watcher.wait()
    (folder / "a.md").write_text("z")
    watcher.wait()
    assert watcher.stop() < 2


def test_a_path_that_does_not_exist_yet_is_waited_for(folder: Path):
    watcher = Watcher(folder / "later")
    assert watcher.is_told_nothing()
    (folder / "later").mkdir()
    watcher.wait()
    watcher.stop()


def test_what_changes_while_the_caller_is_busy_is_told_afterwards(folder: Path):
    stop = threading.Event()
    (folder / "a.md").touch()
    told = changes([folder], stop)
    threading.Timer(0.5, (folder / "b.md").touch).start()
    next(told)
    (folder / "c.md").touch()
    next(told)
    stop.set()
    assert list(told) == []


def test_what_changes_from_the_first_telling_on_is_told_afterwards(folder: Path):
    stop = threading.Event()
    told = changes([folder], stop, at_once=True)
    started = time.monotonic()
    next(told)
    assert time.monotonic() - started < SOON
    (folder / "b.md").touch()
    too_long = threading.Timer(SOON, stop.set)
    too_long.start()
    next(told)
    too_long.cancel()
    stop.set()
    assert list(told) == []


def test_a_hidden_folder_that_is_named_is_watched(folder: Path):
    hidden = folder / ".notes"
    hidden.mkdir()
    watcher = Watcher(hidden)
    (hidden / "a.md").write_text("x")
    watcher.wait()
    watcher.stop()


def test_ctrl_c_ends_the_waiting(folder: Path):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(changes([folder]))
