"""Runs of suites: what is evaluated is opened, the sets are run, and the folder of the run is finished."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import SettingsError
from ..eval.cache import OutputCache
from ..eval.judges import Judge
from ..eval.readers.own import read_own
from ..eval.runner import Unit, run_unit
from ..eval.runs import VERSION, RunFolder
from ..eval.subjects import Subject
from ..eval.suites import DataSet
from ..eval.suites.fairness import PARITY
from ..eval.suites.questions import OWN
from ..eval.suites.registry import chosen_sets, unit_name
from ..eval.summary import UnitSummary, summarize
from ..eval.tasks.answering import AnsweringTask
from ..eval.tasks.parity import ParityTask
from ..retrieval.library import Library
from .evaluating import Tell
from .identity import code_sha256, library_identity
from .machine import cores, memory_bytes, peak_bytes, processor
from .times import to_the_second

_PACKAGES = ("ragstone", "llama-cpp-python", "openvino", "faiss-cpu", "numpy", "tokenizers", "transformers", "ragas")


def kept_folder() -> Path:
    """Where outputs and libraries of corpora are kept from one run to the next."""
    return platformdirs.user_cache_path("ragstone") / "eval"


def load_units(names: Sequence[str], data: Path | None, limit: int | None, seed: int) -> list[Unit[Any, Any]]:
    """The sets of suites, read and sampled.

    Args:
        names: See `eval.suites.registry.chosen_sets`.
        data: The folder of sets.
        limit: The most items of each set; None for all.
        seed: Of the draw.

    Raises:
        SettingsError: There is no such suite, or no folder was named.
        DataError: The data is missing or broken.
    """
    return [_load(suite, of, data, limit, seed) for suite, of in chosen_sets(names)]


def present(names: Sequence[str], data: Path | None) -> tuple[list[str], list[str]]:
    """The sets that suites stand for, and those of them whose data is not there: unless a set is named itself, a suite
    is run without it.

    Args:
        names: See `eval.suites.registry.chosen_sets`.
        data: The folder of sets.

    Raises:
        SettingsError: There is no such suite.
    """
    chosen = {unit_name(suite, of): of for suite, of in chosen_sets(names)}
    absent = [
        name
        for name, of in chosen.items()
        if name not in names and of.folder and data is not None and not (data / of.folder).is_dir()
    ]
    return [name for name in chosen if name not in absent], absent


def _load(suite: Any, of: Any, data: Path | None, limit: int | None, seed: int) -> Unit[Any, Any]:
    if data is None and of.folder:
        raise SettingsError(
            f"the data of {suite.name} is not part of Ragstone",
            remedy="Name the folder of sets with --data or RAGSTONE_BENCH_DATA (see docs/evaluation.md)",
        )
    return Unit(unit_name(suite, of), suite, of, of.load(data or Path()).sample(limit, seed), suite.task)


def own_units(
    names: Sequence[str], questions: Path, library: Path, limit: int | None, seed: int
) -> tuple[list[Unit[Any, Any]], dict[str, Any]]:
    """A user's own questions about their own library, for each suite that takes them, and what that library holds.

    Raises:
        DataError: The file of questions is missing or broken.
        LibraryError: The library cannot be opened.
    """
    with Library(library, create=False) as opened:
        about = library_identity(opened)
    data = read_own(questions).sample(limit, seed)
    units: list[Unit[Any, Any]] = []
    for suite, kind in ((OWN, AnsweringTask), (PARITY, ParityTask)):
        if suite.name in names:
            of = DataSet(questions.stem, questions.name, read_own, len(data.questions), "your own", "your own")
            task = kind(library, about["fingerprint"])
            units.append(Unit(f"{suite.name}/{questions.stem}", suite, of, data, task))
    return units, about


def run_units(
    units: Sequence[Unit[Any, Any]],
    subject: Subject,
    judges: Sequence[Judge],
    folder: RunFolder,
    cache: OutputCache,
    *,
    limit: int | None,
    seed: int,
    corpus: Mapping[str, Any] | None = None,
    resume: bool = False,
    tell: Tell = lambda *_: None,
) -> Iterator[UnitSummary]:
    """Run sets one after another; each one's figures come when it is done, and the run is finished after the last.

    Args:
        units: The sets.
        subject: What is evaluated.
        judges: Judge its answers besides.
        folder: Where the run is kept.
        cache: Outputs of earlier runs.
        limit: By which the sets were sampled: for the manifest.
        seed: Of the sampling and of the intervals.
        corpus: What the user's own library holds, if it was asked: for the manifest.
        resume: Go on with a run that was interrupted.
        tell: Told of the progress.

    Raises:
        EvaluationError: The folder holds another run, another process runs in it, or the subject cannot do what is
            asked.
        ModelError: A model cannot be used.
    """
    manifest = _manifest(units, subject, judges, limit, seed)
    with folder.locked():
        folder.begin(manifest | ({} if corpus is None else {"corpus": corpus}), resume=resume)
        summaries = []
        for unit in units:
            rows = run_unit(unit, subject, judges, folder, cache, tell)
            summaries.append(summarize(unit.name, unit.suite.name, unit.task, rows, seed, unit.of.published))
            yield summaries[-1]
        figures = {"units": [summary.as_json() for summary in summaries]}
        folder.finish(figures, finished=to_the_second(), peak_memory_mb=round(peak_bytes() / 2**20))


def _manifest(
    units: Sequence[Unit[Any, Any]], subject: Subject, judges: Sequence[Judge], limit: int | None, seed: int
) -> dict[str, Any]:
    return {
        "format": VERSION,
        "begun": to_the_second(),
        "ragstone": version("ragstone"),
        "code": code_sha256(),
        "subject": {"name": subject.name, **subject.identity},
        "judges": [{"name": judge.name, "identity": judge.identity} for judge in judges],
        "seed": seed,
        "limit": limit,
        "units": [unit.identity() for unit in units],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": _hardware(),
        "packages": dict(_versions()),
    }


def _hardware() -> dict[str, Any]:
    return {"cpu": processor(), "cores": cores(), "memory_mb": memory_bytes() >> 20}


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
