"""What Ragstone runs in a folder of documents imports none of them, whatever they are called."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.app.benching import _alone
from ragstone.app.machine import peak_bytes
from ragstone.app.scheduling import Schedule

ROOT = Path(__file__).parents[2]
SHIPPED = ("app", "eval", "generation", "ingest", "retrieval")


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, where every module that children import early is a document."""
    for name in ("json", "pickle", "runpy", "socket", "subprocess"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def starts(source: str) -> Iterator[ast.List]:
    """The commands in a module that start this Python."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable":
            yield node


def test_every_python_that_is_started_keeps_off_the_working_directory():
    commands = [
        (path.name, ast.literal_eval(command.elts[1]))
        for wing in SHIPPED
        for path in (ROOT / wing).rglob("*.py")
        for command in starts(path.read_text("utf-8"))
    ]
    assert len(commands) >= 5
    assert [name for name, option in commands if option != "-P"] == []


def test_a_process_of_its_own_keeps_off_the_working_directory(documents: Path):
    assert _alone(peak_bytes) > 0


def test_the_scheduled_command_keeps_off_the_working_directory(documents: Path):
    command = Schedule(documents / "nightly.toml", documents, 2, 5, 120).command
    done = subprocess.run(command, cwd=documents, capture_output=True, text=True, check=False)
    assert "nightly.toml" in done.stderr  # there is none
