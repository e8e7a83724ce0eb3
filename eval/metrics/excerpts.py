"""How much of the excerpts that answer a question retrieved ranges of text hold, and how much else.

Source: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024; `base_evaluation.py` of the
repository brandonstarxel/chunking_evaluation. Everything is counted in characters, and lies in 0..1, where 1 is best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..readers.excerpts import ExcerptQuestion, Range


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A range of a document."""

    document: str
    start: int
    end: int


class ExcerptScores(NamedTuple):
    """Of the ranges retrieved for a question."""

    recall: float
    """The share of the excerpts that stands in them."""
    precision: float | None
    """The share of them that stands in the excerpts; None when nothing was retrieved."""
    iou: float
    """What both share, of all that either has."""


def excerpt_scores(question: ExcerptQuestion, found: Sequence[Retrieved]) -> ExcerptScores:
    """Recall, precision and IoU; `_scores_from_dataset_and_retrievals`. Of nothing retrieved recall and IoU are 0.

    A range that was retrieved twice, or in two overlapping chunks, counts once as found and twice as retrieved.
    """
    retrieved = sum(one.end - one.start for one in found)
    if not retrieved:
        return ExcerptScores(0.0, None, 0.0)
    hits = [one for one in found if one.document == question.document]
    shared = _length(_union([part for one in hits for part in _overlaps(one, question.references)]))
    asked = sum(end - start for start, end in question.references)
    held = (_length(_union([p for one in hits for p in _overlaps(one, [span])])) for span in question.references)
    return ExcerptScores(shared / asked, shared / retrieved, shared / (retrieved + asked - sum(held)))


def precision_omega(question: ExcerptQuestion, chunks: Sequence[Retrieved]) -> float:
    """IoU of all chunks that touch an excerpt, so of the best retrieval there can be; `_full_precision_score`."""
    touching = [one for one in chunks if one.document == question.document and _overlaps(one, question.references)]
    shared = _union([part for one in touching for part in _overlaps(one, question.references)])
    return _length(shared) / _length(_union([(one.start, one.end) for one in touching] + list(question.references)))


def _overlaps(chunk: Retrieved, references: Sequence[Range]) -> list[Range]:
    """The parts of references in a chunk; as in the original, one that only touches it counts, with no length."""
    parts = [(max(chunk.start, start), min(chunk.end, end)) for start, end in references]
    return [(start, end) for start, end in parts if start <= end]


def _union(ranges: Sequence[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _length(ranges: Sequence[Range]) -> int:
    return sum(end - start for start, end in ranges)
