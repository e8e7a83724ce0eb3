"""Answers in the making: each in a thread of its own, so that no rerun, reload or closed tab ends it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Literal

from ...errors import RagstoneError
from ...generation.answer import Event
from ...generation.citations import Sentence
from ...generation.conversation import Turn
from ...retrieval.records import Hit
from ..chats import Chat, Chats, Message, State
from ..settings import Settings
from .engines import Engines

Stage = Literal["loading the model", "searching", "reading passages", "writing"]

_KEPT_EVERY = 2.0
"""Seconds between two times that an unfinished answer is stored."""
_AGAIN = 10.0
"""Seconds between two tries to store an answer that could not be stored at its end."""
_NOT_STORED = "This answer is not stored yet, and will be as soon as it can be."
_DEFECT = "The answer broke off because of a defect. The server's terminal shows where; ask again."


class Generation:
    """One answer in the making; `start` it once.

    Args:
        engines: Give the engine.
        chats: Where the answer is kept, as it grows and at its end.
        message_id: Which message it answers.
        question: The question.
        history: The earlier turns.
        settings: Of this chat.
        conditions: A filter (see `Ragstone.ask`).
    """

    def __init__(
        self,
        engines: Engines,
        chats: Chats,
        message_id: int,
        question: str,
        history: Sequence[Turn],
        settings: Settings,
        conditions: Sequence[str],
    ) -> None:
        self.message_id = message_id
        self.question = question
        self.stage: Stage = "loading the model"
        self.started = time.monotonic()
        self._engines, self._chats = engines, chats
        self._history, self._settings, self._conditions = history, settings, conditions
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._model = ""
        self._text = ""
        self._sentences: list[Sentence] = []
        self._hits: tuple[Hit, ...] = ()
        self._kept = self.started
        self._ending: tuple[dict[str, Any], State, str] | None = None
        """How it ended, until that is stored."""
        self._refused = "The server's terminal shows why."

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"answer {self.message_id}", daemon=True).start()

    def stop(self) -> None:
        """End it now and keep what there is; what the model still works on is thrown away."""
        self._stop.set()
        self._end("stopped")

    @property
    def ended(self) -> bool:
        """Whether there is all that there will be."""
        return self._ended.is_set()

    @property
    def stored(self) -> bool:
        """Whether the library holds all that there will be."""
        return self.ended and self._ending is None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        return self._ended.wait(seconds)

    def draft(self) -> dict[str, Any]:
        """What there is so far, as `ask --json` would write it."""
        with self._lock:
            return self._as_json()

    def completed(self, message: Message) -> Message:
        """The message with an answer that has ended and is not stored yet, and with why it is not."""
        ending = self._ending if self.ended else None
        if ending is None:
            return message
        answer, _, error = ending
        told = f"{error} {_NOT_STORED} {self._refused}".strip()
        return replace(message, answer=json.loads(json.dumps(answer)), state="failed", error=told)

    def _run(self) -> None:
        error = _DEFECT
        try:
            self._answer()
        except RagstoneError as refused:
            error = str(refused)
        finally:
            self._end("failed", error)
            self._store_at_last()

    def _answer(self) -> None:
        with self._engines.lease() as rag:
            self._model = rag.load_model(self._settings).name
            self.stage = "searching"
            events = rag.ask_stream(self.question, self._history, filter=self._conditions, settings=self._settings)
            for event in events:
                if self._stop.is_set():
                    events.close()
                    return
                self._take(event)

    def _take(self, event: Event) -> None:
        if event.answer is not None:
            withdrawn = event.answer.abstained and bool(self._text)
            self._end("done", answer=event.answer.as_json() | {"withdrawn": withdrawn})
            return
        with self._lock:
            if event.kind == "hits":
                self._hits, self.stage = event.hits, "reading passages"
            elif event.kind == "token":
                self._text, self.stage = self._text + event.text, "writing"
            elif event.sentence is not None:
                self._sentences.append(event.sentence)
            if time.monotonic() - self._kept > _KEPT_EVERY and not self.ended:
                with suppress(RagstoneError):  # its end tells of it, if it lasts
                    self._chats.keep(self.message_id, self._as_json())
                self._kept = time.monotonic()

    def _end(self, state: State, error: str = "", answer: dict[str, Any] | None = None) -> None:
        """Store how it ended, once; what the library does not take now stays here."""
        with self._lock:
            if not self.ended:
                self._ending = (answer or self._as_json(), state, error)
                try:
                    self._store(*self._ending)
                finally:
                    self._ended.set()

    def _store(self, answer: dict[str, Any], state: State, error: str) -> None:
        try:
            self._chats.keep(self.message_id, answer, state, error)
        except RagstoneError as refused:
            self._refused = str(refused)
        else:
            self._ending = None

    def _store_at_last(self) -> None:
        """Try until what has ended is stored."""
        while self._ending is not None:
            time.sleep(_AGAIN)
            self._store(*self._ending)

    def _as_json(self) -> dict[str, Any]:
        if not self._hits:
            return {}
        return {
            "question": self.question,
            "query": self.question,
            "answer": self._text,
            "abstained": False,
            "confidence": None,
            "signals": {},
            "support": None,
            "sentences": [asdict(sentence) for sentence in self._sentences],
            "removed": [],
            "citations": self._citations(),
            "hits": [hit.as_json() for hit in self._hits],
            "given": [],
            "dropped": [],
            "model": self._model,
            "prompts": [],
            "reasoning": "",
            "timings_ms": {"total": round((time.monotonic() - self.started) * 1000, 1)},
            "tokens": {},
        }

    def _citations(self) -> list[dict[str, Any]]:
        """The places that the sentences so far cite; where on a page they are is looked for when one is opened."""
        quotes = {s.evidence.n: s.evidence for s in reversed(self._sentences) if s.evidence is not None}
        told = []
        for n in sorted({n for sentence in self._sentences for n in sentence.citations}):
            chunk = self._hits[n - 1].chunk
            quote = quotes.get(n)
            start, end = (quote.char_start, quote.char_end) if quote else (chunk.char_start, chunk.char_end)
            told.append(
                {
                    "n": n,
                    "document": chunk.document,
                    "document_id": chunk.document_id,
                    "title": chunk.title,
                    "page": chunk.page,
                    "chunk_id": chunk.id,
                    "char_start": start,
                    "char_end": end,
                    "quote": quote.quote if quote else chunk.text,
                    "rects": (),
                }
            )
        return told


class Generations:
    """The answers in the making, and those not stored yet, by message. Safe to use from several threads."""

    def __init__(self, engines: Engines, chats: Chats) -> None:
        self._engines, self._chats = engines, chats
        self._running: dict[int, Generation] = {}
        self._lock = threading.Lock()

    def start(
        self, message_id: int, question: str, history: Sequence[Turn], settings: Settings, conditions: Sequence[str]
    ) -> Generation:
        """Begin to answer a message."""
        made = Generation(self._engines, self._chats, message_id, question, history, settings, conditions)
        with self._lock:
            self._running = {i: one for i, one in self._running.items() if not one.stored}
            self._running[message_id] = made
        made.start()
        return made

    def stop(self, message_ids: Iterable[int]) -> None:
        """Stop those of these messages that are being answered."""
        for message_id in message_ids:
            if made := self.of(message_id):
                made.stop()

    def messages(self, chat: Chat, *, replaced: bool = False, latest: int | None = None) -> list[Message]:
        """As `Chats.messages`, with the answers that could not be stored yet."""
        messages = self._chats.messages(chat, replaced=replaced, latest=latest)
        return [made.completed(m) if (made := self._running.get(m.id)) else m for m in messages]

    def of(self, message_id: int) -> Generation | None:
        """What makes the answer to a message, while it does."""
        made = self._running.get(message_id)
        return None if made is None or made.ended else made
