"""The statements that change the library's rows; each runs inside a transaction of `library`."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from ..errors import SourceError
from ._terms import Frequencies, insert_postings
from .records import Instruction, NewDocument, NewFile, Page, TextChunk

_SQLITE_INTEGERS = range(-(2**63), 2**63)


def insert_file(db: sqlite3.Connection, new: NewFile, words: Sequence[Sequence[Frequencies]]) -> list[int]:
    """Write a file with its documents, of whose chunks these are the terms; the documents' ids, in order.

    It takes the place of its earlier version, and keeps that one's tags, and the ids of documents whose text is the
    same: what was cited of them stands where it stood.
    """
    of_before = "(SELECT id FROM files WHERE absolute_path = ?)"
    tags = db.execute(f"SELECT part, tag FROM tags WHERE file_id = {of_before}", (new.absolute_path,)).fetchall()
    same = f"SELECT id FROM documents WHERE file_id = {of_before} AND part = ? AND text = ?"
    ids = [db.execute(same, (new.absolute_path, d.part, d.text)).fetchone() or (None,) for d in new.documents]
    db.execute("DELETE FROM files WHERE absolute_path = ?", (new.absolute_path,))
    file_id = db.execute(
        "INSERT INTO files (path, absolute_path, collection, sha256, size, mtime_ns, recipe, read_at, failed, checked) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(new.path, new.absolute_path, new.collection, new.sha256, new.size, new.mtime_ns, new.recipe),
            *(utc(new.read_at), json.dumps(list(new.failed)), new.checked),
        ),
    ).lastrowid
    db.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(file_id, *tag) for tag in tags])
    rows = zip(ids, new.documents, words, strict=True)
    return [_insert_document(db, file_id, document_id, document, terms) for (document_id,), document, terms in rows]


def advance_revision(db: sqlite3.Connection) -> None:
    """Note that chunks or vectors have changed."""
    # From the clock: a library restored from a backup must never meet the index of a state that came after the backup.
    db.execute("UPDATE settings SET value = max(value + 1, ?) WHERE name = 'revision'", (time.time_ns() // 1_000_000,))


def utc(moment: datetime) -> str:
    """A moment as it is stored."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def nanoseconds(moment: str) -> int:
    """A stored moment on the scale of a file's modification time."""
    return int(datetime.fromisoformat(moment).timestamp() * 1e9)


def _insert_document(
    db: sqlite3.Connection,
    file_id: int | None,
    document_id: int | None,
    new: NewDocument,
    words: Sequence[Frequencies],
) -> int:
    """Write a document under an id, by default a new one."""
    metadata = json.dumps(dict(new.metadata))
    document_id = db.execute(
        "INSERT INTO documents (id, file_id, part, title, media_type, metadata, signature, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (document_id, file_id, new.part, new.title, new.media_type, metadata, new.signature, new.text),
    ).lastrowid
    db.executemany(
        "INSERT INTO pages (document_id, number, char_start, char_end, lines, label, links, ocr) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(document_id, *_page_row(page)) for page in new.pages],
    )
    db.executemany(
        "INSERT INTO chunks (document_id, ordinal, page, char_start, char_end, heading, text, table_header, tokens) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(document_id, *_chunk_row(chunk)) for chunk in new.chunks],
    )
    ids = [i for (i,) in db.execute("SELECT id FROM chunks WHERE document_id = ? ORDER BY id", (document_id,))]
    db.executemany(
        "INSERT INTO vectors VALUES (?, ?)",
        [(i, vector.tobytes()) for i, vector in zip(ids, new.vectors.astype("<f4"), strict=True)],
    )
    insert_postings(db, dict(zip(ids, words, strict=True)))
    insert_instructions(db, document_id or 0, new.instructions)
    return document_id or 0


def insert_instructions(db: sqlite3.Connection, document_id: int, found: Iterable[Instruction]) -> None:
    """Write what in a document speaks to the assistant."""
    db.executemany(
        "INSERT INTO instructions VALUES (?, ?, ?, ?)",
        [(document_id, i.char_start, i.char_end, i.score) for i in found],
    )


def ids_at(db: sqlite3.Connection, paths: Iterable[str]) -> list[int]:
    """The ids of the documents at these paths: of a file all, else that of its part.

    A path is that of a file where it leads from the current folder, else as it was given at ingest.

    Raises:
        SourceError: Several files were given by the same path, in different folders.
    """
    return [document_id for path in paths for document_id in _ids_at(db, path)]


def _ids_at(db: sqlite3.Connection, path: str) -> list[int]:
    for column, wanted in _places(path):
        found = db.execute(
            "SELECT d.id, f.id, absolute_path FROM documents d JOIN files f ON f.id = file_id "
            f"WHERE {column} = ?1 OR (part <> '' AND {column} || '/' || part = ?1)",
            (wanted,),
        ).fetchall()
        files = {file: place for _, file, place in found}
        if len(files) > 1:
            what = f"{len(files)} files of the library are known by this path ({', '.join(sorted(files.values()))})"
            raise SourceError(what, path=path, remedy="Give the id of the document, or the absolute path of the file")
        if found:
            return [document_id for document_id, _, _ in found]
    return []


def _places(path: str) -> Iterator[tuple[str, str]]:
    """The columns that may have a path, and how it is written there."""
    with suppress(OSError, UnicodeEncodeError):  # the current folder is gone, or its name is not UTF-8
        absolute = os.path.abspath(path)  # noqa: PTH100 - links stay links
        absolute.encode("utf-8")
        yield "absolute_path", absolute
    yield "path", path


def remove_documents(db: sqlite3.Connection, document_ids: Iterable[int]) -> int:
    """Remove documents, and files of which nothing is left; how many documents there were."""
    removed = 0
    for document_id in sorted(number for number in document_ids if number in _SQLITE_INTEGERS):
        file = db.execute("SELECT file_id FROM documents WHERE id = ?", (document_id,)).fetchone()
        if file is None:
            continue
        remove_tags(db, document_id)
        db.execute("DELETE FROM documents WHERE id = ?", (document_id,))
        db.execute(  # a file of which nothing is left has to be read again
            "DELETE FROM files WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM documents WHERE file_id = ?1)", file
        )
        removed += 1
    return removed


def remove_tags(db: sqlite3.Connection, document_id: int) -> None:
    """Remove every tag of a document."""
    db.execute(
        "DELETE FROM tags WHERE (file_id, part) IN (SELECT file_id, part FROM documents WHERE id = ?)", (document_id,)
    )


def _page_row(page: Page) -> tuple[object, ...]:
    lines = json.dumps([(line.char_start, line.char_end, *line.rect) for line in page.lines])
    links = json.dumps([(*link.rect, link.uri) for link in page.links])
    return page.number, page.char_start, page.char_end, lines, page.label, links, page.ocr


def _chunk_row(chunk: TextChunk) -> tuple[object, ...]:
    return (
        *(chunk.ordinal, chunk.page, chunk.char_start, chunk.char_end),
        *(chunk.heading, chunk.text, chunk.table_header, chunk.tokens),
    )
