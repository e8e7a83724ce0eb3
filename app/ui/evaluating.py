"""A run of suites in a thread of its own: its progress, and a way to end it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import EvaluationError
from ...eval.cache import OutputCache
from ...eval.runner import Unit
from ...eval.runs import RunFolder
from ..evaluated import engine_subject
from ..evaluating_suites import kept_folder, load_units, own_units, run_units
from ..judging import open_judges
from .background import Background
from .engines import Engines

_CANCELLED = "Stopped. What was done is used again when the same is run."
_BROKEN = "The run broke off because of a defect. The server's terminal shows where; what was done is used again."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    suites: Sequence[str]
    """See `eval.suites.registry.chosen_sets`; `own` and `parity` ask the user's own questions."""
    questions: tuple[str, bytes] | None = None
    """The name and the content of a file of own questions."""
    data: Path | None = None
    """The folder of sets."""
    judges: Sequence[str] = ()
    limit: int | None = None
    """The most items of each set; None for all."""
    seed: int = 0


class Evaluation(Background):
    """One run. It is cancelled after the item that is being asked, and the next one uses its outputs again.

    Args:
        engines: Give the settings of what is evaluated.
        plan: What is run.
        folder: Where it is kept.
    """

    def __init__(self, engines: Engines, plan: Plan, folder: Path) -> None:
        super().__init__("evaluation", cancelled=_CANCELLED, broken=_BROKEN)
        self.plan = plan
        self.folder = folder
        self.step = "Opening what is evaluated"
        self.done = self.items = 0
        self.failed = 0
        self._engines = engines
        self._started: float | None = None
        self._starts: dict[str, int] = {}

    @property
    def fraction(self) -> float:
        """How much of the items is done, 0..1."""
        return self.done / self.items if self.items else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """As far as the items that are done tell; None before the first."""
        if self._started is None or not self.done:
            return None
        return (time.monotonic() - self._started) / self.done * (self.items - self.done)

    def _work(self) -> None:
        plan, settings = self.plan, self._engines.settings
        cache = kept_folder()
        with tempfile.TemporaryDirectory() as work:
            units, corpus = self._units(Path(work))
            for unit in units:
                self._starts[unit.name] = self.items
                self.items += len(unit.task.records(unit.data))
            subject = engine_subject(settings, cache / "libraries", self._told, self._engines.pool)
            judging = open_judges(plan.judges, settings, self._engines.pool)
            with OutputCache(cache / "outputs.sqlite3") as outputs, judging as judges:
                self._started = time.monotonic()
                for summary in run_units(
                    units,
                    subject,
                    judges,
                    RunFolder(self.folder),
                    outputs,
                    limit=plan.limit,
                    seed=plan.seed,
                    corpus=corpus,
                    tell=self._told,
                ):
                    self.failed += summary.failed

    def _units(self, work: Path) -> tuple[list[Unit[Any, Any]], dict[str, Any] | None]:
        """The sets, and what the user's own library holds if it is asked."""
        plan, own = self.plan, [name for name in self.plan.suites if name in ("own", "parity")]
        units = load_units([name for name in plan.suites if name not in own], plan.data, plan.limit, plan.seed)
        if not own:
            return units, None
        if plan.questions is None:
            raise EvaluationError("there are no questions of your own", remedy="Give a file of them")
        name, content = plan.questions
        file = work / name
        file.write_bytes(content)
        asked, corpus = own_units(own, file, self._engines.settings.library, plan.limit, plan.seed)
        return [*asked, *units], corpus

    def _told(self, step: str, done: int, total: int) -> None:
        if step in self._starts:
            self.done = self._starts[step] + done
        self.step = step if step in self._starts else f"{step}: {done} of {total}"
        self._heed()


class Evaluations:
    """The run in progress, or the last one. Safe to use from several threads."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self.last: Evaluation | None = None

    def start(self, plan: Plan, runs: Path) -> Evaluation:
        """Begin one, in a new folder among the runs.

        Raises:
            EvaluationError: One is in progress.
        """
        with self._lock:
            if self.last is not None and not self.last.ended:
                raise EvaluationError("a run is in progress", remedy="Wait for its end, or stop it")
            name, number = datetime.now().strftime("%Y-%m-%dT%H-%M-%S"), 1
            while (folder := runs / (name if number == 1 else f"{name}-{number}")).exists():
                number += 1
            self.last = Evaluation(self._engines, plan, folder)
            self.last.start()
            return self.last
