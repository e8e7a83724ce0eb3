"""RAGChecker's human preferences between two answers, from its published files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError

ASPECTS = ("correctness", "completeness", "overall")


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two answers to a question, and by how much people prefer the second one."""

    id: str
    group: str
    question: str
    reference: str
    first: str
    second: str
    human: Mapping[str, tuple[int, int]]
    """By aspect, the labels of two annotators, -2 (the first is much better) to 2 (the second is)."""
    published: Mapping[str, float]
    """By aspect, RAGChecker's own score of the second less that of the first, -1..1."""


def read_ragchecker(folder: Path) -> tuple[AnswerPair, ...]:
    """The 280 pairs of `human_labeled_data.json`, with the scores of `baseline_ragchecker.json`.

    Source: Ru et al., "RAGChecker: A Fine-grained Framework for Diagnosing Retrieval-Augmented Generation", NeurIPS
    2024, section 4.2 and table 2; `data/meta_evaluation/meta_eval.py` of its repository.

    Raises:
        DataError: A file is missing, or the two are not of the same pairs.
    """
    labelled, scored = _rows(folder / "human_labeled_data.json"), _rows(folder / "baseline_ragchecker.json")
    ids = [row["instance_id"] for row in scored for _ in range(2)]
    if [row["instance_id"] for row in labelled] != ids:
        raise DataError(
            "it does not hold two rows for each pair of baseline_ragchecker.json",
            path=folder / "human_labeled_data.json",
            remedy="Take both files from one commit of RAGChecker's repository",
        )
    return tuple(
        AnswerPair(
            id=str(row["instance_id"]),
            group=row["dataset"],
            question=row["query"],
            reference=row["gt_answer"],
            first=row["model1"]["response"],
            second=row["model2"]["response"],
            human={aspect: (int(one[f"{aspect}_label"]), int(other[f"{aspect}_label"])) for aspect in ASPECTS},
            published={aspect: _score(row["model2"], aspect) - _score(row["model1"], aspect) for aspect in ASPECTS},
        )
        for row, one, other in zip(scored, labelled[::2], labelled[1::2], strict=True)
    )


def _score(model: Mapping[str, Any], aspect: str) -> float:
    return float(model["ragchecker"][f"{aspect}_label"])


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError("there is no such file", path=path, remedy="Name the folder of this set") from error
    return rows
