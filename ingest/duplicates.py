"""Documents whose text is nearly the same, found by MinHash; short ones whose text is the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from .signatures import LENGTH, PERMUTATIONS

SIMILARITY: Final = 0.9
"""The estimated Jaccard similarity from which two documents are near-duplicates."""


class DuplicateFinder:
    """Finds the document that is most like a new one.

    The Jaccard similarity J of two documents is the share of the runs of five words that both hold in those that either
    holds. Its estimate is the share of equal hash values, with the standard error sqrt(J (1 - J) / 128): 0.027 at 0.9.
    """

    def __init__(self, signatures: Mapping[int, bytes]) -> None:
        """Compare with stored signatures by document id."""
        known = {document: stored for document, stored in signatures.items() if len(stored) == LENGTH}
        self._short: dict[int, bytes] = {}
        self._equal: dict[bytes, set[int]] = {}
        for document, stored in signatures.items():
            if len(stored) < LENGTH:
                self._add_short(document, stored)
        self._ids = list(known)
        self._places = {document: place for place, document in enumerate(self._ids)}
        table = np.frombuffer(b"".join(known.values()), dtype="<u4").reshape(-1, PERMUTATIONS)
        # A column a document: numpy adds whole rows several times faster than within rows.
        self._values = table.T.copy()

    def find(self, signature: bytes) -> tuple[int, float] | None:
        """The most similar document's id and the similarity (0.9..1); None if there is none.

        Of equals the first: the lowest id, and those below 0, which an ingest gives to what it adds, after all others.
        """
        if len(signature) < LENGTH:
            same = self._equal.get(signature)
            return (_first(same), 1.0) if same else None
        if not self._ids:
            return None
        equal = self._values[:, : len(self._ids)] == _column(signature)
        counts = equal.sum(axis=0, dtype=np.uint8)
        most = counts.max()
        similarity = int(most) / PERMUTATIONS
        if similarity < SIMILARITY:
            return None
        return _first(self._ids[place] for place in np.flatnonzero(counts == most)), similarity

    def add(self, document_id: int, signature: bytes) -> None:
        """Compare with this document from now on, in place of what was known under its id."""
        self.discard(document_id)
        if len(signature) < LENGTH:
            self._add_short(document_id, signature)
            return
        count = len(self._ids)
        if count == self._values.shape[1]:
            room = np.empty((PERMUTATIONS, max(count, 64)), dtype=self._values.dtype)
            self._values = np.concatenate([self._values, room], axis=1)
        self._values[:, count : count + 1] = _column(signature)
        self._places[document_id] = count
        self._ids.append(document_id)

    def discard(self, document_id: int) -> None:
        """Compare with this document no longer."""
        if document_id in self._short:
            self._equal[self._short.pop(document_id)].discard(document_id)
            return
        place = self._places.pop(document_id, None)
        if place is None:
            return
        last = self._ids.pop()
        if last != document_id:  # it moves into the gap
            self._ids[place], self._places[last] = last, place
            self._values[:, place] = self._values[:, len(self._ids)]

    def _add_short(self, document_id: int, signature: bytes) -> None:
        if signature:
            self._short[document_id] = signature
            self._equal.setdefault(signature, set()).add(document_id)


def _first(documents: Iterable[int]) -> int:
    return min(documents, key=lambda document: (document < 0, abs(document)))


def _column(signature: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(signature, dtype="<u4").reshape(PERMUTATIONS, 1)
