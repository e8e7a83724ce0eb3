"""Judges, held against people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..readers.grounding import GroundedSet
from ..readers.ragchecker import read_ragchecker
from ..tasks.judging import JudgedSet, JudgingTask
from . import DataSet, Published, Suite
from .grounding import GROUNDING

_PUBLISHED = tuple(
    Published(system, f"Pearson {aspect}", value)
    for system, values in {
        "RAGChecker (with GPT-4)": (49.66, 60.67, 61.93),
        "one annotator with the other": (63.67, 71.91, 70.09),
    }.items()
    for aspect, value in zip(("correctness", "completeness", "overall"), values, strict=True)
)


def _answers(of: DataSet[GroundedSet]) -> Callable[[Path], JudgedSet]:
    return lambda folder: JudgedSet(of.name, of.read(folder).answers)


def _judged(name: str) -> DataSet[JudgedSet]:
    of = GROUNDING.set(name)
    return DataSet(name, of.folder, _answers(of), of.items, of.licence, of.citation)


_RAGCHECKER = DataSet(
    "ragchecker",
    "grounding/ragchecker_meta",
    lambda folder: JudgedSet("ragchecker", read_ragchecker(folder)),
    280,
    "Apache-2.0",
    "Ru et al., RAGChecker, NeurIPS 2024",
    _PUBLISHED,
)

JUDGES: Suite[JudgedSet] = Suite(
    "judges",
    "does a judge say of answers what people say? (--judge NAME)",
    "answers",
    JudgingTask(),
    (_RAGCHECKER, _judged("ragtruth-summary"), _judged("summedits"), _judged("wice")),
)
