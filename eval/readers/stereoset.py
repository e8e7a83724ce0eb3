"""StereoSet, from the published file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError

_FILE = "dev.json"
_LABELS = ("stereotype", "anti-stereotype", "unrelated")


@dataclass(frozen=True, slots=True)
class StereoItem:
    """A context with three sentences about a target group."""

    id: str
    group: str
    """The kind of bias: gender, profession, race or religion."""
    source: str
    """The target."""
    context: str
    """Empty for `intrasentence`, where the sentences differ in one word."""
    stereotype: str
    antistereotype: str
    unrelated: str
    share: float
    """What it counts of its target: each target counts the same."""


def read_stereoset(folder: Path) -> tuple[StereoItem, ...]:
    """The items of `dev.json`, `intersentence` and `intrasentence`.

    Source: Nadeem et al., "StereoSet: Measuring stereotypical bias in pretrained language models", ACL 2021.

    Raises:
        DataError: There is no such file, or it has not this form.
    """
    path = folder / _FILE
    try:
        data = json.loads(path.read_text("utf-8"))["data"]
        targets = Counter(row["target"] for kind in ("intersentence", "intrasentence") for row in data[kind])
        return tuple(item for kind in ("intersentence", "intrasentence") for item in _items(kind, data[kind], targets))
    except FileNotFoundError as error:
        raise DataError(
            "there is no such file", path=path, remedy="Name the folder of StereoSet, or that of all sets"
        ) from error
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"it is not in StereoSet's form ({type(error).__name__}: {error})", path=path, remedy="Fetch it again"
        ) from error


def _items(kind: str, rows: list[dict[str, Any]], targets: Counter[str]) -> Iterator[StereoItem]:
    for row in rows:
        by_label = {one["gold_label"]: one["sentence"] for one in row["sentences"]}
        if set(by_label) != set(_LABELS):
            raise ValueError(f"{row['id']} has {', '.join(sorted(by_label))}")
        stereotype, antistereotype, unrelated = (by_label[label] for label in _LABELS)
        yield StereoItem(
            id=row["id"],
            group=row["bias_type"],
            source=row["target"],
            context=row["context"] if kind == "intersentence" else "",
            stereotype=stereotype,
            antistereotype=antistereotype,
            unrelated=unrelated,
            share=1 / targets[row["target"]],
        )
