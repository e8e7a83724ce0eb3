"""The search index of a library: a cache of its vectors and terms.

The stored index ("base") is a folder that the database names; it is written under another name, renamed when it is
whole, and then named. What came after it ("news") and what was removed since ("tombstones") is read from the database
in one snapshot. So searches always see the library as it is, and an ingest of one file does not write the index of a
hundred thousand chunks anew. Vectors have length 1, so the inner product is the cosine.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import LibraryLockedError, LibraryWriteError
from ..disk import bytes_below
from ..library import Library
from ._dense import FLAT_BELOW
from ._places import Mask, both
from ._postings import K1 as K1
from ._postings import Segment as Searched
from ._postings import bm25, bm25_of, holding, holds
from ._segment import Segment, following
from ._snapshot import News, Snapshot, folder_of
from ._store import DamagedError as DamagedError
from ._store import new_generation, remove_others, write_segment
from ._store import verified as verified

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._index_rows import StoredRows

log = logging.getLogger(__name__)

MEMORY_MB = 2048
"""What the vectors may take when they are mapped into memory; above it they are compressed."""


@dataclass(frozen=True, slots=True)
class Among:
    """The chunks that a search is limited to, for the index that gave it and no other."""

    masks: tuple[Mask, ...]

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(mask)) for mask in self.masks)


@dataclass(frozen=True, slots=True)
class IndexState:
    """What `status` tells of an index."""

    kind: str
    """Of the vectors: "flat f32", "ivf1024 f16"."""
    generation: str
    """The name of the stored index; empty when there is none."""
    rows: int
    """Chunks in the stored index, those removed since included."""
    news: int
    """Chunks that are not in it yet."""
    tombstones: int
    """Chunks removed since it was stored."""
    bytes: int
    """What it takes on the disk."""
    approximate: bool
    """A search by vectors may miss some of the nearest."""


class Index:
    """One revision of a library, ready to be searched. Immutable, and safe to use from several threads.

    Attributes:
        revision: The library's.
        embedder: The model of the vectors; None while there are none.
    """

    def __init__(
        self, library: Library, base: Segment, news: Sequence[Segment], rows: StoredRows, memory_mb: float
    ) -> None:
        self._library, self._base, self._news, self._memory_mb = library, base, tuple(news), memory_mb
        self._name, self._analysis, self._tombstones = rows.published, rows.analysis, len(rows.removed)
        self._segments = [segment for segment in (base, *news) if len(segment)]
        self._alive = [segment.alive(rows.removed) for segment in self._segments]
        dead = sum(int(np.count_nonzero(~alive)) for alive in self._alive if alive is not None)
        self._count = sum(map(len, self._segments)) - dead
        self.revision, self.embedder = rows.revision, rows.embedder

    @classmethod
    def load(cls, library: Library, memory_mb: float = MEMORY_MB) -> Index:
        """Open the index of the library's present revision, and store it if that is worth while and nobody writes."""
        read = Snapshot.read(library, memory_mb, sys.maxsize)
        if read.is_stale:
            try:
                with library.locked(queue=False, aside=True):
                    return cls.publish(library, memory_mb)
            except (LibraryLockedError, LibraryWriteError) as error:
                log.debug("the index is not stored now: %s", error)
        return cls._of(library, read, memory_mb)

    @classmethod
    def publish(cls, library: Library, memory_mb: float = MEMORY_MB) -> Index:
        """Store the index for the next process, if it has changed enough; the caller holds the library's lock."""
        read = Snapshot.read(library, memory_mb, FLAT_BELOW)
        if read.is_stale:
            folder, name = folder_of(library), str(read.news.rows.revision)
            try:
                with new_generation(folder, name) as made:
                    write_segment(made, name, read.merged(made))
            except (OSError, RuntimeError) as error:
                # A full disk or a read-only folder costs the next process a second; searching goes on.
                log.warning("%s: the index could not be stored (%s)", folder, str(error).splitlines()[-1])
            else:
                library.use_index(name, without=read.news.rows.removed.tolist())
                remove_others(folder, name)
                read = Snapshot.read(library, memory_mb, FLAT_BELOW)
        return cls._of(library, read, memory_mb)

    def refreshed(self, library: Library) -> Index:
        """This index, or if the library has changed another one that follows it."""
        if self.revision == library.revision:
            return self
        # What this process has read of the news before stays as it is, unless a backup has taken the library's place.
        news = self._news if library is self._library else ()
        last = max((segment.last for segment in (self._base, *news)), default=0)
        new = News.read(library, last, self._memory_mb, sys.maxsize)
        rows = new.rows
        if (rows.published, rows.analysis, rows.embedder) != (self._name, self._analysis, self.embedder):
            return Index.load(library, self._memory_mb)
        return Index(library, self._base, following(news, new.segment), rows, self._memory_mb)

    @classmethod
    def _of(cls, library: Library, read: Snapshot, memory_mb: float) -> Index:
        return cls(library, read.base, following((), read.news.segment), read.news.rows, memory_mb)

    def __len__(self) -> int:
        return self._count

    @property
    def kind(self) -> str:
        """What holds the vectors: "flat f32", "ivf1024 f16"."""
        return (self._segments or [self._base])[0].dense.kind

    @property
    def state(self) -> IndexState:
        """What `status` tells."""
        return IndexState(
            kind=self.kind,
            generation=self._name,
            rows=len(self._base),
            news=sum(map(len, self._news)),
            tombstones=self._tombstones,
            bytes=bytes_below(folder_of(self._library) / self._name) if self._name else 0,
            approximate=any(not segment.dense.kind.startswith("flat") for segment in self._segments),
        )

    def rows_among(self, document_ids: npt.NDArray[np.int64]) -> Among:
        """The chunks of these documents, for this index's searches."""
        return Among(tuple(np.isin(segment.documents, document_ids) for segment in self._segments))

    def dense(self, vector: npt.NDArray[np.float32], k: int, among: Among | None = None) -> list[tuple[int, float]]:
        """The k nearest chunks of a query vector: ids and cosines, best first; of equal ones, the older first.

        Args:
            vector: The query's embedding, (dimension,), of length 1.
            k: The most chunks to return, from 1.
            among: Only these; all by default.
        """
        found: list[tuple[int, float]] = []
        for segment, alive, limit in self._with_masks(among):
            dense, wanted = segment.dense, both(alive, limit)
            if wanted is None or wanted.any():
                hits = dense.search(vector, k * dense.overfetch, wanted)
                places = np.fromiter((place for place, _ in hits), np.int64, len(hits))
                cosines = [cosine for _, cosine in hits] if dense.exact else self._cosines(segment, vector, places)
                found += zip(segment.ids[places].tolist(), cosines, strict=True)
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def similarities(self, vector: npt.NDArray[np.float32], ids: Iterable[int]) -> dict[int, float]:
        """The cosine of a query vector (dimension,) with each chunk; what is not in the index is left out."""
        found: dict[int, float] = {}
        for n, numbers, places in self._located(ids):
            found |= zip(numbers, self._cosines(self._segments[n], vector, places), strict=True)
        return found

    def kept(self, ids: Iterable[int], among: Among | None = None) -> list[int]:
        """Those of these chunks that are in the index and among those that a search is limited to."""
        kept: list[int] = []
        for n, numbers, places in self._located(ids):
            limit = None if among is None else among.masks[n]
            kept += (
                numbers if limit is None else [i for i, inside in zip(numbers, limit[places], strict=True) if inside]
            )
        return kept

    def lexical(self, terms: Sequence[int], k: int, among: Among | None = None) -> list[tuple[int, float]]:
        """The k chunks of the best BM25 scores among those that hold any of the terms; of equal ones, the older first.

        Args:
            terms: Their ids (see `Library.term_ids`).
            k: The most chunks to return, from 1.
            among: Only these; all by default. The statistics are always those of the whole library.
        """
        segments = [(segment.postings, alive, limit) for segment, alive, limit in self._with_masks(among)]
        return [(int(self._segments[n].ids[place]), score) for n, place, score in bm25(segments, terms, k)]

    def bm25_of(self, terms: Sequence[int], ids: Iterable[int]) -> dict[int, float]:
        """The BM25 score of each chunk, 0 if it holds none of the terms; what is not in the index is left out."""
        numbers, rows = [], []
        for n, known, places in self._located(ids):
            numbers += known
            rows += [(n, place) for place in places.tolist()]
        return dict(zip(numbers, bm25_of(self._searched, terms, rows), strict=True))

    def coverage(self, weights: Mapping[int, float], ids: Iterable[int]) -> dict[int, float]:
        """The sum of the weights of the terms that stand in each chunk or in those before and after it in its document;
        what is not in the index is left out."""
        found: dict[int, float] = {}
        terms, worth = list(weights), np.array(list(weights.values()))
        for n, numbers, places in self._located(ids):
            segment = self._segments[n]
            rows = np.vstack([places, segment.neighbours(places, self._alive[n])])
            held = holds(segment.postings, terms, rows.ravel()).reshape(len(terms), *rows.shape).any(axis=1)
            found |= zip(numbers, (worth @ held).tolist(), strict=True)
        return found

    def holding(self, terms: Sequence[int]) -> list[int]:
        """How many chunks hold each term."""
        return holding(self._searched, terms)

    @property
    def _searched(self) -> list[Searched]:
        return [(segment.postings, alive, None) for segment, alive in zip(self._segments, self._alive, strict=True)]

    def _with_masks(self, among: Among | None) -> Iterable[tuple[Segment, Mask | None, Mask | None]]:
        limits: Sequence[Mask | None] = [None] * len(self._segments) if among is None else among.masks
        return zip(self._segments, self._alive, limits, strict=True)

    def _located(self, ids: Iterable[int]) -> Iterator[tuple[int, list[int], npt.NDArray[np.int64]]]:
        """The chunks that are alive: number of the segment, ids and places."""
        wanted = np.fromiter(ids, np.int64)
        for n, (segment, alive) in enumerate(zip(self._segments, self._alive, strict=True)):
            places = segment.places(wanted)
            known = places >= 0
            if alive is not None:
                known &= alive[places]
            yield n, wanted[known].tolist(), places[known]

    def _cosines(self, segment: Segment, vector: npt.NDArray[np.float32], places: npt.NDArray[np.int64]) -> list[float]:
        """The cosines with rows, of the exact vectors; a chunk that was removed meanwhile has the index's."""
        cosines: list[float] = segment.dense.similarities(vector, places).tolist()
        if segment.dense.exact:
            return cosines
        numbers = segment.ids[places].tolist()
        known = self._library.vectors_of(numbers, self.embedder)
        return [
            float((known[number] * vector).sum()) if number in known else cosine
            for number, cosine in zip(numbers, cosines, strict=True)
        ]
