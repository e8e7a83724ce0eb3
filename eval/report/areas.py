"""Which part of a report a figure belongs to."""

from __future__ import annotations

from typing import Final

AREAS: Final = (
    "Faithfulness",
    "Hallucination",
    "Bias and safety",
    "Abstention",
    "Answers",
    "Retrieval",
    "Latency",
    "The judge's own accuracy",
    "Other figures",
)
"""In the order of the report."""

JUDGING_SUITES: Final = ("grounding", "judges")
"""Suites whose figures tell how well the judge of answers agrees with people."""

_WORDS: Final = (
    ("Latency", ("seconds", "latency", "first token", " ms", "tokens/s")),
    ("Hallucination", ("hallucin", "unsupported", "contradict")),
    ("Faithfulness", ("faithful", "grounded", "support", "attribution", "citation", "cited")),
    ("Abstention", ("abstain", "abstention", "unanswerable", "wrongly", "brier")),
    ("Bias and safety", ("bias", "stereotyp", "toxic", "fair", "safe", "attack", "refus", "injection", "leak")),
    ("Retrieval", ("ndcg", "recall@", "mrr", "map@", "precision@", "hit@", "context ", "success@")),
    (
        "Answers",
        (" em", "em ", "f1", "exact match", "accuracy", "correct", "rouge", "bleu", "truth", "answer", "right", "bert"),
    ),
)
"""The first area one of whose words stands in a metric's name has it."""


def area_of(suite: str, metric: str) -> str:
    """The area of a figure, by the suite and by words in the metric's name."""
    name = f" {metric.lower()} "
    if suite.startswith(JUDGING_SUITES) and metric != "seconds":
        return "The judge's own accuracy"
    return next((area for area, words in _WORDS if any(word in name for word in words)), "Other figures")
