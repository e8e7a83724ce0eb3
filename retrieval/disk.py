"""Files as they lie on the disk."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def as_path(given: object) -> Path | None:
    """What was given as a path; None if it can be none: of another type, or not to be written as a file's name."""
    if not isinstance(given, str | os.PathLike):
        return None
    path = os.fspath(given)
    try:
        usable = isinstance(path, str) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return None
    return Path(path) if usable else None


def sha256_of(*files: Path) -> str:
    """The SHA-256 of what the files hold, one after another, in hexadecimal digits; they may be larger than memory.

    Raises:
        OSError: One cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def bytes_below(folder: Path) -> int:
    """The bytes of the files in a folder and the folders in it. What another process removes meanwhile counts for 0."""
    found = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                found += Path(inside, name).stat().st_size
    return found
