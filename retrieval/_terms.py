"""The terms of the chunks as the library stores them; each function runs inside a transaction of `library`."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from .records import NewFile

Frequencies = Mapping[str, int]
"""How often a chunk has each of its terms, 1 to 255."""

_BATCH = 2000
"""Chunks analysed together; terms new to the library are looked up once for all of them."""


def analysed(file: NewFile) -> list[list[Frequencies]]:
    """The terms of every chunk of every document of a file."""
    from . import analysis

    return [
        [analysis.weighted(document.title, chunk.heading, chunk.passage) for chunk in document.chunks]
        for document in file.documents
    ]


def insert_postings(db: sqlite3.Connection, words: Mapping[int, Frequencies]) -> None:
    """Write the terms of chunks, by the chunk's id."""
    known = list(dict.fromkeys(chain.from_iterable(words.values())))
    numbers = term_ids(db, known)
    if new := [(term,) for term in known if term not in numbers]:
        db.executemany("INSERT INTO terms (term) VALUES (?)", new)
        numbers |= term_ids(db, [term for (term,) in new])
    db.executemany(
        "INSERT OR REPLACE INTO postings VALUES (?, ?)", [(i, _packed(of, numbers)) for i, of in words.items()]
    )


def term_ids(db: sqlite3.Connection, words: Sequence[str]) -> dict[str, int]:
    """The ids of terms; one that no chunk ever had is left out."""
    rows = db.execute("SELECT term, id FROM terms WHERE term IN (SELECT value FROM json_each(?))", (json.dumps(words),))
    return dict(rows.fetchall())


def analyse_again(db: sqlite3.Connection, *, renumber: bool) -> None:
    """Make the terms of all chunks anew from their text.

    Args:
        db: The connection.
        renumber: Forget the terms that no chunk has any more. A search that knows them by their old numbers goes wrong.
    """
    db.execute("DELETE FROM postings")
    if renumber:
        db.execute("DELETE FROM terms")
    texts = _texts(db)
    while batch := dict(islice(texts, _BATCH)):
        insert_postings(db, batch)


def differing(db: sqlite3.Connection) -> int:
    """The number of chunks whose stored terms are not those of their text."""
    count, texts = 0, _texts(db)
    while words := dict(islice(texts, _BATCH)):
        numbers = term_ids(db, list(set(chain.from_iterable(words.values()))))
        ids = json.dumps(list(words))
        stored = dict(db.execute("SELECT * FROM postings WHERE chunk_id IN (SELECT value FROM json_each(?))", (ids,)))
        count += sum(
            not of.keys() <= numbers.keys() or stored.get(i) != _packed(of, numbers) for i, of in words.items()
        )
    return count


def _texts(db: sqlite3.Connection) -> Iterator[tuple[int, Frequencies]]:
    from . import analysis

    rows = db.execute(
        "SELECT c.id, d.title, c.heading, c.table_header, c.text FROM chunks c JOIN documents d ON d.id = c.document_id"
    )
    for number, title, heading, header, text in rows:
        yield number, analysis.weighted(title, heading, f"{header}\n{text}" if header else text)


def _packed(words: Frequencies, numbers: Mapping[str, int]) -> bytes:
    pairs = sorted(zip(map(numbers.__getitem__, words), words.values(), strict=True))
    return struct.pack(f"<{len(pairs)}I", *(i for i, _ in pairs)) + bytes(frequency for _, frequency in pairs)
