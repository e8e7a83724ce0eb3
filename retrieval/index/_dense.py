"""The vectors of one segment in a FAISS index. Vectors have length 1, so the inner product is the cosine.

A place is a row's position in `ids`. Rows of an inverted file are numbered by place, so a mask of places is a selector
as it stands; what is dropped or added renumbers a copy, never the index that is being searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from . import _ivf
from ._ivf import BATCH, FLAT_BELOW, NEIGHBOURS, Batches, Kind, choose, kind_of
from ._places import ranked

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FLAT_BELOW", "Batches", "Dense", "Kind", "Room", "choose"]

_FEW = 2_000
"""As many rows or fewer are compared one by one, without a walk through the lists."""
_SPARE = 8
"""Hits asked for beyond k, so that equal ones at the end are seen to be equal."""
_SKEW = 1.2
"""A mask that keeps this many times less near the query than elsewhere is against the query."""
_SHORTLIST, _SHORTLIST_SHARE = 500, 5
"""Rows that are compared exactly of those that four bits for every two dimensions rank first: so many, or so many times
as are wanted."""
_OVERFETCH = {"f32": 1, "f16": 2, "sq8": 2}
_ROUNDING = 1e-6
"""FAISS sums in an order of its own: closer scores than this may be in the wrong order."""


class Room:
    """Memory for the vectors of a flat index, to be written into: a copy would double what an ingest needs.

    Attributes:
        vectors: Of shape (rows, dimension), float32; not initialized.
    """

    def __init__(self, rows: int, dimension: int) -> None:
        self._flat = _flat(rows, dimension)
        self.vectors = _memory(self._flat)

    def filled(self, ids: npt.NDArray[np.int64]) -> Dense:
        """The index of what was written.

        Args:
            ids: The chunk of each row (rows,), ascending.
        """
        return Dense(self._flat, ids)


class Dense:
    """Vectors and the ids of their chunks. Immutable, and safe to use from several threads.

    Attributes:
        ids: The chunk of each place, (n,) int64, ascending.
        kind: What the index is, for `status`: "flat f32", "ivf1024 f16".
        exact: Scores are exact cosines; others are to be computed anew from the exact vectors.
        overfetch: How many times the hits wanted must be asked for, before they are scored anew; 1 when exact.
    """

    def __init__(self, index: Any, ids: npt.NDArray[np.int64]) -> None:
        kind = kind_of(index)
        self.ids = ids
        self.kind = str(kind)
        self.exact = kind.codec == "f32"
        self.overfetch = _OVERFETCH.get(kind.codec, 8)
        self._index, self._lists, self._inverted = index, kind.lists, _ivf.inverted(index)

    @classmethod
    def build(
        cls,
        ids: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.float32] | Batches,
        memory_mb: float = 2048,
        flat_below: int = FLAT_BELOW,
    ) -> Dense:
        """Index vectors: the same index for the same vectors, on one machine.

        Args:
            ids: The chunk of each row (n,), ascending.
            vectors: Of length 1, (n, dimension); or what gives them in batches, which needs less memory.
            memory_mb: What the vectors may take when they are mapped into memory; above it they are compressed.
            flat_below: Fewer rows than this are searched exhaustively.

        Raises:
            ValueError: There are more ids than vectors, or fewer.
        """
        batches = _sliced(vectors) if isinstance(vectors, np.ndarray) else vectors
        dimension = next((batch.shape[1] for batch in batches()), 1)
        kind = choose(len(ids), dimension, memory_mb, flat_below)
        if kind.lists:
            return cls(_ivf.build(len(ids), batches, kind), ids)
        room, start = Room(len(ids), dimension), 0
        for batch in batches():
            if start + len(batch) <= len(ids):
                room.vectors[start : start + len(batch)] = batch
            start += len(batch)
        if start != len(ids):
            raise ValueError(f"{len(ids)} ids, but {start} vectors")
        return room.filled(ids)

    def updated(
        self,
        removed: npt.NDArray[np.int64],
        new_ids: npt.NDArray[np.int64],
        new_vectors: npt.NDArray[np.float32],
        memory_mb: float = 2048,
        exact: Batches | None = None,
        flat_below: int = FLAT_BELOW,
    ) -> Dense:
        """This index without some chunks and with others; trained anew only when it has outgrown its training.

        Args:
            removed: Ids, in any order; what is not in the index is ignored.
            new_ids: Higher than every id in the index, (m,), ascending.
            new_vectors: Of length 1, (m, dimension).
            memory_mb: As in `build`.
            exact: The exact vectors of all rows of the outcome, read only when the index has to be made anew and is
                not `exact` itself.
            flat_below: As in `build`.

        Raises:
            ValueError: The new ids are not higher, or `exact` is needed and missing.
        """
        if len(new_ids) and len(self.ids) and new_ids[0] <= self.ids[-1]:
            raise ValueError(f"the new id {new_ids[0]} is not higher than {self.ids[-1]}")
        keep = ~np.isin(self.ids, removed)
        ids = np.concatenate([self.ids[keep], new_ids])
        dimension = new_vectors.shape[1] if len(new_vectors) else self._index.d
        if self._outgrown(choose(len(ids), dimension, memory_mb, flat_below), len(ids), flat_below):
            if not self.exact and exact is None:
                raise ValueError("the exact vectors are needed to make this index anew")
            own = self._kept_and(keep, new_vectors)
            return Dense.build(ids, own if self.exact or exact is None else exact, memory_mb, flat_below)
        if self._lists:
            return Dense(_ivf.updated(self._index, keep, new_vectors), ids)
        return Dense.build(ids, self._kept_and(keep, new_vectors), memory_mb, flat_below)

    def search(
        self, vector: npt.NDArray[np.float32], k: int, wanted: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest rows: places and cosines, best first; of equal ones, the lower place first.

        Args:
            vector: The query's embedding, (dimension,), of length 1.
            k: The most rows to return, from 1.
            wanted: Only these places, (n,).
        """
        count = len(self.ids) if wanted is None else int(np.count_nonzero(wanted))
        if wanted is not None and count <= _FEW:
            few = np.flatnonzero(wanted)
            return ranked(few, self.similarities(vector, few), k)
        ask = min(k + _SPARE, count)
        while ask:
            scores, places = self._nearest(vector, ask, wanted, count)
            if len(places) < ask or ask == count or scores[-1] < scores[k - 1] - _ROUNDING:
                return ranked(places, self.similarities(vector, places), k)
            ask = min(2 * ask, count)  # equal ones go on behind the last
        return []

    def similarities(
        self, vector: npt.NDArray[np.float32], places: Sequence[int] | npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """The cosine of a query vector (dimension,) with each of the places: the very figures that `search` gives."""
        places = np.asarray(places, np.int64)
        if not len(places):
            return np.zeros(0, np.float32)
        rows = self._index.reconstruct_batch(places)
        # Not a matrix product: there a row's last bits depend on the rows beside it.
        result: npt.NDArray[np.float32] = (rows * vector).sum(axis=1)
        return result

    def write(self, path: Path) -> None:
        """Write the index, without the ids.

        Raises:
            RuntimeError: It cannot be written.
        """
        faiss.write_index(self._index, str(path))

    @classmethod
    def open(cls, path: Path, ids: npt.NDArray[np.int64]) -> Dense:
        """What `write` wrote, mapped into memory: the file must stay as long as the index.

        Raises:
            RuntimeError: It is missing, not an index of ours, or not the one of these ids.
        """
        # Not IO_FLAG_MMAP: its lists prefetch in threads of their own, which takes five times as long.
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if index.ntotal != len(ids):
            raise RuntimeError(f"{path}: {index.ntotal} vectors, but {len(ids)} ids")
        return cls(index, ids)

    def _nearest(
        self, vector: npt.NDArray[np.float32], k: int, wanted: npt.NDArray[np.bool_] | None, count: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Scores and places, best first, as FAISS computes them; in one thread."""
        query = np.ascontiguousarray(vector, np.float32).reshape(1, -1)
        # Without a selector a flat index takes a path that was measured five times slower.
        selector: Any = faiss.IDSelectorAll()
        if wanted is not None:
            bits = np.packbits(wanted, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        index = self._index
        settings: Any = faiss.IVFSearchParameters() if self._lists else faiss.SearchParameters()
        settings.sel = selector
        if self._lists:
            usual = self._lists if k == count else self._usual_probes(k)
            settings.nprobe = usual if wanted is None else self._probes(query, wanted, count, usual)
        if self._lists and self.exact:
            if settings.nprobe == self._lists:  # all rows: better exactly
                index, settings = faiss.downcast_index(index.refine_index), faiss.SearchParameters()
                settings.sel = selector
            else:
                shortlist, of_lists = min(max(_SHORTLIST, _SHORTLIST_SHARE * k), count), settings
                settings = faiss.IndexRefineSearchParameters()
                settings.k_factor, settings.base_index_params = shortlist / k, of_lists
        with _one_thread():
            scores, places = index.search(query, k, params=settings)
        found = places[0] >= 0
        return scores[0][found], places[0][found]

    def _usual_probes(self, k: int) -> int:
        """The lists to read for k rows: those of the calibration, and for more than it asked for as many times more."""
        calibrated = NEIGHBOURS * self.overfetch + _SPARE
        return min(int(self._inverted.nprobe * max(k / calibrated, 1.0)) + (k > calibrated), self._lists)

    def _probes(self, query: npt.NDArray[np.float32], wanted: npt.NDArray[np.bool_], count: int, usual: int) -> int:
        """The lists to read, so that they hold as many wanted rows as a search without a mask looks at.

        All of them when the mask drops what is like the query: how near a list is tells little about the rest.
        """
        enough = len(wanted) * usual // self._lists
        if count <= enough:
            return self._lists
        _, order = self._inverted.quantizer.search(query, self._lists)
        held = np.cumsum(np.bincount(self._list_of[wanted], minlength=self._lists)[order[0]])
        if _SKEW * held[usual - 1] < enough * count / len(wanted):
            return self._lists
        return max(usual, min(int(np.searchsorted(held, enough)) + 1, self._lists))

    @cached_property
    def _list_of(self) -> npt.NDArray[np.int64]:
        return _ivf.lists_of(self._index)

    def _outgrown(self, wish: Kind, n: int, flat_below: int) -> bool:
        """Whether n rows want another index than this one: half of them would want more lists, or it is too large."""
        if not self._lists:
            return wish.lists > 0
        if not wish.lists:
            return n < flat_below // 2
        return wish.codec != kind_of(self._index).codec or _ivf.lists_for(n // 2) > self._lists

    def _kept_and(self, keep: npt.NDArray[np.bool_], new: npt.NDArray[np.float32]) -> Batches:
        kept = np.flatnonzero(keep)

        def batches() -> Iterator[npt.NDArray[np.float32]]:
            for start in range(0, len(kept), BATCH):
                yield self._index.reconstruct_batch(kept[start : start + BATCH])
            if len(new):
                yield new

        return batches


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS works in the calling thread alone, and in no other thread otherwise than before."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _sliced(vectors: npt.NDArray[np.float32], rows: int = BATCH) -> Batches:
    return lambda: (vectors[start : start + rows] for start in range(0, len(vectors), rows))


def _flat(rows: int, dimension: int) -> Any:
    index = faiss.IndexFlatIP(max(dimension, 1))
    index.codes.resize(rows * index.code_size)
    index.ntotal = rows
    return index


def _memory(flat: Any) -> npt.NDArray[np.float32]:
    """The vectors of a flat index (n, dimension), where it keeps them; valid as long as the index."""
    if not flat.ntotal:
        return np.zeros((0, flat.d), np.float32)
    vectors: npt.NDArray[np.float32] = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return vectors.reshape(flat.ntotal, flat.d)
