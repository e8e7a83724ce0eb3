"""A sweep: configurations run one after the other, each in a run's folder of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..errors import EvaluationError, RagstoneError, SettingsError
from ..eval.cache import OutputCache, content_key
from ..eval.runner import Unit
from ..eval.runs import RunFolder
from ..eval.sweep import Ran
from ..retrieval.library import Library
from .chat_models import open_pool
from .engine import Ragstone
from .evaluated import engine_subject
from .evaluating import Tell
from .evaluating_suites import load_units, own_units, run_units
from .identity import INDIFFERENT, embedder_sha256, library_identity
from .settings import CONFIG_FILE, DEFAULT_EMBEDDING_MODEL, Settings

MOST = 64
"""Configurations of a sweep, unless more are asked for."""
CURRENT = "current settings"
INGEST = ("chunker", "chunk_tokens", "chunk_overlap", "chunk_prefix", "embedding_model", "ocr")
"""Settings by which a library is made."""
_SOURCE, _RECORD = "the sweep", "sweep.json"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings that are tried."""

    values: Mapping[str, Any]
    """Those that differ from the current ones."""
    settings: Settings | None
    error: str = ""
    """Why these settings do not go together."""

    @property
    def name(self) -> str:
        """What sets it apart."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items()) or CURRENT

    @property
    def folder(self) -> str:
        """The name of its run's folder: another one for other settings, also if others are current by then."""
        names = [f.name for f in fields(Settings) if f.name not in INDIFFERENT] if self.settings else []
        return content_key({name: str(getattr(self.settings, name)) for name in names} or str(self.values))[:12]


@dataclass(frozen=True, slots=True)
class Asked:
    """What every configuration is asked."""

    suites: Sequence[str]
    questions: Path | None
    """The user's own, about the library of the settings."""
    about_own: Sequence[str]
    """The suites that ask these."""
    data: Path | None
    limit: int | None
    seed: int


def read_axes(given: Sequence[str], file: Path | None) -> dict[str, list[Any]]:
    """The values to try, by setting: `NAME=VALUE,VALUE` each, and those of a TOML file's table `vary`.

    Raises:
        SettingsError: The file cannot be read, a setting is unknown, a value out of range, or none depends on it.
    """
    axes: dict[str, list[Any]] = {}
    for one in given:
        name, equals, values = one.partition("=")
        if not equals:
            raise SettingsError(f"--vary {one!r} names no values", remedy="Write it as NAME=VALUE,VALUE")
        axes[name.strip()] = [value.strip() for value in values.split(",")]
    if file is not None:
        axes = _from_file(file) | axes
    if refused := [name for name in axes if name in INDIFFERENT]:
        raise SettingsError(
            f"no answer depends on {refused[0]}", remedy="Vary what answers depend on; `models bench` measures speed"
        )
    checked = {name: [Settings.checked(name, value, _SOURCE) for value in values] for name, values in axes.items()}
    return {name: list(dict.fromkeys(values)) for name, values in checked.items()}


def configurations(axes: Mapping[str, Sequence[Any]], settings: Settings, most: int = MOST) -> list[Configuration]:
    """The current settings, and every combination of the axes' values.

    Raises:
        SettingsError: There is nothing to vary, or there are too many combinations.
    """
    found = [Configuration({}, settings)]
    for values in product(*axes.values()):
        given = dict(zip(axes, values, strict=True))
        differing = {name: value for name, value in given.items() if value != getattr(settings, name)}
        if differing:
            try:
                found.append(Configuration(differing, settings.with_values(differing, _SOURCE)))
            except SettingsError as error:
                found.append(Configuration(differing, None, str(error)))
    if len(found) == 1:
        raise SettingsError("there is nothing to vary", remedy="Give values with --vary NAME=VALUE,VALUE")
    if len(found) > most:
        raise SettingsError(
            f"these are {len(found):,} configurations", remedy=f"Vary less, or allow more than {most} with --most"
        )
    return found


def begin_sweep(out: Path, *, resume: bool) -> None:
    """Make the folder, or go on in it.

    Raises:
        EvaluationError: There is a sweep already that is not to be resumed, or the folder cannot be written to.
    """
    try:
        if out.is_dir() and any(out.iterdir()) and not (resume and (out / _RECORD).is_file()):
            remedy = "Add --resume to go on with it, or name another --out"
            raise EvaluationError("the folder is not empty", path=out, remedy=remedy)
        out.mkdir(parents=True, exist_ok=True)
        (out / _RECORD).write_text("{}\n", "utf-8")
    except OSError as error:
        raise EvaluationError(
            f"the folder cannot be written to ({error.strerror})", path=out, remedy="Name another --out"
        ) from error


def run_sweep(
    chosen: Sequence[Configuration],
    asked: Asked,
    out: Path,
    work: Path,
    cache: OutputCache,
    tell: Tell = lambda *_: None,
) -> Iterator[tuple[Ran, Sequence[Unit[Any, Any]]]]:
    """Run configurations; what came of each comes when it is done. One that fails does not end the sweep.

    Args:
        chosen: What is tried.
        asked: What each is asked.
        out: Begun; each one's run is a folder below it.
        work: Where libraries are kept, one for each way of making it.
        cache: Outputs of earlier runs.
        tell: Told of the progress.
    """
    remade = any(name in INGEST for one in chosen for name in one.values)
    with open_pool(chosen[0].settings or Settings()) as pool:
        for one in chosen:
            units: Sequence[Unit[Any, Any]] = ()
            error = one.error
            try:
                if one.settings is not None:
                    units, corpus = _units(asked, one.settings, work, tell, remade=remade)
                    subject = engine_subject(one.settings, work, tell, pool)
                    options: dict[str, Any] = {"limit": asked.limit, "seed": asked.seed, "corpus": corpus}
                    for _ in run_units(
                        units, subject, [], RunFolder(out / one.folder), cache, resume=True, tell=tell, **options
                    ):
                        pass
            except RagstoneError as failed:
                error = str(failed)
            rows = {} if error else {unit.name: RunFolder(out / one.folder).rows(unit.name) for unit in units}
            yield Ran(one.name, one.values, one.folder, rows, error), units


def write_record(out: Path, document: Mapping[str, Any]) -> None:
    """Keep the comparison as `sweep.json`."""
    (out / _RECORD).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def write_settings(values: Mapping[str, Any], path: Path = Path(CONFIG_FILE)) -> None:
    """Set values in a `ragstone.toml`; whatever else stands in it stays as it is, comments too.

    Args:
        values: By setting.
        path: The file; it is made when there is none.

    Raises:
        SettingsError: It cannot be read or written.
    """
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.is_file() else tomlkit.document()
        for name, value in values.items():
            document[name] = str(value) if isinstance(value, Path) else value
        new = path.with_name(f".{path.name}.new")
        new.write_text(tomlkit.dumps(document), "utf-8")
        new.replace(path)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SettingsError(f"cannot be changed ({error})", path=path, remedy="Correct the file by hand") from error


def remade_library(library: Path, settings: Settings, work: Path) -> Path:
    """The folder of a library of the same files, made by these settings unless an earlier sweep has left it.

    Raises:
        EvaluationError: A file is gone, or was ingested by a relative path from another folder.
        LibraryError: A library cannot be opened or written to.
        ModelError: The embedding model cannot be used.
    """
    with Library(library, create=False) as opened:
        files, documents = opened.files(), opened.counts()[0]
        about, known = library_identity(opened)["fingerprint"], opened.embedder
    model = settings.embedding_model or (known.name if known else DEFAULT_EMBEDDING_MODEL)
    made_by = {name: getattr(settings, name) for name in INGEST} | {"embedding_model": model}
    made_by["embedder"] = embedder_sha256(replace(settings, embedding_model=model))
    folder = work / f"own-{content_key(about, made_by)[:12]}"
    if folder.is_dir():
        return folder
    collections: dict[str, list[str]] = {}
    for absolute, file in files.items():
        if not Path(absolute).is_file() or str(Path(file.path).absolute()) != absolute:
            raise EvaluationError(
                f"{file.path} is not where it was ingested from",
                path=library,
                remedy="Run the sweep from the folder in which you ran `ingest`, with all files in place",
            )
        collections.setdefault(file.collection, []).append(file.path)
    begun = folder.with_name(f"{folder.name}.begun")
    shutil.rmtree(begun, ignore_errors=True)  # of a sweep that was interrupted
    with Ragstone.open(begun, settings=replace(settings, library=begun, embedding_model=model)) as rag:
        for collection, paths in collections.items():
            rag.ingest(*paths, collection=collection or None)
        found = rag.library.counts()[0]
    if found < documents:
        raise EvaluationError(
            f"only {found} of {documents} documents could be read again",
            path=library,
            remedy="Bring the library up to date with `ingest`; locked files are left out of a sweep of chunkings",
        )
    begun.rename(folder)
    return folder


def _units(
    asked: Asked, settings: Settings, work: Path, tell: Tell, *, remade: bool
) -> tuple[list[Unit[Any, Any]], Mapping[str, Any] | None]:
    units, corpus = load_units(asked.suites, asked.data, asked.limit, asked.seed), None
    if asked.questions is not None:
        tell("library", 0, 1)
        library = remade_library(settings.library, settings, work) if remade else settings.library
        own, corpus = own_units(asked.about_own, asked.questions, library, asked.limit, asked.seed)
        units = [*own, *units]
    return units, corpus


def _from_file(path: Path) -> dict[str, list[Any]]:
    try:
        found = tomlkit.parse(path.read_text("utf-8")).unwrap()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SettingsError(f"cannot be read ({error})", path=path, remedy="See examples/sweep.toml") from error
    axes = found.get("vary")
    if set(found) != {"vary"} or not isinstance(axes, dict) or not all(isinstance(v, list) for v in axes.values()):
        raise SettingsError("is no file of a sweep", path=path, remedy="See examples/sweep.toml")
    return axes
