"""Robustness: what should not change an answer, and passages that are noise, say nothing, or are wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..readers.answering import read_nq_open
from ..readers.questions import QuestionSet
from ..readers.rgb import Testbed, read_rgb
from ..readers.varied import VariedSet, Vary, by_distraction, by_place, by_wording
from ..tasks.answering import AnsweringTask
from ..tasks.varying import VaryingTask
from . import DataSet, Suite

_NQ = ("qa/nq_open_oracle", 2655, "MIT, CC-BY-SA-3.0")


def _varied(vary: Vary) -> Callable[[Path], VariedSet]:
    return lambda folder: VariedSet(read_nq_open(folder), vary)


def _nq(name: str, vary: Vary, citation: str) -> DataSet[VariedSet]:
    folder, items, licence = _NQ
    return DataSet(name, folder, _varied(vary), items, licence, citation)


ROBUSTNESS: Suite[VariedSet] = Suite(
    "robustness",
    "are answers the same when a question is mistyped, framed or broken, or its passage stands elsewhere?",
    "questions",
    VaryingTask(),
    (
        _nq("wording", by_wording, "NQ-open (Liu et al., TACL 2024), perturbed: eval/perturbing.py"),
        _nq("place", by_place, "Liu et al., Lost in the Middle, TACL 2024; ten passages"),
        _nq("distraction", by_distraction, "NQ-open (Liu et al., TACL 2024), other passages drawn at random"),
    ),
)

_RGB = ("qa/rgb", "see its repository", "Chen et al., RGB, AAAI 2024")


def _testbed(name: str, items: int, testbed: Testbed, noise_rate: float = 0.0) -> DataSet[QuestionSet]:
    folder, licence, citation = _RGB
    return DataSet(name, folder, partial(read_rgb, testbed=testbed, noise_rate=noise_rate), items, licence, citation)


RGB: Suite[QuestionSet] = Suite(
    "rgb",
    "noise robustness, rejection, information integration and counterfactual robustness, in RGB's format",
    "questions",
    AnsweringTask(),
    (
        *(_testbed(f"noise-{rate:.1f}", 300, "noise", rate) for rate in (0.0, 0.4, 0.8)),
        _testbed("rejection", 300, "rejection", 1.0),
        _testbed("integration", 100, "integration"),
        _testbed("counterfactual", 100, "counterfactual"),
    ),
)
