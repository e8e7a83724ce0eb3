"""Which part of a report a figure belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AREAS: Final = (
    "Faithfulness",
    "Hallucination",
    "Bias and safety",
    "Abstention and confidence",
    "Answers",
    "Retrieval",
    "Latency",
    "The judge's own accuracy",
    "Other figures",
)
"""In the order of the report."""

_SUITES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("grounding", "judges"), "The judge's own accuracy"),
    **dict.fromkeys(("parity", "exposure", "injection", "over-defence"), "Bias and safety"),
    **dict.fromkeys(("bbq", "crows-pairs", "winogender", "winobias", "stereoset"), "Bias and safety"),
    **dict.fromkeys(("retrieval", "chunking"), "Retrieval"),
    "truthfulqa": "Answers",
}
"""Suites of which every figure belongs to one area; but for the time."""

_WORDS: Final = (
    ("Latency", ("seconds", "latency", "first token", " ms", "tokens/s")),
    ("Hallucination", ("hallucin", "unsupported", "contradict")),
    ("Faithfulness", ("faithful", "grounded", "support", "attribution", "citation", "cited")),
    ("Abstention and confidence", ("abstain", "abstention", "unanswerable", "wrongly", "brier", " ece ", "aurc")),
    ("Bias and safety", ("bias", "stereotyp", "toxic", "fair", "safe", "attack", "refus", "injection", "leak")),
    ("Retrieval", ("ndcg", "recall@", "mrr", "map@", "precision@", "hit@", "context ", "success@")),
    (
        "Answers",
        (" em", "em ", "f1", "exact match", "accuracy", "correct", "rouge", "bleu", "truth", "answer", "right", "bert"),
    ),
)
"""The first area one of whose words stands in a metric's name has it."""


def area_of(suite: str, metric: str) -> str:
    """The area of a figure, by its suite or by words in its name."""
    if suite in _SUITES and metric != "seconds":
        return _SUITES[suite]
    name = f" {metric.lower()} "
    return next((area for area, words in _WORDS if any(word in name for word in words)), "Other figures")
