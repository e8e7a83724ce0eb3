"""The library: one folder, one SQLite database, the only place where documents, chunks and vectors are stored.

The FAISS index beside it is a cache that can be deleted at any time (see `vectors`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import (
    EmbedderMismatchError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    LibraryVersionError,
    LibraryWriteError,
)
from ._migrations import MIGRATIONS
from ._rows import advance_revision, delete_document, insert_document, nanoseconds, utc
from .records import Chunk, Document, EmbedderIdentity, Line, NewDocument, Page, StoredFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DATABASE = "library.sqlite3"

SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may have changed again within its clock's resolution."""


class Library:
    """An open library. Safe to use from several threads; close it, or use it as a context manager.

    Args:
        folder: The library's folder.
        create: Make a new library when there is none.

    Raises:
        LibraryNotFoundError: There is no library, and `create` is false.
        LibraryVersionError: A newer Ragstone wrote it.
        LibraryWriteError: The folder cannot be made or written to.
        LibraryError: The database is damaged.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self._pool: list[sqlite3.Connection] = []
        self._pool_guard = threading.Lock()
        if not (folder / DATABASE).is_file():
            if not create:
                raise LibraryNotFoundError(
                    "there is no library here yet", path=folder, remedy="Make one with `ingest FOLDER`, or name another"
                )
            with self._translated():
                folder.mkdir(parents=True, exist_ok=True)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. The library must not be used afterwards."""
        with self._pool_guard:
            while self._pool:
                self._pool.pop().close()

    # What stands in it

    @property
    def revision(self) -> int:
        """Grows with every change of chunks or vectors; no two states of a library share one, not even after a
        restore."""
        return int(self._setting("revision") or 0)

    @property
    def embedder(self) -> EmbedderIdentity | None:
        """The model whose vectors are stored; None while there are none."""
        stored = self._setting("embedder")
        return EmbedderIdentity.from_json(stored) if stored else None

    def require_embedder(self, identity: EmbedderIdentity) -> None:
        """Make sure that vectors of this model may be compared with those stored.

        Raises:
            EmbedderMismatchError: They come from another model.
        """
        stored = self.embedder
        if stored is not None and not stored.same_vectors(identity) and self.counts()[1]:
            raise EmbedderMismatchError(
                f"its vectors come from {stored.model}, and the embedding model in use is {identity.model}",
                path=self.folder,
                remedy=f"Set embedding_model = {stored.model!r}, or ingest into another library with --library",
            )

    def counts(self) -> tuple[int, int]:
        """The number of documents and of chunks."""
        with self._reading() as db:
            row = db.execute("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks)").fetchone()
        return int(row[0]), int(row[1])

    def documents(self) -> list[Document]:
        """Every document, ordered by path."""
        return self._documents("ORDER BY d.path", ())

    def document(self, document_id: int) -> Document | None:
        """The document with this id."""
        return next(iter(self._documents("WHERE d.id = ?", (document_id,))), None)

    def text(self, document_id: int) -> str:
        """A document's whole text, to which all offsets refer."""
        with self._reading() as db:
            row = db.execute("SELECT text FROM documents WHERE id = ?", (document_id,)).fetchone()
        return str(row[0]) if row else ""

    def pages(self, document_id: int) -> list[Page]:
        """A document's pages; empty for formats without pages."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT number, char_start, char_end, lines FROM pages WHERE document_id = ? ORDER BY number",
                (document_id,),
            ).fetchall()
        return [
            Page(r[0], r[1], r[2], tuple(Line(s, e, (a, b, c, d)) for s, e, a, b, c, d in json.loads(r[3])))
            for r in rows
        ]

    def chunks(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """The chunks with these ids, by id; one that is gone is left out."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT c.id, document_id, d.path, d.title, ordinal, page, char_start, char_end, heading, "
                "c.text, tokens FROM chunks c JOIN documents d ON d.id = document_id "
                "WHERE c.id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        names = (
            "id",
            "document_id",
            "document",
            "title",
            "ordinal",
            "page",
            "char_start",
            "char_end",
            "heading",
            "text",
            "tokens",
        )
        return {row[0]: Chunk(**dict(zip(names, row, strict=True))) for row in rows}

    def chunks_of(self, document_id: int) -> list[Chunk]:
        """A document's chunks in order."""
        with self._reading() as db:
            ids = [r[0] for r in db.execute("SELECT id FROM chunks WHERE document_id = ?", (document_id,))]
        return sorted(self.chunks(ids).values(), key=lambda chunk: chunk.ordinal)

    def vectors(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], int]:
        """Chunk ids (n,), their vectors (n, dimension) and the revision that they belong to, read as one snapshot."""
        import numpy as np

        with self._reading() as db:
            db.execute("BEGIN")
            try:
                revision = int(db.execute("SELECT value FROM settings WHERE name = 'revision'").fetchone()[0])
                rows = db.execute("SELECT id, vector FROM chunks ORDER BY id").fetchall()
            finally:
                db.execute("COMMIT")
        ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").astype(np.float32)
        return ids, matrix.reshape(len(rows), -1) if rows else np.zeros((0, 0), np.float32), revision

    def match(self, expression: str, k: int, weights: tuple[float, float, float]) -> list[tuple[int, float]]:
        """Ids and BM25 scores (higher is better) of the chunks matching an FTS5 expression.

        Args:
            expression: An FTS5 query.
            k: The most hits to return.
            weights: Of the columns title, heading and text.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT rowid, -bm25(lexicon, ?, ?, ?) AS score FROM lexicon WHERE lexicon MATCH ? "
                "ORDER BY score DESC, rowid LIMIT ?",
                (*weights, expression, k),
            ).fetchall()
        return [(int(row[0]), float(row[1])) for row in rows]

    def files(self) -> dict[str, StoredFile]:
        """What is known of every file, by absolute path."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT absolute_path, id, path, sha256, size, mtime_ns, recipe, added_at FROM documents"
            ).fetchall()
        return {r[0]: StoredFile(*(*r[1:7], r[5] + SETTLED_NS < nanoseconds(r[7]))) for r in rows}

    # Changing it

    @contextmanager
    def locked(self, *, wait: bool = False) -> Iterator[None]:
        """Keep other processes from writing.

        Raises:
            LibraryLockedError: Another process is writing already, and `wait` is false.
        """
        with self._translated():
            lock = (self.folder / "write.lock").open("a+b", buffering=0)
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                lock.seek(0)
                raise LibraryLockedError(
                    f"process {lock.read().decode() or 'unknown'} is writing to this library",
                    path=self.folder,
                    remedy="Wait until it has finished, or use another library with --library",
                ) from None
            with self._translated():
                lock.truncate(0)
                lock.write(str(os.getpid()).encode())
            yield

    def use_embedder(self, identity: EmbedderIdentity) -> None:
        """Record the model whose vectors are about to be stored.

        Raises:
            EmbedderMismatchError: There are vectors of another model already.
        """
        self.require_embedder(identity)
        if self.embedder != identity:
            with self._writing() as db:
                db.execute("INSERT OR REPLACE INTO settings VALUES ('embedder', ?)", (identity.to_json(),))

    def store(self, documents: Iterable[NewDocument]) -> None:
        """Store documents in one transaction; each takes the place of an earlier version of the same file."""
        with self._writing() as db:
            for document in documents:
                old = db.execute(
                    "SELECT id FROM documents WHERE absolute_path = ?", (document.absolute_path,)
                ).fetchone()
                if old:
                    delete_document(db, old[0])
                insert_document(db, document)
            advance_revision(db)

    def remove(self, document_ids: Iterable[int]) -> None:
        """Remove documents with their pages, chunks and vectors, in one transaction."""
        with self._writing() as db:
            for document_id in document_ids:
                delete_document(db, document_id)
            advance_revision(db)

    def refresh(self, files: Iterable[tuple[int, str, int]], read_at: datetime) -> None:
        """Record (document id, path as given, mtime_ns) of files whose content had not changed at this time."""
        with self._writing() as db:
            db.executemany(
                "UPDATE documents SET path = ?2, mtime_ns = ?3, added_at = ?4 WHERE id = ?1",
                [(document_id, path, mtime, utc(read_at)) for document_id, path, mtime in files],
            )

    # Connections

    def _setting(self, name: str) -> str | None:
        with self._reading() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _documents(self, clause: str, values: tuple[Any, ...]) -> list[Document]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT d.id, d.path, d.title, d.media_type, d.sha256, d.size, d.mtime_ns, d.added_at, "
                "(SELECT count(*) FROM pages p WHERE p.document_id = d.id), "
                "(SELECT count(*) FROM chunks c WHERE c.document_id = d.id), "
                "(SELECT group_concat(number) FROM pages p WHERE p.document_id = d.id AND char_start = char_end) "
                f"FROM documents d {clause}",
                values,
            ).fetchall()
        names = ("id", "path", "title", "media_type", "sha256", "size", "mtime_ns", "added_at", "pages", "chunks")
        empty = [tuple(sorted(map(int, row[-1].split(",")))) if row[-1] else () for row in rows]
        return [
            Document(**dict(zip(names, row[:-1], strict=True)), empty_pages=pages)
            for row, pages in zip(rows, empty, strict=True)
        ]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            with self._pool_guard:
                db = self._pool.pop() if self._pool else None
            db = db or self._connect()
            try:
                yield db
            finally:
                with self._pool_guard:
                    self._pool.append(db)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _connect(self) -> sqlite3.Connection:
        # Autocommit: every transaction is opened by name. Connections move between threads, one at a time.
        db = sqlite3.connect(self.folder / DATABASE, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self.locked(wait=True), self._reading() as db:
            db.execute("PRAGMA journal_mode = WAL")
            for number, step in enumerate(MIGRATIONS[self._version() :], self._version() + 1):
                db.executescript(f"BEGIN IMMEDIATE;{step};PRAGMA user_version = {number};COMMIT;")

    def _version(self) -> int:
        with self._reading() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise LibraryVersionError(
                f"a newer Ragstone wrote this library (version {version}; this one reads up to {len(MIGRATIONS)})",
                path=self.folder,
                remedy="Upgrade Ragstone, or ingest into another library with --library",
            )
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite and the file system report into errors with a remedy."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _library_error(error, self.folder) from error
        except OSError as error:
            if error.errno not in (
                errno.ENOSPC,
                errno.EDQUOT,
                errno.EACCES,
                errno.EPERM,
                errno.EROFS,
                errno.ENOTDIR,
                errno.EEXIST,
            ):
                raise
            raise LibraryWriteError(
                f"the library cannot be written ({os.strerror(error.errno).lower()})",
                path=self.folder,
                remedy="Free disk space or choose a writable folder with --library; nothing stored is lost",
            ) from error


def _library_error(error: sqlite3.DatabaseError, folder: Path) -> LibraryError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return LibraryWriteError(
            f"the library cannot be written ({error})",
            path=folder,
            remedy="Free disk space or make the folder writable, then run the command again; nothing stored is lost",
        )
    if name.startswith("SQLITE_BUSY"):
        return LibraryLockedError(
            "another process is writing to this library", path=folder, remedy="Wait until it has finished"
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return LibraryError(
            f"the library's database is damaged ({error})",
            path=folder / DATABASE,
            remedy="Restore it from a backup, or delete the folder and ingest again",
        )
    raise error
