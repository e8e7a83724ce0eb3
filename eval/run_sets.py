"""Runs that belong together, such as those of one night: a run of their own each, one set of figures for the reader."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from .judges import better
from .runs import RunFolder, find_runs
from .stats import Estimate, holm
from .summary import SECONDS, Comparison, MetricChange, compare_unit
from .task import Row, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunUnit:
    """A set of a suite as it was run."""

    folder: RunFolder
    manifest: Mapping[str, Any]
    """Of the run."""
    identity: Mapping[str, Any]
    """Of the set: see `runner.Unit.identity`."""
    summary: Mapping[str, Any]
    """See `summary.UnitSummary.as_json`."""

    @property
    def name(self) -> str:
        """Of the set in its suite."""
        return str(self.identity["name"])

    @property
    def suite(self) -> str:
        """The suite's name."""
        return str(self.identity["suite"])

    @property
    def better(self) -> Mapping[str, str]:
        """By metric: `more`, `less` or `neither`."""
        judged = {
            f"{judge}: {name}": better(name) for judge, scores in self.summary["judged"].items() for name in scores
        }
        return judged | {SECONDS: "less"} | dict(self.summary["better"])

    @property
    def metrics(self) -> dict[str, Estimate]:
        """Every figure; a judge's has the judge's name before it, and `seconds` is the time of an output."""
        found = {name: as_estimate(value) for name, value in self.summary["metrics"].items()}
        for judge, scores in self.summary["judged"].items():
            found |= {f"{judge}: {name}": as_estimate(value) for name, value in scores.items()}
        return found | {SECONDS: as_estimate(self.summary["seconds"])}

    def rows(self) -> list[Row]:
        """The items."""
        return self.folder.rows(self.name)


@dataclass(frozen=True, slots=True)
class RunSet:
    """A run, or several that belong together."""

    path: Path
    units: Mapping[str, RunUnit]
    """By name."""
    begun: str
    finished: str

    @classmethod
    def read(cls, path: Path) -> RunSet:
        """The run in a folder, or the runs in the folders below it.

        Raises:
            EvaluationError: There is none that was finished.
        """
        runs = [RunFolder(path)] if (path / "run.json").is_file() else find_runs(path)
        if not runs:
            raise EvaluationError("there is no finished run here", path=path, remedy="Name the folder of a run")
        units: dict[str, RunUnit] = {}
        manifests = [run.manifest for run in runs]
        for run, manifest in zip(runs, manifests, strict=True):
            summaries = {one["name"]: one for one in run.summary["units"]}
            for identity in manifest["units"]:
                if identity["name"] in summaries:
                    units[identity["name"]] = RunUnit(run, manifest, identity, summaries[identity["name"]])
        begun = min(str(manifest["begun"]) for manifest in manifests)
        return cls(path, units, begun, max(str(manifest.get("finished") or begun) for manifest in manifests))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name


def find_run_sets(folder: Path) -> list[RunSet]:
    """The runs, alone or together, in the folders of a folder, oldest first; what was not finished is left out, and,
    with a warning, what cannot be read."""
    found = []
    for path in sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else ():
        try:
            if (path / "summary.json").is_file() or find_runs(path):
                found.append(RunSet.read(path))
        except EvaluationError as error:
            log.warning("Left out: %s", error)
    return sorted(found, key=lambda one: (one.begun, one.name))


def compare_run_sets(runs: RunSet, baseline: RunSet, tasks: Mapping[str, Task[Any, Any]], seed: int = 0) -> Comparison:
    """Compare what two have in common, item by item; p values are adjusted for all that is compared.

    Args:
        runs: The new ones.
        baseline: What they are compared with.
        tasks: By suite.
        seed: Of the resamples.
    """
    changes: list[MetricChange] = []
    warnings: list[str] = []
    for name in sorted(runs.units.keys() ^ baseline.units.keys()):
        warnings.append(f"{name} is only in {'this run' if name in runs.units else 'the baseline'}")
    for name, unit, other in _shared(runs, baseline):
        if unit.suite not in tasks:
            warnings.append(f"{name}: the suite {unit.suite} is not known here, and was not compared")
            continue
        found = compare_unit(name, tasks[unit.suite], unit.rows(), other.rows(), seed)
        changes += found.changes
        warnings += found.warnings
    adjusted = holm([change.difference.p for change in changes])
    return Comparison([replace(change, p_holm=p) for change, p in zip(changes, adjusted, strict=True)], warnings)


def _shared(runs: RunSet, baseline: RunSet) -> Iterator[tuple[str, RunUnit, RunUnit]]:
    for name, unit in runs.units.items():
        if name in baseline.units:
            yield name, unit, baseline.units[name]


@dataclass(frozen=True, slots=True)
class Unlike:
    """Something that two runs do not share."""

    what: str
    baseline: str
    now: str
    honest: bool = True
    """Whether the items can still be compared one by one; not when the documents are others."""


def unlike(runs: RunSet, baseline: RunSet) -> list[Unlike]:
    """What differs between two besides their figures: documents, model, settings, code, data, versions, machine."""
    found: dict[Unlike, None] = {}
    for name, unit, other in _shared(runs, baseline):
        found |= dict.fromkeys(_unlike_corpora(unit.manifest.get("corpus"), other.manifest.get("corpus")))
        if unit.identity["sha256"] != other.identity["sha256"]:
            found[Unlike(f"items of {name}", _short(other.identity["sha256"]), _short(unit.identity["sha256"]))] = None
        flat = [dict(_flat(_told(one.manifest))) for one in (unit, other)]
        for key in sorted(flat[0].keys() | flat[1].keys()):
            now, before = (one.get(key, "") for one in flat)
            if now != before:
                found[Unlike(key, _short(before), _short(now))] = None
    return list(found)


def _unlike_corpora(now: Any, before: Any) -> Iterator[Unlike]:
    if not now or not before or now.get("fingerprint") == before.get("fingerprint"):
        return
    for key in sorted(now.keys() | before.keys()):
        if now.get(key) != before.get(key):
            yield Unlike(f"corpus: {key}", _short(before.get(key, "")), _short(now.get(key, "")), honest=False)


_TOLD = ("ragstone", "code", "python", "platform", "hardware", "packages", "seed", "subject", "judges")


def _told(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: manifest[key] for key in _TOLD if key in manifest}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Leaves with the names on the way to them."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(one, f"{name}: {key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, one in enumerate(value):
            yield from _flat(one, f"{name}: {place}")
    else:
        yield name, str(value)


def flat(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What a manifest tells of the machine, the code and what was evaluated, as names and values."""
    return dict(_flat(_told(manifest)))


def _short(value: object) -> str:
    """A hash's beginning is enough for people."""
    text = str(value)
    return text[:12] if len(text) == 64 and all(char in "0123456789abcdef" for char in text) else text


def as_estimate(value: Mapping[str, Any]) -> Estimate:
    """An estimate that was written as JSON."""
    return Estimate(**value)
