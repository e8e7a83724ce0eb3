"""A run of suites as a folder: `run.json` says what was run, `items/` has a line for each item as it was done,
`summary.json` the figures."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from .task import Row

VERSION = 1
"""Of the format."""
_RUN, _SUMMARY, _ITEMS, _LOCK = "run.json", "summary.json", "items", "run.lock"
_SAME = ("format", "subject", "judges", "seed", "limit", "units")
"""What a run that is resumed must have in common with its first part."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run on disk."""

    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run: versions, seeds, hashes, hardware.

        Raises:
            EvaluationError: This is no run, or one of a newer Ragstone.
        """
        found = _read(self.path / _RUN)
        if not isinstance(found, dict) or found.get("format", VERSION + 1) > VERSION:
            raise EvaluationError(
                "this run was made by a newer Ragstone", path=self.path, remedy="Read it with that version"
            )
        if "begun" not in found or not _are_units(found.get("units"), "name", "suite", "sha256"):
            raise _damaged(self.path / _RUN)
        return found

    @property
    def summary(self) -> dict[str, Any]:
        """The figures.

        Raises:
            EvaluationError: The run was not finished.
        """
        found = _read(self.path / _SUMMARY)
        if not isinstance(found, dict) or not _are_units(found.get("units"), "name", "metrics", "judged", "seconds"):
            raise _damaged(self.path / _SUMMARY)
        return found

    @property
    def finished(self) -> bool:
        """Whether all of it was run."""
        return (self.path / _SUMMARY).is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from running in the same folder, which is there from now on.

        Raises:
            EvaluationError: One does, or the folder cannot be written to.
        """
        self._require_own()
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / _LOCK).open("ab")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                remedy = "Wait for its end, or name another --out"
                raise EvaluationError("another process is running in it", path=self.path, remedy=remedy) from error
            yield

    def begin(self, manifest: Mapping[str, Any], *, resume: bool) -> None:
        """Make the folder, or go on in it.

        Raises:
            EvaluationError: There is a run already and it is not to be resumed, it is another one, or the folder cannot
                be written to.
        """
        if (self.path / _RUN).is_file():
            if not resume:
                raise EvaluationError(
                    "there is a run already",
                    path=self.path,
                    remedy="Add --resume to go on with it, or name another --out",
                )
            was = self.manifest
            if differing := [name for name in _SAME if was.get(name) != _plain(manifest).get(name)]:
                raise EvaluationError(
                    f"the run in this folder has another {', '.join(differing)}",
                    path=self.path,
                    remedy="Resume it with the options, data and code that it began with, or name another --out",
                )
            (self.path / _SUMMARY).unlink(missing_ok=True)
            return
        with self._writing():
            self._require_own()
            (self.path / _ITEMS).mkdir(parents=True, exist_ok=True)
            _write(self.path / _RUN, manifest)

    def rows(self, unit: str) -> list[Row]:
        """The items that are done, of one that was asked again the last; a last line that was cut off by a crash does
        not count.

        Args:
            unit: The name of a suite's set.

        Raises:
            EvaluationError: Another line than the last is damaged.
        """
        path = self._items(unit)
        if not path.is_file():
            return []
        return list({row.id: row for row in _rows(path)}.values())

    def add(self, unit: str, rows: Sequence[Row]) -> None:
        """Write items that are done, so that a crash cannot lose them."""
        with self._items(unit).open("ab") as file:
            for row in rows:
                file.write(json.dumps(asdict(row), ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def mend(self, unit: str) -> list[Row]:
        """The items that are done, after whatever a crash left of the last one has been cut off.

        Raises:
            EvaluationError: Another line than the last is damaged.
        """
        path = self._items(unit)
        if path.is_file():
            lines, whole = path.read_bytes().splitlines(keepends=True), sum(1 for _ in _rows(path))
            if len(lines) > whole:
                os.truncate(path, sum(map(len, lines[:whole])))
        return self.rows(unit)

    def finish(self, summary: Mapping[str, Any], **facts: Any) -> None:
        """Write the figures, and more that is known now of the run."""
        _write(self.path / _RUN, self.manifest | facts)
        _write(self.path / _SUMMARY, summary)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EvaluationError(
                f"the folder cannot be written to ({error.strerror})", path=self.path, remedy="Name another --out"
            ) from error

    def _require_own(self) -> None:
        """Refuse a folder that holds something else than a run."""
        if (self.path / _RUN).is_file() or not self.path.is_dir():
            return
        if any(one.name != _LOCK for one in self.path.iterdir()):
            raise EvaluationError("the folder is not empty", path=self.path, remedy="Name another --out")

    def _items(self, unit: str) -> Path:
        return self.path / _ITEMS / f"{unit.replace('/', '.')}.jsonl"


def find_runs(folder: Path) -> list[RunFolder]:
    """The finished runs below a folder, oldest first."""
    found = [RunFolder(path.parent) for path in folder.glob(f"*/{_SUMMARY}") if (path.parent / _RUN).is_file()]
    return sorted(found, key=lambda run: (run.manifest["begun"], run.path.name))


def _rows(path: Path) -> Iterator[Row]:
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            yield _row(line)
        except (TypeError, ValueError) as error:
            if number < len(lines):
                remedy = "Delete that line and go on with the run by --resume, or make it anew with another --out"
                raise EvaluationError(f"line {number} cannot be read ({error})", path=path, remedy=remedy) from error


def _row(line: bytes) -> Row:
    if not line.endswith(b"\n"):
        raise ValueError("the last line is not whole")
    row = Row(**json.loads(line))
    if not all(isinstance(told, dict) for told in (row.values, row.judged, row.times, row.reasons)):
        raise ValueError("it is no item of a run")
    return row


def _are_units(found: Any, *names: str) -> bool:
    """Whether it is a list of objects that have these names."""
    return isinstance(found, list) and all(isinstance(one, dict) and one.keys() >= set(names) for one in found)


def _damaged(path: Path) -> EvaluationError:
    return EvaluationError("it is not as Ragstone writes it", path=path, remedy="Run it again")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        what = "the run was not finished" if path.name == _SUMMARY else "this is not the folder of a run"
        remedy = "Add --resume to the command that began it" if path.name == _SUMMARY else "Name one"
        raise EvaluationError(what, path=path.parent, remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise EvaluationError(f"cannot be read ({error})", path=path, remedy="Run it again") from error


def _write(path: Path, content: Mapping[str, Any]) -> None:
    new = path.with_name(f".{path.name}.new")
    # Data may hold halves of characters, which no file can.
    new.write_bytes(json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n")
    new.replace(path)


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """As it is when it is read again."""
    plain: dict[str, Any] = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    return plain
