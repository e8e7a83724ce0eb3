"""A night: suites are run within a budget of time, one folder each, so that a crash or the end of time loses nothing.

OUT/baseline                the name of the night that others are compared with, once one was chosen
OUT/report.html             the last report
OUT/NIGHT/night.json        what was done, and how long it took
OUT/NIGHT/SUITE.SET/        a run: see `eval/runs.py`
OUT/NIGHT/report.*          the report of that night
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import EvaluationError, RagstoneError, SettingsError
from ..eval.cache import OutputCache, content_key
from ..eval.judges import Judge
from ..eval.runner import Unit
from ..eval.runs import RunFolder
from ..eval.subjects import Subject
from ..eval.summary import summarize
from .evaluating import Tell
from .evaluating_suites import run_units
from .nightly_config import NightlyConfig
from .times import to_the_second

DEFAULT_SECONDS = 10.0
"""An item is expected to take so long, where no night and no `seconds_per_item` tells."""
LEAST_ITEMS = 10
"""For fewer a suite is not begun: its intervals would say nothing."""
RESUMED_WITHIN = timedelta(hours=24)
_RECORD, _LOCK, _BASELINE = "night.json", "nightly.lock", "baseline"
_PAST = 5
"""Nights that the expected times are learnt from."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of a suite that a night may run."""

    name: str
    """As a run calls it."""
    items: int
    """With all the time in the world."""
    seconds_per_item: float | None
    """What the configuration expects."""
    load: Callable[[int], tuple[Unit[Any, Any], Mapping[str, Any] | None]]
    """The set with at most so many items, and what the user's own library holds where that is asked."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a candidate."""

    state: str
    """`done`, `cut` (time ran out in it), `failed` or `skipped` (no time was left)."""
    items: int = 0
    failed: int = 0
    """Of them, those without an output."""
    made: int = 0
    """Of them, those that were not taken from earlier runs."""
    seconds: float = 0.0
    """Everything included, such as ingesting the documents of the set."""
    seconds_per_item: float | None = None
    """From the first item to the last; None for fewer than two."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Night:
    """A night's folder, and what was done in it."""

    path: Path
    begun: str
    identity: str
    """Of the configuration, the code and the subject: only a night with the same is gone on with."""
    units: Mapping[str, Done]
    finished: str = ""

    @classmethod
    def read(cls, path: Path) -> Night:
        """What `night.json` tells.

        Raises:
            EvaluationError: It cannot be read.
        """
        try:
            found = json.loads((path / _RECORD).read_text("utf-8"))
            units = {name: Done(**done) for name, done in found["units"].items()}
            return cls(path, found["begun"], found["identity"], units, found["finished"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise EvaluationError(
                f"cannot be read ({error})", path=path / _RECORD, remedy="Remove the folder of this night"
            ) from error

    @property
    def not_run(self) -> dict[str, str]:
        """The sets that could not be run, and why."""
        return {name: done.reason for name, done in self.units.items() if done.state == "failed"}

    @property
    def ran(self) -> list[str]:
        """The sets of which there are figures."""
        return [name for name, done in self.units.items() if done.state in ("done", "cut") and done.failed < done.items]

    @property
    def put_off(self) -> list[str]:
        """The sets for which no time was left."""
        return [name for name, done in self.units.items() if done.state == "skipped"]

    def save(self) -> None:
        """Write `night.json`."""
        content = {"begun": self.begun, "identity": self.identity, "finished": self.finished}
        content |= {"units": {name: asdict(done) for name, done in self.units.items()}}  # type: ignore[dict-item]
        new = self.path / f".{_RECORD}.new"
        new.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        new.replace(self.path / _RECORD)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep a second night out of the same folder.

    Raises:
        EvaluationError: One is being run, or the folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / _LOCK).open("a+")
    except OSError as error:
        raise EvaluationError(
            f"the folder cannot be written to ({error.strerror})", path=out, remedy="Name another --out"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            by = lock.read().strip() or "by another process"
            remedy = "Wait for its end, or name another --out"
            raise EvaluationError(f"a night is being run here ({by})", path=out, remedy=remedy) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {to_the_second()}")
        lock.flush()
        yield


def run_night(
    config: NightlyConfig,
    candidates: Sequence[Candidate],
    subject: Subject,
    cache: OutputCache,
    judges: Sequence[Judge] = (),
    tell: Tell = lambda *_: None,
    clock: Callable[[], float] = time.monotonic,
) -> Night:
    """Run what the budget allows, going on with a night that was interrupted.

    Sets that a gate names come first, then those that have not been run for the longest time, then those named first. A
    set gets as many of its items as are expected to fit into the time left, and none if these are fewer than ten. One
    in which time runs out keeps the items that were done.

    Args:
        config: What is run.
        candidates: See `nightly_suites.candidates`.
        subject: What is evaluated.
        cache: Outputs of earlier runs.
        judges: Judge its answers besides.
        tell: Told of the progress.
        clock: Seconds that only grow.

    Raises:
        EvaluationError: The folder cannot be used.
    """
    past = find_nights(config.out)
    night = _begun(config, past, content_key(repr(config), subject.identity))
    before = [one for one in past if one.path != night.path]
    left = config.budget_minutes * 60 - sum(done.seconds for done in night.units.values())
    deadline = clock() + left
    for candidate in in_order(candidates, config, before):
        if candidate.name in night.units:
            continue
        per_item = expected_seconds(candidate, before)
        items = min(candidate.items, int((deadline - clock()) / max(per_item, 1e-3)))
        begun = clock()
        if items < min(LEAST_ITEMS, candidate.items):
            done = Done("skipped")
        else:
            folder = RunFolder(night.path / candidate.name.replace("/", "."))
            watch = _Watch(candidate.name, tell, deadline, clock)
            done = _run(candidate, items, config.seed, subject, judges, cache, folder, watch)
        night = replace(night, units={**night.units, candidate.name: replace(done, seconds=clock() - begun)})
        night.save()
    night = replace(night, finished=to_the_second())
    night.save()
    return night


def expected_seconds(candidate: Candidate, nights: Sequence[Night]) -> float:
    """How long an item is expected to take: the median of the last nights that made most of their outputs anew."""
    past = [done for night in nights if (done := night.units.get(candidate.name)) and 2 * done.made >= done.items]
    if known := [done.seconds_per_item for done in past if done.seconds_per_item is not None]:
        return median(known[-_PAST:])
    return candidate.seconds_per_item or DEFAULT_SECONDS


def in_order(candidates: Sequence[Candidate], config: NightlyConfig, nights: Sequence[Night]) -> list[Candidate]:
    """Those that a gate names first, then those that have waited the longest, then as they are named."""

    def waited(name: str) -> int:
        for nights_ago, night in enumerate(reversed(nights)):
            if (done := night.units.get(name)) and done.state in ("done", "cut"):
                return nights_ago
        return len(nights)

    named = [gate for gate in config.gate if gate.suite != "*"]
    gated = {one.name: any(gate.concerns_unit(one.name) for gate in named) for one in candidates}
    return sorted(candidates, key=lambda one: (not gated[one.name], -waited(one.name)))


def find_nights(out: Path) -> list[Night]:
    """The nights of a folder, oldest first."""
    found = [Night.read(path.parent) for path in out.glob(f"*/{_RECORD}")]
    return sorted(found, key=lambda night: (night.begun, night.path.name))


def baseline_of(out: Path) -> str:
    """The name of the night that was chosen as the baseline; empty for none."""
    path = out / _BASELINE
    return path.read_text("utf-8").strip() if path.is_file() else ""


def choose_baseline(out: Path, name: str) -> None:
    """Compare with this night from now on.

    Raises:
        SettingsError: There is no such night.
    """
    known = [night.path.name for night in find_nights(out)]
    if name not in known:
        remedy = f"Choose one of {', '.join(known[-5:])}" if known else "Run one first"
        raise SettingsError(f"there is no night {name!r}", path=out, remedy=remedy)
    (out / _BASELINE).write_text(name + "\n", "utf-8")


class _OutOfTimeError(Exception):
    """The budget is spent."""


class _Watch:
    """Told of the progress of a set: tells on, learns how long an item takes, and ends the set at the deadline."""

    def __init__(self, name: str, tell: Tell, deadline: float, clock: Callable[[], float]) -> None:
        self._name, self._tell, self._deadline, self._clock = name, tell, deadline, clock
        self._seen: list[tuple[int, float]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self._tell(what, done, total)
        now = self._clock()
        if what == self._name:
            self._seen.append((done, now))
        if now > self._deadline and done < total:
            raise _OutOfTimeError

    @property
    def seconds_per_item(self) -> float | None:
        """None before there are two."""
        if len(self._seen) < 2:
            return None
        (first, begun), (last, ended) = self._seen[0], self._seen[-1]
        return (ended - begun) / (last - first)


def _begun(config: NightlyConfig, past: Sequence[Night], identity: str) -> Night:
    """The last night if it was interrupted not long ago, else a new one."""
    now = datetime.now(UTC)
    unfinished = [night for night in past[-1:] if not night.finished and night.identity == identity]
    if unfinished and now - datetime.fromisoformat(unfinished[0].begun) < RESUMED_WITHIN:
        return unfinished[0]
    name = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    if (config.out / name).exists():  # two in one second
        name += f".{now.microsecond:06}"
    night = Night(config.out / name, now.isoformat(timespec="microseconds"), identity, {})
    night.path.mkdir(parents=True)
    night.save()
    return night


def _run(
    candidate: Candidate,
    items: int,
    seed: int,
    subject: Subject,
    judges: Sequence[Judge],
    cache: OutputCache,
    folder: RunFolder,
    watch: _Watch,
) -> Done:
    state = "done"
    try:
        if (folder.path / "run.json").is_file():  # begun before a crash: with the same sample
            items = folder.manifest["limit"]
        unit, corpus = candidate.load(items)
        options = {"limit": items, "seed": seed, "corpus": corpus, "resume": True, "tell": watch}
        try:
            for _ in run_units([unit], subject, judges, folder, cache, **options):  # type: ignore[arg-type]
                pass
        except _OutOfTimeError:
            state = "cut"
            if not _finish_early(unit, folder):
                return Done("skipped")
    except RagstoneError as error:
        return Done("failed", reason=str(error))
    rows = folder.rows(unit.name)
    made = sum(not row.cached for row in rows)
    failed = sum(bool(row.error) for row in rows)
    return Done(state, len(rows), failed, made, seconds_per_item=watch.seconds_per_item)


def _finish_early(unit: Unit[Any, Any], folder: RunFolder) -> bool:
    """Sum up the items that were done, if there are any."""
    rows = folder.mend(unit.name) if (folder.path / "run.json").is_file() else []
    if rows:
        summary = summarize(unit.name, unit.suite.name, unit.task, rows, folder.manifest["seed"], unit.of.published)
        folder.finish({"units": [summary.as_json()]}, finished=to_the_second(), cut=True)
    return bool(rows)
