"""What people say of answers, kept in the library: thumbs, corrections, wrong sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from ..retrieval.library import Library
from .times import stamp_now

Kind = Literal["good", "bad", "correction", "wrong source"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing said of one answer."""

    id: int
    kind: Kind
    citation: int | None
    """The number of the wrong source."""
    text: str
    """The correction, or why."""
    given_at: str
    """UTC, ISO 8601."""
    message_id: int
    question: str
    answer: dict[str, Any]
    """As `ragstone ask --json` writes it."""


class FeedbackStore:
    """The feedback of a library. Safe to use from several threads. It goes when its chat is deleted.

    Example:
        with Ragstone.open("./library") as rag:
            for one in FeedbackStore(rag.library).all(since="2026-01-01"):
                print(one.kind, one.question, one.text)
    """

    def __init__(self, library: Library) -> None:
        self._db = library.database

    def vote(self, message_id: int, owner: str, kind: Literal["good", "bad"] | None) -> None:
        """An owner's thumb for an answer, in the place of an earlier one; None takes it back."""
        with self._db.writing() as db:
            db.execute(
                "DELETE FROM feedback WHERE message_id = ? AND owner = ? AND kind IN ('good', 'bad')",
                (message_id, owner),
            )
            if kind is not None:
                _insert(db, message_id, owner, kind, None, "")

    def correct(self, message_id: int, owner: str, text: str) -> None:
        """What the answer should have been."""
        with self._db.writing() as db:
            _insert(db, message_id, owner, "correction", None, text)

    def wrong_source(self, message_id: int, owner: str, citation: int, text: str = "") -> None:
        """That a citation does not carry what it is cited for; once for each owner and citation."""
        with self._db.writing() as db:
            db.execute(
                "DELETE FROM feedback WHERE message_id = ? AND owner = ? AND kind = 'wrong source' AND citation = ?",
                (message_id, owner, citation),
            )
            _insert(db, message_id, owner, "wrong source", citation, text)

    def all(self, *, since: str = "", owner: str | None = None) -> list[Feedback]:
        """All that was said, newest first.

        Args:
            since: Only from this time, UTC, ISO 8601.
            owner: Only by this owner.
        """
        with self._db.reading() as db:
            rows = db.execute(
                "SELECT f.id, kind, citation, text, given_at, message_id, question, answer "
                "FROM feedback f JOIN messages m ON m.id = f.message_id "
                "WHERE given_at >= ?1 AND (?2 IS NULL OR owner = ?2) ORDER BY f.id DESC",
                (since, owner),
            ).fetchall()
        return [Feedback(i, kind, n, text, at, m, q, json.loads(a)) for i, kind, n, text, at, m, q, a in rows]


def _insert(db: Any, message_id: int, owner: str, kind: Kind, citation: int | None, text: str) -> None:
    db.execute(
        "INSERT INTO feedback (message_id, owner, kind, citation, text, given_at) VALUES (?, ?, ?, ?, ?, ?)",
        (message_id, owner, kind, citation, text.strip(), stamp_now()),
    )
