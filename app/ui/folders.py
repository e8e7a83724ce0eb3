"""The folders on the server that were added from the browser, so that they can be brought up to date."""

from __future__ import annotations

import json
from pathlib import Path

from ...retrieval.library import Library

_NAME = "ui folders"


def known_folders(library: Library) -> list[Path]:
    """The folders, in the order in which they were added."""
    with library.database.reading() as db:
        row = db.execute("SELECT value FROM settings WHERE name = ?", (_NAME,)).fetchone()
    return [Path(folder) for folder in json.loads(row[0])] if row else []


def note_folder(library: Library, folder: Path) -> None:
    """Remember a folder."""
    folders = dict.fromkeys([*map(str, known_folders(library)), str(folder.absolute())])
    _store(library, list(folders))


def forget_folder(library: Library, folder: Path) -> None:
    """Forget a folder; its documents stay."""
    _store(library, [str(known) for known in known_folders(library) if known != folder])


def _store(library: Library, folders: list[str]) -> None:
    with library.database.writing() as db:
        db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_NAME, json.dumps(folders)))
