"""Some chunks of a library, ready to be searched: their vectors and their terms, in one order of rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._dense import Batches, Dense, Room
from ._postings import Mask, Postings

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._index_rows import StoredRows
    from ..library import Library

_AT_ONCE = 20_000
"""More vectors than this are read in parts."""
_PART = 8_192


@dataclass(frozen=True, eq=False)
class Segment:
    """Chunks in the order of their ids. A place is a position in it."""

    ids: npt.NDArray[np.int64]
    """(n,), ascending."""
    documents: npt.NDArray[np.int64]
    """(n,), the ids of their documents."""
    dense: Dense
    postings: Postings

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls) -> Segment:
        """One of no chunks."""
        none = np.zeros(0, np.int64)
        postings = Postings.build(none, none.astype(np.uint32), none.astype(np.uint8))
        return cls(none, none, Dense.build(none, np.zeros((0, 1), np.float32)), postings)

    @classmethod
    def read(cls, library: Library, after: int, memory_mb: int) -> tuple[StoredRows, Segment]:
        """The chunks whose id is greater than `after`, and what else was read with them."""
        rooms: list[Room] = []

        def allocate(rows: int, dimension: int) -> npt.NDArray[np.float32] | None:
            if rows > _AT_ONCE:
                return None
            rooms.append(Room(rows, dimension))
            return rooms[0].vectors

        rows = library.rows(after, allocate)
        if rooms:
            dense = rooms[0].filled(rows.ids)
        else:
            dense = Dense.build(rows.ids, exact_vectors(library, rows.ids, rows.vectors.shape[1]), memory_mb)
        postings = Postings.build(rows.counts, rows.term_ids, rows.frequencies)
        return rows, cls(rows.ids, rows.documents, dense, postings)

    @property
    def last(self) -> int:
        """The greatest id; 0 when there is none."""
        return int(self.ids[-1]) if len(self.ids) else 0

    def alive(self, removed: npt.NDArray[np.int64]) -> Mask | None:
        """Which places hold none of these chunks (ascending ids); None when all do."""
        places = self.places(removed)
        if not (places >= 0).any():
            return None
        alive = np.ones(len(self), np.bool_)
        alive[places[places >= 0]] = False
        return alive

    def places(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where each chunk stands (m,); -1 for one that is not here."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        places = np.searchsorted(self.ids, ids)
        places[places == len(self)] = 0
        places[self.ids[places] != ids] = -1
        return places


def exact_vectors(library: Library, ids: npt.NDArray[np.int64], dimension: int) -> Batches:
    """The vectors of chunks as the library has them; zeros for one that was removed meanwhile."""

    def batches() -> Iterator[npt.NDArray[np.float32]]:
        nothing = np.zeros(dimension, np.float32)
        for start in range(0, len(ids), _PART):
            part = ids[start : start + _PART].tolist()
            known = library.vectors_of(part)
            yield np.stack([known.get(number, nothing) for number in part])

    return batches


def merged_postings(parts: Sequence[tuple[Postings, Mask | None]], folder: Path) -> Postings:
    """The live rows of all parts, in files of a folder from the start: they may be more than memory holds."""

    def allocate(name: str, length: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if not length:
            np.save(folder / f"{name}.npy", np.empty(0, dtype))
            return np.empty(0, dtype)
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (length,))
        with (folder / f"{name}.npy").open("r+b") as file:  # else writing to a full disk would kill the process
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
        return array

    return Postings.merged(parts, allocate)


def joined(parts: Iterable[npt.NDArray[np.int64]], alive: Iterable[Mask | None]) -> npt.NDArray[np.int64]:
    """What is alive of each part, one after the other."""
    kept = [part if mask is None else part[mask] for part, mask in zip(parts, alive, strict=True)]
    return np.concatenate([np.zeros(0, np.int64), *kept])
