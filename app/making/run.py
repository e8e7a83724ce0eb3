"""A set of questions: tried until there are enough of each type, written as they come, with a log of all that was
tried."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import EvaluationError
from ...eval.making.drafts import Draft, EvidencePlace, read_rows, write_rows
from ..engine import Ragstone
from ..evaluating import Tell
from ..identity import library_identity, model_identity
from .maker import Attempt, QuestionMaker

VERSION = 2
"""Of the log's format, and of the way questions are made."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made."""

    count: int
    """Questions, over all types."""
    types: tuple[str, ...]
    tries: int
    """The most attempts for each question that is wanted of a type."""
    seed: int

    def of_each(self) -> dict[str, int]:
        """How many of each type; what cannot be divided goes to the first."""
        share, more = divmod(self.count, len(self.types))
        return {kind: share + (place < more) for place, kind in enumerate(self.types)}


@dataclass(frozen=True, slots=True)
class MakingReport:
    """How many questions survived, and why the others did not."""

    wanted: Mapping[str, int]
    attempts: Sequence[Attempt]

    def of_each(self) -> dict[str, dict[str, Any]]:
        """By type: how many were wanted, tried and kept, the reasons of the others, most frequent first, seconds."""
        found = {}
        for kind, wanted in self.wanted.items():
            of = [one for one in self.attempts if one.kind == kind]
            dropped = Counter(one.reason for one in of if one.reason)
            found[kind] = {
                "wanted": wanted,
                "tried": len(of),
                "kept": sum(one.draft is not None for one in of),
                "dropped": dict(sorted(dropped.items(), key=lambda item: (-item[1], item[0]))),
                "seconds": round(sum(one.seconds for one in of), 1),
            }
        return found

    def documents(self) -> dict[str, int]:
        """How many questions were kept about each document that has any."""
        kept = (document for one in self.attempts if one.draft for document in one.documents)
        return dict(sorted(Counter(kept).items()))

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "tried": len(self.attempts),
            "kept": sum(one.draft is not None for one in self.attempts),
            "types": self.of_each(),
            "documents": self.documents(),
        }


def log_of(out: Path) -> Path:
    """Where all that was tried for a set is kept."""
    return out.with_name(f"{out.stem}.log.jsonl")


def make_questions(
    rag: Ragstone, wanted: Wanted, out: Path, *, resume: bool = False, tell: Tell = lambda *_: None
) -> MakingReport:
    """Make a set of questions about a library.

    Each question is written when it was kept, and each attempt is logged, so that an interruption loses only the one
    at hand.

    Args:
        rag: The engine.
        wanted: What is to be made.
        out: The set, CSV or JSON Lines by its name.
        resume: Go on with a set that was begun. What was edited in it, or deleted from it, stays so.
        tell: Told of the progress.

    Raises:
        EvaluationError: There is a set already, or it was begun otherwise, or its log is broken or cannot be written,
            or another process is making it, or the library holds no document.
        DataError: The set cannot be read or written.
        ModelError: A model cannot be used.
    """
    if not rag.library.counts()[1]:
        raise EvaluationError("the library holds no document", path=rag.library.named, remedy="Run `ingest` first")
    log = log_of(out)
    with _alone(log):
        there = [file for file in (out, log) if file.exists() and file.stat().st_size]
        if there and not resume:
            remedy = "Go on with it by --resume, or name another"
            raise EvaluationError("there is a set already", path=there[0], remedy=remedy)
        return _made(rag, wanted, out, log, resume, tell)


@contextmanager
def _alone(log: Path) -> Iterator[None]:
    """Keep other processes from the same set; its log is there from now on."""
    with _writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("a")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "Wait for its end, or name another --out"
            raise EvaluationError("another process is making this set", path=log, remedy=remedy) from error
        yield


def _made(rag: Ragstone, wanted: Wanted, out: Path, log: Path, resume: bool, tell: Tell) -> MakingReport:
    maker = QuestionMaker(rag, wanted.seed)
    made_by = _made_by(rag, wanted, maker)
    earlier = _read_log(log, made_by) if resume else []
    if not earlier:
        _write(log, [made_by], "w")
    of_each, attempts = wanted.of_each(), list[Attempt]()
    for attempt in _attempts(maker, of_each, wanted.tries, earlier, tell):
        attempts.append(attempt)
        if len(attempts) > len(earlier):
            if attempt.draft is not None:
                _keep(out, attempt.draft)
            _write(log, [asdict(attempt)], "a")
    return MakingReport(of_each, attempts)


def _keep(out: Path, draft: Draft) -> None:
    """Write a question, unless it is there, perhaps edited: a crash can come between the set and its log."""
    rows = read_rows(out) if out.exists() else []
    if all(row["id"] != draft.id for row in rows):
        write_rows(out, [*rows, draft.row()])


def _attempts(
    maker: QuestionMaker, of_each: Mapping[str, int], tries: int, earlier: Sequence[Attempt], tell: Tell
) -> Iterator[Attempt]:
    """One attempt of each type in turn, until each has enough, or was tried enough; those of an earlier run first."""
    kept, tried, done = Counter[str](), Counter[str](), {kind for kind, wanted in of_each.items() if not wanted}
    most = {kind: wanted * tries for kind, wanted in of_each.items()}
    left = deque(earlier)
    while len(done) < len(of_each):
        for kind in of_each:
            if kind in done:
                continue
            told = ", ".join(f"{name} {kept[name]}/{wanted}" for name, wanted in of_each.items())
            tell(told, sum(most[name] if name in done else tried[name] for name in of_each), sum(most.values()))
            if not left:
                attempt = maker.attempt(kind)
            elif left[0].kind == kind:
                attempt = left.popleft()
                maker.replay(attempt)
            else:
                attempt = None
            if attempt is None:  # nothing is left to make one of, or nothing was
                done.add(kind)
                continue
            tried[kind] += 1
            kept[kind] += attempt.draft is not None
            if kept[kind] >= of_each[kind] or tried[kind] >= most[kind]:
                done.add(kind)
            yield attempt


def _made_by(rag: Ragstone, wanted: Wanted, maker: QuestionMaker) -> dict[str, Any]:
    """All that the set depends on."""
    return {
        "format": VERSION,
        **asdict(wanted),
        "types": list(wanted.types),
        "model": model_identity(rag.settings),
        "prompts": maker.prompts,
        "library": library_identity(rag.library)["fingerprint"],
    }


def _read_log(log: Path, made_by: Mapping[str, Any]) -> list[Attempt]:
    """What was tried, if it was begun in the same way; a last line that was cut off is left out."""
    if not log.is_file():
        return []
    whole, _, cut_off = log.read_bytes().rpartition(b"\n")
    try:  # a text may hold characters at which `splitlines` would part it
        lines = [json.loads(line) for line in whole.split(b"\n") if whole]
    except ValueError as error:
        remedy = "Name another --out, or delete this set and its log"
        raise EvaluationError(f"the log of the set cannot be read ({error})", path=log, remedy=remedy) from error
    if not lines:
        return []
    differing = sorted(name for name in made_by if lines[0].get(name) != made_by[name])
    if differing:
        raise EvaluationError(
            f"the set was begun with another {', '.join(differing)}",
            path=log,
            remedy="Resume it as it was begun, or make another",
        )
    if cut_off:
        with _writing(log):
            os.truncate(log, len(whole) + 1)
    return [_attempt(line) for line in lines[1:]]


def _attempt(line: dict[str, Any]) -> Attempt:
    draft = line["draft"]
    if draft is not None:
        draft = Draft(**draft | {"evidence": tuple(EvidencePlace(**one) for one in draft["evidence"])})
    return Attempt(**line | {"documents": tuple(line["documents"]), "draft": draft})


def _write(log: Path, lines: Sequence[Mapping[str, Any]], mode: str) -> None:
    with _writing(log), log.open(mode, encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


@contextmanager
def _writing(log: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "Free disk space, or choose a folder that can be written to"
        raise EvaluationError(f"cannot be written ({error.strerror})", path=log, remedy=remedy) from error
