"""Lexical search: an inverted file of chunks, and exact BM25 over several of them.

Score of a chunk for a query (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009, with the idf of
Lucene, which is never negative), summed over the query's terms:

    ln(1 + (N - df + .5) / (df + .5)) * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average length))

N, df and the average length are those of all live rows of all segments, so a search over segments with deleted rows
scores as one over a single segment without them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..telling import idf
from ._places import Mask, both, ranked

K1, B = 0.9, 0.6
"""Best on the mean of NQ-open's passages, SQuAD, COVID-QA, Chroma's corpora and XQuAD; all near it differ by 0.1."""

Places = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float64]
Allocate = Callable[[str, int, "np.dtype[Any]"], "npt.NDArray[Any]"]

_BLOCK = 1 << 22
"""Postings that are sorted or moved at a time."""
_LOOKUP = 32
"""Reading so many postings of a list in turn costs no more than looking up one row in it."""
_SPARE = 50
"""Rows beyond k whose whole scores are found out early, to raise the score that others must reach."""
_SLACK = 1 + 1e-9
"""Sums in another order differ in their last digits; a bound must stay one."""


@dataclass(frozen=True, eq=False)
class Postings:
    """The terms of rows 0 to n - 1, by term. The arrays may be read-only and mapped from files."""

    offsets: npt.NDArray[np.int64]
    """Where in `places` each term begins, and the last one ends: (greatest term id + 2,)."""
    places: Places
    """The rows that hold the term, ascending."""
    frequencies: npt.NDArray[np.uint8]
    """How often each of them does, 1 to 255."""
    lengths: npt.NDArray[np.int32]
    """The sum of a row's frequencies (n,)."""

    def __post_init__(self) -> None:
        for name in ("offsets", "places", "frequencies", "lengths"):  # each slice of a numpy.memmap costs a microsecond
            object.__setattr__(self, name, np.asarray(getattr(self, name)))

    @classmethod
    def build(
        cls,
        counts: npt.NDArray[np.int64],
        term_ids: npt.NDArray[np.uint32],
        frequencies: npt.NDArray[np.uint8],
    ) -> Postings:
        """Invert rows.

        Args:
            counts: How many terms each row has (n,).
            term_ids: Of the rows one after the other, each once in a row (t,).
            frequencies: Of these terms (t,).
        """
        terms = int(term_ids.max()) + 1 if len(term_ids) else 0
        offsets = np.zeros(terms + 1, np.int64)
        blocks = _row_blocks(counts)
        for _, run in blocks:
            offsets[1:] += np.bincount(term_ids[run], minlength=terms)
        np.cumsum(offsets, out=offsets)
        places, often = np.empty(len(term_ids), np.int32), np.empty(len(term_ids), np.uint8)
        lengths = np.zeros(len(counts), np.int32)
        starts = offsets[:-1].copy()
        for rows, run in blocks:
            order = _by_term(term_ids[run])
            here = np.bincount(term_ids[run], minlength=terms)
            target = np.repeat(starts - (np.cumsum(here) - here), here) + np.arange(len(order))
            holders = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), counts[rows])
            places[target] = holders[order]
            often[target] = frequencies[run][order]
            lengths[rows] = _sums(frequencies[run], counts[rows])
            starts += here
        return cls(offsets, places, often, lengths)

    @classmethod
    def merged(cls, parts: Sequence[tuple[Postings, Mask | None]], allocate: Allocate | None = None) -> Postings:
        """The live rows of these parts, one part after the other. Needs little more memory than its result.

        Args:
            parts: Each with its live rows; None when all are.
            allocate: Gives the array for a field's name, length and dtype; by default a new one in memory.
        """
        make = allocate or (lambda _, length, dtype: np.empty(length, dtype))
        terms = max((len(part.offsets) - 1 for part, _ in parts), default=0)
        alive = [np.ones(len(part), np.bool_) if mask is None else mask for part, mask in parts]
        sizes = [int(np.count_nonzero(mask)) for mask in alive]
        lengths = make("lengths", sum(sizes), np.dtype(np.int32))
        counts = np.zeros((len(parts), terms), np.int64)
        moved, base = [], 0
        for (part, _), mask, size, count in zip(parts, alive, sizes, counts, strict=True):
            lengths[base : base + size] = part.lengths[mask]
            moved.append(np.cumsum(mask, dtype=np.int32) + np.int32(base - 1))  # where each live row goes
            for first, last in part._blocks():
                kept = mask[part.places[part.offsets[first] : part.offsets[last]]]
                count[first:last] = _sums(kept, np.diff(part.offsets[first : last + 1]))
            base += size
        offsets = make("offsets", terms + 1, np.dtype(np.int64))
        offsets[0] = 0
        np.cumsum(counts.sum(axis=0), out=offsets[1:])
        places = make("places", int(offsets[-1]), np.dtype(np.int32))
        frequencies = make("frequencies", int(offsets[-1]), np.dtype(np.uint8))
        starts = np.cumsum(counts.sum(axis=0)) - counts.sum(axis=0)
        for (part, _), mask, to, count in zip(parts, alive, moved, counts, strict=True):
            for first, last in part._blocks():
                run = slice(part.offsets[first], part.offsets[last])
                rows = np.asarray(part.places[run])
                kept = mask[rows]
                here = count[first:last]
                target = np.repeat(starts[first:last] - (np.cumsum(here) - here), here) + np.arange(here.sum())
                places[target] = to[rows[kept]]
                frequencies[target] = part.frequencies[run][kept]
            starts += count
        return cls(offsets, places, frequencies, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def of(self, term: int) -> tuple[Places, npt.NDArray[np.uint8]]:
        """The rows that hold a term, and how often."""
        if not 0 <= term < len(self.offsets) - 1:
            return self.places[:0], self.frequencies[:0]
        run = slice(int(self.offsets[term]), int(self.offsets[term + 1]))
        return self.places[run], self.frequencies[run]

    @cached_property
    def total(self) -> int:
        """The length of all rows together."""
        return int(self.lengths.sum(dtype=np.int64))

    @cached_property
    def shortest(self) -> int:
        """The least length of a row."""
        return int(self.lengths.min(initial=0))

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of terms that have few enough postings to be moved at once."""
        first, terms = 0, len(self.offsets) - 1
        while first < terms:
            reach = int(np.searchsorted(self.offsets, self.offsets[first] + _BLOCK, side="right")) - 1
            last = min(max(reach, first + 1), terms)
            yield first, last
            first = last


Segment = tuple[Postings, Mask | None, Mask | None]
"""Postings, their live rows, and those that a search is limited to; None means all."""


def bm25(segments: Sequence[Segment], terms: Sequence[int], k: int) -> list[tuple[int, int, float]]:
    """The k best rows that hold a term: segment, place and score, best first, the lower row first among equals."""
    query = _Query.of(segments, terms)
    best: list[tuple[int, int, float]] = []
    for number, (postings, alive, among) in enumerate(segments):
        floor = best[k - 1][2] if len(best) >= k else 0.0
        found = query.best(postings, both(alive, among), k, floor)
        best = sorted([*best, *((number, place, score) for place, score in found)], key=lambda hit: (-hit[2], *hit[:2]))
        del best[k:]
    return best


def bm25_of(segments: Sequence[Segment], terms: Sequence[int], rows: Sequence[tuple[int, int]]) -> list[float]:
    """The scores of these rows (segment, place), as `bm25` gives them; 0 for a row that holds no term."""
    query = _Query.of(segments, terms)
    scores = np.zeros(len(rows))
    numbers = np.array([segment for segment, _ in rows], np.int64)
    places = np.array([place for _, place in rows], np.int32)
    for number, (postings, _, _) in enumerate(segments):
        chosen = numbers == number
        if chosen.any():
            scores[chosen] = query.scores(postings, places[chosen])
    return scores.tolist()


def holds(postings: Postings, terms: Sequence[int], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of these rows holds each term: (terms, rows)."""
    held = np.zeros((len(terms), len(rows)), np.bool_)
    for number, term in enumerate(terms):
        places = postings.of(term)[0]
        if len(places):
            at = np.minimum(np.searchsorted(places, rows), len(places) - 1)
            held[number] = places[at] == rows
    return held


def holding(segments: Sequence[Segment], terms: Sequence[int]) -> list[int]:
    """How many live rows hold each term."""
    return [sum(_df(postings, alive, term) for postings, alive, _ in segments) for term in terms]


@dataclass(frozen=True, slots=True)
class _Query:
    """Terms with their weights, the rarest first, and the average length of a row."""

    weights: tuple[tuple[int, float], ...]
    average: float

    @classmethod
    def of(cls, segments: Sequence[Segment], terms: Sequence[int]) -> _Query:
        unique = list(dict.fromkeys(terms))
        rows = sum(_live(postings, alive) for postings, alive, _ in segments)
        held = zip(unique, holding(segments, unique), strict=True)
        weights = sorted(((term, idf(rows, often)) for term, often in held), key=lambda pair: -pair[1])
        length = sum(_length(postings, alive) for postings, alive, _ in segments)
        return cls(tuple((term, (K1 + 1) * weight) for term, weight in weights), length / rows if length else 1.0)

    def best(self, postings: Postings, wanted: Mask | None, k: int, floor: float) -> list[tuple[int, float]]:
        """The k best of the wanted rows, those below the floor perhaps left out.

        MaxScore (Turtle & Flood 1995): once the terms still to come cannot lift an unseen row to the k-th best score,
        they are only looked up for the rows seen, and of these for those only that they can lift so far.
        """
        lists = [(weight, *postings.of(term)) for term, weight in self.weights]
        if wanted is not None and _LOOKUP * np.count_nonzero(wanted) < sum(len(rows) for _, rows, _ in lists):
            places = np.flatnonzero(wanted).astype(np.int32)
            scores = self.scores(postings, places)
            return ranked(places[scores > 0], scores[scores > 0], k)
        bounds = [self._bound(postings, weight, often) for weight, _, often in lists]
        rest = [_SLACK * bound for bound in np.cumsum([0.0, *bounds[::-1]])[::-1].tolist()]
        sums = np.zeros(len(postings))
        seen, leaders, at = list[Places](), np.zeros(0, np.int32), 0
        while at < len(lists) and rest[at] >= floor:
            weight, rows, often = lists[at]
            if wanted is not None:
                kept = wanted[rows]
                rows, often = rows[kept], often[kept]
            reached = sums[rows] + self._scores(postings, weight, rows, often)
            sums[rows] = reached
            seen.append(rows)
            at += 1
            floor = max(floor, _kth(reached, k))
            if at < len(lists) and len(lists[at][1]) > _LOOKUP * len(lists) * (k + _SPARE):
                leaders = np.union1d(leaders, _leading(rows, reached, k + _SPARE))
                whole = self.scores(postings, leaders)
                floor = max(floor, _kth(whole, k))
                leaders = _leading(leaders, whole, k)
        places, scores = _distinct(seen, sums, floor - rest[at])
        for (weight, rows, often), more in zip(lists[at:], rest[at + 1 :], strict=True):
            self._add(postings, weight, rows, often, places, scores)
            floor = max(floor, _kth(scores, k))
            kept = scores + more >= floor
            places, scores = places[kept], scores[kept]
        return ranked(places, scores, k)

    def scores(self, postings: Postings, places: Places) -> Scores:
        """The whole scores of some rows."""
        scores = np.zeros(len(places))
        for term, weight in self.weights:
            self._add(postings, weight, *postings.of(term), places, scores)
        return scores

    def _add(
        self,
        postings: Postings,
        weight: float,
        rows: Places,
        often: npt.NDArray[np.uint8],
        places: Places,
        scores: Scores,
    ) -> None:
        """Look a term up for some rows, and add what it gives to their scores."""
        if len(rows):
            at = np.searchsorted(rows, places)
            at[at == len(rows)] = 0
            held = np.flatnonzero(rows[at] == places)
            scores[held] += self._scores(postings, weight, places[held], often[at[held]])

    def _scores(self, postings: Postings, weight: float, places: Places, often: npt.NDArray[np.uint8]) -> Scores:
        norms = K1 * (1 - B) + (K1 * B / self.average) * postings.lengths[places]
        made: Scores = weight * often / (often + norms)
        return made

    def _bound(self, postings: Postings, weight: float, often: npt.NDArray[np.uint8]) -> float:
        """No row has more of a term's score."""
        most = float(often.max(initial=0))
        return weight * most / (most + K1 * (1 - B) + K1 * B * postings.shortest / self.average)


def _row_blocks(counts: npt.NDArray[np.int64]) -> list[tuple[slice, slice]]:
    """Ranges of rows, and of their postings, few enough to be sorted at once."""
    ends = np.cumsum(counts, dtype=np.int64)
    blocks, first, start = [], 0, 0
    while first < len(counts):
        last = max(int(np.searchsorted(ends, start + _BLOCK, side="right")), first + 1)
        stop = int(ends[last - 1])
        blocks.append((slice(first, last), slice(start, stop)))
        first, start = last, stop
    return blocks


def _by_term(term_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The order that sorts them, equal ones as they stand."""
    # Term and position in one number: numpy sorts these several times faster than it finds the order of others.
    keys = term_ids.astype(np.uint64) << np.uint64(32) | np.arange(len(term_ids), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _sums(values: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The sum of each run of values."""
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    ends = np.cumsum(counts)
    made: npt.NDArray[np.int64] = total[ends] - total[ends - counts]
    return made


def _distinct(lists: Sequence[Places], sums: Scores, least: float) -> tuple[Places, Scores]:
    """The rows of some lists whose sums are not below the least, each once, and these sums; uses the sums up."""
    places, scores = [np.zeros(0, np.int32)], [np.zeros(0)]
    for rows in lists:
        reached = sums[rows]
        sums[rows] = -math.inf
        kept = reached >= least
        places.append(rows[kept])
        scores.append(reached[kept])
    return np.concatenate(places), np.concatenate(scores)


def _leading(places: Places, scores: Scores, k: int) -> Places:
    """k rows whose scores are not below those of others."""
    return places if len(places) <= k else places[np.argpartition(scores, len(scores) - k)[-k:]]


def _kth(scores: Scores, k: int) -> float:
    """The k-th greatest; 0 when there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else 0.0


def _live(postings: Postings, alive: Mask | None) -> int:
    return len(postings) if alive is None else int(np.count_nonzero(alive))


def _length(postings: Postings, alive: Mask | None) -> int:
    return postings.total - (0 if alive is None else int(postings.lengths[~alive].sum(dtype=np.int64)))


def _df(postings: Postings, alive: Mask | None, term: int) -> int:
    rows = postings.of(term)[0]
    return len(rows) if alive is None else int(np.count_nonzero(alive[rows]))
