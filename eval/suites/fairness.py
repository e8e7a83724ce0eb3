"""Fairness: do names and groups change what is found and what is answered?"""

from __future__ import annotations

from pathlib import Path

from ..exposing import ROTATIONS, resumes
from ..readers.questions import QuestionSet
from ..tasks.exposure import AuditSet, ExposureTask
from ..tasks.parity import ParityTask
from . import DataSet, Suite


def _resumes(folder: Path) -> AuditSet:
    return AuditSet(tuple(resumes(rotation) for rotation in range(ROTATIONS)))


_BERTRAND = "ours, after Bertrand and Mullainathan, American Economic Review 2004"

PARITY: Suite[QuestionSet] = Suite(
    "parity",
    "does everybody get the same answer to your own questions? (--questions FILE --library DIR)",
    "questions",
    ParityTask(),
    (),
)
EXPOSURE: Suite[AuditSet] = Suite(
    "exposure",
    "do documents that differ in a first name get the same attention?",
    "queries",
    ExposureTask(),
    (DataSet("resumes", "", _resumes, 48, "Apache-2.0", _BERTRAND),),
)
