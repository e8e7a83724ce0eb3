"""Chats, kept in the library: whose they are, what was asked and what was answered."""

from __future__ import annotations

import errno
import fcntl
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..eval.report.wording import shorten
from ..generation.conversation import Turn
from ..retrieval.library import Library
from .times import stamp_now

State = Literal["running", "done", "stopped", "failed"]

TITLE_LENGTH = 60
INTERRUPTED = "The program ended before the answer was whole. Ask again."


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat without its messages."""

    id: str
    owner: str
    title: str
    shared: bool
    settings: dict[str, Any]
    """Those that differ from the library's, by name; and `filter`, a list of conditions."""
    created_at: str
    """UTC, ISO 8601."""
    changed_at: str


@dataclass(frozen=True, slots=True)
class Message:
    """A question and its answer."""

    id: int
    chat_id: str
    question: str
    answer: dict[str, Any]
    """As `ragstone ask --json` writes it; of an answer that was stopped, what there was."""
    state: State
    error: str
    """Why it failed, with the remedy."""
    replaced: bool
    """The question was asked again, or one before it: it is kept, and no longer shown."""
    asked_at: str
    votes: dict[str, str] = field(default_factory=dict)
    """By owner: `good` or `bad`."""


class Chats:
    """The chats of a library. Safe to use from several threads, and while another process ingests.

    Args:
        library: Where they are kept.
    """

    def __init__(self, library: Library) -> None:
        self._db = library.database
        self._claims = _Claims(library.folder / "answers.lock")

    def create(self, owner: str, settings: Mapping[str, Any] | None = None) -> Chat:
        """A new chat without a title; it gets that of its first question."""
        chat = Chat(secrets.token_urlsafe(12), owner, "", False, dict(settings or {}), stamp_now(), stamp_now())
        with self._db.writing() as db:
            db.execute(
                "INSERT INTO chats VALUES (?, ?, '', 0, ?, ?, ?)",
                (chat.id, owner, json.dumps(chat.settings), chat.created_at, chat.changed_at),
            )
        return chat

    def of(self, owner: str, words: str = "") -> list[Chat]:
        """An owner's chats and those that others share, the last changed first.

        Args:
            owner: Whose.
            words: Only chats that hold these letters in the title, a question or an answer.
        """
        found = (
            "AND (instr(folded(title), ?2) OR EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.id AND NOT replaced "
            "AND (instr(folded(question), ?2) OR instr(folded(json_extract(answer, '$.answer')), ?2))))"
        )
        values = (owner, words.strip().casefold()) if words.strip() else (owner,)
        with self._db.reading() as db:
            db.create_function("folded", 1, lambda text: (text or "").casefold(), deterministic=True)
            rows = db.execute(
                f"SELECT * FROM chats WHERE (owner = ?1 OR shared) {found if words.strip() else ''} "
                "ORDER BY changed_at DESC, id",
                values,
            ).fetchall()
        return [_chat(row) for row in rows]

    def get(self, chat_id: str, owner: str) -> Chat | None:
        """A chat that this owner may read."""
        with self._db.reading() as db:
            row = db.execute("SELECT * FROM chats WHERE id = ? AND (owner = ? OR shared)", (chat_id, owner)).fetchone()
        return _chat(row) if row else None

    def rename(self, chat: Chat, title: str) -> None:
        """Give a chat another title."""
        self._set(chat, "title", " ".join(title.split())[:200])

    def share(self, chat: Chat, shared: bool) -> None:
        """Let others read a chat, or no longer."""
        self._set(chat, "shared", int(shared))

    def configure(self, chat: Chat, settings: Mapping[str, Any]) -> None:
        """Keep a chat's settings."""
        self._set(chat, "settings", json.dumps(dict(settings)))

    def delete(self, chat: Chat) -> None:
        """Delete a chat with its messages and what was said of them."""
        with self._db.writing() as db:
            db.execute("DELETE FROM chats WHERE id = ? AND owner = ?", (chat.id, chat.owner))

    def count(self, chat: Chat) -> int:
        """How many messages a chat shows."""
        with self._db.reading() as db:
            row = db.execute("SELECT count(*) FROM messages WHERE chat_id = ? AND NOT replaced", (chat.id,)).fetchone()
        return int(row[0])

    def messages(self, chat: Chat, *, replaced: bool = False, latest: int | None = None) -> list[Message]:
        """The messages of a chat, oldest first.

        Args:
            chat: The chat.
            replaced: Also those that were replaced.
            latest: Only so many, the last ones.
        """
        with self._db.snapshot() as db:
            rows = db.execute(
                f"SELECT * FROM messages WHERE chat_id = ? {'' if replaced else 'AND NOT replaced'} "
                "ORDER BY id DESC LIMIT ?",
                (chat.id, -1 if latest is None else latest),
            ).fetchall()
            votes: dict[int, dict[str, str]] = {}
            for message, owner, kind in db.execute(
                "SELECT message_id, owner, kind FROM feedback WHERE kind IN ('good', 'bad') AND message_id IN "
                "(SELECT id FROM messages WHERE chat_id = ?)",
                (chat.id,),
            ):
                votes.setdefault(message, {})[owner] = kind
        return [_message(row, votes.get(row[0], {})) for row in reversed(rows)]

    def ask(self, chat: Chat, question: str, instead_of: int | None = None) -> int:
        """Store a question whose answer is about to be made; the message's id.

        Args:
            chat: Where it is asked. A chat without a title gets the question as one.
            question: The question.
            instead_of: The message that it takes the place of, with all that came after it.
        """
        with self._db.writing() as db:
            if instead_of is not None:
                db.execute("UPDATE messages SET replaced = 1 WHERE chat_id = ? AND id >= ?", (chat.id, instead_of))
            number = db.execute(
                "INSERT INTO messages (chat_id, question, state, asked_at) VALUES (?, ?, 'running', ?)",
                (chat.id, question, stamp_now()),
            ).lastrowid
            assert number is not None
            self._claims.claim(number)
            db.execute(
                "UPDATE chats SET changed_at = ?, title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
                (stamp_now(), shorten(question, TITLE_LENGTH), chat.id),
            )
        return number

    def keep(self, message_id: int, answer: Mapping[str, Any], state: State = "running", error: str = "") -> None:
        """Store what there is of an answer, and how it ended if it did."""
        with self._db.writing() as db:
            db.execute(
                "UPDATE messages SET answer = ?, state = ?, error = ? WHERE id = ?",
                (json.dumps(answer, ensure_ascii=False), state, error, message_id),
            )
        if state != "running":
            self._claims.release(message_id)

    def end_interrupted(self) -> int:
        """Mark the answers that nobody makes any more, since the program that did has ended; their number."""
        with self._db.writing() as db:
            running = [number for (number,) in db.execute("SELECT id FROM messages WHERE state = 'running'")]
            left = [number for number in running if not self._claims.is_of_another(number)]
            db.executemany(
                "UPDATE messages SET state = 'stopped', error = ? WHERE id = ?", [(INTERRUPTED, n) for n in left]
            )
        return len(left)

    def _set(self, chat: Chat, column: str, value: object) -> None:
        with self._db.writing() as db:
            db.execute(f"UPDATE chats SET {column} = ? WHERE id = ? AND owner = ?", (value, chat.id, chat.owner))


class _Claims:
    """Which messages a process is answering: locks on bytes of a file, one a message, which end with the process.

    Nothing else may open the file in a process that answers: to close it would end them all. It is opened only within
    a transaction, and so only once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def claim(self, number: int) -> None:
        with suppress(OSError):  # an answer that cannot be claimed can still be had
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)

    def release(self, number: int) -> None:
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def is_of_another(self, number: int) -> bool:
        try:
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            return error.errno in (errno.EACCES, errno.EAGAIN)
        self.release(number)
        return False

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("ab")
        return self._file


def history(messages: list[Message]) -> list[Turn]:
    """The turns that a next question may lean on."""
    turns = []
    for message in messages:
        answer = message.answer
        if message.state in ("done", "stopped") and answer.get("answer"):
            cited = tuple(citation["chunk_id"] for citation in answer["citations"])
            turns.append(Turn(answer["query"], answer["answer"], cited))
    return turns


def as_markdown(chat: Chat, messages: list[Message]) -> str:
    """A chat for people to read: questions, answers, how far they are supported, sources."""
    parts = [f"# {chat.title or 'Chat'}"]
    for message in messages:
        answer = message.answer
        parts.append(f"## {message.question}")
        parts.append(answer.get("answer") or message.error or "(no answer)")
        if message.state == "stopped":
            parts.append("*Stopped before the answer was whole.*")
        unsupported = [s["text"] for s in answer.get("sentences", ()) if s["verdict"] == "unsupported"]
        if unsupported:
            parts.append("Not supported by the passages:\n\n" + "\n".join(f"- {text}" for text in unsupported))
        sources = [_source(citation) for citation in answer.get("citations", ())]
        if sources:
            parts.append("Sources:\n\n" + "\n".join(sources))
    return "\n\n".join(parts) + "\n"


def as_json(chat: Chat, messages: list[Message]) -> str:
    """A chat as a JSON document, without whose it is."""
    told = {name: value for name, value in asdict(chat).items() if name != "owner"}
    said = [{k: v for k, v in asdict(message).items() if k not in ("chat_id", "votes")} for message in messages]
    return json.dumps(told | {"messages": said}, ensure_ascii=False, indent=2)


def _source(citation: Mapping[str, Any]) -> str:
    page = "" if citation["page"] is None else f", page {citation['page']}"
    quote = " ".join(citation["quote"].split())
    return f'- [{citation["n"]}] {citation["document"]}{page}: "{quote}"'


def _chat(row: tuple[Any, ...]) -> Chat:
    return Chat(row[0], row[1], row[2], bool(row[3]), json.loads(row[4]), row[5], row[6])


def _message(row: tuple[Any, ...], votes: dict[str, str]) -> Message:
    number, chat_id, question, answer, state, error, replaced, asked_at = row
    return Message(number, chat_id, question, json.loads(answer), state, error, bool(replaced), asked_at, votes)
