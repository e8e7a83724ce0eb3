"""Lexical search: BM25 over stemmed words in SQLite FTS5."""

from __future__ import annotations

import re
import unicodedata

from .library import Library

COLUMN_WEIGHTS = (2.0, 1.0, 1.0)
"""Title, heading, text: a word of the title tells more than one of the text."""

STOP_WORDS = frozenset(
    """
    a about an and are as at be been but by can could did do does for from had has have how i if in into is it its me my
    of on or our should so some such than that the their them then there these they this those to us was we were what
    when where which who whom whose why will with would you your
    """.split()
)


def search(library: Library, query: str, k: int, collection: str | None = None) -> list[tuple[int, float]]:
    """Chunk ids and BM25 scores (higher is better), best first; of one collection only, if it is given.

    A chunk matches when it holds any word of the query. Stop words are dropped from the query, not from the index: that
    is faster, and a query of stop words alone still finds them.
    """
    composed = unicodedata.normalize("NFC", query.lower())  # a combining accent is no part of a word to `re`
    words = list(dict.fromkeys(re.findall(r"\w+", composed)))
    words = [word for word in words if word not in STOP_WORDS] or words
    if not words:
        return []
    return library.match(" OR ".join(f'"{word}"' for word in words), k, COLUMN_WEIGHTS, collection)
