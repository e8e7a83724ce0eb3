"""From a text to the terms of lexical search."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from .dates import dates

VERSION = 4
"""Of the terms that a text gives. Stored in a library; under another version its terms are made anew."""

STOP_WORDS = frozenset(
    """
    a about an and are as at be been but by can could did do does for from had has have how i if in into is it its many
    me much must my of on or our should so some such than that the their them then there these they this those to us was
    we were what when where which who whom whose why will with would you your
    """.split()
)

_TITLE_COUNTS = 2
_MOST = 255
_LONGEST = 64
_LIKE_AN_ADDRESS = 4
"""So many groups between points are an address of the network rather than a number."""

# Combining marks, the vowel signs of Indic and Thai words and the voicing marks of Japanese are no letters to `re`.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670"
_SIGNS = "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u1000-\u109f\u1780-\u17d3\u3099\u309a"
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# No group is repeated possessively, as in (?:...)*+: Python 3.11.2, which Debian 12 has, loses letters there.
_PLAIN = f"(?:[^\\W_]++|[{_MARKS}{_SIGNS}]++)+"
_WORD = re.compile(f"{_PLAIN}(?:[-\u2010\u2011_]{_PLAIN}|\\.\\d++|[,'\u2019](?<=\\d.)\\d++)*")
_ASCII_WORD = re.compile("[0-9A-Za-z]++(?:[-_][0-9A-Za-z]++|\\.[0-9]++|[,'](?<=[0-9].)[0-9]++)*")  # in half the time
_NUMBER = re.compile(
    r"(?<![^\W_])(?<![^\W_][.,'\u2019])"
    r"(?:([1-9]\d{0,2}(?:([.,'\u2019])\d{3})(?:\2\d{3})*)|(\d++))(?:(?!\2)[.,](\d++))?(?![.,'\u2019]?\d)"
)
"""A number with its groups and the mark that parts them, or without groups; then its decimals, after another mark."""
_SHORTENED = re.compile(r"\b(?:can|won|shan)['\u2019]t\b|n['\u2019]t\b|['\u2019](?:d|ll|m|re|s|ve)\b", re.IGNORECASE)
"""What an apostrophe makes of "not", "is", "has", "will" and "of it": as words of a query they tell nothing."""
_NO_CENTS = re.compile("00+")  # "2.0" is a version as often as an amount
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_JOINT = re.compile("[-\u2010\u2011_.,'\u2019]")
_RUN = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_IS_MARK = re.compile(f"[{_MARKS}]")
_IS_CJK = re.compile(f"[{_CJK}]")


def terms(text: str) -> list[str]:
    """The terms of a text in its order, repeats and stop words included.

    Words are lower-cased, rid of diacritics and stemmed as English. A compound gives its parts, and then itself:
    "anti-inflammatory" also antiinflammatory, "BF-2215" also bf2215, "v2.0.1" also v2.0.1. A number gives what it does
    in plain notation (see `plain_numbers`); "1.150", which may be one of either notation, also 1150. Chinese and
    Japanese give pairs of neighbouring characters. "Müller" is muller and mueller. Dates come once more at the end,
    all in one form: see `date_terms`.
    """
    return [*chain.from_iterable(map(terms_of, _found(text))), *date_terms(text)]


def date_terms(text: str) -> Iterator[str]:
    """The dates of a text in every reading, as `Date.forms` has them."""
    for date in dates(text):
        for reading in date.readings:
            yield from reading.forms


def query_terms(query: str) -> list[str]:
    """The terms of a query, each once; without stop words unless it has nothing else."""
    telling = list(chain.from_iterable(map(_telling, _found(_SHORTENED.sub(" ", query)))))
    return list(dict.fromkeys([*telling, *date_terms(query)] if telling else terms(query)))


def words(text: str) -> list[str]:
    """The words of a text in its order, lower-cased and rid of diacritics, but not stemmed."""
    return _found(folded(text))


def folded(text: str) -> str:
    """A text lower-cased and rid of diacritics."""
    if text.isascii():
        return text.lower()
    bare = _IS_MARK.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare.lower().replace("ß", "ss"))


def plain_numbers(text: str) -> str:
    """A text with its numbers in one notation: 1,150.00 and 1.150,00 are 1150, and 13,90 is 13.90.

    What has points alone, as a version, a clause or a date, stays as it is.
    """
    return _NUMBER.sub(_plain, text)


def has_no_spaces(word: str) -> bool:
    """Whether a word is Chinese or Japanese, so that nothing parts it from its neighbours."""
    return not word.isascii() and _IS_CJK.search(word) is not None


def content_words(query: str) -> list[str]:
    """The words of a query, each once; without stop words unless it has nothing else."""
    telling = [word for word in words(plain_numbers(_SHORTENED.sub(" ", query))) if word not in STOP_WORDS]
    return list(dict.fromkeys(telling or words(query)))


def weighted(title: str, heading: str, passage: str) -> dict[str, int]:
    """How often each term stands in a chunk, 1 to 255: a word of the title tells more, and counts twice."""
    counts = Counter(terms(title) * _TITLE_COUNTS + terms(f"{heading}\n{passage}"))
    return {term: min(count, _MOST) for term, count in counts.items()}


class _Known(dict[str, tuple[str, ...]]):
    """The terms of each word met before: stemming costs a hundred times what a look-up does."""

    _ROOM = 1 << 18

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a stemmer works on one word at a time
        self._stemmer: Any = None

    def __missing__(self, word: str) -> tuple[str, ...]:
        with self._lock:
            if self._stemmer is None:
                import Stemmer

                self._stemmer = Stemmer.Stemmer("english", 0)
            made = tuple(self._stemmer.stemWord(part[:_LONGEST]) for part in _split(word))
            if len(word) <= _LONGEST:  # what is longer does not come again: a line of Chinese, a line of base64
                if len(self) >= self._ROOM:
                    self.clear()
                self[word] = made
        return made


_known = _Known()

terms_of: Callable[[str], tuple[str, ...]] = _known.__getitem__
"""The terms of one of the `words`: one, or the pairs of Chinese and Japanese characters."""


def _found(text: str) -> list[str]:
    """The words of a text as they stand."""
    found: list[str] = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    return found


def _telling(word: str) -> list[str]:
    """The terms of a query's word; a stop word, alone or in a compound, gives none."""
    dropped = STOP_WORDS.intersection(_JOINT.split(word.lower()))
    if not dropped:
        return list(_known[word])
    return [] if word.lower() in dropped else [term for term in _known[word] if term not in dropped]


def _split(word: str) -> list[str]:
    bare = plain_numbers(folded(word))
    parts = [part for part in _JOINT.split(bare) if part]
    made = [piece for part in parts for piece in _pairs(part)]
    composed = word if word.isascii() else unicodedata.normalize("NFC", word.lower())
    if (spelled := composed.translate(_UMLAUTS)) != composed:
        made += [part for part in _JOINT.split(folded(spelled)) if part and part not in parts]
    if len(parts) > 1:
        if "." in bare or "_" in bare:
            made.append(bare)
            if (number := _NUMBER.fullmatch(bare)) and number[1] and len(parts) < _LIKE_AN_ADDRESS:
                made.append("".join(parts))
        elif not all(part.isdigit() for part in parts) and not _IS_CJK.search(bare):
            made.append("".join(parts))
    return made


def _plain(number: re.Match[str]) -> str:
    whole, mark, single, decimals = number.groups()
    if mark == "." and decimals is None:
        return number[0]
    digits = single or whole.replace(mark, "")
    return digits if decimals is None or _NO_CENTS.fullmatch(decimals) else f"{digits}.{decimals}"


def _pairs(word: str) -> list[str]:
    """A word with its runs of Chinese and Japanese cut into pairs of characters, each with the next."""
    if not has_no_spaces(word):
        return [word]
    pieces = []
    for run in _RUN.findall(word):
        if len(run) > 1 and _IS_CJK.match(run):
            pieces += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            pieces.append(run)
    return pieces
