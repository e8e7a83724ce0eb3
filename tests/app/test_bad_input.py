"""What Ragstone's commands do with input, files, disks and processes that fail them."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone.retrieval._terms import differing
from ragstone.retrieval.library import DATABASE

SECRET = "Zanzibar"
"""A word of every document here, which no message may repeat."""
FILES = 60


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...
    def start(self, command: str, *arguments: str | Path, **options: Any) -> "subprocess.Popen[str]": ...


@pytest.fixture
def ragstone_cli(ragstone_cli: Any, second_model: Path) -> Cli:
    """Commands that have both models."""
    both: Cli = replace(ragstone_cli, models_dir=second_model.parent)
    return both


@pytest.fixture
def small(second_model: Path) -> dict[str, str]:
    """Makes many small chunks, of which the second model embeds a thousand in seconds."""
    chunks = {"RAGSTONE_CHUNK_TOKENS": "32", "RAGSTONE_CHUNK_OVERLAP": "0"}
    return {"RAGSTONE_EMBEDDING_MODEL": str(second_model)} | chunks


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "good.txt").write_text(f"{SECRET} is an island with old stone houses.")
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough small files to be stored in several batches."""
    folder = tmp_path / "many"
    folder.mkdir()
    for file in range(FILES):
        lines = (
            f"Line {line} of file {file} tells of {SECRET} and of the ships that called there." for line in range(20)
        )
        (folder / f"{file:03}.txt").write_text("\n".join(lines))
    return folder


def check(done: Any, code: int) -> None:
    assert done.code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr


def whole(folder: Path) -> int:
    """Asserts that a library is whole by SQLite's own checks; the number of its documents."""
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert differing(db) == 0
        bare = "SELECT count(*) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE document_id = d.id)"
        assert db.execute(bare).fetchone() == (0,)
        return int(db.execute("SELECT count(*) FROM documents").fetchone()[0])


def stored(folder: Path) -> int:
    """The documents that another process has stored so far."""
    try:
        with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM documents").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for_documents(process: "subprocess.Popen[str]", folder: Path) -> int:
    """Waits until a process has stored its first batch."""
    until = time.monotonic() + 60
    while not stored(folder):
        assert process.poll() is None, "the ingest ended before it could be disturbed"
        assert time.monotonic() < until
        time.sleep(0.01)
    return stored(folder)


# Paths


def test_a_missing_path_is_named(ragstone_cli: Cli, docs: Path):
    for name in ("none", "x" * 300):
        done = ragstone_cli("ingest", "docs", name)
        check(done, 1)
        assert done.error.startswith(f"Error: {name}: ")
        assert done.stdout == ""


def test_an_empty_folder_is_refused(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    done = ragstone_cli("ingest", "empty", "--json")
    check(done, 1)
    assert done.stdout == ""
    assert done.error == "Error: empty: there is nothing to ingest. Check the path."


def test_documents_of_a_folder_that_was_emptied_stay(ragstone_cli: Cli, docs: Path, tmp_path: Path):
    check(ragstone_cli("ingest", "docs"), 0)
    (docs / "good.txt").unlink()
    done = ragstone_cli("ingest", "docs")
    check(done, 1)
    assert "1 of its files stays in the library" in done.error
    assert "ragstone docs remove" in done.error
    assert whole(tmp_path / ".ragstone") == 1


def test_files_that_cannot_be_read_are_named_and_stop_nothing(
    ragstone_cli: Cli, docs: Path, bound_by_permissions: Callable[[], None]
):
    (docs / "empty.txt").write_bytes(b"")
    (docs / "binary.txt").write_bytes(bytes(range(256)) * 40)
    (docs / "corrupt.pdf").write_bytes(b"%PDF-1.7\n" + SECRET.encode() * 99)
    canvas = Canvas(str(docs / "plain.pdf"))
    canvas.drawString(72, 720, f"{SECRET} again")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(docs / "plain.pdf"))
    writer.encrypt("a password", algorithm="AES-256")
    writer.write(docs / "locked.pdf")
    (docs / "private.txt").write_text(SECRET)
    (docs / "private.txt").chmod(0)
    (docs / "closed").mkdir()
    (docs / "closed" / "a.txt").write_text(SECRET)
    (docs / "closed").chmod(0)
    (docs / "names-only").mkdir()
    (docs / "names-only" / "a.txt").write_text(SECRET)
    (docs / "names-only").chmod(0o444)
    with open(os.fsencode(docs) + b"/caf\xe9.txt", "w") as file:  # noqa: PTH123 - a name in bytes
        file.write(SECRET)
    reasons = {
        "docs/empty.txt": "empty",
        "docs/binary.txt": "binary",
        "docs/corrupt.pdf": "corrupt",
        "docs/locked.pdf": "password",
        "docs/private.txt": "permission denied",
        "docs/closed": "permission denied",
        "docs/names-only/a.txt": "permission denied",
        "docs/caf\ufffd.txt": "not valid UTF-8",
    }
    done = ragstone_cli("ingest", "docs", "--json", prepare=bound_by_permissions)
    check(done, 3)
    assert done.stderr == ""
    report = done.json()
    assert report["files"]["added"] == 2
    failed = {entry["path"]: entry["reason"] for entry in report["files"]["failed"]}
    assert set(failed) == set(reasons)
    for path, reason in reasons.items():
        assert reason in failed[path].lower() or reason in failed[path]

    done = ragstone_cli("ingest", "docs", prepare=bound_by_permissions)
    check(done, 3)
    lines = [line for line in done.stdout.splitlines() if line.startswith("Failed: ")]
    assert len(lines) == len(reasons)
    assert done.stderr == ""
    for path in reasons:
        assert any(line.startswith(f"Failed: {path}: ") for line in lines)


def test_documents_in_a_folder_that_became_unreadable_stay(
    ragstone_cli: Cli, docs: Path, tmp_path: Path, bound_by_permissions: Callable[[], None]
):
    for name in ("closed", "names-only"):
        (docs / name).mkdir()
        (docs / name / "a.txt").write_text(f"{SECRET} in {name}.")
    check(ragstone_cli("ingest", "docs"), 0)
    (docs / "closed").chmod(0)
    (docs / "names-only").chmod(0o444)
    done = ragstone_cli("ingest", "docs", "--json", prepare=bound_by_permissions)
    check(done, 3)
    assert done.json()["files"]["removed"] == 0
    failed = done.json()["files"]["failed"]
    assert [entry["path"] for entry in failed] == ["docs/closed", "docs/names-only/a.txt"]
    assert all(entry["reason"].endswith("Its earlier version stays in the library.") for entry in failed)
    assert whole(tmp_path / ".ragstone") == 3
    docs.chmod(0)
    done = ragstone_cli("ingest", "docs", prepare=bound_by_permissions)
    check(done, 1)
    assert done.error == "Error: docs: it cannot be read (permission denied). Check the path and its permissions."


def test_an_input_of_which_nothing_could_be_read_is_a_failed_job(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "broken.pdf").write_text(SECRET)
    done = ragstone_cli("ingest", "broken.pdf", "--json")
    check(done, 1)
    assert [entry["path"] for entry in done.json()["files"]["failed"]] == ["broken.pdf"]


# The library


def test_a_library_of_a_newer_ragstone_is_refused_by_every_command(ragstone_cli: Cli, docs: Path, tmp_path: Path):
    check(ragstone_cli("ingest", "docs"), 0)
    database = tmp_path / ".ragstone" / DATABASE
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA user_version = 99")
    before = database.read_bytes()
    for command in (("ingest", "docs"), ("search", "island"), ("status",), ("docs", "remove", "docs")):
        done = ragstone_cli(*command)
        check(done, 1)
        assert done.error.startswith("Error: .ragstone: a newer Ragstone wrote this library (version 99; ")
        assert done.stdout == ""
    assert database.read_bytes() == before


def test_a_damaged_library_is_named(ragstone_cli: Cli, docs: Path, tmp_path: Path):
    (tmp_path / ".ragstone").mkdir()
    (tmp_path / ".ragstone" / DATABASE).write_bytes(b"no database at all " * 999)
    for command in (("ingest", "docs"), ("search", "island")):
        done = ragstone_cli(*command)
        check(done, 1)
        assert done.error.startswith(f"Error: .ragstone/{DATABASE}: the library's database is damaged")


def test_a_folder_that_may_not_be_written_to_is_named(
    ragstone_cli: Cli, docs: Path, tmp_path: Path, bound_by_permissions: Callable[[], None]
):
    (tmp_path / "closed").mkdir(mode=0o555)
    for library in ("closed", "closed/library", "docs/good.txt/library"):
        done = ragstone_cli("ingest", "docs", "--library", library, prepare=bound_by_permissions)
        check(done, 1)
        assert done.error.startswith(f"Error: {library}: the library cannot be written (")
        assert done.stdout == ""


def test_a_library_that_may_not_be_written_to_is_refused_and_unharmed(
    ragstone_cli: Cli, docs: Path, tmp_path: Path, bound_by_permissions: Callable[[], None]
):
    check(ragstone_cli("ingest", "docs"), 0)
    folder = tmp_path / ".ragstone"
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (docs / "more.txt").write_text("More text.")
    done = ragstone_cli("ingest", "docs", prepare=bound_by_permissions)
    check(done, 1)
    assert done.error.startswith("Error: .ragstone: the library cannot be written (")
    folder.chmod(0o755)
    (folder / DATABASE).chmod(0o644)
    assert whole(folder) == 1


def test_a_library_that_may_only_be_read_is_searched_and_not_touched(
    ragstone_cli: Cli, docs: Path, tmp_path: Path, bound_by_permissions: Callable[[], None]
):
    check(ragstone_cli("ingest", "docs"), 0)
    folder = tmp_path / ".ragstone"
    shutil.rmtree(folder / "index")  # which cannot be stored again then
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for command in (("search", "island"), ("docs", "list"), ("docs", "show", "docs/good.txt"), ("status",)):
        done = ragstone_cli(*command, "--json", prepare=bound_by_permissions)
        assert (done.code, done.stderr) == (0, "")
        assert "doc" in done.stdout
    done = ragstone_cli("docs", "remove", "docs", prepare=bound_by_permissions)
    check(done, 1)
    assert done.error.startswith("Error: .ragstone: the library cannot be written (")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    folder.chmod(0o755)


# Several processes


def test_a_second_ingest_is_told_which_process_holds_the_library(
    ragstone_cli: Cli, many: Path, small: dict[str, str], tmp_path: Path
):
    first = ragstone_cli.start("ingest", "many", "--json", env=small)
    try:
        wait_for_documents(first, tmp_path / ".ragstone")
        first.send_signal(signal.SIGSTOP)
        done = ragstone_cli("ingest", "many", "--json", env=small)
        check(done, 1)
        assert done.stdout == ""
        assert done.error.startswith(f"Error: .ragstone: process {first.pid} is writing to this library. ")
        found = ragstone_cli("search", "ships", "-k", "1", "--json")
        assert (found.code, len(found.json()["hits"])) == (0, 1)
    finally:
        first.send_signal(signal.SIGCONT)
    output, errors = first.communicate(timeout=120)
    assert (first.returncode, errors) == (0, "")
    assert json.loads(output)["files"]["added"] == FILES
    assert whole(tmp_path / ".ragstone") == FILES


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_ingest_leaves_a_whole_library_and_the_next_does_only_the_rest(
    ragstone_cli: Cli, many: Path, small: dict[str, str], tmp_path: Path, sent: signal.Signals, code: int
):
    process = ragstone_cli.start("ingest", "many", env=small)
    wait_for_documents(process, tmp_path / ".ragstone")
    process.send_signal(sent)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert output == ""
    said = errors.strip()
    assert said == ("Interrupted. What was stored stays; the next run goes on from there." if code > 0 else "")
    left = whole(tmp_path / ".ragstone")
    assert 0 < left < FILES
    done = ragstone_cli("ingest", "many", "--json", env=small)
    check(done, 0)
    files = done.json()["files"]
    assert (files["added"], files["updated"], files["unchanged"]) == (FILES - left, 0, left)
    assert whole(tmp_path / ".ragstone") == FILES
    status = ragstone_cli("status", "--json").json()
    assert status["vectors"] == status["chunks"] > done.json()["chunks"]


# Full disks


def check_full(
    ragstone_cli: Cli, library: Path, small: dict[str, str], prepare: Callable[[], None] | None = None
) -> None:
    """A disk that fills up during an ingest fails it and harms nothing."""
    before = whole(library)
    done = ragstone_cli("ingest", "many", "--library", library, "--json", env=small, prepare=prepare)
    check(done, 1)
    assert done.stdout == ""
    assert done.error.startswith(f"Error: {library}: the library cannot be written (")
    assert "Free disk space" in done.error
    assert before <= whole(library) < FILES + before
    hits = ragstone_cli("search", "island with old stone houses", "--library", library, "--json").json()["hits"]
    assert hits[0]["document"] == "docs/good.txt"


def test_a_file_size_limit_fails_the_ingest_and_harms_nothing(
    ragstone_cli: Cli, docs: Path, many: Path, small: dict[str, str], tmp_path: Path
):
    library = tmp_path / "library"
    check(ragstone_cli("ingest", "docs", "--library", library, env=small), 0)
    room = (library / DATABASE).stat().st_size + 200_000
    check_full(ragstone_cli, library, small, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    check(ragstone_cli("ingest", "many", "--library", library, env=small), 0)
    assert whole(library) == FILES + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system, where the container lets it")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_fails_the_ingest_and_harms_nothing(
    ragstone_cli: Cli, docs: Path, many: Path, small: dict[str, str], small_disk: Path
):
    library = small_disk / "library"
    check(ragstone_cli("ingest", "docs", "--library", library, env=small), 0)
    check_full(ragstone_cli, library, small)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    check(ragstone_cli("ingest", "many", "--library", library, env=small), 0)
    assert whole(library) == FILES + 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_results_that_cannot_be_written_are_one_line(ragstone_cli: Cli):
    done = ragstone_cli("models", "list", prepare=lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 1))
    assert (done.code, done.error) == (1, "Error: the output cannot be written (No space left on device).")


@pytest.mark.parametrize(("setting", "command"), [("LIBRARY", ("status",)), ("PROMPTS_DIR", ("prompts", "list"))])
def test_a_path_of_a_user_who_does_not_exist_is_named(ragstone_cli: Cli, setting: str, command: tuple[str, ...]):
    done = ragstone_cli(*command, env={f"RAGSTONE_{setting}": "~nobodyhere/x"})
    assert done.code == 2 and "'~nobodyhere/x'" in done.error
