"""Configurations side by side: what each is worth, how long it takes, which no other beats, and which to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import EvaluationError
from .decision import decide
from .metrics.statistic import Metric
from .stats import ALPHA, Difference, Estimate, compare, holm, percentile
from .task import Row, Task

_EQUAL = 0.02
"""Totals so close say nothing."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a configuration."""

    name: str
    values: Mapping[str, Any]
    """The settings that differ from the current ones."""
    run: str
    """The name of its run's folder."""
    rows: Mapping[str, Sequence[Row]]
    """By set."""
    error: str = ""
    """Why it could not be run."""


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration with its figures."""

    name: str
    values: Mapping[str, Any]
    run: str
    error: str
    """Why it could not be run; its figures are unscored then."""
    quality: Estimate
    latency: Estimate
    """Of an item, the median, in milliseconds."""
    reused: int
    """Outputs of earlier runs: their times are of then."""
    items: int = 0
    """That were asked."""
    failed: int = 0
    """Of them, those without an output, which are unscored; see `weighed`."""
    optimal: bool = False
    """Pareto-optimal: no other one is as good and as fast, and better in one of them, failed items weighed."""
    change: Difference | None = None
    """Of the quality, from the current settings, item by item; None for these themselves."""
    p_holm: float | None = None
    """p of the change, adjusted for all configurations."""
    slower: Estimate | None = None
    """How many milliseconds longer an item takes than by the current settings, on average."""

    @property
    def scored(self) -> bool:
        """Whether it has both figures."""
        return self.quality.mean is not None and self.latency.mean is not None

    def weighed(self, better: str) -> float:
        """The quality as configurations are chosen by it: an item that failed is as bad as can be, 0 where more is
        better and 1 where less is, or as the others where these are worse than that."""
        quality, share = self.quality.mean or 0.0, self.failed / max(self.items, 1)
        worst = min(0.0, quality) if better == "more" else max(1.0, quality)
        return (1 - share) * quality + share * worst


@dataclass(frozen=True, slots=True)
class Sweep:
    """The comparison; the first point is that of the current settings."""

    metric: str
    better: str
    points: Sequence[Point]
    weights: Mapping[str, float]
    totals: Mapping[str, float]
    """By configuration, best first, 0..1: the weighted sum by which one is recommended."""

    @property
    def recommended(self) -> Point | None:
        """Of those within 0.02 of the best total, the one that changes the fewest settings; None where nothing could be
        scored."""
        most = max(self.totals.values(), default=0.0)
        near = [point for point in self.points if self.totals.get(point.name, -1.0) >= most - _EQUAL]
        return min(near, key=lambda point: len(point.values), default=None)

    @property
    def current(self) -> Point:
        """That of the current settings."""
        return self.points[0]

    @property
    def reason(self) -> str:
        """What the recommendation rests on, and how sure it is."""
        best = self.recommended
        if best is None:
            return "Nothing could be scored."
        if best is self.current:
            return "None is better than the current settings, all weighed."
        if best.change is None or best.change.mean.mean is None:
            return "It is the best of those that could be run; the current settings could not be."
        if not best.change.mean.has_interval:
            few = f"{self.metric} {_signed(best.change.mean)}, n = {best.change.mean.count}"
            return f"Against the current settings: {few}, too few to tell a difference from chance."
        test = "no test" if best.p_holm is None else f"p = {best.p_holm:.4f} (Holm)"
        told = f"{self.metric} {_signed(best.change.mean)}, {test}"
        moved = "gain" if (best.change.mean.mean > 0) == (self.better == "more") else "loss"
        sure = _leaves_out_0(best.change.mean) if best.p_holm is None else best.p_holm < ALPHA
        verdict = f"a {moved} beyond chance" if sure else "no difference beyond chance (more questions may show one)"
        took = "" if best.slower is None else f"; {_signed(best.slower, 0)} ms an item"
        failed = f" {best.failed} of its {best.items} items failed." if best.failed else ""
        return f"Against the current settings: {told}, {verdict}{took}.{failed}"

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        best = self.recommended
        return asdict(self) | {
            "recommended": None if best is None else {"name": best.name, "values": dict(best.values)},
            "reason": self.reason,
        }


def sweep_of(
    ran: Sequence[Ran], tasks: Mapping[str, Task[Any, Any]], name: str, weights: Mapping[str, float], seed: int = 0
) -> Sweep:
    """Compare configurations, of which the first one is that of the current settings.

    The quality of several sets is that of all their items together; sets of another kind of task than the first that
    has the metric are left out.

    Args:
        ran: What came of each; at least one.
        tasks: By set.
        name: The metric that is the quality; empty for the first one of the first set.
        weights: See `eval.decision`: of `accuracy`, which is the quality here, and of `latency`.
        seed: Of the resamples.

    Raises:
        EvaluationError: No set has this metric, or it can be neither better nor worse.
    """
    metric, task = _metric(tasks, name)
    having = [unit for unit, one in tasks.items() if one.name == task.name and metric in one.metrics]
    rows = [_rows(one, having) for one in ran]
    points = [_point(one, of, task, metric.name, seed) for one, of in zip(ran, rows, strict=True)]
    changed = [
        points[0],
        *(_changed(p, of, rows[0], task, metric.name, seed) for p, of in zip(points[1:], rows[1:], strict=True)),
    ]
    p_values = holm([point.change.p if point.change else None for point in changed])
    told = [
        replace(point, p_holm=p, optimal=optimal(point, changed, metric.better))
        for point, p in zip(changed, p_values, strict=True)
    ]
    counted = {name: weights[name] for name in ("accuracy", "latency")}
    values = {point.name: _weighed(point, metric.better) for point in told if point.scored}
    totals = decide(values, counted).totals if values else {}
    return Sweep(metric.name, metric.better, told, counted, totals)


def optimal(point: Point, points: Sequence[Point], better: str = "more") -> bool:
    """Whether no other of the points is at least as good and as fast, and better in one of them; items that failed
    weigh as in `Point.weighed`."""
    if not point.scored:
        return False
    sign = 1 if better == "more" else -1

    def beats(other: Point) -> bool:
        mine, theirs = ((sign * p.weighed(better), -(p.latency.mean or 0.0)) for p in (point, other))
        return theirs != mine and theirs[0] >= mine[0] and theirs[1] >= mine[1]

    return not any(other.scored and beats(other) for other in points)


def _metric(tasks: Mapping[str, Task[Any, Any]], name: str) -> tuple[Metric, Task[Any, Any]]:
    """The metric that is the quality, and the task that computes it."""
    known: dict[str, tuple[Metric, Task[Any, Any]]] = {}
    for task in tasks.values():
        for metric in task.metrics:
            if metric.better != "neither":
                known.setdefault(metric.name, (metric, task))
    found = known.get(name) if name else next(iter(known.values()), None)
    if found is None:
        raise EvaluationError(f"there is no metric {name!r} here", remedy=f"Choose one of {', '.join(known)}")
    return found


def _point(one: Ran, rows: Sequence[Row], task: Task[Any, Any], name: str, seed: int) -> Point:
    quality = task.measure(rows, seed)[name] if rows else Estimate(None, None, None, 0, 0, 0)
    latency = percentile([_milliseconds(row) for row in rows], 50, seed)
    return Point(
        name=one.name,
        values=one.values,
        run=one.run,
        error=one.error,
        quality=quality,
        latency=latency,
        reused=sum(row.cached for row in rows),
        items=len(rows),
        failed=sum(bool(row.error) for row in rows),
    )


def _changed(
    point: Point, rows: Sequence[Row], current: Sequence[Row], task: Task[Any, Any], name: str, seed: int
) -> Point:
    theirs = {row.id: row for row in current}
    shared = [(row, theirs[row.id]) for row in rows if row.id in theirs]
    if not shared:
        return point
    mine, others = ([pair[side] for pair in shared] for side in (0, 1))
    change = task.compare(mine, others, seed)[name]
    slower = compare([_milliseconds(row) for row in mine], [_milliseconds(row) for row in others], seed).mean
    return replace(point, change=change, slower=slower)


def _rows(one: Ran, units: Sequence[str]) -> list[Row]:
    """Of several sets, with ids and sources that are unique among all."""
    return [
        replace(row, id=f"{unit}/{row.id}", source=f"{unit}/{row.source or row.id}")
        for unit in units
        for row in one.rows.get(unit, ())
    ]


def _milliseconds(row: Row) -> float | None:
    return None if row.seconds is None or row.output is None else 1000 * row.seconds


def _weighed(point: Point, better: str) -> dict[str, float | None]:
    quality = point.weighed(better)  # where less is better, half as much is twice as good
    return {"accuracy": quality if better == "more" else 1 / max(quality, 1e-9), "latency": point.latency.mean}


def _signed(value: Estimate, digits: int = 3) -> str:
    return value.spread(f"+,.{digits}f")


def _leaves_out_0(value: Estimate) -> bool:
    return value.low is not None and value.high is not None and not value.low <= 0 <= value.high
