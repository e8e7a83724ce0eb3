"""The search index of a library: a cache of its vectors and terms.

The stored index ("base") is a folder that the database names; it is written under another name, renamed when it is
whole, and then named. What came after it ("news") and what was removed since ("tombstones") is read from the database
in one snapshot. So searches always see the library as it is, and an ingest of one file does not write the index of a
hundred thousand chunks anew. Vectors have length 1, so the inner product is the cosine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import LibraryLockedError, LibraryWriteError
from ..library import Library
from ._dense import Dense
from ._postings import Mask, bm25, bm25_of, ideal, idf
from ._postings import Segment as Searched
from ._segment import Segment, exact_vectors, joined, merged_postings
from ._store import DamagedError as DamagedError
from ._store import new_generation, open_generation, remove_others, size, write_segment
from ._store import verified as verified

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._index_rows import StoredRows

log = logging.getLogger(__name__)

MEMORY_MB = 1024
"""What the vectors may take when they are mapped into memory; above it they are compressed."""

_STALE_SHARE = 10
"""The stored index is made anew when a tenth of the chunks is missing in it or gone."""


@dataclass(frozen=True, slots=True)
class Among:
    """The chunks that a search is limited to, for the index that gave it and no other."""

    masks: tuple[Mask, ...]


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
    """

    def __init__(self, library: Library, base: Segment, rows: StoredRows, news: Segment, memory_mb: int) -> None:
        self._library, self._base, self._news, self._memory_mb = library, base, news, memory_mb
        self._name, self._removed, self._new_vectors = rows.published, rows.removed, rows.vectors
        self._segments = [segment for segment in (base, news) if len(segment)]
        self._alive = [segment.alive(rows.removed) for segment in self._segments]
        dead = sum(int(np.count_nonzero(~alive)) for alive in self._alive if alive is not None)
        self._count = sum(map(len, self._segments)) - dead
        self.revision = rows.revision

    @classmethod
    def load(cls, library: Library, memory_mb: int = MEMORY_MB) -> Index:
        """Open the index of the library's present revision, and store it if that is worth while and nobody writes."""
        index = cls._read(library, memory_mb)
        if index._is_stale:
            try:
                with library.locked():
                    return cls._published(library, memory_mb, index)
            except (LibraryLockedError, LibraryWriteError) as error:
                log.debug("the index is not stored now: %s", error)
        return index

    @classmethod
    def publish(cls, library: Library, memory_mb: int = MEMORY_MB) -> Index:
        """Store the index for the next process, if it has changed enough; the caller holds the library's lock."""
        return cls._published(library, memory_mb, cls._read(library, memory_mb))

    def refreshed(self, library: Library) -> Index:
        """This index, or if the library has changed another one that follows it."""
        if self.revision == library.revision:
            return self
        rows, news = Segment.read(library, self._base.last, self._memory_mb)
        if rows.published != self._name:
            return Index.load(library, self._memory_mb)
        return Index(library, self._base, rows, news, self._memory_mb)

    def __len__(self) -> int:
        return self._count

    @property
    def kind(self) -> str:
        """What holds the vectors: "flat f32", "ivf1024 f16"."""
        return (self._base if len(self._base) else self._news).dense.kind

    @property
    def state(self) -> IndexState:
        """What `status` tells."""
        return IndexState(
            kind=self.kind,
            generation=self._name,
            rows=len(self._base),
            news=len(self._news),
            tombstones=len(self._removed),
            bytes=size(_folder(self._library) / self._name) if self._name else 0,
            approximate=any(not segment.dense.exact for segment in self._segments),
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
            dense, wanted = segment.dense, _both(alive, limit)
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

    def ideal(self, terms: Sequence[int]) -> float:
        """What the BM25 score of a chunk that holds every term ever more often comes close to."""
        return ideal(self._searched, terms)

    def idf(self, terms: Sequence[int]) -> list[float]:
        """How telling each term is, of BM25."""
        return idf(self._searched, terms)

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
        known = self._library.vectors_of(numbers)
        return [
            float((known[number] * vector).sum()) if number in known else cosine
            for number, cosine in zip(numbers, cosines, strict=True)
        ]

    @classmethod
    def _read(cls, library: Library, memory_mb: int) -> Index:
        while True:
            name = library.published
            base = (open_generation(_folder(library) / name) if name else None) or Segment.empty()
            rows, news = Segment.read(library, base.last, memory_mb)
            if rows.published == name:
                return cls(library, base, rows, news, memory_mb)

    @classmethod
    def _published(cls, library: Library, memory_mb: int, index: Index) -> Index:
        if (index.revision, index._name) != (library.revision, library.published):
            index = cls._read(library, memory_mb)
        if not index._is_stale:
            return index
        folder, name = _folder(library), str(index.revision)
        try:
            with new_generation(folder, name) as made:
                write_segment(made, name, index._merged(made))
        except (OSError, RuntimeError) as error:
            # A full disk or a read-only folder costs the next process a second; searching goes on.
            log.warning("%s: the index could not be stored (%s)", folder, str(error).splitlines()[-1])
            return index
        library.use_index(name, without=index._removed.tolist())
        remove_others(folder, name)
        return cls._read(library, memory_mb)

    @property
    def _is_stale(self) -> bool:
        return len(self._news) + len(self._removed) > self._count // _STALE_SHARE

    def _merged(self, made: Path) -> Segment:
        """Everything that is alive, in one segment; what is large of it is in this folder."""
        ids = joined((segment.ids for segment in self._segments), self._alive)
        documents = joined((segment.documents for segment in self._segments), self._alive)
        parts = [(segment.postings, alive) for segment, alive in zip(self._segments, self._alive, strict=True)]
        return Segment(ids, documents, self._merged_dense(ids), merged_postings(parts, made))

    def _merged_dense(self, ids: npt.NDArray[np.int64]) -> Dense:
        base, news = self._base, self._news
        if not len(base):
            return news.dense
        exact = exact_vectors(self._library, ids, self._new_vectors.shape[1])
        if len(news) > len(self._new_vectors):  # so many that they were not read at once
            return Dense.build(ids, exact, self._memory_mb)
        return base.dense.updated(self._removed, news.ids, self._new_vectors, self._memory_mb, exact)


def _both(alive: Mask | None, limit: Mask | None) -> Mask | None:
    return alive if limit is None else limit if alive is None else alive & limit


def _folder(library: Library) -> Path:
    return library.folder / "index"
