"""Files that come from a browser, stored inside the library's folder and nowhere else."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ...errors import LibraryWriteError, SourceError
from ...ingest.parsers import family
from ...retrieval.library import Library

FOLDER = "uploads"
_LONGEST_NAME = 120
_MOST_BYTES = 240
"""Of a name: file systems count bytes, and most take 255 of them."""
_MOST_LEVELS = 12
_COPY = 1 << 20


def store_uploads(library: Library, files: Iterable[tuple[str, BinaryIO]]) -> tuple[list[Path], list[str]]:
    """Store files; one of the same name is replaced.

    Args:
        library: Whose folder they go to.
        files: The name of each, which may hold folders, and its content.

    Returns:
        Where they are, and the names of those that are not stored: no parser reads them, or the name cannot be used.

    Raises:
        LibraryWriteError: They cannot be stored.
    """
    stored, refused = [], []
    for name, content in files:
        try:
            inside = Path(FOLDER) / safe_name(name)
        except SourceError:
            refused.append(name)
            continue
        place = library.folder / inside
        if family(place) is None:
            refused.append(name)
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, content)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                refused.append(name)
                continue
            raise LibraryWriteError(
                f"an upload cannot be stored ({os.strerror(error.errno or 0).lower()})",
                path=place,
                remedy="Free disk space, or give it another name",
            ) from error
        stored.append(library.named / inside)
    return stored, refused


def safe_name(name: str) -> Path:
    """A path that stays below the folder it is joined to, whatever a browser says a file is called.

    Where that is not the name itself, it holds a hash of it: what differs before has to differ afterwards.

    Raises:
        SourceError: Nothing of the name is left.
    """
    name = unicodedata.normalize("NFC", name)
    parts = [_safe(part) for part in PurePosixPath(name.replace("\\", "/").lstrip("/")).parts]
    kept = [part for part in parts if part][-_MOST_LEVELS:]
    if not kept:
        raise SourceError("an upload has no name that can be used", path=name, remedy="Rename the file")
    if "/".join(kept) != name:
        kept[-1] = _cut(kept[-1], f"-{_hash(name)}")
    return Path(*kept)


def remove_upload(library: Library, file: Path) -> None:
    """Delete a file that was uploaded; any other stays."""
    if file.resolve().is_relative_to((library.folder / FOLDER).resolve()):
        file.unlink(missing_ok=True)


def _write(place: Path, content: BinaryIO) -> None:
    """Write a file whole or not at all; of two that are written at once the last one stays."""
    coming = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with coming.open("wb") as out:
            while block := content.read(_COPY):
                out.write(block)
        coming.replace(place)
    finally:
        coming.unlink(missing_ok=True)


def _safe(part: str) -> str:
    """A part of a path without what is special to a file system; empty for `.`, `..` and the like."""
    part = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", part).lstrip(". ").rstrip(". ")
    return part if len(part) <= _LONGEST_NAME and _size(part) <= _MOST_BYTES else _cut(part)


def _cut(part: str, mark: str = "") -> str:
    """A part of a path, short enough for file systems, with a mark before its suffix."""
    path = PurePosixPath(part)
    start, end = path.stem[: _LONGEST_NAME - 12 - len(mark)], mark + path.suffix[:11]
    while _size(start + end) > _MOST_BYTES:
        start = start[:-1]
    return start + end


def _size(part: str) -> int:
    return len(os.fsencode(part))


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
