"""What an index is made of, read from the library as one state of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import LibraryError
from .records import EmbedderIdentity

Allocate = Callable[[int, int], "npt.NDArray[np.float32] | None"]
"""Gives the memory for so many vectors of such a dimension, or None to leave them."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Chunks of a library, read as one state of it: m of them, with t postings in all."""

    revision: int
    published: str
    """The name of the stored index; empty when there is none."""
    embedder: EmbedderIdentity | None
    """The model of the vectors; None while there are none."""
    analysis: str
    """The version of what made the terms."""
    removed: npt.NDArray[np.int64]
    """Chunks that are gone since that was made, ascending."""
    ids: npt.NDArray[np.int64]
    """(m,), ascending."""
    documents: npt.NDArray[np.int64]
    """(m,), the ids of their documents."""
    vectors: npt.NDArray[np.float32]
    """(m, dimension); (0, dimension) when they were left. The dimension is the library's, 0 when that is empty."""
    counts: npt.NDArray[np.int64]
    """(m,), the number of terms of each."""
    term_ids: npt.NDArray[np.uint32]
    """(t,), chunk after chunk, ascending within each."""
    frequencies: npt.NDArray[np.uint8]
    """(t,)"""


def read_rows(db: sqlite3.Connection, after: int, allocate: Allocate | None) -> StoredRows:
    """What the index needs of the chunks whose id is greater than `after`, inside a transaction.

    Raises:
        LibraryError: A chunk has no vector or no terms.
    """
    settings = dict(db.execute("SELECT name, value FROM settings").fetchall())
    removed = np.fromiter((row[0] for row in db.execute("SELECT chunk_id FROM tombstones ORDER BY 1")), np.int64)
    ids, documents = _ids(db, after)
    vectors = _vectors(db, after, ids, allocate or _empty)
    postings = _postings(db, after, ids)
    named = settings.get("embedder")
    return StoredRows(
        int(settings["revision"]),
        settings.get("published", ""),
        EmbedderIdentity.from_json(named) if named else None,
        settings.get("analysis", ""),
        removed,
        ids,
        documents,
        vectors,
        *postings,
    )


def _empty(rows: int, dimension: int) -> npt.NDArray[np.float32]:
    return np.empty((rows, dimension), np.float32)


def _ids(db: sqlite3.Connection, after: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # The index by document holds both columns: who reads all of them need not touch the texts.
    source = "chunks" if after else "chunks INDEXED BY chunks_by_document"
    rows = db.execute(f"SELECT id, document_id FROM {source} WHERE id > ?", (after,))
    pairs = np.fromiter((number for row in rows for number in row), np.int64).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0])]
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _vectors(
    db: sqlite3.Connection, after: int, ids: npt.NDArray[np.int64], allocate: Allocate
) -> npt.NDArray[np.float32]:
    first = db.execute("SELECT length(vector) / 4 FROM vectors ORDER BY chunk_id DESC LIMIT 1").fetchone()
    dimension = first[0] if first else 0
    vectors = allocate(len(ids), dimension)
    if vectors is None:
        return np.empty((0, dimension), np.float32)
    rows = db.execute("SELECT chunk_id, vector FROM vectors WHERE chunk_id > ? ORDER BY chunk_id", (after,))
    for place, vector in enumerate(_each(rows, ids)):
        vectors[place] = np.frombuffer(vector, "<f4")
    return vectors


def _postings(
    db: sqlite3.Connection, after: int, ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    size = db.execute("SELECT total(length(terms)) / 5 FROM postings WHERE chunk_id > ?", (after,)).fetchone()[0]
    counts = np.empty(len(ids), np.int64)
    terms, frequencies = np.empty(int(size), np.uint32), np.empty(int(size), np.uint8)
    rows = db.execute("SELECT chunk_id, terms FROM postings WHERE chunk_id > ? ORDER BY chunk_id", (after,))
    start = 0
    for place, packed in enumerate(_each(rows, ids)):
        of_chunk, often = _unpacked(packed)
        end = start + len(of_chunk)
        counts[place], terms[start:end], frequencies[start:end] = len(of_chunk), of_chunk, often
        start = end
    return counts, terms, frequencies


def _unpacked(postings: bytes) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    count = len(postings) // 5
    return np.frombuffer(postings, "<u4", count), np.frombuffer(postings, np.uint8, count, 4 * count)


def _each(rows: Iterable[tuple[int, bytes]], ids: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """The values of the rows, which are those of the chunks with these ids and of no others."""
    expected = iter(ids.tolist())
    for number, value in rows:
        if number != next(expected, None):
            raise _damaged()
        yield value
    if next(expected, None) is not None:
        raise _damaged()


def _damaged() -> LibraryError:
    return LibraryError(
        "the library's database is damaged (a chunk has no vector or no terms)",
        remedy="Run `ragstone doctor`; restore it from a backup, or delete the folder and ingest again",
    )
