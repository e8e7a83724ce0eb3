"""The methods: each says by a rule where chunks end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .cutting import Rule, cut
from .layout import Layout
from .pieces import Budget, to_chunks
from .plan import Embed, Method, Tokenize

_WINDOW = 3
"""Sentences on each side of a place that are compared."""
_BREAKS = 80
"""Percentile of the distances between neighbouring windows from which on the subject changes."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a method may look at."""

    layout: Layout
    budget: Budget
    overlap: int
    tokenize: Tokenize
    embed: Embed | None


def recursive(job: Job) -> Rule:
    """Before a heading, else at the strongest boundary near the end of what fits."""
    layout = job.layout
    ends = ((layout.blocks, 0.25), (layout.lines, 0.6), (layout.sentences, 0.5), (layout.wraps, 0.5))
    return Rule(ends, layout.sections, 0.25, job.overlap, (layout.sentences, layout.lines, layout.wraps))


def tokens(job: Job) -> Rule:
    """As many words as fit, whatever stands there."""
    words = job.layout.words
    return Rule(((words, 0.0),), overlap=job.overlap, overlaps=(words,))


def sentences(job: Job) -> Rule:
    """As many whole sentences as fit."""
    places = _sentences(job.layout)
    return Rule(((places, 0.0),), overlap=job.overlap, overlaps=(places,))


def semantic(job: Job) -> Rule:
    """Where the subject changes by the embeddings of the sentences around a place, else as `recursive`."""
    if job.embed is None:
        raise ValueError("the method 'semantic' needs an embedder")
    by_sentence = replace(recursive(job), stops=_sentences(job.layout), least=0.0, overlap=0)
    units = to_chunks(job.layout, cut(job.layout, by_sentence, job.budget), job.budget, job.tokenize)
    if len(units) < 2:
        return recursive(job)
    vectors = job.embed([unit.passage for unit in units])
    total = np.concatenate([np.zeros_like(vectors[:1]), np.cumsum(vectors, axis=0, dtype=np.float64)])
    at = np.arange(1, len(units))
    left = total[at] - total[np.maximum(at - _WINDOW, 0)]
    right = total[np.minimum(at + _WINDOW, len(units))] - total[at]
    cosine = (left * right).sum(axis=1) / (np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1))
    breaks = at[cosine <= np.percentile(cosine, 100 - _BREAKS)]
    return replace(recursive(job), stops=[units[number].char_start for number in breaks])


def page(job: Job) -> Rule:
    """A page; in a document without pages a row of a table, and outside of tables a top-level section."""
    layout = job.layout
    pages = [page.char_start for page in layout.document.pages]
    return replace(recursive(job), stops=pages or sorted({*layout.top_sections, *layout.table_rows}), least=0.0)


CHUNKERS: dict[Method, Callable[[Job], Rule]] = {
    "recursive": recursive,
    "tokens": tokens,
    "sentences": sentences,
    "semantic": semantic,
    "page": page,
}


def _sentences(layout: Layout) -> list[int]:
    return sorted({*layout.sentences, *layout.blocks, *layout.lines})
