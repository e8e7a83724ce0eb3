"""What a run, or two of the same items, come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .judges import better as better_score
from .metrics.statistic import Better, Columns, mean_metric
from .metrics.statistic import compare as compare_columns
from .metrics.statistic import measure as measure_columns
from .runs import RunFolder
from .stats import ALPHA, MIN_SOURCES, Difference, Estimate, holm
from .suites import Published
from .task import Row, Task

Weight = Literal["beyond noise", "perhaps noise", "noise", "unscored"]
"""`beyond noise`: also after all that was compared is taken into account (Holm). `perhaps noise`: the interval leaves
out 0, but among so many figures one that does is to be expected."""
SECONDS = "seconds"
"""That an output took when it was made, beside the metrics of a task."""


@dataclass(frozen=True, slots=True)
class UnitSummary:
    """The figures of one set of a suite."""

    name: str
    suite: str
    n: int
    failed: int
    """Items without an output; they count as unscored."""
    metrics: Mapping[str, Estimate]
    groups: Mapping[str, Mapping[str, Estimate]]
    """By group, if there are several."""
    judged: Mapping[str, Mapping[str, Estimate]]
    """What each judge said on average."""
    seconds: Estimate
    """That an output took when it was made."""
    times: Mapping[str, Estimate]
    """What else it took: milliseconds, tokens, joules."""
    better: Mapping[str, str]
    """By metric: `more`, `less` or `neither`."""
    published: Sequence[Published] = ()

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        found: dict[str, Any] = asdict(replace(self, published=()))
        return found | {"published": [asdict(figure) for figure in self.published]}


def summarize(
    name: str, suite: str, task: Task[Any, Any], rows: Sequence[Row], seed: int = 0, published: Sequence[Published] = ()
) -> UnitSummary:
    """Sum up the rows of a set.

    Args:
        name: Of the set in its suite.
        suite: The suite.
        task: What was asked.
        rows: In the order of the data.
        seed: Of the intervals.
        published: Figures to compare with.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    metrics = task.measure(rows, seed)
    return UnitSummary(
        name=name,
        suite=suite,
        n=len(rows),
        failed=sum(bool(row.error) for row in rows),
        metrics=metrics,
        groups={group: task.measure(of, seed) for group, of in groups.items()} if len(groups) > 1 else {},
        judged=_judged(rows, seed),
        seconds=_seconds(rows, seed),
        times=_means([row.times for row in rows], rows, seed),
        better={metric: task.better(metric) for metric in metrics},
        published=published,
    )


def _seconds(rows: Sequence[Row], seed: int) -> Estimate:
    sources = [row.source or row.id for row in rows]
    return measure_columns(_times(rows), sources, [mean_metric(SECONDS, "")], seed)[SECONDS]


def _judged(rows: Sequence[Row], seed: int) -> dict[str, dict[str, Estimate]]:
    judges = dict.fromkeys(judge for row in rows for judge in row.judged)
    return {judge: _means([_of(row, judge) for row in rows], rows, seed) for judge in judges}


def _means(columns: Sequence[Columns], rows: Sequence[Row], seed: int) -> dict[str, Estimate]:
    """The mean of every column that there is."""
    metrics = [mean_metric(name, "") for name in dict.fromkeys(name for of in columns for name in of)]
    return measure_columns(columns, [row.source or row.id for row in rows], metrics, seed)


def _of(row: Row, judge: str) -> Columns:
    return row.judged.get(judge, {})


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric of one run beside that of another, over the items that both have scored; the figures are over all items
    that both have where none was scored by both."""

    unit: str
    metric: str
    """A judge's has the judge's name before it."""
    value: Estimate
    baseline: Estimate
    difference: Difference
    p_holm: float | None
    """p adjusted for all that are compared together."""
    better: str
    lost: int = 0
    """Items that both runs have, with an output in the baseline and none in the new one, where they failed."""

    @property
    def weight(self) -> Weight:
        """How much a difference says, among all that was compared."""
        if self.verdict == "unscored":
            return "unscored"
        if self.verdict == "no difference":
            return "noise"
        return "beyond noise" if self.p_holm is not None and self.p_holm < ALPHA else "perhaps noise"

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `different` or `no difference`, at 95 % by the interval of the difference and by its test,
        where there is one; `unscored` where it has no interval, as of too few sources."""
        spread, p = self.difference.mean, self.difference.p
        if spread.mean is None or spread.low is None or spread.high is None:
            return "unscored"
        if spread.low <= 0 <= spread.high or (p is not None and p >= ALPHA):
            return "no difference"
        if self.better == "neither":
            return "different"
        return "better" if (spread.mean > 0) == (self.better == "more") else "worse"

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        told = asdict(self)
        difference = {name: told["difference"][name] for name in ("mean", "p", "effect")}
        return told | {"difference": difference, "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs."""

    changes: Sequence[MetricChange]
    warnings: Sequence[str]
    """What makes them less comparable: other data, other items."""

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"changes": [change.as_json() for change in self.changes], "warnings": list(self.warnings)}


def compare_runs(run: RunFolder, baseline: RunFolder, tasks: Mapping[str, Task[Any, Any]], seed: int = 0) -> Comparison:
    """Compare the sets that two runs share, item by item.

    Args:
        run: The new one.
        baseline: What it is compared with.
        tasks: By suite.
        seed: Of the resamples.

    Raises:
        EvaluationError: A folder is no run.
    """
    units = {one["name"]: one for one in run.manifest["units"]}
    others = {one["name"]: one for one in baseline.manifest["units"]}
    changes: list[MetricChange] = []
    warnings = [f"{name} is only in one of the runs" for name in sorted(units.keys() ^ others.keys())]
    warnings += [
        f"{which} was not run to its end: only the items that were done are compared"
        for which, folder in (("this run", run), ("the baseline", baseline))
        if not folder.finished or folder.manifest.get("cut")
    ]
    for name, unit in units.items():
        if name in others and unit["suite"] not in tasks:
            warnings.append(f"{name}: the suite {unit['suite']} is not known here, and was not compared")
        elif name in others:
            found = compare_unit(name, tasks[unit["suite"]], run.rows(name), baseline.rows(name), seed)
            changes += found.changes
            warnings += found.warnings
    adjusted = holm([change.difference.p for change in changes])
    return Comparison([replace(change, p_holm=p) for change, p in zip(changes, adjusted, strict=True)], warnings)


def compare_unit(
    name: str, task: Task[Any, Any], rows: Sequence[Row], baseline: Sequence[Row], seed: int = 0
) -> Comparison:
    """Compare the items that two runs of a set share; p values are not adjusted yet.

    Args:
        name: Of the set.
        task: What was asked.
        rows: Of the new run.
        baseline: Of the other.
        seed: Of the resamples.
    """
    mine, theirs = ({row.id: row for row in of} for of in (rows, baseline))
    shared = [key for key in mine if key in theirs and mine[key].shown == theirs[key].shown]
    warnings = []
    if len(shared) < max(len(mine), len(theirs)):
        warnings.append(f"{name}: {len(shared)} items are the same in both, of {len(mine)} and {len(theirs)}")
    sources = {mine[key].source or key for key in shared}
    if shared and len(sources) < MIN_SOURCES:
        warnings.append(
            f"{name}: the {len(shared)} items come from {len(sources)} source{'s' if len(sources) > 1 else ''}, and no "
            f"difference can be told from chance by fewer than {MIN_SOURCES}"
        )
    lost = sum(bool(mine[key].error) and not theirs[key].error for key in shared)
    changes = _changes(name, task, [mine[key] for key in shared], [theirs[key] for key in shared], seed)
    return Comparison([replace(change, lost=lost) for change in changes], warnings)


def _changes(
    unit: str, task: Task[Any, Any], rows: Sequence[Row], baseline: Sequence[Row], seed: int
) -> list[MetricChange]:
    if not rows:
        return []
    values, before = task.measure(rows, seed), task.measure(baseline, seed)
    changes = [
        _change(unit, name, values[name], before[name], difference, task.better(name))
        for name, difference in task.compare(rows, baseline, seed).items()
        if values[name].mean is not None or before[name].mean is not None
    ]
    for judge in dict.fromkeys(judge for row in rows for judge in row.judged):
        judged = [_of(row, judge) for row in rows], [_of(row, judge) for row in baseline]
        changes += _mean_changes(unit, f"{judge}: ", judged, rows, better_score, seed)
    return changes + _mean_changes(unit, "", (_times(rows), _times(baseline)), rows, lambda _: "less", seed)


def _change(
    unit: str, metric: str, value: Estimate, baseline: Estimate, difference: Difference, better: str
) -> MetricChange:
    """A change whose figures are over the items of the difference, where there are any."""
    if difference.value is not None and difference.baseline is not None:
        value, baseline = difference.value, difference.baseline
    return MetricChange(unit, metric, value, baseline, difference, None, better)


def _mean_changes(
    unit: str,
    prefix: str,
    columns: tuple[Sequence[Columns], Sequence[Columns]],
    rows: Sequence[Row],
    better: Callable[[str], Better],
    seed: int,
) -> list[MetricChange]:
    """The changes of the means of the columns that both have."""
    names = [dict.fromkeys(name for one in of for name in one) for of in columns]
    metrics = [mean_metric(name, "") for name in names[0] if name in names[1]]
    if not metrics:
        return []
    sources = [row.source or row.id for row in rows]
    value, before = (measure_columns(of, sources, metrics, seed) for of in columns)
    return [
        _change(unit, f"{prefix}{name}", value[name], before[name], difference, better(name))
        for name, difference in compare_columns(*columns, sources, metrics, seed).items()
    ]


def _times(rows: Sequence[Row]) -> list[Columns]:
    return [{} if row.output is None else {SECONDS: row.seconds} for row in rows]
