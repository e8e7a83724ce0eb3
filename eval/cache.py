"""Outputs and judgements of earlier runs, by what they depend on."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import EvaluationError


def content_key(*parts: Any) -> str:
    """SHA-256 of what an output depends on, given as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


class OutputCache:
    """Outputs by their key, in one SQLite file. Several runs may use it at a time.

    It holds what was asked of and written by the subjects: keep it where the documents may be kept.

    Args:
        path: The file; its folder is made.

    Raises:
        EvaluationError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS outputs (key TEXT PRIMARY KEY, output TEXT NOT NULL, seconds REAL)"
            )

    def __enter__(self) -> OutputCache:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def get(self, key: str) -> tuple[Any, float | None] | None:
        """The output and the seconds that it took; None where there is none.

        Raises:
            EvaluationError: It cannot be read.
        """
        with self._translated():
            row = self._db.execute("SELECT output, seconds FROM outputs WHERE key = ?", (key,)).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])

    def put(self, key: str, output: Any, seconds: float | None) -> None:
        """Keep an output.

        Raises:
            EvaluationError: It cannot be written.
        """
        text = json.dumps(output, ensure_ascii=False).encode("utf-8", "replace").decode()
        with self._translated():
            self._db.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?)", (key, text, seconds))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise EvaluationError(
                f"the cache of outputs cannot be used ({error})",
                path=self._path,
                remedy="Free disk space, delete it, or name another",
            ) from error
