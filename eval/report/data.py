"""A report with everything computed; the other modules here only write it down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import filterfalse
from typing import Any, Final, Literal

import numpy as np

from ..gates import Gate, GateResult, check_gates
from ..run_sets import RunSet, RunUnit, Unlike, as_estimate, compare_run_sets, flat, unlike
from ..stats import Estimate
from ..summary import SECONDS, MetricChange, Weight
from ..task import Row, Task
from .areas import AREAS, area_of
from .items import Flip, ItemShown, flips, is_answer, worst
from .wording import counted

FORMAT: Final = 1
WORST: Final = 10
WORST_OTHERS: Final = 5
TRENDS: Final = 12
"""The most figures that are drawn over time."""
NIGHTS: Final = 60
"""The most runs of the past that are drawn."""

State = Literal["good", "gate", "worse", "incomplete", "measured"]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside the baseline's, over the items that both have scored."""

    unit: str
    metric: str
    value: Estimate
    baseline: Estimate
    difference: Estimate
    p_holm: float | None
    verdict: str
    """`better`, `worse`, `different`, `no difference` or `unscored`: by the interval of this one figure."""
    weight: Weight


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a set, and what it was."""

    area: str
    unit: str
    metric: str
    better: str
    value: Estimate
    change: Change | None
    groups: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a run of the past."""

    run: str
    begun: str
    value: Estimate
    same: bool
    """Whether the items and the documents were those of now."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over time, oldest first; the last point is this run's."""

    unit: str
    metric: str
    better: str
    points: Sequence[Point]
    limit: float | None
    """What a gate asks of it."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took that were made in this run, in milliseconds."""

    unit: str
    step: str
    n: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """A set that was run."""

    name: str
    items: int
    n: int
    failed: int
    cached: int
    """Outputs of earlier runs that were used again."""
    sha256: str
    licence: str
    citation: str
    published: Sequence[Mapping[str, Any]]
    cut: bool
    """Whether time ran out before its end."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the outputs that were made in this run took."""

    seconds: float
    """Of making outputs; judging not included."""
    made: int
    reused: int
    tokens: Mapping[str, int]
    joules: float | None
    """None where no item tells."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, held against a baseline, gates and the past."""

    name: str
    subject: str
    begun: str
    finished: str
    baseline: str
    """The name of the run that this one is compared with; empty for none."""
    baseline_begun: str
    state: State
    headline: str
    gates: Sequence[GateResult]
    changes: Sequence[Change]
    warnings: Sequence[str]
    unlike: Sequence[Unlike]
    not_run: Mapping[str, str]
    """Suites that could not be run, and why."""
    put_off: Sequence[str]
    """Suites for which no time was left."""
    units: Sequence[UnitFacts]
    figures: Sequence[Figure]
    trends: Sequence[Trend]
    worst: Sequence[ItemShown]
    """Of the answers in words."""
    worst_others: Sequence[ItemShown]
    new_failures: Sequence[Flip]
    fixed: Sequence[Flip]
    latency: Sequence[Latency]
    cost: Cost
    feedback: Sequence[Mapping[str, Any]]
    """What users said of answers since the last report: `when`, `question`, `answer`, `rating`, `reason`."""
    environment: Mapping[str, str]
    use: Sequence[str] = ()  # what the monitor tells of real use, a sentence each

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"format": FORMAT, **asdict(self)}

    def areas(self) -> Iterator[tuple[str, list[Figure]]]:
        """The figures by area, in the order of the report."""
        for area in AREAS:
            if found := [figure for figure in self.figures if figure.area == area]:
                yield area, found

    def moved(self, weight: Weight) -> list[Change]:
        """The changes of a weight that have a direction or differ at all, the worse ones first."""
        order = {"worse": 0, "different": 1, "better": 2}
        found = [change for change in self.changes if change.weight == weight and change.verdict in order]
        return sorted(found, key=lambda change: (order[change.verdict], -abs(change.difference.mean or 0)))


def build_report(
    runs: RunSet,
    tasks: Mapping[str, Task[Any, Any]],
    *,
    baseline: RunSet | None = None,
    history: Sequence[RunSet] = (),
    gates: Sequence[Gate] = (),
    not_run: Mapping[str, str] | None = None,
    put_off: Sequence[str] = (),
    feedback: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
) -> Report:
    """Compute a report.

    Args:
        runs: What is reported on.
        tasks: By suite, as `eval.suites.registry` has them; what is of another suite is not compared.
        baseline: What it is compared with.
        history: Earlier runs, oldest first; later ones, and this one, are left out.
        gates: What has to hold.
        not_run: Suites that could not be run, and why.
        put_off: Suites for which no time was left.
        feedback: What users said.
        seed: Of the resamples.
    """
    compared = None if baseline is None else compare_run_sets(runs, baseline, tasks, seed)
    others = [unit for one in (*history, *([] if baseline is None else [baseline])) for unit in one.units.values()]
    results = check_gates(gates, runs.units, None if compared is None else compared.changes, others)
    changes = [] if compared is None else [_change(one) for one in compared.changes]
    rows = {name: unit.rows() for name, unit in runs.units.items()}
    better = {name: unit.better for name, unit in runs.units.items()}
    new, fixed = _flips(runs, baseline, rows)
    differing = [] if baseline is None else unlike(runs, baseline)
    failed = sum(bool(row.error) for of in rows.values() for row in of)
    state, headline = _verdict(results, changes, failed, not_run or {}, put_off, baseline)
    manifest = next((unit.manifest for unit in runs.units.values()), {})
    return Report(
        name=runs.name,
        subject=str(manifest.get("subject", {}).get("name", "")),
        begun=runs.begun,
        finished=runs.finished,
        baseline="" if baseline is None else baseline.name,
        baseline_begun="" if baseline is None else baseline.begun,
        state=state,
        headline=headline,
        gates=results,
        changes=changes,
        warnings=[] if compared is None else list(compared.warnings),
        unlike=differing,
        not_run=dict(not_run or {}),
        put_off=list(put_off),
        units=[_facts(unit, rows[name]) for name, unit in runs.units.items()],
        figures=_figures(runs, changes),
        trends=_trends(runs, history, gates, changes),
        worst=worst({name: list(filter(is_answer, of)) for name, of in rows.items()}, better, WORST),
        worst_others=worst({name: list(filterfalse(is_answer, of)) for name, of in rows.items()}, better, WORST_OTHERS),
        new_failures=new,
        fixed=fixed,
        latency=[one for name, of in rows.items() for one in _latency(name, of)],
        cost=_cost([row for of in rows.values() for row in of]),
        feedback=list(feedback),
        environment=flat(manifest),
    )


def _change(change: MetricChange) -> Change:
    return Change(
        unit=change.unit,
        metric=change.metric,
        value=change.value,
        baseline=change.baseline,
        difference=change.difference.mean,
        p_holm=change.p_holm,
        verdict=change.verdict,
        weight=change.weight,
    )


def _verdict(
    gates: Sequence[GateResult],
    changes: Sequence[Change],
    failed: int,
    not_run: Mapping[str, str],
    put_off: Sequence[str],
    baseline: RunSet | None,
) -> tuple[State, str]:
    broken = [gate for gate in gates if gate.state == "not met"]
    # What else the machine does moves the time; a gate that names it decides.
    judged = [change for change in changes if change.verdict != "unscored" and change.metric != SECONDS]
    worse = [change for change in judged if change.verdict == "worse" and change.weight == "beyond noise"]
    checked = [gate for gate in gates if gate.state != "not checked"]
    parts = [_gates_told(len(broken), len(checked))]
    if baseline is None:
        parts.append("there is no baseline to compare with")
    elif not judged:
        parts.append("no difference from the baseline can be told from chance")
    elif worse:
        parts.append(f"{counted(len(worse), 'figure')} got worse by more than noise")
    else:
        parts.append("no figure got worse by more than noise")
    if failed:
        parts.append(f"{counted(failed, 'item')} failed")
    if not_run:
        parts.append(f"{counted(len(not_run), 'suite')} could not be run")
    if put_off:
        parts.append(f"{counted(len(put_off), 'suite')} put off for want of time")
    held: State = "good" if checked or judged else "measured"
    state: State = "gate" if broken else "worse" if worse else "incomplete" if not_run or failed else held
    return state, f"{'; '.join(parts)}."


def _gates_told(broken: int, checked: int) -> str:
    if not checked:
        return "No gate was checked"
    if checked == 1:
        return "The gate is not met" if broken else "The gate is met"
    if broken:
        return f"{broken} of {counted(checked, 'gate')} {'is' if broken == 1 else 'are'} not met"
    return f"All {checked} gates are met"


def _flips(runs: RunSet, baseline: RunSet | None, rows: Mapping[str, Sequence[Row]]) -> tuple[list[Flip], list[Flip]]:
    new: list[Flip] = []
    fixed: list[Flip] = []
    for name, unit in runs.units.items():
        if baseline is not None and name in baseline.units:
            found = flips(name, rows[name], baseline.units[name].rows(), unit.better)
            new += found[0]
            fixed += found[1]
    return new, fixed


def _facts(unit: RunUnit, rows: Sequence[Row]) -> UnitFacts:
    return UnitFacts(
        name=unit.name,
        items=int(unit.identity["items"]),
        n=int(unit.summary["n"]),
        failed=int(unit.summary["failed"]),
        cached=sum(row.cached for row in rows),
        sha256=str(unit.identity["sha256"]),
        licence=str(unit.identity.get("licence", "")),
        citation=str(unit.identity.get("citation", "")),
        published=list(unit.summary.get("published", ())),
        cut=int(unit.summary["n"]) < int(unit.identity["items"]),
    )


def _figures(runs: RunSet, changes: Sequence[Change]) -> list[Figure]:
    changed = {(change.unit, change.metric): change for change in changes}
    found = []
    for name, unit in runs.units.items():
        for metric, value in unit.metrics.items():
            if value.n or value.n_unscored:
                groups = {
                    group: as_estimate(of[metric]) for group, of in unit.summary["groups"].items() if metric in of
                }
                better = unit.better.get(metric, "neither")
                area = area_of(unit.suite, metric)
                found.append(Figure(area, name, metric, better, value, changed.get((name, metric)), groups))
    return found


def _trends(runs: RunSet, history: Sequence[RunSet], gates: Sequence[Gate], changes: Sequence[Change]) -> list[Trend]:
    """Of the figures that gates name, those that moved, and the first of each set, until there are enough."""
    past = [one for one in history if one.begun < runs.begun and one.path != runs.path][-NIGHTS:]
    named = [(n, m) for n, unit in runs.units.items() for m in unit.metrics if any(_names(g, n, m) for g in gates)]
    moved = [(change.unit, change.metric) for change in changes if change.verdict in ("worse", "better")]
    first = [(name, metric) for name, unit in runs.units.items() for metric in list(unit.metrics)[:2]]
    found = []
    for unit, metric in dict.fromkeys([*named, *moved, *first]):
        points = list(_points(unit, metric, [*past, runs], runs))
        if len(points) > 1:
            limits = [g.at_least if g.at_least is not None else g.at_most for g in gates if _names(g, unit, metric)]
            limit = next((one for one in limits if one is not None), None)
            found.append(Trend(unit, metric, runs.units[unit].better.get(metric, "neither"), points, limit))
    return found[:TRENDS]


def _names(gate: Gate, unit: str, metric: str) -> bool:
    return gate.metric != "*" and gate.concerns(unit, metric)


def _points(unit: str, metric: str, past: Iterable[RunSet], now: RunSet) -> Iterator[Point]:
    mine = now.units[unit]
    for runs in past:
        found = runs.units.get(unit)
        value = None if found is None else found.metrics.get(metric)
        if found is not None and value is not None and value.mean is not None:
            same = found.identity["sha256"] == mine.identity["sha256"] and _corpus(found) == _corpus(mine)
            yield Point(runs.name, runs.begun, value, same)


def _corpus(unit: RunUnit) -> object:
    return (unit.manifest.get("corpus") or {}).get("fingerprint")


def _latency(unit: str, rows: Sequence[Row]) -> Iterator[Latency]:
    taken: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.times.items():
            if name.endswith(" ms") and value is not None and not row.cached:
                taken.setdefault(name.removesuffix(" ms"), []).append(value)
    for step, values in taken.items():
        median, p95 = np.percentile(values, [50, 95])
        yield Latency(unit, step.replace("_", " "), len(values), float(median), float(p95))


def _cost(rows: Sequence[Row]) -> Cost:
    made = [row for row in rows if not row.cached and not row.error]
    totals: dict[str, float] = {}
    for row in made:
        for name, value in row.times.items():
            if value is not None:
                totals[name] = totals.get(name, 0.0) + value
    tokens = {name.removesuffix(" tokens"): int(total) for name, total in totals.items() if name.endswith(" tokens")}
    seconds = sum(row.seconds or 0.0 for row in made)
    return Cost(round(seconds, 3), len(made), sum(row.cached for row in rows), tokens, totals.get("joules"))
