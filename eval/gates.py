"""Gates: what a run has to reach, and how much worse than the baseline it may be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from .run_sets import RunUnit
from .stats import ALPHA, MIN_SOURCES, Estimate, holm
from .summary import SECONDS, MetricChange

State = Literal["met", "not met", "not checked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What figures have to be like.

    A relative gate (`max_drop`) is not met when a figure is worse than the baseline's by more than `max_drop` and that
    is significant at 95 %: the interval of the paired difference leaves out 0, and so does the test after it was
    adjusted for all figures of this gate (Holm), so that a gate over fifty figures does not ring by chance. It cannot
    be checked for items of fewer than `MIN_SOURCES` sources, of which no difference can be told from chance. It is not
    met where items failed that have an output in the baseline: the difference leaves them out, and so tells too little.
    """

    suite: str = "*"
    """A suite or one of its sets; `*` stands for anything."""
    metric: str = "*"
    """A metric; that of a judge has the judge's name and a colon before it. `*` stands for anything, but not for
    `seconds`, the time of an output: what else the machine does moves it, and no limit suits both."""
    at_least: float | None = None
    at_most: float | None = None
    max_drop: float | None = None
    """In the metric's own unit, whichever way is worse."""

    def __str__(self) -> str:
        parts = [f">= {self.at_least:g}"] if self.at_least is not None else []
        parts += [f"<= {self.at_most:g}"] if self.at_most is not None else []
        parts += [f"no worse by more than {self.max_drop:g}"] if self.max_drop is not None else []
        metric = "every figure" if self.metric == "*" else self.metric
        suite = "every suite" if self.suite == "*" else self.suite
        return f"{metric} of {suite} {', '.join(parts)}"

    def concerns(self, unit: str, metric: str) -> bool:
        """Whether it is about a metric of a set."""
        named = metric == self.metric or (metric != SECONDS and fnmatchcase(metric, self.metric))
        return named and self.concerns_unit(unit)

    def concerns_unit(self, unit: str) -> bool:
        """Whether it is about a set, by its own name or its suite's."""
        return fnmatchcase(unit, self.suite) or fnmatchcase(unit.split("/")[0], self.suite)


@dataclass(frozen=True, slots=True)
class GateResult:
    """What came of a gate for one figure."""

    gate: str
    unit: str
    metric: str
    state: State
    reason: str


def check_gates(
    gates: Sequence[Gate],
    units: Mapping[str, RunUnit],
    changes: Sequence[MetricChange] | None,
    others: Sequence[RunUnit] = (),
) -> list[GateResult]:
    """Hold a run against gates.

    A gate over a figure that is unscored, or that a set does not have, is not met: unknown is not good enough. A
    relative one is not met where no set that it is about has the figure. A gate over a set that was not run, or over a
    change without a baseline, without an item that both could score, or of too few sources, is not checked.

    Args:
        gates: What has to hold.
        units: What was run, by name.
        changes: Against the baseline; None where there is none.
        others: Sets of other runs, such as the baseline: their figures are known, too, though not run now.
    """
    return [result for gate in gates for result in _check(gate, units, changes, others)]


def _check(
    gate: Gate, units: Mapping[str, RunUnit], changes: Sequence[MetricChange] | None, others: Sequence[RunUnit]
) -> Iterator[GateResult]:
    concerned = [unit for name, unit in units.items() if gate.concerns_unit(name)]
    if not concerned:
        yield GateResult(str(gate), gate.suite, gate.metric, "not checked", "this suite was not run")
        return
    if gate.at_least is not None or gate.at_most is not None:
        for unit in concerned:
            yield from _absolute(gate, unit)
    if gate.max_drop is not None:
        yield from _relative(gate, [*concerned, *others], changes)


def _absolute(gate: Gate, unit: RunUnit) -> Iterator[GateResult]:
    found = {name: value for name, value in unit.metrics.items() if gate.concerns(unit.name, name)}
    if not found:
        yield _missing(gate, unit.name, unit.metrics)
    for name, value in found.items():
        yield GateResult(str(gate), unit.name, name, "met" if _holds(gate, value) else "not met", str(value))


def _missing(gate: Gate, unit: str, metrics: Iterable[str]) -> GateResult:
    """Not met, for the gate has a figure's name that nothing has."""
    near = difflib.get_close_matches(gate.metric, list(metrics), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return GateResult(str(gate), unit, gate.metric, "not met", f"there is no such figure{hint}")


def _holds(gate: Gate, value: Estimate) -> bool:
    return (
        value.mean is not None
        and (gate.at_least is None or value.mean >= gate.at_least)
        and (gate.at_most is None or value.mean <= gate.at_most)
    )


def _relative(gate: Gate, known: Sequence[RunUnit], changes: Sequence[MetricChange] | None) -> Iterator[GateResult]:
    if changes is None:
        yield GateResult(str(gate), gate.suite, gate.metric, "not checked", "there is no baseline")
        return
    concerned = [change for change in changes if gate.concerns(change.unit, change.metric)]
    if not concerned:
        if any(gate.concerns(unit.name, name) for unit in known for name in unit.metrics):
            yield GateResult(str(gate), gate.suite, gate.metric, "not checked", "not both runs have this figure")
        else:
            figures = {name: None for unit in known if gate.concerns_unit(unit.name) for name in unit.metrics}
            yield _missing(gate, gate.suite, figures)
    adjusted = holm([change.difference.p for change in concerned])
    for change, p in zip(concerned, adjusted, strict=True):
        moved = change.difference.mean
        reason = moved.spread("+.3f") + (f", p = {p:.4f} of {len(concerned)} compared" if p is not None else "")
        if moved.mean is not None and not moved.has_interval:
            reason += f", n = {moved.count}: too few to tell it from chance, which takes {MIN_SOURCES} sources"
        if change.lost:
            reason += f"; {change.lost} of the items that have an output in the baseline failed"
        yield GateResult(str(gate), change.unit, change.metric, _state(gate, change, p), reason)


def _state(gate: Gate, change: MetricChange, p: float | None) -> State:
    moved = change.difference.mean
    assert gate.max_drop is not None
    if change.lost:
        return "not met"
    if moved.mean is None:
        return "not met" if change.value.mean is None and change.baseline.mean is not None else "not checked"
    if not moved.has_interval:
        return "not checked"
    if change.verdict == "worse" and abs(moved.mean) > gate.max_drop and (p is None or p < ALPHA):
        return "not met"
    return "met"
