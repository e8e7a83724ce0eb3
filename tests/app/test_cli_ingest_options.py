"""What the flags of `ingest` do, in real processes."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone import Ragstone
from ragstone.app.cli.ingest import _watch
from ragstone.errors import SettingsError
from ragstone.ingest.report import IngestReport
from ragstone.retrieval.library import Library

LONG = " ".join(f"Sentence {n} of the long report tells of turbine {n * 7} on the island." for n in range(60))


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...
    def start(self, command: str, *arguments: str | Path, **options: Any) -> "subprocess.Popen[str]": ...


@pytest.fixture
def paths(ragstone_cli: Cli) -> Callable[[], list[str]]:
    """The paths of the documents in the library, as `docs list` shows them."""
    return lambda: [d["path"] for d in ragstone_cli("docs", "list", "--json").json()["documents"]]


def files(done: Any) -> Any:
    assert (done.code, done.stderr) == (0, "")
    return done.json()["files"]


def test_a_search_can_be_of_one_collection(ragstone_cli: Cli, tmp_path: Path):
    for name in ("legal", "press"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ferry.txt").write_text(f"The ferry in the {name} documents.")
        assert ragstone_cli("ingest", name, "--collection", name).code == 0
    for mode in ("hybrid", "dense", "lexical"):
        done = ragstone_cli("search", "ferry", "--collection", "press", "--mode", mode, "--json")
        assert [hit["document"] for hit in done.json()["hits"]] == ["press/ferry.txt"]
    assert len(ragstone_cli("search", "ferry", "--json").json()["hits"]) == 2
    assert ragstone_cli("search", "ferry", "--collection", "other", "--json").json()["hits"] == []
    assert files(ragstone_cli("ingest", "legal", "--json"))["unchanged"] == 1
    listed = ragstone_cli("docs", "list", "--json").json()["documents"]
    assert [document["collection"] for document in listed] == ["legal", "press"]


def test_a_collection_whose_name_is_no_utf_8_is_bad_usage_and_makes_no_library(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "ferry.txt").write_text("The ferry leaves at nine.")
    done = ragstone_cli("ingest", "ferry.txt", "--collection", "caf\udce9")
    assert (done.code, done.stdout) == (2, "")
    assert "is not valid UTF-8" in done.error
    assert [path.name for path in tmp_path.iterdir()] == ["ferry.txt"]
    with Ragstone.open(tmp_path / "library") as rag, pytest.raises(SettingsError, match="is not valid UTF-8"):
        rag.ingest(tmp_path / "ferry.txt", collection="caf\udce9")


def test_only_the_files_that_patterns_select_are_read(ragstone_cli: Cli, tmp_path: Path, paths: Callable[[], object]):
    for name in ("docs/a.md", "docs/b.txt", "docs/drafts/c.md", "docs/drafts/keep/d.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"The text of {name}.")
    report = files(ragstone_cli("ingest", "docs", "--include", "*.md", "--exclude", "drafts/keep", "--json"))
    assert report["added"] == 2
    assert paths() == ["docs/a.md", "docs/drafts/c.md"]
    report = files(ragstone_cli("ingest", "docs", "--exclude", "*.md", "--exclude", "keep", "--json"))
    assert (report["added"], report["removed"]) == (1, 0)
    assert paths() == ["docs/a.md", "docs/b.txt", "docs/drafts/c.md"]


def test_a_locked_pdf_is_read_with_its_password(ragstone_cli: Cli, tmp_path: Path):
    canvas = Canvas(str(tmp_path / "open.pdf"))
    canvas.drawString(72, 720, "The combination is seventeen.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(tmp_path / "open.pdf"))
    writer.encrypt("sesame", algorithm="AES-256")
    writer.write(tmp_path / "locked.pdf")
    for arguments in ([], ["--password", "wrong"]):
        done = ragstone_cli("ingest", "locked.pdf", "--json", *arguments)
        assert done.code == 1
        ((failed),) = done.json()["files"]["failed"]
        assert failed["path"] == "locked.pdf"
        assert "password" in failed["reason"]
    done = ragstone_cli("ingest", "locked.pdf", "--json", "--password", "wrong", "--password", "sesame")
    assert files(done)["added"] == 1
    assert "seventeen" in ragstone_cli("docs", "show", "locked.pdf", "--text").stdout


@pytest.mark.parametrize(
    ("lines", "encoding", "algorithm"),
    [
        ("wrong\nsésame ouvre-toi \n", "utf-8", "AES-256"),
        ("sésame ouvre-toi \n", "utf-8-sig", "RC4-128"),  # AES-256 overlooks the mark in a password
    ],
)
def test_the_passwords_of_a_file_are_tried(
    ragstone_cli: Cli, tmp_path: Path, lines: str, encoding: str, algorithm: str
):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("sésame ouvre-toi ", algorithm=algorithm)
    writer.write(tmp_path / "locked.pdf")
    (tmp_path / "passwords").write_text(lines, encoding)
    done = ragstone_cli("ingest", "locked.pdf", "--json", "--password-file", "passwords")
    assert files(done)["empty"] == [{"path": "locked.pdf", "pages": [1]}]


def test_a_file_of_passwords_that_is_no_utf_8_is_bad_usage_and_named(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "ferry.txt").write_text("The ferry leaves at nine.")
    (tmp_path / "passwords").write_bytes("wrong\nsésame\n".encode("latin-1"))
    done = ragstone_cli("ingest", "ferry.txt", "--password-file", "passwords")
    assert (done.code, done.stdout) == (2, "")
    assert "'--password-file': 'passwords' is not UTF-8 text" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".ragstone").exists()


def test_near_duplicates_are_reported_or_left_out(ragstone_cli: Cli, tmp_path: Path, paths: Callable[[], object]):
    for name, text in (("a.txt", LONG), ("b.txt", LONG + " One more word.")):
        (tmp_path / name).write_text(text)
    arguments = ("ingest", "a.txt", "b.txt", "--json")
    report = files(ragstone_cli(*arguments, "--duplicates", "skip"))
    ((duplicate),) = report["duplicates"]
    assert set(duplicate) == {"path", "of", "similarity", "skipped"}
    assert (duplicate["path"], duplicate["of"], duplicate["skipped"]) == ("b.txt", "a.txt", True)
    assert 0.9 <= duplicate["similarity"] <= 1
    assert paths() == ["a.txt"]
    report = files(ragstone_cli(*arguments, "--duplicates", "report"))
    assert [found["skipped"] for found in report["duplicates"]] == [False]
    assert paths() == ["a.txt", "b.txt"]


def test_a_moved_file_is_told_and_not_read_again(ragstone_cli: Cli, tmp_path: Path, paths: Callable[[], object]):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text(LONG)
    assert files(ragstone_cli("ingest", "docs", "--json"))["added"] == 1
    (tmp_path / "docs" / "sub").mkdir()
    (tmp_path / "docs" / "a.txt").rename(tmp_path / "docs" / "sub" / "a.txt")
    done = ragstone_cli("ingest", "docs", "--json")
    report = files(done)
    assert [report[n] for n in ("added", "updated", "unchanged", "moved", "removed")] == [0, 0, 0, 1, 0]
    assert done.json()["chunks"] == 0
    assert paths() == ["docs/sub/a.txt"]


def test_what_an_archive_holds_is_listed_and_removed_by_its_path_inside(
    ragstone_cli: Cli, tmp_path: Path, paths: Callable[[], object]
):
    with zipfile.ZipFile(tmp_path / "box.zip", "w") as archive:
        archive.writestr("letters/one.txt", "The first letter tells of apples.")
        archive.writestr("two.md", "# Two\n\nThe second tells of pears.")
        archive.writestr("photo.raw", b"\0\1\2")
    report = files(ragstone_cli("ingest", "box.zip", "--json"))
    assert (report["added"], report["unsupported"]) == (1, ["box.zip/photo.raw"])
    assert paths() == ["box.zip/letters/one.txt", "box.zip/two.md"]
    listed = ragstone_cli("docs", "list").stdout
    assert "box.zip/letters/one.txt  (1 chunk)" in listed
    assert "apples" in ragstone_cli("docs", "show", "box.zip/letters/one.txt", "--text").stdout
    hits = ragstone_cli("search", "pears", "-k", "1", "--json").json()["hits"]
    assert hits[0]["document"] == "box.zip/two.md"
    assert ragstone_cli("docs", "remove", "box.zip/two.md").code == 0
    assert paths() == ["box.zip/letters/one.txt"]
    assert ragstone_cli("docs", "remove", "box.zip").code == 0
    assert paths() == []


def test_watching_and_one_json_document_exclude_each_other(ragstone_cli: Cli, tmp_path: Path):
    done = ragstone_cli("ingest", ".", "--watch", "--json")
    assert (done.code, done.stdout) == (2, "")
    assert "--watch" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def wait_for(ragstone_cli: Cli, process: "subprocess.Popen[str]", expected: list[str]) -> None:
    """Until the library holds these documents."""
    held, deadline = None, time.monotonic() + 60
    while held != expected:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{held} after a minute, not {expected}"
        done = ragstone_cli("docs", "list", "--json")
        held = [d["path"] for d in json.loads(done.stdout)["documents"]] if done.code == 0 else None


def test_a_watched_folder_is_followed_until_interrupted(ragstone_cli: Cli, tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("The first text.")
    process = ragstone_cli.start("ingest", "docs", "--watch")
    try:
        wait_for(ragstone_cli, process, ["docs/a.txt"])
        (folder / "b.txt").write_text("The second text.")
        wait_for(ragstone_cli, process, ["docs/a.txt", "docs/b.txt"])
        (folder / "a.txt").unlink()
        wait_for(ragstone_cli, process, ["docs/b.txt"])
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "Watching for changes" in errors
    assert output.count("Files read") >= 2


def test_what_changes_while_the_first_changes_are_read_is_read_too(tmp_path: Path):
    folder, texts = tmp_path / "docs", ["a.txt", "b.txt"]
    folder.mkdir()

    def once() -> IngestReport:
        if not texts:
            raise KeyboardInterrupt
        (folder / texts.pop(0)).write_text("A text.")
        return IngestReport()

    too_long = threading.Timer(20, os.kill, (os.getpid(), signal.SIGINT))
    too_long.start()
    with Library(tmp_path / "library", create=True) as library, pytest.raises(KeyboardInterrupt):
        _watch((folder,), library, once, set())
    too_long.cancel()
    assert texts == []


def test_what_fails_in_a_watched_folder_is_told_once_for_each_change_of_it(ragstone_cli: Cli, tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("The first text.")
    process = ragstone_cli.start("ingest", "docs", "--watch")
    too_long = threading.Timer(120, process.kill)
    too_long.start()

    def until_told() -> str:
        return next(line for line in iter(process.stdout.readline, "") if "Failed: " in line or "Chunks" in line)

    try:
        assert "Chunks" in until_told()
        assert "Watching for changes" in process.stderr.readline()
        time.sleep(1)  # for the look at what changed during the first run
        for text in ("no PDF", "no PDF, saved again"):
            (folder / "broken.pdf").write_text(text)
            assert "Chunks      0" in until_told()
            assert "Failed: docs/broken.pdf: the PDF is corrupt" in until_told()
        (folder / "photo.raw").write_text("no text")
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        too_long.cancel()
        process.kill()
    assert "Failed" not in output


@contextmanager
def being_written(library: Path) -> Iterator[None]:
    """Hold the lock of a library as a process that writes to it does."""
    with (library / "write.lock").open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_watched_folder_is_followed_when_another_process_has_finished_writing(ragstone_cli: Cli, tmp_path: Path):
    folder, library = tmp_path / "docs", tmp_path / ".ragstone"
    folder.mkdir()
    (folder / "a.txt").write_text("The first text.")
    process = ragstone_cli.start("ingest", "docs", "--watch")
    too_long = threading.Timer(120, process.kill)
    too_long.start()
    try:
        wait_for(ragstone_cli, process, ["docs/a.txt"])
        assert "Watching for changes" in process.stderr.readline()
        time.sleep(1)  # for the look at what changed during the first run
        with being_written(library):
            (folder / "b.txt").write_text("The second text.")
            told = process.stderr.readline()
            assert "is writing to this library" in told
            assert "tried again" in told
            assert process.poll() is None
        wait_for(ragstone_cli, process, ["docs/a.txt", "docs/b.txt"])
        with being_written(library):
            (folder / "c.txt").write_text("The third text.")
            assert "is writing to this library" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
    finally:
        too_long.cancel()
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
