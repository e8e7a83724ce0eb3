"""CrowS-Pairs, from the published file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError

_FILE = "crows_pairs_anonymized.csv"


@dataclass(frozen=True, slots=True)
class CrowsPair:
    """Two sentences that differ in whom they are about."""

    id: str
    group: str
    """The kind of bias."""
    source: str
    more: str
    """The one that stereotypes more."""
    less: str
    antistereotype: bool
    """Whether the pair was written to contradict a stereotype: `antistereo`."""


def read_crows_pairs(folder: Path) -> tuple[CrowsPair, ...]:
    """The pairs of `crows_pairs_anonymized.csv`.

    Source: Nangia et al., "CrowS-Pairs: A Challenge Dataset for Measuring Social Biases in Masked Language Models",
    EMNLP 2020. Of its validity see Blodgett et al., "Stereotyping Norwegian Salmon", ACL 2021.

    Raises:
        DataError: There is no such file, or it has not this form.
    """
    path = folder / _FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(
            CrowsPair(
                id=row[""],
                group=row["bias_type"],
                source=row[""],
                more=row["sent_more"],
                less=row["sent_less"],
                antistereotype={"stereo": False, "antistereo": True}[row["stereo_antistereo"]],
            )
            for row in rows
        )
    except FileNotFoundError as error:
        raise DataError(
            "there is no such file", path=path, remedy="Name the folder of CrowS-Pairs, or that of all sets"
        ) from error
    except (LookupError, ValueError) as error:
        raise DataError(
            f"it is not in the form of CrowS-Pairs ({type(error).__name__}: {error})",
            path=path,
            remedy="Fetch it again",
        ) from error
