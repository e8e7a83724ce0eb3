"""`nightly.toml`: what is run every night, what it has to reach, and who is told."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ..errors import SettingsError
from ..eval.gates import Gate
from ..eval.suites.fairness import PARITY
from ..eval.suites.questions import OWN
from ..eval.suites.registry import chosen_sets, unit_name

CONFIG_FILE = "nightly.toml"
_WEEK = 7 * 24 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlySuite:
    """A suite that is run every night."""

    name: str
    """A suite of `ragstone eval list`, or one of its sets."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """The most items of each set; by default that of all suites."""
    data: Path | None = None
    """The folder of its sets; by default that of all suites."""
    seconds_per_item: Annotated[float, Field(gt=0)] | None = None
    """How long an item is expected to take, before there is a night to learn it from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Where the summary is mailed. The password is read from `RAGSTONE_SMTP_PASSWORD` only."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    user: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Who is told of a night."""

    when: Literal["always", "problem", "never"] = "problem"
    text: bool = False
    """Whether questions and answers may be in it."""
    command: str = ""
    """Run by the shell, with the summary as its input."""
    webhook: str = ""
    """An address that gets the summary as JSON."""
    mail: Mail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyConfig:
    """All of `nightly.toml`."""

    questions: Path | None = None
    """Your own questions about your own library, as `ragstone eval run --questions` takes them."""
    library: Path | None = None
    """Your own library; by default that of the settings."""
    suite: tuple[NightlySuite, ...] = ()
    gate: tuple[Gate, ...] = ()
    notify: Notify = Notify()
    judges: tuple[str, ...] = ()
    """Judge the answers besides, as `ragstone eval run --judge` does."""
    out: Path = Path("ragstone-nights")
    """Where nights are kept."""
    data: Path | None = None
    """The folder of sets; by default the variable `RAGSTONE_BENCH_DATA`."""
    budget_minutes: Annotated[float, Field(gt=0, le=_WEEK)] = 120.0
    """The longest that a night may take."""
    limit: Annotated[int, Field(ge=1)] = 100
    """The most items of each set."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the draws."""


_TABLES: Mapping[str, type] = {"suite": NightlySuite, "gate": Gate, "notify": Notify, "mail": Mail}


def load_nightly(path: Path) -> NightlyConfig:
    """Read the file; paths in it are relative to its folder.

    Raises:
        SettingsError: It cannot be read, a name is unknown (the nearest one is named), a value is missing, of the wrong
            type or out of range, there is no such suite, or a gate is about one that is not run.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise SettingsError(
            "there is no such file", path=path, remedy="Copy examples/nightly.toml, or name one with --config"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot be read ({error})", path=path, remedy="Correct the file") from error
    _refuse_unknown(given, NightlyConfig, "", path)
    try:
        config: NightlyConfig = TypeAdapter(NightlyConfig).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise _wrong(f"{name} is wrong: {first['msg'][:1].lower()}{first['msg'][1:]}", "Correct it", path) from error
    if not config.suite and config.questions is None:
        raise _wrong("there is nothing to run", 'Add questions = "FILE", or a [[suite]] with name = "..."', path)
    units = _units(config, path)
    for gate in config.gate:
        _check_gate(gate, units, path)
    return _placed(config, path.absolute().parent)


def _refuse_unknown(table: Mapping[str, Any], kind: type, where: str, path: Path) -> None:
    known = [f.name for f in fields(kind)]
    for name, value in table.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}"
            raise _wrong(f"{name!r} {f'in [{where}]' if where else 'at the top'} is unknown", remedy, path)
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(f"{f'{where}.{name}'.strip('.')} is {value}", "Give it a number", path)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and name in _TABLES:
                _refuse_unknown(one, _TABLES[name], f"{where}.{name}".strip("."), path)


def _units(config: NightlyConfig, path: Path) -> list[str]:
    """The names of the sets that are run."""
    about_own = {OWN.name, PARITY.name} & {suite.name for suite in config.suite}
    if config.questions is not None:
        about_own.add(OWN.name)
    own = [f"{name}/{config.questions.stem}" if config.questions else name for name in sorted(about_own)]
    try:
        public = chosen_sets([suite.name for suite in config.suite if suite.name not in about_own])
        return own + [unit_name(*one) for one in public]
    except SettingsError as error:
        raise _wrong(error.what, error.remedy, path) from error


def _check_gate(gate: Gate, units: Sequence[str], path: Path) -> None:
    absolute = gate.at_least is not None or gate.at_most is not None
    if not absolute and gate.max_drop is None:
        raise _wrong(f"a gate of {gate.suite} asks for nothing", "Add at_least, at_most or max_drop", path)
    if absolute and gate.metric == "*":
        raise _wrong("a gate with at_least or at_most names no metric", "Add metric = ...", path)
    if gate.max_drop is not None and gate.max_drop < 0:
        raise _wrong(f"the max_drop of a gate is {gate.max_drop:g}", "Choose 0 or more", path)
    if not any(gate.concerns_unit(name) for name in units):
        run = sorted({name.split("/")[0] for name in units} | set(units))
        near = difflib.get_close_matches(gate.suite, run, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Add a [[suite]], or choose one of {', '.join(run)}"
        raise _wrong(f"a gate is about the suite {gate.suite!r}, which is not run", remedy, path)


def _placed(config: NightlyConfig, folder: Path) -> NightlyConfig:
    """With its paths below the folder of the file."""

    def placed(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    suites = tuple(replace(suite, data=placed(suite.data)) for suite in config.suite)
    return replace(
        config,
        suite=suites,
        out=folder / config.out.expanduser(),
        questions=placed(config.questions),
        library=placed(config.library),
        data=placed(config.data),
    )


def _wrong(what: str, remedy: str, path: Path) -> SettingsError:
    return SettingsError(what, remedy=remedy, path=path)
