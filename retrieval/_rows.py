"""The statements that change the library's rows; each runs inside a transaction of `library`."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime

from .records import NewDocument


def insert_document(db: sqlite3.Connection, new: NewDocument) -> None:
    """Write a document with its pages, chunks, words and vectors."""
    document_id = db.execute(
        "INSERT INTO documents "
        "(path, absolute_path, title, media_type, sha256, size, mtime_ns, recipe, added_at, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(new.path, new.absolute_path, new.title, new.media_type, new.sha256, new.size, new.mtime_ns, new.recipe),
            *(utc(new.read_at), new.text),
        ),
    ).lastrowid
    db.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?, ?)",
        [
            (
                document_id,
                p.number,
                p.char_start,
                p.char_end,
                json.dumps([(n.char_start, n.char_end, *n.rect) for n in p.lines]),
            )
            for p in new.pages
        ],
    )
    db.executemany(
        "INSERT INTO chunks (document_id, ordinal, page, char_start, char_end, heading, text, tokens, vector) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                document_id,
                c.ordinal,
                c.page,
                c.char_start,
                c.char_end,
                c.heading,
                c.text,
                c.tokens,
                v.astype("<f4").tobytes(),
            )
            for c, v in zip(new.chunks, new.vectors, strict=True)
        ],
    )
    db.execute(
        "INSERT INTO lexicon (rowid, title, heading, text) "
        "SELECT id, title, heading, text FROM searchable WHERE document_id = ?",
        (document_id,),
    )


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
