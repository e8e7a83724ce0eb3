"""TruthfulQA's multiple choice, from the published files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import DataError

Version = Literal["2021", "2025"]
_FILES: Mapping[Version, str] = {"2025": "mc_task.json", "2021": "mc_task_v1.json"}
_TABLE = "TruthfulQA.csv"


@dataclass(frozen=True, slots=True)
class TruthfulQuestion:
    """A question with true and false answers, each of which stands once."""

    id: str
    group: str
    """The category; empty where the file that names it is absent."""
    source: str
    question: str
    single: Mapping[str, bool]
    """MC1: one true answer and the false ones."""
    multiple: Mapping[str, bool]
    """MC2: all true and all false answers."""


def read_truthfulqa(folder: Path, version: Version = "2025") -> tuple[TruthfulQuestion, ...]:
    """The questions of a version; categories are those of `TruthfulQA.csv`.

    The first version has 817 questions (`mc_task_v1.json`; lm-evaluation-harness has these), that of 2025 has 790
    (`mc_task.json`). Where that file is absent, the answers are those of `TruthfulQA.csv`: MC1 has the best and the
    incorrect answers, MC2 the correct and the incorrect ones.

    Source: Lin et al., "TruthfulQA: Measuring How Models Mimic Human Falsehoods", ACL 2022.

    Raises:
        DataError: There is neither of the files, or one has not this form.
    """
    path, table = folder / _FILES[version], folder / _TABLE
    categories = {row["Question"].strip(): row["Category"] for row in _rows(table)} if table.is_file() else {}
    found = tuple(_of_json(path, categories) if path.is_file() else _of_table(table))
    for one in found:
        if sum(one.single.values()) != 1 or len(one.single) < 2 or len(set(one.multiple.values())) < 2:
            raise DataError(
                f"question {one.id} has not one true answer and false ones ({one.question!r})",
                path=path if path.is_file() else table,
                remedy="Fetch it again",
            )
    return found


def _of_json(path: Path, categories: Mapping[str, str]) -> Iterator[TruthfulQuestion]:
    for place, row in enumerate(json.loads(path.read_text("utf-8"))):
        single, multiple = (
            {answer: bool(label) for answer, label in row[name].items()} for name in ("mc1_targets", "mc2_targets")
        )
        question = row["question"]
        yield TruthfulQuestion(str(place), categories.get(question.strip(), ""), str(place), question, single, multiple)


def _of_table(path: Path) -> Iterator[TruthfulQuestion]:
    for place, row in enumerate(_rows(path)):
        right, wrong = (_listed(row[name]) for name in ("Correct Answers", "Incorrect Answers"))
        false = dict.fromkeys(wrong, False)
        best = row["Best Answer"].strip()
        single, multiple = {best: True} | false, dict.fromkeys((best, *right), True) | false
        yield TruthfulQuestion(str(place), row["Category"], str(place), row["Question"], single, multiple)


def _listed(answers: str) -> list[str]:
    return [answer.strip() for answer in answers.split(";") if answer.strip()]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except FileNotFoundError as error:
        raise DataError(
            "there is no such file", path=path, remedy="Name the folder of TruthfulQA, or that of all sets"
        ) from error
