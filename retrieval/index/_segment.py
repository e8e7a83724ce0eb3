"""Some chunks of a library, ready to be searched: their vectors and their terms, in one order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._dense import Dense, Room
from ._places import Mask
from ._postings import Postings

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Segment:
    """Chunks in the order of their ids. A place is a position in it."""

    ids: npt.NDArray[np.int64]
    """(n,), ascending."""
    documents: npt.NDArray[np.int64]
    """(n,), the ids of their documents."""
    dense: Dense
    postings: Postings
    vectors: npt.NDArray[np.float32] | None = None
    """Those that `dense` was made of, (n, dimension), if memory holds them."""

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls) -> Segment:
        """One of no chunks."""
        none = np.zeros(0, np.int64)
        postings = Postings.build(none, none.astype(np.uint32), none.astype(np.uint8))
        return cls(none, none, Dense.build(none, np.zeros((0, 1), np.float32)), postings)

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

    def neighbours(self, places: npt.NDArray[np.int64], alive: Mask | None = None) -> npt.NDArray[np.int64]:
        """Where the chunks before and after each stand in its document (2, m); its own place where there is none."""
        beside = np.clip(places + np.array([[-1], [1]]), 0, len(self) - 1)
        near = self.documents[beside] == self.documents[places]
        if alive is not None:  # a document that was read again can stand beside its earlier chunks
            near &= alive[beside]
        return np.where(near, beside, places)

    def places(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where each chunk stands (m,); -1 for one that is not here."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        places = np.searchsorted(self.ids, ids)
        places[places == len(self)] = 0
        places[self.ids[places] != ids] = -1
        return places


def following(news: Sequence[Segment], new: Segment) -> tuple[Segment, ...]:
    """Segments of news with one more: each is more than twice as long as the next, so that there are few of them and
    a chunk is copied a few times only."""
    kept = [*news, new] if len(new) else [*news]
    while len(kept) > 1 and len(kept[-2]) <= 2 * len(kept[-1]):
        first, second = kept[-2:]
        if first.vectors is None or second.vectors is None:
            break
        kept[-2:] = [_both(first, first.vectors, second, second.vectors)]
    return tuple(kept)


def _both(
    first: Segment, vectors: npt.NDArray[np.float32], second: Segment, others: npt.NDArray[np.float32]
) -> Segment:
    room = Room(len(first) + len(second), vectors.shape[1])
    room.vectors[: len(first)], room.vectors[len(first) :] = vectors, others
    ids, documents = np.concatenate([first.ids, second.ids]), np.concatenate([first.documents, second.documents])
    postings = Postings.merged([(first.postings, None), (second.postings, None)])
    return Segment(ids, documents, room.filled(ids), postings, room.vectors)
