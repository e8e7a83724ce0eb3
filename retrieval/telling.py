"""How telling a word of a query is: its idf in a library and in English text together.

A small library alone cannot tell. Of seven chunks three may say "rent", and none "much": by the library's own idf a
chunk that answers "How much is the rent?" would hold a quarter of the question. So each library counts as if some
hundred passages of English stood beside it, in which every word is as common as it is in general; in a large one they
make no difference.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

BESIDE = 300
"""Passages of English that are counted beside a library's chunks."""
RARE = 0.0005
"""The share of them that holds a word which is not among the common ones."""
_WORDS = Path(__file__).with_name("common_words.txt")


def telling(term: str, chunks: int, holding: int) -> float:
    """How telling a term is, > 0: its idf among the library's chunks and the passages beside them.

    Args:
        term: A term of `retrieval.analysis`.
        chunks: Of the library.
        holding: How many of them hold the term, 0 to `chunks`.
    """
    return idf(chunks + BESIDE, holding + BESIDE * _common().get(term, RARE))


def idf(rows: float, holding: float) -> float:
    """How telling a term is that so many of the rows hold, > 0: ln(1 + (N - df + .5) / (df + .5)), as in Lucene."""
    return math.log1p((rows - holding + 0.5) / (holding + 0.5))


@cache
def _common() -> dict[str, float]:
    """The share of passages that hold each common word; written by `scripts/write_common_words.py`."""
    lines = _WORDS.read_text("utf-8").split("\n")
    return {term: float(share) for term, share in (line.split() for line in lines if line)}
