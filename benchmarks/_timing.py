"""What the speed benchmarks share: cold processes with their time and memory, the peers, and Markdown tables."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEERS = {"llama": "llama", "langchain": "lc", "haystack": "haystack", "txtai": "txtai"}
"""The peers' names and those of their environments; NAME+incr is the peer's documented way to skip unchanged files."""


class RunError(Exception):
    """A process failed; the message is the last line that it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Run:
    """A process from its start to its end."""

    wall: float
    cpu: float
    peak_mb: float
    """The most resident memory of the process or of one of its children."""
    others: float
    """Cores that all other processes used meanwhile; nan where /proc/stat is missing."""
    out: str


def run(command: Iterable[str | Path], **env: str) -> Run:
    """Run a command to its end.

    Raises:
        RunError: It failed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        busy, started = _busy(), time.time()
        child = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=err, env=os.environ | {"BENCH_T0": repr(started)} | env
        )
        _, status, used = os.wait4(child.pid, 0)  # unlike Popen.wait, it gives the memory of this child alone
        child.returncode = os.waitstatus_to_exitcode(status)
        wall, cpu = time.time() - started, used.ru_utime + used.ru_stime
        others = (_busy() - busy - cpu) / wall
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if child.returncode:
        raise RunError((texts[1].strip().splitlines() or [f"exit code {child.returncode}"])[-1])
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss: bytes on macOS, kilobytes elsewhere
    return Run(wall, cpu, used.ru_maxrss / unit, max(others, 0.0), texts[0])


@dataclass(frozen=True, slots=True)
class Peer:
    """Another framework on the same work, through the scripts `peer_NAME.py` of a folder."""

    name: str
    scripts: Path
    work: Path
    """Holds the environments, `v_NAME`, and the indexes, `ix/NAME_CORPUS`."""

    @property
    def missing(self) -> str:
        """Why it cannot run; empty when it can."""
        absent = [str(path) for path in (self._python, self._script) if not path.exists()]
        return f"not installed: there is no {absent[0]}" if absent else ""

    def ingest(self, folder: Path, *, again: bool = False) -> tuple[Run, dict[str, Any]]:
        """Index a folder, from nothing unless it is `again`: the process, and what the peer says of itself."""
        index = self.index(folder)
        if not again:
            self._clear(index)
        return self._run("ingest", folder.resolve(), index)

    def give(self, chunks: Path, folder: Path) -> None:
        """Make the index of a folder of chunks and vectors that are given; see `_peer_index.py`.

        Raises:
            RunError: It failed.
        """
        index = self.index(folder)
        self._clear(index)
        run([self._python, Path(__file__).with_name("_peer_index.py"), self.name, self.scripts, chunks, index])

    def query(self, folder: Path, queries: Path) -> tuple[Run, dict[str, Any]]:
        """Search the index of a folder: the process, and what the peer says of itself."""
        return self._run("query", self.index(folder), queries.resolve())

    def index(self, folder: Path) -> Path:
        """Where the index of a folder is."""
        return self.work / "ix" / f"{self.name}_{folder.resolve().name}"

    def _clear(self, index: Path) -> None:
        index.parent.mkdir(exist_ok=True)
        shutil.rmtree(index, ignore_errors=True)
        index.unlink(missing_ok=True)

    def _run(self, *arguments: str | Path) -> tuple[Run, dict[str, Any]]:
        done = run([self._python, self._script, *arguments], MODE=self.name.partition("+")[2])
        said = [line.removeprefix("RESULT ") for line in done.out.splitlines() if line.startswith("RESULT ")]
        return done, json.loads(said[0]) if said else {}

    @property
    def _python(self) -> Path:
        name = self.name.partition("+")[0]
        return self.work / f"v_{PEERS.get(name, name)}" / "bin" / "python"

    @property
    def _script(self) -> Path:
        return self.scripts / f"peer_{self.name.partition('+')[0]}.py"


def peers(scripts: Path | None, names: str) -> list[Peer]:
    """The peers of a folder of scripts; exits when PEERS_WORK or PEERS_MODEL is not set."""
    if scripts is None:
        return []
    for variable in ("PEERS_WORK", "PEERS_MODEL"):
        if not os.environ.get(variable):
            sys.exit(f"{variable} is not set; see {scripts}/README.md")
    return [Peer(name, scripts.resolve(), Path(os.environ["PEERS_WORK"]).resolve()) for name in names.split(",")]


@dataclass(slots=True)
class Series:
    """Measurements of one thing, and for each the one of Ragstone just before it."""

    values: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)

    def add(self, value: float, before: float = float("nan")) -> None:
        """Note a measurement."""
        self.values.append(value)
        self.before.append(before)

    def spread(self, digits: int = 2) -> str:
        """Median and, in brackets, least and most."""
        low, middle, high = min(self.values), statistics.median(self.values), max(self.values)
        return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"

    def ratio(self) -> str:
        """The median over that of Ragstone's and, in brackets, least and most of the ratios of neighbours."""
        each = [value / before for value, before in zip(self.values, self.before, strict=True)]
        middle = statistics.median(self.values) / statistics.median(self.before)
        return f"{middle:.1f} ({min(each):.1f}..{max(each):.1f})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a short row is filled up."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    lines += [[*map(str, row)] + [""] * (len(head) - len(row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def megabytes(path: Path) -> float:
    """The bytes of a file, or of all files of a folder, in MB."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _busy() -> float:
    """Seconds that all cores together have been busy since the machine started."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return float("nan")
    user, nice, system, _idle, _wait, *interrupts = map(int, fields)
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
