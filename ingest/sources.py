"""Which files there are, and which of them changed since they were last read."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SourceError
from ..retrieval.records import StoredFile


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
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason with remedy) of what was met in a folder and cannot be looked at."""
    roots: list[Path] = field(default_factory=list)
    """The absolute folders that were walked: a stored file below one of them that is gone was deleted."""


def walk(paths: Sequence[str | Path], suffixes: Iterable[str]) -> Walk:
    """Find the files to read. Hidden files and folders are left out, unless they are named themselves.

    Raises:
        SourceError: A path does not exist, cannot be read, or is neither a file nor a folder.
    """
    known = frozenset(suffixes)
    found, seen = Walk(), set[Path]()

    def fail(path: str | Path, reason: str) -> None:
        found.failed.append((os.fsencode(path).decode("utf-8", "replace"), reason))

    for given in map(Path, paths):
        is_folder = _is_folder(given)
        if is_folder:
            found.roots.append(_absolute(given))
        for file in _below(given, lambda error: fail(error.filename, unreadable(error))) if is_folder else [given]:
            absolute = _absolute(file)
            if absolute in seen:
                continue
            seen.add(absolute)
            try:
                status = file.stat()
                str(absolute).encode()
            except FileNotFoundError:  # a link to nowhere, or gone since its folder was read
                continue
            except UnicodeEncodeError:
                fail(file, "its path is not valid UTF-8. Rename the file or its folder.")
                continue
            except OSError as error:
                if error.errno != errno.ELOOP:
                    fail(file, unreadable(error))
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            if file.suffix.lower() in known or file == given:
                found.files.append(SourceFile(str(file), absolute, status.st_size, status.st_mtime_ns))
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
        if any(Path(absolute).is_relative_to(root) for root in found.roots) and _is_gone(absolute)
    ]


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(error: OSError) -> str:
    """Why something cannot be read, and what to do about it."""
    return f"it cannot be read ({(error.strerror or str(error)).lower()}). Check its permissions."


def _is_folder(given: Path) -> bool:
    try:
        mode = given.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(given).close()  # raises where the folder cannot be listed
            return True
    except (FileNotFoundError, NotADirectoryError) as error:
        what, remedy = "there is no such file or folder", "Check the spelling of the path"
        raise SourceError(what, path=given, remedy=remedy) from error
    except OSError as error:
        what = f"it cannot be read ({(error.strerror or str(error)).lower()})"
        raise SourceError(what, path=given, remedy="Check the path and its permissions") from error
    if not stat.S_ISREG(mode):
        raise SourceError("this is neither a file nor a folder", path=given, remedy="Name a file or a folder")
    return False


def _below(folder: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    # Links to folders are not followed: they can lead in a circle.
    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _is_gone(absolute: str) -> bool:
    """Whether a file does not exist; one in a folder that may not be looked into can well exist."""
    try:
        Path(absolute).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, and a link is a file of its own
