"""A state of a library as it was read: the stored index that belongs to it, and what came after that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..library import Library
from ._dense import Batches, Dense, Room, choose
from ._places import Mask
from ._postings import Postings
from ._segment import Segment
from ._store import allocated, open_generation, written

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._index_rows import StoredRows

_STALE_SHARE = 10
"""The stored index is made anew when a tenth of the chunks is missing in it or gone."""
_PART = 8_192


@dataclass(frozen=True, eq=False)
class News:
    """Chunks as they were read, not yet ready to be searched, and what else was read with them."""

    library: Library
    rows: StoredRows
    room: Room | None
    """Their vectors; None when there are so many that they are read in parts."""
    memory_mb: float

    @classmethod
    def read(cls, library: Library, after: int, memory_mb: float, most: int) -> News:
        """Read the chunks whose id is greater than `after`, with their vectors if there are no more than `most`."""
        rooms: list[Room] = []

        def allocate(rows: int, dimension: int) -> npt.NDArray[np.float32] | None:
            if rows > most or rows * dimension * 4 > memory_mb * 2**20:
                return None
            rooms.append(Room(rows, dimension))
            return rooms[0].vectors

        rows = library.rows(after, allocate)
        return cls(library, rows, rooms[0] if rooms else None, memory_mb)

    @cached_property
    def postings(self) -> Postings:
        return Postings.build(self.rows.counts, self.rows.term_ids, self.rows.frequencies)

    @property
    def segment(self) -> Segment:
        """Ready to be searched."""
        rows, room = self.rows, self.room
        if room is not None:
            return Segment(rows.ids, rows.documents, room.filled(rows.ids), self.postings, room.vectors)
        dense = Dense.build(rows.ids, self.exact(rows.ids), self.memory_mb)
        return Segment(rows.ids, rows.documents, dense, self.postings)

    def exact(self, ids: npt.NDArray[np.int64]) -> Batches:
        """The vectors of chunks as the library has them; zeros for one that was removed or embedded anew meanwhile."""

        def batches() -> Iterator[npt.NDArray[np.float32]]:
            nothing = np.zeros(self.rows.vectors.shape[1], np.float32)
            for start in range(0, len(ids), _PART):
                part = ids[start : start + _PART].tolist()
                known = self.library.vectors_of(part, self.rows.embedder)
                yield np.stack([known.get(number, nothing) for number in part])

        return batches


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One state of a library."""

    base: Segment
    """The stored index; empty when there is none."""
    news: News

    @classmethod
    def read(cls, library: Library, memory_mb: float, most: int) -> Snapshot:
        """Read the present state, the vectors of the news if there are no more of them than `most`."""
        while True:
            name = library.published
            base = (open_generation(folder_of(library) / name) if name else None) or Segment.empty()
            news = News.read(library, base.last, memory_mb, most)
            if news.rows.published == name:  # else another process has stored one in between
                return cls(base, news)

    @cached_property
    def alive(self) -> Mask | None:
        """Which rows of the base are left; None when all are."""
        return self.base.alive(self.news.rows.removed)

    @property
    def is_stale(self) -> bool:
        """Whether the index should be stored anew."""
        live = len(self.base) if self.alive is None else int(np.count_nonzero(self.alive))
        missing = len(self.news.rows.ids) + len(self.news.rows.removed)
        return missing > (live + len(self.news.rows.ids)) // _STALE_SHARE

    def merged(self, folder: Path) -> Segment:
        """Everything that is alive, in one segment, whose vectors and postings are in files of this folder."""
        base, rows, alive = self.base, self.news.rows, self.alive
        kept = slice(None) if alive is None else alive
        ids = np.concatenate([base.ids[kept], rows.ids])
        documents = np.concatenate([base.documents[kept], rows.documents])
        dense = written(folder, self._dense(ids))  # first, and one after the other: each needs much memory for a while
        postings = Postings.merged([(base.postings, alive), (self.news.postings, None)], allocated(folder))
        return Segment(ids, documents, dense, postings)

    def _dense(self, ids: npt.NDArray[np.int64]) -> Dense:
        news, room = self.news, self.news.room
        if room is None:
            return Dense.build(ids, news.exact(ids), news.memory_mb)
        if len(self.base) and (self.alive is None or self.alive.any()):  # else the new ones may be of another model
            removed, new = news.rows.removed, news.rows.ids
            return self.base.dense.updated(removed, new, room.vectors, news.memory_mb, news.exact(ids))
        if choose(len(ids), room.vectors.shape[1], news.memory_mb).lists:
            return Dense.build(ids, room.vectors, news.memory_mb)
        return room.filled(ids)


def folder_of(library: Library) -> Path:
    """Where a library's stored index is."""
    return library.folder / "index"
