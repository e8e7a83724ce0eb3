"""Tags and collections: what people call their documents, in words of their own.

A tag belongs to a file and a part of it, a collection to a whole file: they stay when it is read again or moves.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable

from ..errors import SettingsError
from .library import Library

LONGEST = 100
"""Characters of a tag."""


def as_tag(text: str) -> str:
    """A tag as it is stored: on one line, composed (NFC).

    Raises:
        SettingsError: It is empty, or longer than 100 characters.
    """
    tag = unicodedata.normalize("NFC", " ".join(text.encode("utf-8", "replace").decode().split()))
    if not 1 <= len(tag) <= LONGEST:
        what = f"a tag has {len(tag):,} characters" if tag else "a tag is empty"
        raise SettingsError(what, remedy=f"Give one of 1 to {LONGEST} characters")
    return tag


def tag(library: Library, document_ids: Iterable[int], *tags: str) -> None:
    """Give documents tags; one that they have already stays. A document that is gone is left out.

    Raises:
        SettingsError: A tag is empty or too long.
    """
    names = [as_tag(name) for name in tags]
    with library.database.writing() as db:
        db.execute(
            "INSERT OR IGNORE INTO tags SELECT file_id, part, names.value FROM documents d, json_each(?2) names "
            "WHERE d.id IN (SELECT value FROM json_each(?1))",
            (json.dumps(list(document_ids)), json.dumps(names)),
        )


def untag(library: Library, document_ids: Iterable[int], *tags: str) -> None:
    """Take tags from documents; one that they do not have is left out.

    Raises:
        SettingsError: A tag is empty or too long.
    """
    names = [as_tag(name) for name in tags]
    with library.database.writing() as db:
        db.execute(
            "DELETE FROM tags WHERE tag IN (SELECT value FROM json_each(?2)) AND (file_id, part) IN "
            "(SELECT file_id, part FROM documents WHERE id IN (SELECT value FROM json_each(?1)))",
            (json.dumps(list(document_ids)), json.dumps(names)),
        )


def file_under(library: Library, document_ids: Iterable[int], collection: str) -> None:
    """Put documents into a collection, each with all others of its file; nothing is read for it.

    Args:
        library: It is to be locked: an ingest puts the files that it knows back to where they were at its start.
        document_ids: Of documents; one that is gone is left out.
        collection: Its name; empty for none.
    """
    within = "SELECT file_id FROM documents WHERE id IN (SELECT value FROM json_each(?2))"
    with library.database.writing() as db:
        ids = json.dumps(list(document_ids))
        db.execute(f"UPDATE files SET collection = ?1 WHERE id IN ({within})", (collection, ids))


def all_tags(library: Library) -> dict[str, int]:
    """How many documents each tag has, by tag."""
    with library.database.reading() as db:
        counts = "SELECT tag, count(*) FROM tags JOIN documents USING (file_id, part) GROUP BY tag ORDER BY tag"
        return dict(db.execute(counts).fetchall())
