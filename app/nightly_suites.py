"""What a night runs: the user's own questions first, then the suites that `nightly.toml` names, set by set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import EvaluationError, SettingsError
from ..eval.readers.own import read_own
from ..eval.run_sets import RunSet
from ..eval.runner import Unit
from ..eval.suites.fairness import PARITY
from ..eval.suites.questions import OWN
from ..eval.suites.registry import chosen_sets, unit_name
from .evaluating_suites import load_units, own_units
from .nightly import Candidate
from .nightly_config import NightlyConfig, NightlySuite
from .settings import Settings

Loaded = tuple[Unit[Any, Any], Mapping[str, Any] | None]


def candidates(config: NightlyConfig, settings: Settings) -> list[Candidate]:
    """The sets that a night may run.

    Args:
        config: What to run.
        settings: Which library is the user's own.

    Raises:
        SettingsError: There is no such suite.
        DataError: The file of questions is missing or broken.
    """
    found: dict[str, Candidate] = {}
    if config.questions is not None:
        found |= _about_own(config, settings, NightlySuite(name=OWN.name))
    for suite in config.suite:
        if suite.name in (OWN.name, PARITY.name):
            found |= _about_own(config, settings, suite)
            continue
        data = suite.data or config.data or _data_folder()
        try:
            chosen = list(chosen_sets([suite.name]))
        except SettingsError as error:
            raise SettingsError(f"nightly.toml: {error.what}", remedy=error.remedy) from error
        for of, one in chosen:
            name = unit_name(of, one)
            items = min(suite.limit or config.limit, one.items)
            found[name] = Candidate(name, items, suite.seconds_per_item, partial(_public, name, data, config.seed))
    return list(found.values())


def _about_own(config: NightlyConfig, settings: Settings, suite: NightlySuite) -> dict[str, Candidate]:
    if config.questions is None:
        raise SettingsError(
            f"nightly.toml: {suite.name} asks your own questions about your own library",
            remedy='Add questions = "FILE"',
        )
    items = min(suite.limit or config.limit, len(read_own(config.questions).questions))
    load = partial(_own, suite.name, config.questions, config.library or settings.library, config.seed)
    name = f"{suite.name}/{config.questions.stem}"
    return {name: Candidate(name, items, suite.seconds_per_item, load)}


def as_before(baseline: RunSet, config: NightlyConfig, settings: Settings) -> list[Candidate]:
    """The sets of a baseline, each with as many items as it had there."""
    known = {one.name: one for one in candidates(config, settings)}
    limits = {name: int(unit.manifest["limit"] or unit.identity["items"]) for name, unit in baseline.units.items()}
    return [Candidate(name, limit, None, known[name].load) for name, limit in limits.items() if name in known]


def baseline_settings(baseline: RunSet, settings: Settings) -> Settings:
    """The settings that a baseline was run with, on the present machine and library.

    Raises:
        EvaluationError: It does not tell them, for it was no run of the engine.
        SettingsError: This version no longer takes them.
    """
    for unit in baseline.units.values():
        if told := unit.manifest["subject"].get("settings"):
            here = {name: getattr(settings, name) for name in ("library", "models_dir", "offline")}
            return Settings.load({**told, **here}, environment={}, config=Path(os.devnull))
    raise EvaluationError(
        "the baseline does not tell its settings",
        path=baseline.path,
        remedy="Choose another: ragstone nightly baseline",
    )


def _own(suite: str, questions: Path, library: Path, seed: int, limit: int) -> Loaded:
    (unit,), corpus = own_units([suite], questions, library, limit, seed)
    return unit, corpus


def _public(name: str, data: Path | None, seed: int, limit: int) -> Loaded:
    (unit,) = load_units([name], data, limit, seed)
    return unit, None


def _data_folder() -> Path | None:
    named = os.environ.get("RAGSTONE_BENCH_DATA")
    return Path(named) if named else None
