"""Which files there are, and which of them changed since they were last read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SourceError
from ..retrieval.library import StoredFile


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: its path as it was given, and where that is."""

    path: str
    absolute: Path
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Walk:
    """What was found under the paths given."""

    files: list[SourceFile] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    """Files of a folder whose format no parser reads."""
    roots: list[Path] = field(default_factory=list)
    """The absolute folders that were walked: a stored file below one of them that is gone was deleted."""


def walk(paths: Sequence[str | Path], suffixes: Iterable[str]) -> Walk:
    """Find the files to read. Hidden files and folders are left out, unless they are named themselves.

    Raises:
        SourceError: A path does not exist or is neither a file nor a folder.
    """
    known = frozenset(suffixes)
    found, seen = Walk(), set[Path]()
    for given in map(Path, paths):
        if not given.exists():
            raise SourceError("there is no such file or folder", path=given, remedy="Check the spelling of the path")
        if given.is_dir():
            found.roots.append(_absolute(given))
        elif not given.is_file():
            raise SourceError("this is neither a file nor a folder", path=given, remedy="Name a file or a folder")
        for file in _below(given) if given.is_dir() else [given]:
            absolute = _absolute(file)
            if absolute in seen:
                continue
            seen.add(absolute)
            if file.suffix.lower() in known or file == given:
                stat = file.stat()
                found.files.append(SourceFile(str(file), absolute, stat.st_size, stat.st_mtime_ns))
            else:
                found.unsupported.append(str(file))
    return found


def has_changed(file: SourceFile, stored: StoredFile | None, recipe: str) -> bool:
    """Whether a file has to be read again: new, of other content, or made by another recipe.

    Raises:
        OSError: The file cannot be read.
    """
    if stored is None or stored.recipe != recipe:
        return True
    same = (stored.size, stored.mtime_ns) == (file.size, file.mtime_ns)
    return not (same and stored.settled) and sha256(file.absolute) != stored.sha256


def deleted(found: Walk, stored: dict[str, StoredFile]) -> list[StoredFile]:
    """The stored files below the walked folders that no longer exist."""
    return [
        known
        for absolute, known in stored.items()
        if any(Path(absolute).is_relative_to(root) for root in found.roots) and not Path(absolute).exists()
    ]


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _below(folder: Path) -> Iterator[Path]:
    # Links to folders are not followed: they can lead in a circle.
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            path for name in sorted(names) if not name.startswith(".") and (path := Path(parent, name)).is_file()
        )


def _refuse(error: OSError) -> None:
    raise SourceError(
        f"the folder cannot be read ({(error.strerror or 'unknown reason').lower()})",
        path=error.filename,
        remedy="Change its permissions or leave it out",
    ) from error


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, and a link is a file of its own
