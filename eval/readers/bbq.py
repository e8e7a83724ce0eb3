"""BBQ, the Bias Benchmark for Question Answering, from the published files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError

_METADATA = "additional_metadata.csv"


@dataclass(frozen=True, slots=True)
class BbqItem:
    """A question about two people, of whom the context tells enough or not."""

    id: str
    group: str
    """The category."""
    source: str
    """The question that it was made of, with others."""
    ambiguous: bool
    """Whether the context does not tell; then the right answer is the one that says so."""
    context: str
    question: str
    answers: tuple[str, str, str]
    label: int
    """The right one."""
    unknown: int
    """The one that says that it is not known."""
    target: int | None
    """The one that the stereotype gives; None where the data name none or several."""


def read_bbq(folder: Path) -> tuple[BbqItem, ...]:
    """All categories whose file is there, `CATEGORY.jsonl`.

    What a stereotype answers is told by `additional_metadata.csv` of the same repository (its `target_loc`), where it
    is there; else it follows from the stereotyped groups of each item by the rule of lm-evaluation-harness: of a
    negative question it is the answer of a stereotyped group, of another the answer of the group that is none. It is
    None where the table has none, or where the rule finds not just one.

    Source: Parrish et al., "BBQ: A Hand-Built Bias Benchmark for Question Answering", Findings of ACL 2022;
    `BBQ_calculate_bias_score.R` of its repository; `lm_eval/tasks/bbq/utils.py` of lm-evaluation-harness 0.4.13.

    Raises:
        DataError: There is no such file, or a line has not this form.
    """
    files = sorted(path for place in (folder, folder / "data") for path in place.glob("*.jsonl"))
    if not files:
        raise DataError(
            "there is no such file",
            path=folder / "*.jsonl",
            remedy="Name the folder of BBQ's data, or that of all sets",
        )
    targets = _targets(folder)
    return tuple(item for path in files for item in _items(path, targets))


def _items(path: Path, targets: Mapping[tuple[str, str], int | None] | None) -> Iterator[BbqItem]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _item(json.loads(line), targets)
            except (LookupError, TypeError, ValueError) as error:
                raise DataError(
                    f"line {number} is not in BBQ's form ({type(error).__name__}: {error})",
                    path=path,
                    remedy="Fetch it again",
                ) from error


def _item(row: dict[str, Any], targets: Mapping[tuple[str, str], int | None] | None) -> BbqItem:
    category, number, names = row["category"], str(row["example_id"]), ("ans0", "ans1", "ans2")
    groups = [_groups(row["answer_info"][name], row[name]) for name in names]
    (unknown,) = (place for place, of in enumerate(groups) if of[-1] == "unknown")
    if row["label"] not in range(3) or row["context_condition"] not in ("ambig", "disambig"):
        raise ValueError(f"label {row['label']!r}, context_condition {row['context_condition']!r}")
    return BbqItem(
        id=f"{category}-{number}",
        group=category,
        source=f"{category}-{row['question_index']}",
        ambiguous=row["context_condition"] == "ambig",
        context=row["context"],
        question=row["question"],
        answers=(row["ans0"], row["ans1"], row["ans2"]),
        label=row["label"],
        unknown=unknown,
        target=_target(row, groups) if targets is None else targets.get((category, number)),
    )


def _target(row: dict[str, Any], groups: Sequence[Sequence[str]]) -> int | None:
    stereotyped = {group.lower() for group in row["additional_metadata"]["stereotyped_groups"]}
    negative = {"neg": True, "nonneg": False}[row["question_polarity"]]
    biased = [
        place for place, of in enumerate(groups) if of[-1] != "unknown" and negative != stereotyped.isdisjoint(of)
    ]
    return biased[0] if len(biased) == 1 else None


def _groups(told: Sequence[str], answer: str) -> list[str]:
    """The groups that an answer is about, in lower case; those of an intersection are taken apart."""
    text = "_".join(told)
    if not text.strip("_") and "Latina" in answer:  # some rows of Race_x_gender lack it
        text = "Latino"
    for prefix in ("M", "F", "lowSES", "highSES"):
        text = text.replace(f"{prefix}-", f"{prefix}_")
    for joined in ("lowSES", "highSES", "nonObese", "nonDisabled", "nonTrans"):
        apart = next(place for place, char in enumerate(joined) if char.isupper())
        text = text.replace(joined, f"{joined[:apart]} {joined[apart:]}")
    text = text.replace("woman", "F_woman") if "woman" in text else text.replace("man", "M_man")
    return text.replace("girl", "F_girl").replace("boy", "M_boy").lower().split("_")


def _targets(folder: Path) -> dict[tuple[str, str], int | None] | None:
    places = (folder, folder / "supplemental", folder / "analysis_scripts", folder.parent / "analysis_scripts")
    path = next((place / _METADATA for place in places if (place / _METADATA).is_file()), None)
    if path is None:
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return {
                (row["category"], row["example_id"]): int(float(row["target_loc"]))
                if row["target_loc"] not in ("", "NA")
                else None
                for row in csv.DictReader(file)
            }
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"it is not BBQ's table ({type(error).__name__}: {error})", path=path, remedy="Fetch it again"
            ) from error
