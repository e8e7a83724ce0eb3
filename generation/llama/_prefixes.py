"""What the model has read of prompts, kept on disk: a prompt that begins like one before is not read again."""

from __future__ import annotations

import ctypes
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy as np
import numpy.typing as npt

from ..prefix_files import key_folder, partial_file, prefix_file, prefix_files

_MAGIC = b"RSKV0001"
_WORTH = 32
"""Tokens; what saves less than this is not worth a read from disk."""
_COVERED = 0.9
"""What a stored prefix already holds so much of is not stored again."""

Tokens = npt.NDArray[np.int32]


def shared(one: Sequence[int] | Tokens, other: Sequence[int] | Tokens) -> int:
    """How many tokens two prompts begin with in common."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(np.asarray(one[:length], np.int32) != np.asarray(other[:length], np.int32))
    return int(differ[0]) if len(differ) else length


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    tokens: Tokens
    bytes: int


class PrefixStore:
    """States of llama.cpp's memory, one file a prompt. What cannot be read is deleted, not trusted.

    They hold what documents say, so the folder is its owner's alone and belongs into the library's.

    Args:
        folder: Where they lie; made when the first one is stored.
        most_bytes: Of all files; those used longest ago go first.
        key: All that a state depends on except the tokens: weights, version of llama.cpp, kind of memory, adapters.
    """

    def __init__(self, folder: Path, most_bytes: int, key: Sequence[object]) -> None:
        self._whole = folder
        self._folder = key_folder(folder, key)
        self._most_bytes = most_bytes
        self._entries: dict[Path, _Entry] | None = None

    def find(self, tokens: Sequence[int], more_than: int) -> Path | None:
        """The file that shares the longest beginning with a prompt, if it saves enough over `more_than` tokens."""
        best = max(self._known().values(), key=lambda entry: shared(entry.tokens, tokens), default=None)
        if best is None or shared(best.tokens, tokens) < more_than + _WORTH:
            return None
        with suppress(OSError):
            os.utime(best.path)  # what is stored before it is loaded must rather take the place of another
        return best.path

    def load(self, path: Path, context: object, sequence: int) -> list[int]:
        """Puts a state into an empty sequence. Returns its tokens; none if the file is gone or not what it was."""
        entry = self._known().get(path)
        if entry is None:
            return []
        with suppress(OSError):
            data = path.read_bytes()
            start = _header_size(len(entry.tokens))
            state = data[start:]
            if _checksum(data[16:start], state) == data[12:16]:
                buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
                if llama_cpp.llama_state_seq_set_data(context, buffer, len(state), sequence):
                    os.utime(path)
                    return [int(token) for token in entry.tokens]
        self._drop(path)
        return []

    def save(self, tokens: Sequence[int], context: object, sequence: int) -> None:
        """Stores the state of a sequence that holds just these tokens, unless most of it is stored already."""
        known = self._known()
        if len(tokens) < _WORTH or any(shared(e.tokens, tokens) >= _COVERED * len(tokens) for e in known.values()):
            return
        size = llama_cpp.llama_state_seq_get_size(context, sequence)
        if not 0 < size <= self._most_bytes:
            return
        state = (ctypes.c_uint8 * size)()
        if llama_cpp.llama_state_seq_get_data(context, state, size, sequence) != size:
            return
        array = np.asarray(tokens, np.int32)
        path = prefix_file(self._folder, array.tobytes())
        head = _MAGIC + len(array).to_bytes(4, "little") + _checksum(array.tobytes(), state)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = partial_file(path, os.getpid())
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(head + array.tobytes())
                file.write(state)
            partial.replace(path)
        except OSError:  # a full disk or a folder that is read-only: it is only a cache
            return
        known[path] = _Entry(path, array, path.stat().st_size)
        self._make_room()

    def clear(self) -> None:
        """Deletes all that are known here."""
        for path in list(self._known()):
            self._drop(path)

    def _known(self) -> dict[Path, _Entry]:
        if self._entries is None:
            files = [path for path in prefix_files(self._whole) if path.parent == self._folder]
            self._entries = {entry.path: entry for entry in map(_read, files) if entry is not None}
        return self._entries

    def _make_room(self) -> None:
        """Deletes what was used longest ago, of every key: another model's states are in the way, too."""
        files = []
        for path in prefix_files(self._whole):
            with suppress(OSError):
                about = path.stat()
                files.append((about.st_mtime_ns, about.st_size, path))
        taken = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if taken <= self._most_bytes:
                break
            self._drop(path)
            taken -= size

    def _drop(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()
        self._known().pop(path, None)


def _checksum(tokens: bytes, state: bytes | ctypes.Array[ctypes.c_uint8]) -> bytes:
    return zlib.crc32(state, zlib.crc32(tokens)).to_bytes(4, "little")


def _header_size(tokens: int) -> int:
    return len(_MAGIC) + 8 + 4 * tokens


def _read(path: Path) -> _Entry | None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
            count = int.from_bytes(head[8:12], "little")
            tokens = np.frombuffer(file.read(4 * count), np.int32)
            size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError):
        return None
    if head[:8] != _MAGIC or len(tokens) != count or size <= _header_size(count):
        return None
    return _Entry(path, tokens, size)
