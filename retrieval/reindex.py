"""Another model for the vectors of a library: they are made beside those in use, and take their place at once.

The caller holds the library's lock. Searches go on meanwhile with what the library has.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ._database import Database
from ._reading import read_chunks
from ._rows import advance_revision
from ._terms import analyse_again
from .library import Library
from .records import Chunk, EmbedderIdentity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BEGUN = "new_embedder"
"""The setting that says whose vectors are in the making."""

_TABLES = (
    """
    CREATE TABLE new_vectors (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
        vector BLOB NOT NULL                    -- as in `vectors`, which it is going to be
    )
    """,
    """
    CREATE TABLE new_tokens (                   -- of the chunks in which the new tokenizer counts another number
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
        tokens INTEGER NOT NULL
    )
    """,
)


class NewVectors:
    """The vectors of another model for a library, in the making. Use it as a context manager.

    What an interrupted run left is gone on with if it was made in the same way. Nothing is changed before `begin`.

    Args:
        library: The library.
        identity: The model.
        how: What the embedded texts depend on besides.
    """

    def __init__(self, library: Library, identity: EmbedderIdentity, how: str) -> None:
        self._identity, self._how = identity, how
        self._db = Database(library.folder, create=False, named=library.named)
        with self._db.reading() as db:
            self._begun = self._is_begun(db)

    def __enter__(self) -> NewVectors:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def missing(self, file_id: int) -> list[Chunk]:
        """The chunks of a file that have no new vector yet, document by document, in order."""
        made = " AND NOT EXISTS (SELECT 1 FROM new_vectors n WHERE n.chunk_id = c.id)" if self._begun else ""
        with self._db.reading() as db:
            chunks = read_chunks(db, f"d.file_id = ?{made}", file_id)
        return [chunks[number] for number in sorted(chunks)]

    def begin(self) -> None:
        """Make room for the new vectors, unless an interrupted run has."""
        if self._begun:
            return
        with self._db.writing() as db:
            _discard(db)
            for statement in _TABLES:
                db.execute(statement)
            told = json.dumps({"embedder": self._identity.to_json(), "how": self._how})
            db.execute("INSERT INTO settings VALUES (?, ?)", (_BEGUN, told))
        self._begun = True

    def add(self, chunks: Sequence[Chunk], tokens: Sequence[int], vectors: npt.NDArray[np.float32]) -> None:
        """Store the new vectors of chunks in one transaction.

        Args:
            chunks: The chunks, n of them.
            tokens: How many the model's tokenizer counts in each passage.
            vectors: (n, dimension), rows of length 1.
        """
        rows = zip(chunks, vectors.astype("<f4"), strict=True)
        other = [(chunk.id, count) for chunk, count in zip(chunks, tokens, strict=True) if chunk.tokens != count]
        with self._db.writing() as db:
            db.executemany("INSERT INTO new_vectors VALUES (?, ?)", [(chunk.id, row.tobytes()) for chunk, row in rows])
            db.executemany("INSERT INTO new_tokens VALUES (?, ?)", other)

    def switch(self, recipes: Mapping[int, str]) -> None:
        """Put the new vectors in the place of the old ones; every chunk has one.

        Args:
            recipes: What the files' chunks depend on from now on, by the file's id.
        """
        with self._db.writing() as db:
            db.execute("DROP TABLE vectors")
            db.execute("ALTER TABLE new_vectors RENAME TO vectors")
            db.execute(
                "UPDATE chunks SET tokens = (SELECT tokens FROM new_tokens WHERE chunk_id = id) "
                "WHERE id IN (SELECT chunk_id FROM new_tokens)"
            )
            _discard(db)
            _note(db, self._identity, recipes)
            _forget_index(db)

    def _is_begun(self, db: sqlite3.Connection) -> bool:
        row = db.execute("SELECT value FROM settings WHERE name = ?", (_BEGUN,)).fetchone()
        if row is None:
            return False
        told = json.loads(row[0])
        same = EmbedderIdentity.from_json(told["embedder"]).same_vectors(self._identity)
        return same and bool(told["how"] == self._how)


def repair(library: Library, identity: EmbedderIdentity | None, recipes: Mapping[int, str]) -> None:
    """Make the terms anew from the text, and have the index made anew from them and from the vectors.

    What an interrupted change of the model has left is discarded.

    Args:
        library: The library.
        identity: The model of its vectors, if it is to be loaded from another place from now on.
        recipes: As in `NewVectors.switch`.
    """
    database = Database(library.folder, create=False, named=library.named)
    try:
        with database.writing() as db:
            _discard(db)
            analyse_again(db, renumber=False)
            if identity is not None:
                _note(db, identity, recipes)
            _forget_index(db)
    finally:
        database.close()


def _discard(db: sqlite3.Connection) -> None:
    for table in ("new_vectors", "new_tokens"):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    db.execute("DELETE FROM settings WHERE name = ?", (_BEGUN,))


def _note(db: sqlite3.Connection, identity: EmbedderIdentity, recipes: Mapping[int, str]) -> None:
    db.execute("INSERT OR REPLACE INTO settings VALUES ('embedder', ?)", (identity.to_json(),))
    db.executemany("UPDATE files SET recipe = ?2 WHERE id = ?1", recipes.items())


def _forget_index(db: sqlite3.Connection) -> None:
    db.execute("INSERT OR REPLACE INTO settings VALUES ('published', '')")
    advance_revision(db)
