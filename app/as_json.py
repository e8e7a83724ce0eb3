"""Answers and hits as JSON: what `--json` writes and what chats keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..generation.answer import Answer
    from ..retrieval.records import Dropped, Hit


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer."""
    return {
        "question": answer.question,
        "query": answer.query,
        "answer": answer.text,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "signals": asdict(answer.signals),
        "support": answer.support,
        "sentences": [asdict(sentence) for sentence in answer.sentences],
        "removed": [asdict(sentence) for sentence in answer.removed],
        "citations": [asdict(citation) for citation in answer.citations],
        "hits": [hit_json(hit) for hit in answer.hits],
        "given": answer.given,
        "dropped": dropped_json(answer.dropped),
        "model": answer.model,
        "prompts": [asdict(prompt) for prompt in answer.prompts],
        "reasoning": answer.reasoning,
        "timings_ms": answer.timings_ms,
        "tokens": answer.tokens,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit."""
    chunk = asdict(hit.chunk)
    names = ("document", "document_id", "page", "char_start", "char_end", "heading", "text")
    return {
        "rank": hit.rank,
        "score": hit.score,
        "chunk_id": hit.chunk.id,
        **{name: chunk[name] for name in names},
        "probability": hit.probability,
        "similarity": hit.similarity,
        "bm25": hit.bm25,
        "features": None if hit.features is None else asdict(hit.features),
        "ranks": {"dense": None, "lexical": None} | hit.ranks,
        "also_in": hit.also_in,
        "instructions": chunk["instructions"],
    }


def dropped_json(dropped: Sequence[Dropped]) -> list[dict[str, Any]]:
    """Candidates that are no hits."""
    return [hit_json(one.hit) | {"reason": one.reason} for one in dropped]
