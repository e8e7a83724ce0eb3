"""What the library keeps of real use, where the setting `monitor` asks for it; it never leaves the machine."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import RagstoneError
from ..generation.abstention import right
from ..retrieval.library import Library
from .times import stamp, stamp_now

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..generation.answer import Answer, Event
    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)

_FIELDS = "asked_at, question, embedder, vector, hits, model, abstained, confidence, support, timings_ms, tokens"


@dataclass(frozen=True, slots=True)
class UsedHit:
    """A passage that was found, without its text."""

    chunk_id: int
    document_id: int
    score: float
    probability: float | None
    """That it answers the question, 0..1; None but in a hybrid search."""


@dataclass(frozen=True, slots=True)
class Use:
    """One question that was answered, or not."""

    asked_at: str
    """UTC, ISO 8601."""
    question: str
    """As it was searched for; empty unless text is kept."""
    embedder: str
    """SHA-256 of the weights that made the vector; empty without one."""
    vector: npt.NDArray[np.float16] | None
    """Of the question, (dimensions,)."""
    hits: tuple[UsedHit, ...]
    """Best first."""
    model: str
    abstained: bool
    confidence: float
    """That the passages hold the answer, 0..1."""
    support: float | None
    """Of the answer by the passages, 0..1; None where nothing was scored."""
    timings_ms: dict[str, float]
    tokens: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Everything but the vector."""
        told = {name: getattr(self, name) for name in self.__slots__ if name not in ("vector", "embedder", "hits")}
        return told | {"hits": [{name: getattr(hit, name) for name in hit.__slots__} for hit in self.hits]}


class UseLog:
    """The uses of a library. Safe to use from several threads."""

    def __init__(self, library: Library) -> None:
        self._db = library.database

    def add(self, use: Use, keep_days: int) -> None:
        """Keep a use, and forget those that are older than so many days."""
        row = (
            *(use.asked_at, use.question, use.embedder),
            b"" if use.vector is None else use.vector.astype("<f2").tobytes(),
            json.dumps([(hit.chunk_id, hit.document_id, hit.score, hit.probability) for hit in use.hits]),
            *(use.model, use.abstained, use.confidence, use.support),
            *(json.dumps(use.timings_ms), json.dumps(use.tokens)),
        )
        with self._db.writing() as db:
            db.execute(f"INSERT INTO uses ({_FIELDS}) VALUES ({', '.join('?' * len(row))})", row)
            _erase(db, days_ago(keep_days))

    def all(self, since: str = "", until: str = "~") -> list[Use]:
        """Those from a time on and before another, UTC, ISO 8601; oldest first."""
        with self._db.reading() as db:
            rows = db.execute(
                f"SELECT {_FIELDS} FROM uses WHERE asked_at >= ? AND asked_at < ? ORDER BY asked_at, id", (since, until)
            ).fetchall()
        return [_use(*row) for row in rows]

    def clear(self, before: str = "~") -> int:
        """Erase those before a time, also from what SQLite keeps of deleted rows; how many there were."""
        with self._db.writing() as db:
            erased = _erase(db, before)
        with self._db.reading() as db:
            (busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            log.warning("What was erased stands in the library's log until the processes that read it have finished")
        return erased


class Monitor:
    """Keeps what is asked of a library.

    Args:
        library: Where it is kept.
        level: The setting `monitor`.
        keep_days: How long.
        load_embedder: Gives what makes a question's vector.
    """

    def __init__(self, library: Library, level: str, keep_days: int, load_embedder: Callable[[], Embedder]) -> None:
        self._log = UseLog(library)
        self._level = level
        self._keep_days = keep_days
        self._load_embedder = load_embedder

    def watch(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        """The events of an answer, which is kept when it has been given; one that is stopped is not."""
        return events if self._level == "off" else self._watched(events)

    def _watched(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        answer = None
        try:
            with closing(events):
                for event in events:
                    answer = event.answer or answer
                    yield event
        finally:
            if answer is not None:
                self._keep(answer)

    def _keep(self, answer: Answer) -> None:
        try:
            self._log.add(self._use(answer), self._keep_days)
        except Exception as error:  # whatever it is, the answer was given and stands
            defect = not isinstance(error, RagstoneError)
            log.warning("The monitor could not keep this question: %s", error, exc_info=defect)

    def _use(self, answer: Answer) -> Use:
        embedder = None if self._level == "figures" else self._load_embedder()
        return Use(
            asked_at=stamp_now(),
            question=answer.query if self._level == "text" else "",
            embedder="" if embedder is None else embedder.identity.sha256,
            vector=None if embedder is None else embedder.embed_query(answer.query).astype("float16"),
            hits=tuple(UsedHit(h.chunk.id, h.chunk.document_id, h.score, h.probability) for h in answer.hits),
            model=answer.model,
            abstained=answer.abstained,
            confidence=answer.confidence,
            support=answer.support,
            timings_ms=answer.timings_ms,
            tokens=answer.tokens,
        )


def days_ago(days: float) -> str:
    """The time so many days ago, as uses carry it; at the earliest in the year 1."""
    now = datetime.now(UTC)
    return stamp(now - timedelta(days=min(days, now.toordinal() - 1)))


def _erase(db: sqlite3.Connection, before: str) -> int:
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    return db.execute("DELETE FROM uses WHERE asked_at < ?", (before,)).rowcount


def _use(at: str, question: str, embedder: str, vector: bytes, hits: str, *rest: Any) -> Use:
    import numpy as np

    model, abstained, confidence, support, timings, tokens = rest
    return Use(
        asked_at=at,
        question=question,
        embedder=embedder,
        vector=np.frombuffer(vector, dtype="<f2") if vector else None,
        hits=tuple(UsedHit(*hit) for hit in json.loads(hits)),
        model=model,
        abstained=bool(abstained),
        confidence=confidence,
        support=None if support is None else min(support, right(confidence)),  # earlier versions kept the verifier's
        timings_ms=json.loads(timings),
        tokens=json.loads(tokens),
    )
