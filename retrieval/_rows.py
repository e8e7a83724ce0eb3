"""The statements that change the library's rows; each runs inside a transaction of `library`."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .records import NewDocument, NewFile, Page, TextChunk

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def insert_file(db: sqlite3.Connection, new: NewFile) -> list[int]:
    """Write a file with its documents; their ids, in order."""
    file_id = db.execute(
        "INSERT INTO files (path, absolute_path, collection, sha256, size, mtime_ns, recipe, read_at, failed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(new.path, new.absolute_path, new.collection, new.sha256, new.size, new.mtime_ns, new.recipe),
            *(utc(new.read_at), json.dumps(list(new.failed))),
        ),
    ).lastrowid
    return [_insert_document(db, file_id, document) for document in new.documents]


def delete_file(db: sqlite3.Connection, file_id: int) -> None:
    """Delete a file and all that was read of it."""
    for (document_id,) in db.execute("SELECT id FROM documents WHERE file_id = ?", (file_id,)).fetchall():
        delete_document(db, document_id)
    db.execute("DELETE FROM files WHERE id = ?", (file_id,))


def delete_document(db: sqlite3.Connection, document_id: int) -> None:
    """Delete a document and all that belongs to it."""
    # An external-content FTS5 table is told the old text, row by row, before that text goes.
    db.execute(
        "INSERT INTO lexicon (lexicon, rowid, title, heading, text) "
        "SELECT 'delete', id, title, heading, text FROM searchable WHERE document_id = ?",
        (document_id,),
    )
    db.execute("DELETE FROM documents WHERE id = ?", (document_id,))


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


def _insert_document(db: sqlite3.Connection, file_id: int | None, new: NewDocument) -> int:
    document_id = db.execute(
        "INSERT INTO documents (file_id, part, title, media_type, metadata, signature, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (file_id, new.part, new.title, new.media_type, json.dumps(dict(new.metadata)), new.signature, new.text),
    ).lastrowid
    db.executemany(
        "INSERT INTO pages (document_id, number, char_start, char_end, lines, label, links, ocr) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(document_id, *_page_row(page)) for page in new.pages],
    )
    db.executemany(
        "INSERT INTO chunks (document_id, ordinal, page, char_start, char_end, heading, text, table_header, tokens, "
        "vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(document_id, *row) for row in _chunk_rows(new.chunks, new.vectors)],
    )
    db.execute(
        "INSERT INTO lexicon (rowid, title, heading, text) "
        "SELECT id, title, heading, text FROM searchable WHERE document_id = ?",
        (document_id,),
    )
    return document_id or 0


def _page_row(page: Page) -> tuple[object, ...]:
    lines = json.dumps([(line.char_start, line.char_end, *line.rect) for line in page.lines])
    links = json.dumps([(*link.rect, link.uri) for link in page.links])
    return page.number, page.char_start, page.char_end, lines, page.label, links, page.ocr


def _chunk_rows(chunks: Sequence[TextChunk], vectors: npt.NDArray[np.float32]) -> list[tuple[object, ...]]:
    return [
        (c.ordinal, c.page, c.char_start, c.char_end, c.heading, c.text, c.table_header, c.tokens, v.tobytes())
        for c, v in zip(chunks, vectors.astype("<f4"), strict=True)
    ]
