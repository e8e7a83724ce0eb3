"""Which FAISS index suits so many vectors, and how an inverted file (IVF) is trained, filled and calibrated.

An inverted file keeps its vectors in lists, one around each centroid of a k-means, and a search reads the lists that
are nearest to the query: Sivic and Zisserman, "Video Google" (2003); with compressed vectors, Jégou et al., "Product
Quantization for Nearest Neighbor Search" (2011). Exact vectors are much to read, so the lists in front of them hold
four bits for every two dimensions, compared within registers (André et al., "Quicker ADC", 2019), and only the best
rows of these are compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Batches = Callable[[], Iterable["npt.NDArray[np.float32]"]]
"""Gives exact vectors, each batch (rows, dimension) float32, in the order of the ids; every call begins anew."""

FLAT_BELOW = 30_000
"""Rows up to which every vector is compared; `benchmarks/index_kinds.py` shows where that becomes slower."""

RECALL = 0.998
"""Of the true neighbours of the calibration's queries, the share that must lie in the lists that are read; real
questions find less than these."""

NEIGHBOURS = 100
"""Of each of the calibration's queries; a search for more has to read more."""

_TRAINED_ON = 50  # vectors a list
_ITERATIONS = 8
_QUERIES = 200
_NOISE = 1.5  # the length of the noise that makes a passage's vector one like a question's
_SEED = 1234
_CODES = 16  # of four bits
BATCH = 1 << 14
"""Rows that are copied at a time."""
_MARGIN = 0.2  # of the range of sq8, at both ends: later vectors lie outside that of the sample, and would be cut


@dataclass(frozen=True, slots=True)
class Kind:
    """What an index is.

    Attributes:
        lists: Of the inverted file; 0 is a flat index.
        codec: f32 (with lists, behind four bits for every two dimensions), f16, sq8 (a byte a dimension), or pqN (N
            bytes a vector).
    """

    lists: int
    codec: str

    def __str__(self) -> str:
        return f"ivf{self.lists} {self.codec}" if self.lists else f"flat {self.codec}"


def choose(n: int, dimension: int, memory_mb: float, flat_below: int = FLAT_BELOW) -> Kind:
    """The index for n vectors: flat when there are few, else lists of vectors as exact as the memory allows."""
    if n < flat_below:
        return Kind(0, "f32")
    sizes = {"f32": 4 * dimension, "f16": 2 * dimension, "sq8": dimension}
    sizes |= {f"pq{part}": part for part in (dimension // 4, dimension // 8) if part and dimension % part == 0}
    fitting = [codec for codec, size in sizes.items() if n * (size + 8) <= memory_mb * 2**20]
    return Kind(lists_for(n), [*fitting, list(sizes)[-1]][0])


def lists_for(n: int) -> int:
    """The lists for n vectors: more read less for the same recall; beyond 4,096 their training would take minutes."""
    root = math.sqrt(max(n, 1))
    return 1 << round(math.log2(max(min(8 * root, 4096), 4 * root)))


def build(n: int, batches: Batches, kind: Kind) -> Any:
    """Train an inverted file on a sample and fill it; the rows are numbered from 0."""
    sample = _sample(n, batches, _TRAINED_ON * kind.lists)
    index = _empty(sample.shape[1], kind)
    index.train(np.resize(sample, (max(len(sample), _CODES), sample.shape[1])))
    queries = _like_questions(sample)
    best = _Nearest(queries)
    for batch in batches():
        index.add(batch)  # in all threads
        best.see(batch)
    if index.ntotal != n:
        raise ValueError(f"{n} ids, but {index.ntotal} vectors")
    inverted(index).make_direct_map()
    inverted(index).nprobe = _probes(index, queries, best.places)
    return index


def inverted(index: Any) -> Any:
    """The inverted file of an index, which has to live as long: itself, or what stands before its exact vectors."""
    return faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefineFlat) else index


def kind_of(index: Any) -> Kind:
    """What a FAISS index is."""
    if isinstance(index, faiss.IndexFlat):
        return Kind(0, "f32")
    if isinstance(index, faiss.IndexRefineFlat):
        return Kind(inverted(index).nlist, "f32")
    if isinstance(index, faiss.IndexIVFPQ):
        return Kind(index.nlist, f"pq{index.pq.M}")
    if isinstance(index, faiss.IndexIVFScalarQuantizer):
        return Kind(index.nlist, "f16" if index.sq.qtype == faiss.ScalarQuantizer.QT_fp16 else "sq8")
    raise RuntimeError(f"not an index of ours: {type(index).__name__}")


def updated(index: Any, keep: npt.NDArray[np.bool_], new: npt.NDArray[np.float32]) -> Any:
    """A copy of an inverted file with the kept rows, numbered anew in the same order, and new ones behind them."""
    if isinstance(index, faiss.IndexRefineFlat):
        return _encoded_anew(index, keep, new)
    copy = _like(index)
    lists = faiss.downcast_InvertedLists(index.invlists)
    place = np.cumsum(keep) - 1
    for number in range(index.nlist):
        ids, codes = _rows_of(lists, number, index.code_size)
        kept = keep[ids]
        ids, codes = place[ids[kept]], np.ascontiguousarray(codes[kept])
        if len(ids):
            copy.invlists.add_entries(number, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    copy.ntotal = int(np.count_nonzero(keep))
    if len(new):
        copy.add(new)
    copy.make_direct_map()
    return copy


def _encoded_anew(index: Any, keep: npt.NDArray[np.bool_], new: npt.NDArray[np.float32]) -> Any:
    trained = faiss.clone_index(inverted(index))
    trained.reset()
    copy, kept = _exact_behind(trained), np.flatnonzero(keep)
    for start in range(0, len(kept), BATCH):
        copy.add(index.reconstruct_batch(kept[start : start + BATCH]))
    if len(new):
        copy.add(new)
    inverted(copy).make_direct_map()
    return copy


def _rows_of(lists: Any, number: int, code_size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """The numbers of the rows in a list (m,), and their codes (m, code_size): views of the index's memory."""
    size = lists.list_size(number)
    if not size:
        return np.zeros(0, np.int64), np.zeros((0, code_size), np.uint8)
    codes = faiss.rev_swig_ptr(lists.get_codes(number), size * code_size).reshape(size, code_size)
    return faiss.rev_swig_ptr(lists.get_ids(number), size), codes


def _empty(dimension: int, kind: Kind) -> Any:
    quantizer: Any = faiss.IndexFlatIP(dimension)
    quantizer.this.disown()
    head = (quantizer, dimension, kind.lists)
    index: Any
    if kind.codec == "f32":
        parts = dimension // 2 if dimension % 2 == 0 else dimension
        index = faiss.IndexIVFPQFastScan(*head, parts, 4, faiss.METRIC_INNER_PRODUCT)
        index.pq.cp.seed, index.pq.cp.niter, index.pq.cp.min_points_per_centroid = _SEED, _ITERATIONS, 1
    elif kind.codec.startswith("pq"):
        index = faiss.IndexIVFPQ(*head, int(kind.codec[2:]), 8, faiss.METRIC_INNER_PRODUCT)
        index.pq.cp.seed, index.pq.cp.niter, index.pq.cp.max_points_per_centroid = _SEED, _ITERATIONS, _TRAINED_ON
    else:
        codec = faiss.ScalarQuantizer.QT_fp16 if kind.codec == "f16" else faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(*head, codec, faiss.METRIC_INNER_PRODUCT)
        index.sq.rangestat_arg = _MARGIN
    index.own_fields = True
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = _SEED, _ITERATIONS, _TRAINED_ON
    index.cp.min_points_per_centroid = 1  # it would print a warning
    return _exact_behind(index) if kind.codec == "f32" else index


def _exact_behind(lists: Any) -> Any:
    index: Any = faiss.IndexRefineFlat(lists)
    lists.this.disown()
    index.own_fields = True
    return index


def _like(index: Any) -> Any:
    """An empty inverted file with the same training."""
    copy = _empty(index.d, kind_of(index))
    copy.quantizer.add(index.quantizer.reconstruct_n(0, index.nlist))
    if hasattr(index, "sq"):
        copy.sq = index.sq
    if hasattr(index, "pq"):
        copy.pq = index.pq
        copy.precompute_table()
    copy.is_trained = True
    copy.nprobe = index.nprobe
    return copy


def _sample(n: int, batches: Batches, size: int) -> npt.NDArray[np.float32]:
    chosen = np.sort(np.random.default_rng(_SEED).choice(n, min(n, size), replace=False))
    parts, start = [], 0
    for batch in batches():
        low, high = np.searchsorted(chosen, (start, start + len(batch)))
        parts.append(batch[chosen[low:high] - start])
        start += len(batch)
    return np.concatenate(parts)


def _like_questions(sample: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Vectors that lie as far from the library's as questions do: nothing in it is very near to them."""
    rng = np.random.default_rng(_SEED + 1)
    origin = sample[rng.choice(len(sample), min(_QUERIES, len(sample)), replace=False)]
    noise = rng.standard_normal(origin.shape).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    mixed = origin + _NOISE * noise
    result: npt.NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return result


class _Nearest:
    """The true nearest rows of some queries, found while the rows pass by."""

    def __init__(self, queries: npt.NDArray[np.float32]) -> None:
        self._queries = queries
        self._seen = 0
        self._scores = np.zeros((len(queries), 0), np.float32)
        self.places = np.zeros((len(queries), 0), np.int64)

    def see(self, batch: npt.NDArray[np.float32]) -> None:
        scores, places = faiss.knn(self._queries, batch, min(NEIGHBOURS, len(batch)), faiss.METRIC_INNER_PRODUCT)
        scores = np.concatenate([self._scores, scores], axis=1)
        places = np.concatenate([self.places, places + self._seen], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
        self._scores = np.take_along_axis(scores, best, axis=1)
        self.places = np.take_along_axis(places, best, axis=1)
        self._seen += len(batch)


def _probes(index: Any, queries: npt.NDArray[np.float32], nearest: npt.NDArray[np.int64]) -> int:
    """How many lists must be read to find the share RECALL of the 10 and of the 100 nearest rows of the queries."""
    lists = inverted(index)
    _, order = lists.quantizer.search(queries, lists.nlist)
    rank = np.argsort(order, axis=1)  # of each list, for each query
    where = np.take_along_axis(rank, lists_of(index)[nearest], axis=1)
    return 1 + int(max(np.quantile(where[:, :10], RECALL), np.quantile(where, RECALL)))


def lists_of(index: Any) -> npt.NDArray[np.int64]:
    """The list of each row (n,)."""
    return faiss.vector_to_array(inverted(index).direct_map.array) >> 32
