"""Whether what was retrieved for a question is what answers it, by the ids of documents.

All values are 0..1, where 1 is best. Source: `IDBasedContextPrecision` and `IDBasedContextRecall`
of ragas (Es et al., "RAGAS: Automated Evaluation of Retrieval Augmented Generation", EACL 2024 demonstrations;
its documentation).
"""

from __future__ import annotations

from collections.abc import Collection


def context_precision(retrieved: Collection[str], relevant: Collection[str]) -> float | None:
    """The share of the documents retrieved that are relevant; None when nothing was retrieved or is relevant."""
    found = set(retrieved)
    return len(found & set(relevant)) / len(found) if found and relevant else None


def context_recall(retrieved: Collection[str], relevant: Collection[str]) -> float | None:
    """The share of the relevant documents that were retrieved; None when none is relevant."""
    wanted = set(relevant)
    return len(wanted & set(retrieved)) / len(wanted) if wanted else None
