"""Files that hang, explode or crash their parser, in real child processes."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ragstone.errors import ParseError
from ragstone.ingest import isolation
from ragstone.ingest.isolation import Limits, ParserPool

PARENT = """
import sys
from pathlib import Path
from ragstone.ingest.isolation import Limits, ParserPool
with ParserPool(Limits(jobs=2)) as pool:
    for name, ((reading, _),) in pool.read_all((name, Path(name)) for name in sys.argv[1:]):
        print(name, reading.document is not None, flush=True)
"""


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    """Six files that are read at once."""
    paths = [tmp_path / f"good-{number}.txt" for number in range(6)]
    for path in paths:
        path.write_text(f"This is {path.stem}.")
    return paths


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A PDF whose form draws itself twice: two to the power of the depth, which pdfium lets grow for minutes."""
    draw_twice = b"<< /Length 11 %b>>\nstream\n/F Do /F Do\nendstream"
    forms = b"/Resources << /XObject << /F 5 0 R >> >> "
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R " + forms + b">>",
        draw_twice % b"",
        draw_twice % (b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] " + forms),
    ]
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"xref\n0 6\n0000000000 65535 f \n%b" % b"".join(places)
    path = tmp_path / "hanging.pdf"
    path.write_bytes(data + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(data))
    return path


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """A legal table that takes more than 128 MiB to read."""
    path = tmp_path / "huge.csv"
    path.write_text("\n".join(",".join(str(row * column) for column in range(12)) for row in range(150_000)))
    return path


@pytest.fixture
def subtitle_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts code in the place of the library that reads subtitles; gives a file that makes a child run it."""

    def write(code: str) -> Path:
        (tmp_path / "stub").mkdir()
        (tmp_path / "stub" / "pysubs2.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stub"))
        (tmp_path / "film.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
        return tmp_path / "film.srt"

    return write


def read_all(paths: Sequence[Path], **limits: Any) -> list[str | ParseError]:
    """What each file gave in its one reading: its text, or the error."""
    found: list[str | ParseError] = []
    with ParserPool(Limits(**limits)) as pool:
        for expected, (path, readings) in zip(paths, pool.read_all((path, path) for path in paths), strict=True):
            ((reading, _),) = readings
            assert path == expected
            assert reading.part == ""
            outcome = reading.error or (reading.document and reading.document.text)
            assert outcome
            found.append(outcome)
    return found


def texts(paths: Sequence[Path]) -> list[str]:
    return [path.read_text() for path in paths]


def what(outcome: str | ParseError) -> str:
    assert isinstance(outcome, ParseError)
    return outcome.what


def workers(parent: int | None = None) -> list[psutil.Process]:
    """The living children of a process that parse: a test before may have left a server running."""
    found = []
    for child in psutil.Process(parent).children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if child.status() != psutil.STATUS_ZOMBIE and "ragstone.ingest.worker" in child.cmdline():
                found.append(child)
    return found


def wait_for_workers(count: int, parent: int | None = None) -> list[psutil.Process]:
    until = time.monotonic() + 30
    while len(found := workers(parent)) < count:
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def are_gone(processes: Sequence[psutil.Process], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def start_parent(paths: Sequence[Path], **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PARENT, *map(str, paths)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def open_files() -> int:
    return psutil.Process().num_fds()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process, not even a zombie, or an open file."""
    files, children = open_files(), psutil.Process().children()
    yield
    assert psutil.Process().children() == children
    assert open_files() == files


# Files that take too much


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_hangs_is_stopped_and_the_others_are_read_in_order(jobs: int, good: list[Path], hanging: Path):
    found = read_all([*good[:2], hanging, *good[2:]], jobs=jobs, seconds=3)
    assert what(found.pop(2)) == "its parser gave no sign of life for 3 s and was stopped"
    assert found == texts(good)


def test_a_file_that_takes_too_much_memory_is_one_error(good: list[Path], huge: Path):
    small, large, after = read_all([good[0], huge, good[1]], memory_mb=128)
    assert what(large) == "the file takes more memory than a parser may have"
    assert "parse_memory_mb" in large.remedy
    assert [small, after] == texts(good[:2])


def test_a_file_that_does_not_fit_into_memory_before_it_is_parsed_is_one_error(good: list[Path], tmp_path: Path):
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(1 << 30)
    large, after = read_all([tmp_path / "sparse.txt", good[0]], memory_mb=128)
    assert what(large) == "the file takes more memory than a parser may have"
    assert after == good[0].read_text()


def test_a_limit_set_from_outside_is_kept(good: list[Path]):
    two_gigabytes = (2 << 30, 2 << 30)
    parent = start_parent(good, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, two_gigabytes))
    output, errors = parent.communicate(timeout=60)
    assert (output, errors) == ("".join(f"{path} True\n" for path in good), "")


@pytest.mark.parametrize(
    ("sent", "named"),
    [(signal.SIGSEGV, "segmentation fault"), (signal.SIGABRT, "aborted"), (signal.SIGKILL, "killed")],
)
def test_a_crash_costs_one_file_and_a_fresh_child_reads_the_next(
    sent: signal.Signals, named: str, good: list[Path], hanging: Path
):
    with ParserPool(Limits()) as pool:
        reading = pool.read_all((path, path) for path in (hanging, *good))
        threading.Timer(1, lambda: os.kill(wait_for_workers(1)[0].pid, sent)).start()
        _, ((crashed, _),) = next(reading)
        assert crashed.error and crashed.error.what == f"it crashed its parser ({named})"
        rest = [readings[0][0].document for _, readings in reading]
    assert [document and document.text for document in rest] == texts(good)


def test_a_parser_that_raises_what_no_parser_may_costs_one_file(
    good: list[Path], subtitle_parser: Callable[[str], Path]
):
    failed, after = read_all([subtitle_parser("raise ValueError('a bug')"), good[0]])
    assert what(failed) == "it crashed its parser (exit code 1)"
    assert after == good[0].read_text()


def test_what_a_library_writes_to_the_pipe_is_taken_for_a_crash(
    good: list[Path], subtitle_parser: Callable[[str], Path]
):
    garbage = "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'not JSON\\n')\n    except OSError: pass"
    failed, after = read_all([subtitle_parser(garbage), good[0]])
    assert what(failed) == "it crashed its parser (killed)"
    assert after == good[0].read_text()


# What a child may do


def test_a_child_reaches_no_network_and_starts_no_program(tmp_path: Path, subtitle_parser: Callable[[str], Path]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        attempts = (
            f"socket.create_connection({server.getsockname()!r})",
            f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {server.getsockname()!r})",
            "socket.gethostbyname('localhost')",
            "urllib.request.urlopen('http://localhost')",
            "subprocess.run(['true'])",
            "os.system('true')",
            "os.execv('/bin/true', ['true'])",
            "os.fork()",
        )
        path = subtitle_parser(
            "import os, socket, subprocess, urllib.request\n"
            f"for attempt in {attempts!r}:\n"
            "    try:\n        eval(attempt)\n"
            "    except (PermissionError, OSError) as error:\n"
            f"        with open({str(tmp_path / 'refused')!r}, 'a') as file: file.write(f'{{error}}\\n')\n"
            "raise ValueError"
        )
        assert what(read_all([path])[0]) == "it crashed its parser (exit code 1)"
        with pytest.raises(TimeoutError):
            server.accept()
    refused = (tmp_path / "refused").read_text().splitlines()
    assert len(refused) == len(attempts)
    assert all("a parser tried" in line for line in refused)


def test_a_child_is_told_no_key_and_no_password(good: list[Path], monkeypatch: pytest.MonkeyPatch):
    for name in ("RAGSTONE_API_KEY", "RAGSTONE_SMTP_PASSWORD", "LANGCHAIN_API_KEY", "HOMEBREW_GITHUB_API_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    with ParserPool(Limits()) as pool:
        assert [item for item, _ in pool.read_all([(path, path) for path in good])] == good
        (child,) = workers()
        told = child.environ()
    assert "secret" not in told.values()
    assert (told["OMP_WAIT_POLICY"], told["PATH"]) == ("passive", os.environ["PATH"])


def test_children_write_nothing_to_the_terminal(good: list[Path], tmp_path: Path):
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>")
    parent = start_parent([tmp_path / "broken.pdf", good[0]])
    output, errors = parent.communicate(timeout=60)
    assert output == f"{tmp_path / 'broken.pdf'} False\n{good[0]} True\n"
    assert errors == ""


def test_a_document_named_like_a_module_is_not_run(good: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert read_all([good[0], tmp_path / "json.py"]) == ["This is good-0.", "raise SystemExit"]


def test_a_request_longer_than_a_pipe_holds_is_sent_whole(good: list[Path]):
    assert read_all(good[:2], passwords=("x" * 300_000,)) == texts(good[:2])


def test_a_process_with_more_than_a_thousand_open_files_reads_on(good: list[Path]):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert read_all(good) == texts(good)
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# How children come and go


def test_a_child_is_replaced_after_so_many_files(good: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(isolation, "_RECYCLE_FILES", 2)
    used = []
    with ParserPool(Limits()) as pool:
        for path in good:
            assert [item for item, _ in pool.read_all([(path, path)])] == [path]
            used += [child.pid for child in workers()]
    assert used[0::2] == used[1::2]
    assert len(set(used)) == 3


def test_a_child_that_holds_much_memory_between_files_is_replaced(good: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(isolation, "_RECYCLE_BYTES", 1 << 20)
    used = set()
    with ParserPool(Limits()) as pool:
        for path in good[:3]:
            assert [item for item, _ in pool.read_all([(path, path)])] == [path]
            used |= {child.pid for child in workers()}
    assert len(used) == 3


def test_leaving_early_does_not_wait_for_a_busy_child(good: list[Path], hanging: Path):
    with ParserPool(Limits(jobs=2)) as pool:
        reading = pool.read_all((path, path) for path in (good[0], *[hanging] * 9))
        assert next(reading)[0] == good[0]
        wait_for_workers(2)
        started = time.monotonic()
    assert time.monotonic() - started < 2


def test_leaving_while_children_start_leaves_none(good: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(isolation, "_RECYCLE_FILES", 1)
    for delay in (0, 0.05, 0.4, 0.8):
        with ParserPool(Limits(jobs=4)) as pool:
            reading = pool.read_all((path, path) for path in good * 9)
            next(reading)
            time.sleep(delay)
        assert workers() == []


def test_children_end_when_their_parent_is_killed(hanging: Path):
    parent = start_parent([hanging, hanging])
    children = wait_for_workers(2, parent.pid)
    time.sleep(1)
    parent.kill()
    parent.communicate(timeout=10)
    assert are_gone(children, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a process that its parent is gone")
def test_a_child_that_never_leaves_the_interpreter_to_others_ends_too(subtitle_parser: Callable[[str], Path]):
    parent = start_parent([subtitle_parser("import re; re.match('(a+)+$', 'a' * 60 + 'b')")])
    children = wait_for_workers(1, parent.pid)
    time.sleep(1)
    parent.kill()
    parent.communicate(timeout=10)
    assert are_gone(children, 2)


def test_ctrl_c_ends_parent_and_children(hanging: Path):
    parent = start_parent([hanging, hanging])
    children = wait_for_workers(2, parent.pid)
    time.sleep(1)
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=10)
    assert parent.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert are_gone(children, 2)


def test_ctrl_c_ends_an_ingest_in_one_line(ragstone_cli: Any, hanging: Path):
    process = ragstone_cli.start("ingest", str(hanging), prepare=os.setsid)
    children = wait_for_workers(1, process.pid)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (130, "")
    assert errors.strip() == "Interrupted. What was stored stays; the next run goes on from there."
    assert are_gone(children, 2)
