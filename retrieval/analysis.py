"""From a text to the terms of lexical search."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from itertools import chain

import snowballstemmer

VERSION = 1
"""Of the terms that a text gives. Stored in a library; under another version its terms are made anew."""

STOP_WORDS = frozenset(
    """
    a about an and are as at be been but by can could did do does for from had has have how i if in into is it its me my
    of on or our should so some such than that the their them then there these they this those to us was we were what
    when where which who whom whose why will with would you your
    """.split()
)

_TITLE_COUNTS = 2
_MOST = 255
_LONGEST = 64

# A combining mark, and the vowel signs of Indic and Thai words, are no part of a word to `re`.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670"
_JOINED = "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u1000-\u109f\u1780-\u17d3"
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"(?:[^\\W_]|[{_MARKS}{_JOINED}])+")
_RUN = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_IS_MARK = re.compile(f"[{_MARKS}]")
_IS_CJK = re.compile(f"[{_CJK}]")


def terms(text: str) -> list[str]:
    """The terms of a text in its order, repeats and stop words included.

    Words are lower-cased, rid of diacritics and stemmed as English; runs of Chinese and Japanese characters become
    pairs of neighbours.
    """
    return list(chain.from_iterable(map(_known.__getitem__, _WORD.findall(text))))


def query_terms(query: str) -> list[str]:
    """The terms of a query, each once; without stop words unless it has nothing else."""
    words = _WORD.findall(query)
    telling = [word for word in words if word.lower() not in STOP_WORDS] or words
    return list(dict.fromkeys(chain.from_iterable(map(_known.__getitem__, telling))))


def weighted(title: str, heading: str, passage: str) -> dict[str, int]:
    """How often each term stands in a chunk, 1 to 255: a word of the title tells more, and counts twice."""
    counts = Counter(terms(title) * _TITLE_COUNTS + terms(f"{heading}\n{passage}"))
    return {term: min(count, _MOST) for term, count in counts.items()}


class _Known(dict[str, tuple[str, ...]]):
    """The terms of each word met before: stemming costs a hundred times what a look-up does."""

    _ROOM = 1 << 18

    def __init__(self) -> None:
        self._stemmer = snowballstemmer.stemmer("english")
        self._lock = threading.Lock()  # a stemmer works on one word at a time

    def __missing__(self, word: str) -> tuple[str, ...]:
        with self._lock:
            made = tuple(self._stem(part) for part in _parts(_folded(word)))
            if len(self) >= self._ROOM:
                self.clear()
            self[word] = made
        return made

    def _stem(self, word: str) -> str:
        return str(self._stemmer.stemWord(word))[:_LONGEST]


_known = _Known()


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    plain = _IS_MARK.sub("", unicodedata.normalize("NFKD", word.lower()))
    return unicodedata.normalize("NFC", plain.lower())


def _parts(word: str) -> list[str]:
    """A word without Chinese and Japanese is one part."""
    if not _IS_CJK.search(word):
        return [word] if word else []
    parts = []
    for run in _RUN.findall(word):
        if len(run) > 1 and _IS_CJK.match(run):
            parts += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            parts.append(run)
    return parts
