"""The vectors of one segment in a FAISS index. Vectors have length 1, so the inner product is the cosine.

A place is a row's position in `ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Batches = Callable[[], Iterable["npt.NDArray[np.float32]"]]
"""Gives exact vectors, each batch (rows, dimension) float32, in the order of the ids; every call begins anew."""

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
        self.ids = ids
        self.kind, self.exact, self.overfetch = "flat f32", True, 1
        self._index = index

    @classmethod
    def build(
        cls, ids: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32] | Batches, memory_mb: int = 1024
    ) -> Dense:
        """Index vectors, exactly when there are few.

        Args:
            ids: The chunk of each row (n,), ascending.
            vectors: Of length 1, (n, dimension); or what gives them in batches, which needs less memory.
            memory_mb: What the vectors may take when they are mapped into memory; above it they are compressed.
        """
        batches = _sliced(vectors) if isinstance(vectors, np.ndarray) else vectors
        flat, start = _flat(0, 1), 0
        for batch in batches():
            if not start:
                flat = _flat(len(ids), batch.shape[1])
            _memory(flat)[start : start + len(batch)] = batch
            start += len(batch)
        if start != len(ids):
            raise ValueError(f"{len(ids)} ids, but {start} vectors")
        return cls(flat, ids)

    def updated(
        self,
        removed: npt.NDArray[np.int64],
        new_ids: npt.NDArray[np.int64],
        new_vectors: npt.NDArray[np.float32],
        memory_mb: int = 1024,
        exact: Batches | None = None,
    ) -> Dense:
        """This index without some chunks and with others.

        Args:
            removed: Ids, in any order; what is not in the index is ignored.
            new_ids: Higher than every id in the index, (m,), ascending.
            new_vectors: Of length 1, (m, dimension).
            memory_mb: As in `build`.
            exact: The exact vectors of all rows of the outcome, read only when the index has to be made anew; not
                needed when this index is `exact`.
        """
        keep = ~np.isin(self.ids, removed)
        ids = np.concatenate([self.ids[keep], new_ids])
        room = Room(len(ids), new_vectors.shape[1] if len(new_vectors) else self._index.d)
        kept = len(ids) - len(new_ids)
        if kept:
            np.compress(keep, _memory(self._index), axis=0, out=room.vectors[:kept])
        room.vectors[kept:] = new_vectors
        return room.filled(ids)

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
        ask = min(k + 1, count)
        while ask:
            scores, places = self._nearest(vector, ask, wanted)
            ask = len(places) if len(places) < ask else ask
            if ask == count or not len(scores) or scores[-1] < scores[min(k, len(scores)) - 1] - _ROUNDING:
                return _best(places, self.similarities(vector, places), k)
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
            RuntimeError: It is missing, not an index, or not the one of these ids.
        """
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if index.ntotal != len(ids):
            raise RuntimeError(f"{path}: {index.ntotal} vectors, but {len(ids)} ids")
        return cls(index, ids)

    def _nearest(
        self, vector: npt.NDArray[np.float32], k: int, wanted: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Scores and places, best first, as FAISS computes them."""
        params = None
        if wanted is not None:
            bits = np.packbits(wanted, bitorder="little")
            params = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits)))  # type: ignore[call-arg]  # its stubs lack it
        scores, places = self._index.search(vector.reshape(1, -1), k, params=params)
        found = places[0] >= 0
        return scores[0][found], places[0][found]


def _best(places: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    order = np.lexsort((places, -scores))[:k]
    return list(zip(places[order].tolist(), scores[order].tolist(), strict=True))


def _sliced(vectors: npt.NDArray[np.float32], rows: int = 1 << 15) -> Batches:
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
