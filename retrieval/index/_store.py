"""Segments on disk: a folder for each generation, whole or not there, with a checksum of every file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from ._dense import Dense
from ._postings import Postings
from ._segment import Segment

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger(__name__)

MANIFEST, VECTORS = "manifest.json", "vectors.faiss"
ARRAYS = ("ids", "documents", "offsets", "places", "frequencies", "lengths")
FILES = (MANIFEST, VECTORS, *(f"{name}.npy" for name in ARRAYS))
_FORMAT = 1
_ZEROS = 1 << 20
"""Bytes of them that are written at a time."""
_TOLD = {"format", "generation", "kind", "rows", "files"}


class DamagedError(Exception):
    """A generation is not what was written."""


def open_generation(folder: Path) -> Segment | None:
    """The stored segment, mapped into memory; None when it is gone or, as is logged then, damaged."""
    if not folder.is_dir():
        return None
    try:
        manifest = verified(folder)
        ids, documents, offsets, places, frequencies, lengths = (_mapped(folder / f"{name}.npy") for name in ARRAYS)
        dense = Dense.open(folder / VECTORS, ids)
        if dense.kind != manifest["kind"] or not len(ids) == len(documents) == len(lengths) == manifest["rows"]:
            raise DamagedError("its files do not belong together")
    except (DamagedError, OSError, RuntimeError, ValueError, EOFError) as error:
        if folder.is_dir():  # else another process has put a newer one into its place
            told = (str(error).splitlines() or [type(error).__name__])[0]
            log.warning("%s is damaged and will be made anew from the library (%s)", folder, told)
        return None
    return Segment(ids, documents, dense, Postings(offsets, places, frequencies, lengths))


@contextmanager
def new_generation(folder: Path, name: str) -> Iterator[Path]:
    """A folder to write the files of a generation into, which gets its name when all of them are on the disk.

    The caller holds the library's lock.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".new-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
        made = Path(temporary) / "index"
        made.mkdir()
        yield made
        for file in (*made.iterdir(), made):
            _sync(file)
        shutil.rmtree(folder / name, ignore_errors=True)
        made.rename(folder / name)
        _sync(folder)


def written(made: Path, dense: Dense) -> Dense:
    """Vectors from the folder of a new generation, into which they are written: they need no memory any more.

    Raises:
        RuntimeError: They cannot be written.
    """
    dense.write(made / VECTORS)
    return Dense.open(made / VECTORS, dense.ids)


def write_segment(made: Path, name: str, segment: Segment) -> None:
    """Write what is not yet in the folder of a new generation (see `written`, `allocated`), and the manifest.

    Raises:
        OSError, RuntimeError: It cannot be written.
    """
    postings = segment.postings
    rows: list[npt.NDArray[Any]] = [segment.ids, segment.documents]
    arrays = [*rows, postings.offsets, postings.places, postings.frequencies, postings.lengths]
    for field, array in zip(ARRAYS, arrays, strict=True):
        if not (made / f"{field}.npy").exists():  # else the array is mapped from this file already
            np.save(made / f"{field}.npy", array, allow_pickle=False)
    files = {path.name: {"bytes": path.stat().st_size, "xxh3_128": _checksum(path)} for path in sorted(made.iterdir())}
    manifest = {
        "format": _FORMAT,
        "generation": name,
        "kind": segment.dense.kind,
        "rows": len(segment),
        "files": files,
    }
    (made / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def allocated(made: Path) -> Callable[[str, int, np.dtype[Any]], npt.NDArray[Any]]:
    """Gives arrays in files of the folder of a new generation: they may be more than memory holds."""

    def allocate(name: str, length: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if not length:
            return np.empty(0, dtype)
        path = made / f"{name}.npy"
        array = np.lib.format.open_memmap(path, "w+", dtype, (length,))
        _take_place(path, array.offset)
        return array

    return allocate


def _take_place(path: Path, header: int) -> None:
    """Have a sparse file all its place on the disk: else a full disk, met by writing to memory, would kill the process.

    Raises:
        OSError: There is not so much.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        file.seek(header)  # macOS has no such call
        for start in range(header, size, _ZEROS):
            file.write(bytes(min(_ZEROS, size - start)))


def remove_others(folder: Path, name: str) -> None:
    """Remove every generation but one."""
    for other in folder.iterdir():
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)


def verified(folder: Path) -> dict[str, Any]:
    """The manifest of a generation, every file of which is what was written.

    Raises:
        DamagedError: One is not.
        OSError, ValueError: It cannot be read.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    if not isinstance(manifest, dict) or manifest.keys() != _TOLD or not isinstance(manifest["files"], dict):
        raise DamagedError(f"{MANIFEST} is not what was written")
    if (manifest["format"], manifest["generation"]) != (_FORMAT, folder.name):
        raise DamagedError(f"it is generation {manifest['generation']} in format {manifest['format']}")
    if {MANIFEST, *manifest["files"]} != {*FILES}:
        raise DamagedError("it has other files")
    for name, told in manifest["files"].items():
        path = folder / name
        if told != {"bytes": path.stat().st_size, "xxh3_128": _checksum(path)}:
            raise DamagedError(f"{name} is not what was written")
    return manifest


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def _mapped(path: Path) -> npt.NDArray[Any]:
    # As a plain array: each slice of a memmap costs a microsecond more.
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
