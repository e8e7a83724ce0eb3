"""What of the hits earns its place in the context: those near the best one, their sentences near the question's words.

A hit is never cut in the library's sense: a trimmed passage shows spans of its text, and citations keep the offsets of
the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..retrieval.analysis import terms
from ..retrieval.records import Hit
from .grounding.claims import split_sentences
from .guarding import hidden_spans, without
from .spans import Spans

BEARS = 0.15
"""A sentence bears on the question if the question's words in it weigh at least this share of those in the best one."""


@dataclass(frozen=True, slots=True)
class Economy:
    """How the context is kept short. By default nothing is left out.

    Args:
        share: A hit enters if its probability is at least this share of the best one's, 0..1. The best one always
            enters, and so does a hit without a probability.
        trim: Show only the sentences that bear on the question, with those beside them.
        terms: The question's terms with the weight of each; see `Search.terms`.
        guarded: Keep out what speaks to the assistant; see `guarding`.
    """

    share: float = 0.0
    trim: bool = False
    terms: Mapping[str, float] = field(default_factory=dict)
    guarded: bool = True

    def earns(self, hit: Hit, hits: Sequence[Hit]) -> bool:
        """Whether a hit enters the context."""
        best = max((other.probability or 0.0 for other in hits), default=0.0)
        return hit is hits[0] or hit.probability is None or hit.probability >= self.share * best

    def spans(self, hit: Hit) -> Spans | None:
        """What is shown of a hit's text; None for all of it. A passage that continues a table is not trimmed."""
        chunk = hit.chunk
        trimmed = bearing_spans(chunk.text, self.terms) if self.trim and not chunk.table_header else None
        return without(chunk.text, trimmed, hidden_spans(chunk)) if self.guarded else trimmed


def bearing_spans(text: str, weights: Mapping[str, float]) -> Spans | None:
    """The sentences that bear on a question and their neighbours, joined where they meet; None for the whole text.

    Args:
        text: Of a passage.
        weights: The question's terms with the weight of each.
    """
    sentences = split_sentences(text)
    scores = [sum(weights.get(term, 0.0) for term in set(terms(sentence.text))) for sentence in sentences]
    best = max(scores, default=0.0)
    if not best:
        return None
    bearing = {n for n, score in enumerate(scores) if score >= BEARS * best}
    kept = [n for n in range(len(sentences)) if bearing & {n - 1, n, n + 1}]
    if len(kept) == len(sentences):
        return None
    spans: list[tuple[int, int]] = []
    for before, n in zip([-2, *kept], kept, strict=False):
        start = spans.pop()[0] if before == n - 1 else sentences[n].start
        spans.append((start, sentences[n].end))
    return tuple(spans)
