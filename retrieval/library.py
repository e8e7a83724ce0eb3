"""The library: one folder, one SQLite database, the only place where documents, chunks and vectors are stored.

The search index beside it is a cache that can be deleted at any time (see `index`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import groupby
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from ..errors import EmbedderMismatchError
from ._database import FILE, Database
from ._reading import read_chunks, read_documents, read_files, read_pages
from ._rows import advance_revision, ids_at, insert_file, insert_instructions, remove_documents, utc
from .records import Chunk, Document, EmbedderIdentity, Instruction, NewFile, Page, StoredFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ._index_rows import Allocate, StoredRows
    from .filters import Filter

log = logging.getLogger(__name__)

DATABASE = FILE


class Library:
    """An open library. Safe to use from several threads; close it, or use it as a context manager.

    Its `folder` is absolute, so that it stays where it is when the current folder changes; `named` is as it was given.

    Args:
        folder: The library's folder.
        create: Make a new library when there is none.

    Raises:
        LibraryNotFoundError: There is no library, and `create` is false.
        LibraryVersionError: A newer Ragstone wrote it.
        LibraryWriteError: The folder cannot be made or written to, or not brought up to date.
        LibraryError: The database is damaged.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.named = folder
        self.folder = folder.absolute()
        self._db = Database(self.folder, create=create, named=folder)
        try:
            self._follow_analysis()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. What uses the library afterwards raises LibraryClosedError."""
        self._db.close()

    @property
    def database(self) -> Database:
        """For what else stands in the library's file, such as chats."""
        return self._db

    def one_state(self) -> AbstractContextManager[None]:
        """Until the end, all that this thread reads from the library is of one state, whatever is written meanwhile."""
        return self._db.one_state()

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

    @property
    def published(self) -> str:
        """The name of the stored index that belongs to this library; empty when there is none."""
        return self._setting("published") or ""

    def require_embedder(self, identity: EmbedderIdentity) -> None:
        """Make sure that vectors of this model may be compared with those stored.

        Raises:
            EmbedderMismatchError: They come from another model.
        """
        stored = self.embedder
        if stored is not None and not stored.same_vectors(identity) and self.counts()[1]:
            what = f"its vectors come from {stored.name}, and the embedding model in use is {identity.name}"
            remedy = f"Run `ragstone reindex --embedder {quote(identity.name)}`"
            if stored.name == identity.name:
                what = f"its vectors come from another version of {stored.name} than the one in use"
            else:
                remedy += f", or set embedding_model = {stored.name!r}"
            raise EmbedderMismatchError(what, path=self.named, remedy=remedy)

    def counts(self) -> tuple[int, int]:
        """The number of documents and of chunks."""
        with self._db.reading() as db:
            row = db.execute("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks)").fetchone()
        return int(row[0]), int(row[1])

    def collections(self) -> dict[str, int]:
        """How many documents each collection holds; the name '' is of those that are in none."""
        with self._db.reading() as db:
            return dict(
                db.execute(
                    "SELECT collection, count(d.id) FROM files f JOIN documents d ON d.file_id = f.id "
                    "GROUP BY collection ORDER BY collection"
                ).fetchall()
            )

    def documents(self) -> list[Document]:
        """Every document, ordered by path."""
        return self._documents("ORDER BY 2", ())

    def document(self, document_id: int) -> Document | None:
        """The document with this id."""
        return next(iter(self._documents("WHERE d.id = ?", (document_id,))), None)

    def documents_at(self, absolute_path: str) -> list[Document]:
        """The documents of a file, of all files below a folder, or the part of a file that such a path names."""
        below = absolute_path.rstrip("/") + "/"
        whole = "f.absolute_path || CASE d.part WHEN '' THEN '' ELSE '/' || d.part END"
        clause = f"WHERE {whole} = ?1 OR substr({whole}, 1, length(?2)) = ?2 ORDER BY 2"
        return self._documents(clause, (absolute_path, below))

    def source_of(self, document_id: int) -> tuple[Path, str] | None:
        """The absolute path of a document's file, and the document's path inside it, empty for the file itself."""
        with self._db.reading() as db:
            row = db.execute(
                "SELECT absolute_path, part FROM documents d JOIN files f ON f.id = d.file_id WHERE d.id = ?",
                (document_id,),
            ).fetchone()
        return (Path(row[0]), str(row[1])) if row else None

    def text(self, document_id: int) -> str:
        """A document's whole text, to which all offsets refer."""
        with self._db.reading() as db:
            row = db.execute("SELECT text FROM documents WHERE id = ?", (document_id,)).fetchone()
        return str(row[0]) if row else ""

    def pages(self, document_id: int) -> list[Page]:
        """A document's pages; empty for formats without pages."""
        with self._db.reading() as db:
            return read_pages(db, document_id)

    def chunks(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """The chunks with these ids, by id; one that is gone is left out."""
        return self._chunks("c.id IN (SELECT value FROM json_each(?))", json.dumps(list(ids)))

    def chunks_of(self, document_id: int) -> list[Chunk]:
        """A document's chunks in order."""
        return sorted(self._chunks("c.document_id = ?", document_id).values(), key=lambda chunk: chunk.ordinal)

    def neighbours(self, chunk: Chunk, before: int = 1, after: int = 1) -> list[Chunk]:
        """A chunk with those that stand before and after it in its document, in order."""
        return [c for c in self.chunks_of(chunk.document_id) if -before <= c.ordinal - chunk.ordinal <= after]

    def section(self, chunk: Chunk) -> list[Chunk]:
        """A chunk's parent: the run of chunks around it under the same headings, in order."""
        runs = [list(run) for _, run in groupby(self.chunks_of(chunk.document_id), key=lambda c: c.heading)]
        return next((run for run in runs if any(c.id == chunk.id for c in run)), [])

    def rows(self, after: int = 0, allocate: Allocate | None = None) -> StoredRows:
        """What an index needs of the chunks whose id is greater than `after`, and what it must know besides, as one
        state.

        Args:
            after: A chunk's id.
            allocate: Gives the memory for so many vectors of such a dimension, or None to leave them; by default a new
                array.
        """
        from ._index_rows import read_rows

        with self._db.snapshot() as db:
            return read_rows(db, after, allocate)

    def vectors_of(
        self, ids: Iterable[int], embedder: EmbedderIdentity | None = None
    ) -> dict[int, npt.NDArray[np.float32]]:
        """The vectors (dimension,) of the chunks with these ids; a chunk that is gone is left out.

        Args:
            ids: Of chunks.
            embedder: The model whose vectors are wanted: once those of another one have taken their place, there are
                none. By default whatever is stored.
        """
        import numpy as np

        with self._db.snapshot() as db:
            if embedder is not None:
                stored = db.execute("SELECT value FROM settings WHERE name = 'embedder'").fetchone()
                if not stored or not EmbedderIdentity.from_json(stored[0]).same_vectors(embedder):
                    return {}
            rows = db.execute(
                "SELECT * FROM vectors WHERE chunk_id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
            )
            return {number: np.frombuffer(vector, "<f4") for number, vector in rows}

    def term_ids(self, words: Iterable[str]) -> dict[str, int]:
        """The ids of terms (see `analysis`); one that no chunk ever had is left out."""
        from ._terms import term_ids

        with self._db.reading() as db:
            return term_ids(db, list(words))

    def differing_terms(self) -> int:
        """The number of chunks whose stored terms are not those of their text; reads every text."""
        from ._terms import differing

        with self._db.snapshot() as db:
            return differing(db)

    def document_ids(self, where: Filter) -> npt.NDArray[np.int64]:
        """The ids of the documents that a filter keeps, ascending.

        Raises:
            SettingsError: It asks for metadata that no document has.
        """
        import numpy as np

        from ._filtering import matching

        with self._db.snapshot() as db:
            return np.array(matching(db, where), dtype=np.int64)

    def files(self, at: str | None = None) -> dict[str, StoredFile]:
        """What is known of every file, or of the one at this absolute path, by absolute path."""
        with self._db.reading() as db:
            return read_files(db, at)

    def titles(self, file_ids: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
        """(part, title) of every document of files, by the file's id."""
        within = "file_id IN (SELECT value FROM json_each(?)) ORDER BY file_id"
        with self._db.reading() as db:
            rows = db.execute(f"SELECT file_id, part, title FROM documents WHERE {within}", (json.dumps([*file_ids]),))
            return {i: [(part, title) for _, part, title in run] for i, run in groupby(rows, key=lambda row: row[0])}

    def signatures(self) -> dict[int, tuple[int, bytes]]:
        """The file's id and the MinHash signature of every document, by its id."""
        with self._db.reading() as db:
            return {r[0]: (r[1], r[2]) for r in db.execute("SELECT id, file_id, signature FROM documents")}

    def unchecked(self, version: int) -> dict[int, list[int]]:
        """The ids of the documents of every file, by its id, that this version of the detector of instructions has not
        read."""
        with self._db.reading() as db:
            rows = db.execute(
                "SELECT f.id, d.id FROM files f JOIN documents d ON d.file_id = f.id WHERE checked <> ?", (version,)
            )
            return {file: [i for _, i in run] for file, run in groupby(rows.fetchall(), key=lambda row: row[0])}

    # Changing it

    def locked(self, *, wait: bool = False, queue: bool = True, aside: bool = False) -> AbstractContextManager[None]:
        """Keep others from writing (see `Database.locked`).

        Raises:
            LibraryLockedError: Another process is writing already, and `wait` is false; or a thread, and `queue` is.
        """
        return self._db.locked(wait=wait, queue=queue, aside=aside)

    def use_embedder(self, identity: EmbedderIdentity) -> None:
        """Record the model whose vectors are about to be stored.

        Raises:
            EmbedderMismatchError: There are vectors of another model already.
        """
        self.require_embedder(identity)
        if self.embedder != identity:
            self._set("embedder", identity.to_json())

    def use_index(self, name: str, without: Iterable[int] | None = None) -> None:
        """Record the name of the stored index that belongs to this library.

        Args:
            name: Its name; empty for none, and then what was removed is remembered.
            without: The removed chunks that are not in it, so that they need not be remembered; by default all. One
                that is removed while an index is written has to be.
        """
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES ('published', ?)", (name,))
            if name and without is None:
                db.execute("DELETE FROM tombstones")
            elif name and without is not None:
                db.executemany("DELETE FROM tombstones WHERE chunk_id = ?", ((int(i),) for i in without))

    def store(self, file: NewFile) -> list[int]:
        """Store a file's documents in one transaction, in the place of its earlier version; their ids, in order."""
        from ._terms import analysed

        words = analysed(file)
        with self._db.writing() as db:
            ids = insert_file(db, file, words)
            advance_revision(db)
        return ids

    def note_instructions(self, file_id: int, version: int, found: Mapping[int, Sequence[Instruction]]) -> None:
        """Record what a version of the detector found in the documents, by id, of a file."""
        with self._db.writing() as db:
            for document_id, instructions in found.items():
                db.execute("DELETE FROM instructions WHERE document_id = ?", (document_id,))
                insert_instructions(db, document_id, instructions)
            db.execute("UPDATE files SET checked = ? WHERE id = ?", (version, file_id))

    def remove(self, document_ids: Iterable[int], paths: Iterable[str] = ()) -> int:
        """Remove documents with their pages, chunks and vectors, in one transaction; how many there were.

        Args:
            document_ids: Of documents.
            paths: Of documents, as `Document.path` has them, or of files, of which all documents go (see `ids_at`).
        """
        with self._db.writing() as db:
            removed = remove_documents(db, {*document_ids, *ids_at(db, paths)})
            if removed:
                advance_revision(db)
        return removed

    def remove_files(self, file_ids: Iterable[int]) -> None:
        """Remove files with all that was read of them, in one transaction."""
        with self._db.writing() as db:
            db.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in file_ids))
            advance_revision(db)

    def refresh(self, files: Iterable[tuple[int, str, int, str]], read_at: datetime) -> None:
        """Record (file id, path as given, mtime_ns, collection) of files whose content had not changed at this time."""
        with self._db.writing() as db:
            db.executemany(
                "UPDATE files SET path = ?2, mtime_ns = ?3, collection = ?4, read_at = ?5 WHERE id = ?1",
                [(*file, utc(read_at)) for file in files],
            )

    def move(self, files: Mapping[int, tuple[str, str, str]]) -> None:
        """Give files, by id, another path as given, absolute path and recipe; what was read of them stays."""
        with self._db.writing() as db:
            # First out of the way: files can have changed places with each other.
            db.executemany("UPDATE files SET absolute_path = 'moving ' || id WHERE id = ?", [(i,) for i in files])
            db.executemany(
                "UPDATE files SET path = ?2, absolute_path = ?3, recipe = ?4 WHERE id = ?1",
                [(i, *to) for i, to in files.items()],
            )

    def _follow_analysis(self) -> None:
        """Make the terms of the chunks anew when another version of the analysis made them."""
        from .analysis import VERSION

        if self._setting("analysis") == str(VERSION):
            return
        from ._terms import analyse_again

        with self.locked(wait=True), self._db.writing() as db:
            if self._setting("analysis") == str(VERSION):
                return
            if self.counts()[1]:
                log.warning("%s: the words of its chunks are read anew, once for this Ragstone", self.named)
            analyse_again(db, renumber=True)
            db.execute("INSERT OR REPLACE INTO settings VALUES ('analysis', ?), ('published', '')", (str(VERSION),))
            db.execute("DELETE FROM tombstones")
            advance_revision(db)

    def _setting(self, name: str) -> str | None:
        with self._db.reading() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _set(self, name: str, value: str) -> None:
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def _chunks(self, condition: str, value: object) -> dict[int, Chunk]:
        with self._db.reading() as db:
            return read_chunks(db, condition, value)

    def _documents(self, clause: str, values: tuple[Any, ...]) -> list[Document]:
        with self._db.reading() as db:
            return read_documents(db, clause, values)
