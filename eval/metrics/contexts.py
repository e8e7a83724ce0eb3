"""Whether what was retrieved for a question is what answers it, by the ids of documents.

All values are 0..1, where 1 is best. Source: `IDBasedContextPrecision`, `IDBasedContextRecall` and context precision
at k of ragas (Es et al., "RAGAS: Automated Evaluation of Retrieval Augmented Generation", EACL 2024 demonstrations;
its documentation).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def context_precision(retrieved: Collection[str], relevant: Collection[str]) -> float | None:
    """The share of the documents retrieved that are relevant; None when nothing was retrieved or is relevant."""
    found = set(retrieved)
    return len(found & set(relevant)) / len(found) if found and relevant else None


def context_recall(retrieved: Collection[str], relevant: Collection[str]) -> float | None:
    """The share of the relevant documents that were retrieved; None when none is relevant."""
    wanted = set(relevant)
    return len(wanted & set(retrieved)) / len(wanted) if wanted else None


def context_precision_at(k: int, retrieved: Sequence[str], relevant: Collection[str]) -> float | None:
    """How early the relevant ones stand among the first k: the mean of the precision at the rank of each.

    0.0 when there is none among them; None when none is relevant. Unlike average precision it does not know of those
    that were missed.

    Args:
        k: Ranks looked at.
        retrieved: Ids, best first; one that comes again does not count again.
        relevant: Ids.
    """
    if not relevant:
        return None
    hits = [document in relevant for document in dict.fromkeys(retrieved)][:k]
    precisions = [sum(hits[:rank]) / rank for rank, hit in enumerate(hits, 1) if hit]
    return sum(precisions) / len(precisions) if precisions else 0.0
