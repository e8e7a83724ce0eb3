"""Hits that say something new: without near-identical ones, and if wanted spread over what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .analysis import words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NEAR_IDENTICAL = 0.9
"""Two chunks whose vocabularies overlap by this much (Jaccard) say the same, if their numbers are the same."""

_NUMBER = re.compile(r"\d")


def near_identical(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two vocabularies are those of copies: nearly the same words, and all the same numbers.

    Passages that differ in a number alone, as the rows of two years do, are not copies.
    """
    if len(one) < NEAR_IDENTICAL * len(other) or len(other) < NEAR_IDENTICAL * len(one):
        return False
    common = len(one & other)
    if common < NEAR_IDENTICAL * (len(one) + len(other) - common):
        return False
    return not any(_NUMBER.search(word) for word in one ^ other)


def copies(passages: Mapping[int, str], order: Sequence[int], enough: int) -> dict[int, int]:
    """Which of the chunks are near-identical to one that comes before them: chunk to that first one.

    Args:
        passages: The text of each.
        order: The chunks, best first.
        enough: When so many that are no copies are found, what comes after them is not looked at.
    """
    first: dict[int, frozenset[str]] = {}
    found: dict[int, int] = {}
    for chunk in order:
        if len(first) == enough:
            break
        vocabulary = frozenset(words(passages[chunk]))
        twin = next((other for other, known in first.items() if near_identical(vocabulary, known)), None)
        if twin is None:
            first[chunk] = vocabulary
        else:
            found[chunk] = twin
    return found


def spread(
    order: Sequence[int],
    scores: Mapping[int, float],
    vectors: Mapping[int, npt.NDArray[np.float32]],
    k: int,
    diversity: float,
) -> list[int]:
    """Choose k chunks, one after the other, by maximal marginal relevance.

    Each time the one with the greatest (1 - diversity) * score - diversity * (greatest cosine with those chosen).
    Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
    Summaries", SIGIR 1998.

    Args:
        order: The chunks, best first.
        scores: Of each, 0..1.
        vectors: Of each, of length 1; a chunk without one is like no other.
        k: How many to choose.
        diversity: 0 keeps the order, 1 asks only for difference.
    """
    left, chosen = list(order), list[int]()
    likeness = dict.fromkeys(left, 0.0)
    while left and len(chosen) < k:
        best = max(left, key=lambda i: (1 - diversity) * scores[i] - diversity * likeness[i])
        left.remove(best)
        chosen.append(best)
        if best in vectors:
            for i in left:
                if i in vectors:
                    likeness[i] = max(likeness[i], float(vectors[i] @ vectors[best]))
    return chosen
