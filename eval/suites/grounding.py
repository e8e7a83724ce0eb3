"""Grounding: is it found which answers, sentences and words the passages do not carry?"""

from __future__ import annotations

from functools import partial

from ..readers.grounding import (
    GroundedSet,
    read_factcheckgpt,
    read_ragtruth,
    read_ragtruth_summaries,
    read_summedits,
    read_wice,
)
from ..readers.halueval import halueval_answers, read_halueval
from ..tasks.grounding import GroundingTask
from . import DataSet, Published, Suite

_TASKS = ("QA", "Data2txt", "Summary", "all")
_RAGTRUTH_F1 = {
    "GPT-3.5-turbo prompt": (30.8, 77.4, 37.1, 52.9),
    "GPT-4-turbo prompt": (45.6, 78.3, 47.6, 63.4),
    "RAGAS faithfulness": (35.7, 61.9, 40.8, 52.0),
    "TruLens": (36.6, 79.0, 44.5, 60.4),
    "Luna": (51.3, 75.9, 52.5, 65.4),
    "LettuceDetect-large (395M, trained on RAGTruth)": (70.2, 88.5, 59.7, 79.2),
}
_ON_RAGTRUTH = tuple(
    Published(system, "F1", value, task)
    for system, values in _RAGTRUTH_F1.items()
    for task, value in zip(_TASKS, values, strict=True)
)
_ON_SUMMARIES = tuple(
    Published(one.system, "F1", one.value) for one in _ON_RAGTRUTH if one.group == "Summary"
)  # on all of RAGTruth's 900 test summaries, of which these 900 are a new sample
_ON_SUMMEDITS = tuple(
    Published(system, "balanced accuracy", value, "mean of ten domains")
    for system, value in (
        *(("GPT-4", 82.1), ("Gemini-pro", 75.5), ("ChatGPT", 71.2), ("QAFactEval", 65.5), ("Mistral-7B", 57.8)),
        ("people", 90.9),
    )
)
_ON_WICE = tuple(  # with thresholds chosen on the dev set
    Published(system, metric, value)
    for system, values in {"T5-3B on ANLI": (68.8, 74.9), "T5-3B on ANLI and WiCE": (80.0, 85.5)}.items()
    for metric, value in zip(("F1 of grounded", "accuracy"), values, strict=True)
)

_RAGTRUTH_CITATION = "Niu et al., RAGTruth, ACL 2024"
_RAGTRUTH = DataSet("ragtruth", "grounding/ragtruth", read_ragtruth, 2700, "MIT", _RAGTRUTH_CITATION, _ON_RAGTRUTH)
_SUMMARIES = DataSet(
    "ragtruth-summary",
    "grounding/ragtruth_dev",
    read_ragtruth_summaries,
    900,
    "MIT",
    f"{_RAGTRUTH_CITATION}; regrouped for FaithJudge, 2025",
    _ON_SUMMARIES,
)
_SUMMEDITS = DataSet(
    "summedits", "grounding/summedits", read_summedits, 4681, "Apache-2.0", "Laban et al., EMNLP 2023", _ON_SUMMEDITS
)
_WICE = DataSet(
    "wice",
    "grounding/wice/oracle_chunks",
    read_wice,
    358,
    "ODC-BY-1.0, CC-BY-SA-4.0",
    "Kamoi et al., WiCE, EMNLP 2023 (oracle retrieval)",
    _ON_WICE,
)
_WICE_DEV = DataSet(
    "wice-dev",
    "grounding/wice/oracle_chunks",
    partial(read_wice, split="dev"),
    349,
    _WICE.licence,
    _WICE.citation,
)
_FACTCHECK = DataSet(
    "factcheckgpt",
    "grounding/factcheckgpt",
    read_factcheckgpt,
    3305,
    "Apache-2.0",
    "Wang et al., Factcheck-Bench, EMNLP 2024",
)
_HALUEVAL = DataSet(
    "halueval",
    "grounding/halueval",
    lambda folder: halueval_answers(read_halueval(folder)),
    20_000,
    "MIT",
    "Li et al., HaluEval, EMNLP 2023; question answering, both answers to each question",
)

GROUNDING: Suite[GroundedSet] = Suite(
    "grounding",
    "is it found which answers, sentences and words the passages do not carry?",
    "answers",
    GroundingTask(),
    (_SUMMARIES, _RAGTRUTH, _SUMMEDITS, _WICE, _WICE_DEV, _FACTCHECK, _HALUEVAL),
)
