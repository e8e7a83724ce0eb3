"""Several answers at a time from one llama.cpp context, which is not re-entrant.

Jobs wait in a queue and get a sequence of the context each. There is no thread of its own: of the callers that wait for
a token, one makes the next step for all, and the others take what it brings.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...errors import GenerationError
from ._context import Context
from ._drawing import Logits
from ._prefixes import PrefixStore, shared
from ._speculation import Draft

_LEAST_LEFT = 8
"""Tokens that an answer may still have where what comes next is guessed: a draft reads some tokens ahead."""
_SHARE = 128
"""Tokens of prompts that are read in one step while other answers wait for their next token."""

Adapters = tuple[tuple[str, float], ...]
"""Paths and scales."""


@dataclass(slots=True, eq=False)
class Job:
    """One answer, from its place in the queue to its last token."""

    prompt: list[int]
    draw: Callable[[Logits], int | None]
    """The next token by its logits; None ends the answer."""
    most: int
    """Tokens."""
    ended: Callable[[], None] = lambda: None
    """Called once, when `draw` is not called any more."""
    adapters: Adapters = ()
    draft: Draft | None = None
    deadline: float = float("inf")
    """By `time.monotonic`."""
    drawn: list[int] = field(default_factory=list)
    ready: deque[int] = field(default_factory=deque)
    """Drawn and not yet taken."""
    done: bool = False
    late: bool = False
    """Whether it was ended by its deadline."""
    cancelled: bool = False
    read_tokens: int = 0
    """Of the prompt, those that were computed; the others were known."""

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.drawn


@dataclass(slots=True, eq=False)
class _Place:
    """A sequence of the context."""

    number: int
    tokens: list[int] = field(default_factory=list)
    """What the context's memory holds of it."""
    prompt_tokens: int = 0
    """Those of them that are worth keeping."""
    adapters: Adapters = ()
    job: Job | None = None
    used: int = 0


class Scheduler:
    """Gives jobs their turns. Safe to use from several threads.

    Args:
        context: Used by nobody else.
        store: Where prefixes go that leave the memory.
    """

    def __init__(self, context: Context, store: PrefixStore | None) -> None:
        self._context = context
        self._store = store
        self._queue: deque[Job] = deque()
        self._places = [_Place(number) for number in range(context.sequences)]
        self._changed = threading.Condition()
        self._stepping = False
        self._uses = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Puts a job at the end of the queue. It makes progress while anybody takes tokens.

        Raises:
            GenerationError: The model was closed.
        """
        with self._changed:
            if self._closed:
                _end(job)
                raise GenerationError("the model was closed", remedy="Open it again")
            self._queue.append(job)

    def take(self, job: Job) -> int | None:
        """The next token of a job; None when there are no more.

        Raises:
            GenerationError: llama.cpp failed.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: job.ready or job.done or not self._stepping)
                if job.ready:
                    return job.ready.popleft()
                if job.done:
                    return None
                self._stepping = True
            try:
                self._step()
            finally:
                self._stepped()

    def cancel(self, job: Job) -> None:
        """Ends a job. Others go on."""
        with self._changed:
            job.cancelled = True
            if self._stepping:
                return  # the next step sees it
            self._stepping = True
        try:
            self._release_ended()
        finally:
            self._stepped()

    @contextmanager
    def paused(self) -> Iterator[Context]:
        """The context between two steps, as it is; answers in progress wait.

        Raises:
            GenerationError: The model was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._stepping)
            if self._closed:
                raise GenerationError("the model was closed", remedy="Open it again")
            self._stepping = True
        try:
            yield self._context
        finally:
            self._stepped()

    @contextmanager
    def exclusively(self) -> Iterator[Context]:
        """The context, empty, for one caller; answers in progress wait, and begin again from their tokens."""
        with self.paused() as context:
            self._start_over()
            context.use(())
            try:
                yield context
            finally:
                context.clear()

    def forget(self) -> None:
        """Forgets all prompts; those of answers in progress when these end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._stepping)
            for place in () if self._closed else self._places:
                place.prompt_tokens = 0  # so nothing of it is kept or stored
                if place.job is None:
                    self._clear(place)
            if self._store:
                self._store.clear()

    def close(self) -> None:
        """Waits for the step in progress, ends all jobs and keeps what is worth it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._stepping)
            if not self._closed:
                self._closed = True
                for job in self._jobs():
                    job.cancelled = True
                self._release_ended()
                for place in self._places:
                    self._clear(place)
            self._changed.notify_all()

    def _stepped(self) -> None:
        with self._changed:
            self._stepping = False
            self._changed.notify_all()

    def _step(self) -> None:
        whole = False
        try:
            self._release_ended()
            self._admit()
            self._advance()
            whole = True
        finally:
            if not whole:  # an error or Ctrl-C in the middle: nobody knows what the memory holds
                self._start_over()

    def _release_ended(self) -> None:
        now = time.monotonic()
        with self._changed:  # or what is submitted in the meantime is lost
            for job in self._jobs():
                job.late = now > job.deadline
                if job.late or job.cancelled:
                    _end(job)
            self._queue = deque(job for job in self._queue if not job.done)
        for place in self._places:
            if place.job is not None and place.job.done:
                place.job = None

    def _jobs(self) -> list[Job]:
        return [*self._queue, *(place.job for place in self._places if place.job)]

    def _start_over(self) -> None:
        """Jobs that had a place go back to the front of the queue; what they have drawn stays."""
        self._context.clear()
        for place in reversed(self._places):
            if place.job is not None:
                self._queue.appendleft(place.job)
            place.tokens, place.prompt_tokens, place.job = [], 0, None

    # Who gets a place

    def _admit(self) -> None:
        while self._queue and (free := [place for place in self._places if place.job is None]):
            job = self._queue.popleft()
            place = self._best_start(job, free)
            place.job, place.adapters = job, job.adapters
            place.prompt_tokens = len(job.prompt)
            self._uses += 1
            place.used = self._uses
            job.read_tokens = len(job.prompt) - len(place.tokens)

    def _best_start(self, job: Job, free: Sequence[_Place]) -> _Place:
        """A free place, with as much of the job's prompt as is known anywhere."""
        alike = [place for place in self._places if place.adapters == job.adapters]
        source = max(alike, key=lambda place: _known(place, job), default=None)
        known = _known(source, job) if source else 0
        oldest = min(free, key=lambda place: place.used)
        if self._store and not job.adapters and (stored := self._store.find(job.prompt, known)):
            self._clear(oldest)
            oldest.tokens = self._context.load(self._store, stored, oldest.number)
            oldest.prompt_tokens = len(oldest.tokens)
            self._keep(oldest, _known(oldest, job))
            return oldest
        if source is None or not known:
            self._clear(oldest)
        elif source in free and (source is oldest or 2 * known >= source.prompt_tokens):
            if 2 * known < source.prompt_tokens:
                self._save(source)
            self._keep(source, known)
            return source
        else:
            self._clear(oldest)
            if self._context.share(source.number, oldest.number, known):
                oldest.tokens = source.tokens[:known]
        return oldest

    def _keep(self, place: _Place, count: int) -> None:
        """Shorten what a place holds to its first tokens."""
        place.tokens = place.tokens[:count] if self._context.cut(place.number, count) else []

    def _clear(self, place: _Place) -> None:
        """Empty a place; what is worth it goes to the disk."""
        self._save(place)
        self._context.cut(place.number, 0)
        place.tokens, place.prompt_tokens, place.adapters = [], 0, ()

    def _save(self, place: _Place) -> None:
        if self._store and not place.adapters:
            self._keep(place, min(place.prompt_tokens, len(place.tokens)))
            if place.tokens:
                self._context.save(self._store, place.tokens, place.number)

    # A step of all jobs that have a place

    def _advance(self) -> None:
        working = [place for place in self._places if place.job]
        if not working:
            return
        first = min(working, key=lambda place: place.used)
        working = [place for place in working if place.adapters == first.adapters]
        self._context.use(first.adapters)
        pieces = self._pieces(working)
        rows = self._context.read([(place.number, len(place.tokens), tokens, out) for place, tokens, out in pieces])
        for (place, tokens, outputs), logits in zip(pieces, rows, strict=True):
            place.tokens += tokens
            if outputs:
                self._draw(place, tokens[len(tokens) - outputs + 1 :], logits)

    def _pieces(self, working: Sequence[_Place]) -> list[tuple[_Place, list[int], int]]:
        """Of each place, the tokens to read and of how many of the last ones the logits are wanted."""
        room, pieces = self._context.batch_tokens, list[tuple[_Place, list[int], int]]()
        behind = {place.number: place.job.tokens[len(place.tokens) :] for place in working if place.job}
        writing = [place for place in working if len(behind[place.number]) == 1]
        for place in writing:
            draft = self._draft(place.job) if len(working) == 1 and place.job else []
            tokens = behind[place.number] + draft
            pieces.append((place, tokens, len(tokens)))
            room -= len(tokens)
        if writing:
            room = min(room, _SHARE)
        for place in sorted((p for p in working if p not in writing), key=lambda place: place.used):
            if room > 1:
                tokens = behind[place.number]
                tokens = tokens[:room] if len(tokens) - room != 1 else tokens[: room - 1]
                pieces.append((place, tokens, int(len(tokens) == len(behind[place.number]))))
                room -= len(tokens)
        return pieces

    def _draft(self, job: Job) -> list[int]:
        left = job.most - len(job.drawn) - 1
        return job.draft.propose(job.tokens)[:left] if job.draft and left >= _LEAST_LEFT else []

    def _draw(self, place: _Place, draft: Sequence[int], logits: Sequence[Logits]) -> None:
        """Draw tokens as long as the draft had the ones before right."""
        job = place.job
        assert job is not None
        right = 0
        for row in logits:
            token = job.draw(row)
            if token is None:
                job.done = True
                break
            job.drawn.append(token)
            job.ready.append(token)
            job.done = len(job.drawn) == job.most
            if job.done or right == len(draft) or token != draft[right]:
                break
            right += 1
        if job.draft:
            job.draft.judge(len(draft), right)
        if right < len(draft):
            self._keep(place, len(place.tokens) - len(draft) + right)
        if job.done:
            _end(job)
            place.job = None


def _known(place: _Place, job: Job) -> int:
    """How much of a job's prompt a place holds as reading it now would make it, to the last bit.

    What is read token by token, as answers are, is rounded otherwise than what is read together. So answers are no part
    of it, and at least two tokens are always left to be read.
    """
    return max(0, min(shared(place.tokens, job.prompt), place.prompt_tokens, len(job.prompt) - 2))


def _end(job: Job) -> None:
    job.done = True
    ended, job.ended = job.ended, lambda: None
    ended()
