"""From the library's rows to records; each function runs on a connection of `library`."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ._rows import nanoseconds
from .records import Chunk, Document, Instruction, Line, Link, Page, StoredFile

SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may have changed again within its clock's resolution."""

_PATH = "f.path || CASE d.part WHEN '' THEN '' ELSE '/' || d.part END"
_CHUNK = (
    *("id", "document_id", "document", "title", "ordinal", "page", "char_start", "char_end", "heading"),
    *("text", "table_header", "tokens", "instructions"),
)
_DOCUMENT = (
    *("id", "path", "title", "media_type", "metadata", "collection", "sha256", "size", "mtime_ns", "added_at"),
    *("pages", "chunks", "empty_pages", "checked", "instructions", "tags"),
)
_TAGS = "(SELECT json_group_array(tag) FROM tags t WHERE t.file_id = d.file_id AND t.part = d.part)"
_INSTRUCTIONS = "(SELECT json_group_array(json_array(char_start, char_end, score)) FROM instructions i WHERE {})"
_IN_CHUNK = "i.document_id = c.document_id AND i.char_start < c.char_end AND i.char_end > c.char_start"


def read_chunks(db: sqlite3.Connection, condition: str, value: object) -> dict[int, Chunk]:
    """The chunks (c) that meet a condition on a value, by id."""
    rows = db.execute(
        f"SELECT c.id, document_id, {_PATH}, d.title, ordinal, page, char_start, char_end, heading, c.text, "
        f"table_header, tokens, {_INSTRUCTIONS.format(_IN_CHUNK)} FROM chunks c JOIN documents d ON d.id = document_id "
        f"JOIN files f ON f.id = file_id WHERE {condition}",
        (value,),
    ).fetchall()
    return {row[0]: Chunk(**dict(zip(_CHUNK, (*row[:-1], _instructions(row[-1])), strict=True))) for row in rows}


def read_documents(db: sqlite3.Connection, clause: str, values: tuple[Any, ...]) -> list[Document]:
    """The documents (d) of files (f) that a clause chooses and orders; its column 2 is their path."""
    rows = db.execute(
        f"SELECT d.id, {_PATH}, title, media_type, metadata, collection, sha256, size, mtime_ns, read_at, "
        "(SELECT count(*) FROM pages p WHERE p.document_id = d.id), "
        "(SELECT count(*) FROM chunks c WHERE c.document_id = d.id), "
        "(SELECT group_concat(number) FROM pages p WHERE p.document_id = d.id AND char_start = char_end), "
        f"checked, {_INSTRUCTIONS.format('i.document_id = d.id')}, {_TAGS} "
        f"FROM documents d JOIN files f ON f.id = file_id {clause}",
        values,
    ).fetchall()
    named = [dict(zip(_DOCUMENT, row, strict=True)) for row in rows]
    for row in named:
        row["metadata"] = json.loads(row["metadata"])
        row["empty_pages"] = _numbers(row["empty_pages"] or "")
        row["instructions"] = _instructions(row["instructions"])
        row["tags"] = tuple(sorted(json.loads(row["tags"])))
    return [Document(**row) for row in named]


def read_pages(db: sqlite3.Connection, document_id: int) -> list[Page]:
    """A document's pages in order."""
    rows = db.execute(
        "SELECT number, char_start, char_end, lines, label, links, ocr FROM pages WHERE document_id = ? "
        "ORDER BY number",
        (document_id,),
    ).fetchall()
    return [_page(*row) for row in rows]


def read_files(db: sqlite3.Connection, at: str | None = None) -> dict[str, StoredFile]:
    """What is known of every file, or of the one at this absolute path, by absolute path."""
    rows = db.execute(
        "SELECT absolute_path, id, path, sha256, size, mtime_ns, recipe, read_at, collection, failed FROM files"
        + ("" if at is None else " WHERE absolute_path = ?"),
        () if at is None else (at,),
    ).fetchall()
    return {
        absolute: StoredFile(
            *(number, path, digest, size, mtime_ns, recipe),
            settled=mtime_ns + SETTLED_NS < nanoseconds(read_at),
            collection=collection,
            failed=_pairs(failed),
        )
        for absolute, number, path, digest, size, mtime_ns, recipe, read_at, collection, failed in rows
    }


def _numbers(joined: str) -> tuple[int, ...]:
    return tuple(sorted(int(number) for number in joined.split(",") if number))


def _pairs(stored: str) -> tuple[tuple[str, str], ...]:
    return tuple((part, reason) for part, reason in json.loads(stored))


def _page(number: int, start: int, end: int, lines: str, label: str, links: str, ocr: int) -> Page:
    return Page(
        number,
        start,
        end,
        tuple(Line(first, last, (x0, y0, x1, y1)) for first, last, x0, y0, x1, y1 in json.loads(lines)),
        label,
        tuple(Link((x0, y0, x1, y1), uri) for x0, y0, x1, y1, uri in json.loads(links)),
        bool(ocr),
    )


def _instructions(stored: str) -> tuple[Instruction, ...]:
    return () if stored == "[]" else tuple(sorted(Instruction(*row) for row in json.loads(stored)))
