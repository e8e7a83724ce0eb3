"""The FAISS index: a cache of the library's vectors.

The stored index is a folder that the database names; it is written under another name, renamed when it is whole, and
then named. Vectors that came after it are read from the database, so searches always see the library as it is, and an
ingest of one file does not write the index of a hundred thousand chunks anew. Vectors have length 1, so the inner
product is the cosine.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from ..errors import LibraryLockedError, LibraryWriteError
from .library import Library

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger(__name__)

VECTORS, IDS = "vectors.faiss", "ids.npy"

_STALE_SHARE = 10
"""The stored index is made anew when a tenth of the chunks is missing in it or gone."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """Vectors (n, dimension) in a flat index, and the ids of their chunks (n,), ascending."""

    flat: Any
    ids: npt.NDArray[np.int64]

    def search(self, vector: npt.NDArray[np.float32], k: int, wanted: npt.NDArray[np.bool_]) -> list[tuple[int, float]]:
        bits = np.packbits(wanted, bitorder="little")
        selector = None if wanted.all() else faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        params = None if selector is None else faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # its stubs lack it
        scores, places = self.flat.search(vector.reshape(1, -1), min(k, int(wanted.sum())), params=params)
        return [(int(self.ids[p]), float(s)) for p, s in zip(places[0], scores[0], strict=True) if p >= 0]


class VectorIndex:
    """The vectors of one revision of a library, ready to search. Safe to use from several threads."""

    def __init__(
        self, stored: _Segment, name: str, news: _Segment, all_ids: npt.NDArray[np.int64], revision: int
    ) -> None:
        self._stored, self._name = stored, name
        self._segments = [segment for segment in (stored, news) if len(segment.ids)]
        self._alive = [np.isin(segment.ids, all_ids, assume_unique=True) for segment in self._segments]
        self._stale = len(news.ids) + len(stored.ids) - int(np.isin(stored.ids, all_ids, assume_unique=True).sum())
        self._count = len(all_ids)
        self.revision = revision

    @classmethod
    def load(cls, library: Library) -> VectorIndex:
        """Open the index of the library's present revision, and store it if that is worth while and nobody writes."""
        index = cls._read(library)
        if index._is_stale:
            try:
                with library.locked():
                    return cls.publish(library)
            except (LibraryLockedError, LibraryWriteError) as error:
                log.debug("the index is not stored now: %s", error)
        return index

    @classmethod
    def publish(cls, library: Library) -> VectorIndex:
        """Store the index for the next process, if it has changed enough; the caller holds the library's lock."""
        index = cls._read(library)
        if index._is_stale:
            merged = index._merged()
            name = str(index.revision)
            if _store(_folder(library), name, merged):
                library.use_index(name)
                _remove_others(_folder(library), name)
            return cls(merged, name, _empty(), merged.ids, index.revision)
        return index

    def refreshed(self, library: Library) -> VectorIndex:
        """This index, or if the library has changed another one that follows it."""
        if self.revision == library.revision:
            return self
        if self._name != library.published:
            return VectorIndex.load(library)
        return self._followed_by_news(self._stored, self._name, library)

    def __len__(self) -> int:
        return self._count

    def search(
        self, vector: npt.NDArray[np.float32], k: int, among: npt.NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks of a query vector of shape (dimension,): ids and cosines, best first.

        Args:
            vector: The query's embedding.
            k: The most chunks to return.
            among: Only these chunks; all by default.
        """
        found = []
        for segment, alive in zip(self._segments, self._alive, strict=True):
            wanted = alive if among is None else alive & np.isin(segment.ids, among)
            if wanted.any():
                found += segment.search(vector, k, wanted)
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def similarities(self, vector: npt.NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosine of a query vector of shape (dimension,) with each chunk; what is not in the index is left out."""
        found = {}
        for segment, alive in zip(self._segments, self._alive, strict=True):
            places = np.searchsorted(segment.ids, ids)
            for chunk, place in zip(ids, places, strict=True):
                if place < len(segment.ids) and segment.ids[place] == chunk and alive[place]:
                    found[chunk] = float(segment.flat.reconstruct(int(place)) @ vector)
        return found

    @classmethod
    def _read(cls, library: Library) -> VectorIndex:
        name = library.published
        stored = _open(_folder(library) / name) if name else None
        if stored is None:
            name, stored = "", _empty()
        return cls._followed_by_news(stored, name, library)

    @classmethod
    def _followed_by_news(cls, stored: _Segment, name: str, library: Library) -> VectorIndex:
        flats = []

        def allocate(rows: int, dimension: int) -> npt.NDArray[np.float32]:
            flats.append(_flat(rows, dimension))
            return _memory(flats[0])

        read = library.vectors(_last(stored.ids), allocate)
        return cls(stored, name, _Segment(flats[0], read.ids), read.all_ids, read.revision)

    @property
    def _is_stale(self) -> bool:
        return self._stale > self._count // _STALE_SHARE

    def _merged(self) -> _Segment:
        """Everything that is alive, in one segment."""
        if len(self._segments) == 1 and self._alive[0].all():
            return self._segments[0]
        dimension = max((segment.flat.d for segment in self._segments), default=1)
        ids = [segment.ids[alive] for segment, alive in zip(self._segments, self._alive, strict=True)]
        merged = _Segment(_flat(sum(map(len, ids)), dimension), np.concatenate([*ids, np.zeros(0, np.int64)]))
        room = np.split(_memory(merged.flat), np.cumsum([len(part) for part in ids]))
        for segment, alive, part in zip(self._segments, self._alive, room, strict=False):
            np.compress(alive, _memory(segment.flat), axis=0, out=part)
        return merged


def _flat(rows: int, dimension: int) -> Any:
    """An index of so many vectors, to be written into its `_memory`: a copy would double what an ingest needs."""
    index = faiss.IndexFlatIP(max(dimension, 1))
    index.codes.resize(rows * index.code_size)
    index.ntotal = rows
    return index


def _memory(flat: Any) -> npt.NDArray[np.float32]:
    """The vectors of an index (n, dimension), where it keeps them; valid as long as the index."""
    if not flat.ntotal:
        return np.zeros((0, flat.d), np.float32)
    vectors: npt.NDArray[np.float32] = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return vectors.reshape(flat.ntotal, flat.d)


def _empty() -> _Segment:
    return _Segment(_flat(0, 1), np.zeros(0, np.int64))


def _last(ids: npt.NDArray[np.int64]) -> int:
    return int(ids[-1]) if len(ids) else 0


def _open(folder: Path) -> _Segment | None:
    """The stored index; None when it is gone or damaged, for then it is made anew."""
    try:
        flat = faiss.read_index(str(folder / VECTORS))
        ids = np.load(folder / IDS, allow_pickle=False)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        if folder.exists():
            log.warning("%s is damaged and will be made anew (%s)", folder, str(error).splitlines()[0])
        return None
    return _Segment(flat, ids) if flat.ntotal == len(ids) else None


def _store(folder: Path, name: str, segment: _Segment) -> bool:
    """Write an index so that a reader meets all of it or nothing, even after a power failure."""
    try:
        folder.mkdir(exist_ok=True)
        for left in folder.glob(".new-*"):  # by a process that was killed: the caller holds the lock
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
            made = Path(temporary) / "index"
            made.mkdir()
            faiss.write_index(segment.flat, str(made / VECTORS))
            np.save(made / IDS, segment.ids, allow_pickle=False)
            for file in made.iterdir():
                _sync(file)
            shutil.rmtree(folder / name, ignore_errors=True)
            made.rename(folder / name)
    except (OSError, RuntimeError) as error:
        # A full disk or a read-only folder costs the next process a second; searching goes on.
        log.warning("%s: the index could not be stored (%s)", folder, str(error).splitlines()[-1])
        return False
    return True


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _remove_others(folder: Path, name: str) -> None:
    for other in folder.iterdir():
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)


def _folder(library: Library) -> Path:
    return library.folder / "index"
