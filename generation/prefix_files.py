"""How the files are named in which is kept what models have read of prompts (see `llama._prefixes`), and how they go.

Without llama.cpp, which takes long to import. The folder may be a user's own that happens to have the name: nothing in
it is touched but what bears such names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_KEY, _PROMPT = 16, 24  # hexadecimal digits
_HEX = "[0-9a-f]"


def key_folder(folder: Path, key: Sequence[object]) -> Path:
    """Where the files of a key lie."""
    return folder / hashlib.sha256(repr(tuple(key)).encode()).hexdigest()[:_KEY]


def prefix_file(keys_folder: Path, prompt: bytes) -> Path:
    """The file of a prompt."""
    return keys_folder / f"{hashlib.sha256(prompt).hexdigest()[:_PROMPT]}.kv"


def partial_file(path: Path, process: int) -> Path:
    """What a process writes before it is whole."""
    return path.with_suffix(f".{process}.new")


def prefix_files(folder: Path, suffix: str = "kv") -> Iterator[Path]:
    """The files of every key."""
    return folder.glob(f"{_HEX * _KEY}/{_HEX * _PROMPT}.{suffix}")


def forget_prefixes(folder: Path) -> None:
    """Delete the files of every key, whole or partial, and the folders that are empty then."""
    keys = list(folder.glob(_HEX * _KEY))
    for path in (*prefix_files(folder), *prefix_files(folder, "*.new")):
        path.unlink(missing_ok=True)
    for emptied in (*keys, folder) if keys else ():
        with suppress(OSError):  # what else is in it stays
            emptied.rmdir()
