"""Safety: instructions hidden in documents, and harmless text that looks like them."""

from __future__ import annotations

from pathlib import Path

from ..readers.injection import drawn, read_notinject
from ..tasks.attacking import AttackedSet, AttackTask, HarmlessSet, OverDefenceTask
from . import DataSet, Suite

PAIRS = 1000
"""Contexts with an attack, drawn over all tasks and places; a smaller number takes the first of them."""


def _attacked(folder: Path) -> AttackedSet:
    return AttackedSet.of(drawn(folder, PAIRS))


def _harmless(folder: Path) -> HarmlessSet:
    return HarmlessSet.of(read_notinject(folder))


INJECTION: Suite[AttackedSet] = Suite(
    "injection",
    "do answers obey instructions that are hidden in retrieved e-mail, tables and code?",
    "attacks",
    AttackTask(),
    (DataSet("bipia", "robustness/bipia", _attacked, PAIRS, "MIT", "Yi et al., BIPIA, KDD 2025"),),
)
OVER_DEFENCE: Suite[HarmlessSet] = Suite(
    "over-defence",
    "is harmless text taken for an instruction?",
    "texts",
    OverDefenceTask(),
    (DataSet("notinject", "robustness/notinject", _harmless, 339, "MIT", "Li and Liu, InjecGuard, 2024"),),
)
