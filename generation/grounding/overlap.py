"""How much of a claim stands in the passages: the share of its content words, with numbers held to the letter.

A plain measure, the one that the verifier is compared with. It does not see swapped names or negation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import Stemmer

from .claims import split_sentences, strip_citations
from .scoring import Evidence, Scorer
from .values import numbers

UNKNOWN_NUMBER_CAP = 0.3
"""The most support a claim can have whose number is in no passage."""

_WORD = re.compile(r"\d[\d.,]*\d|[^\W_]+")
_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)} | {0xAD: ""}
_STEMMER = Stemmer.Stemmer("english")
STOP_WORDS = frozenset(
    """
    a about an and are as at be been but by can could did do does for from had has have he her his how i if in into is
    it its itself may me might more most must my no not of on or our she should so some such than that the their them
    then there these they this those to under was we were what when where which while who whom whose why will with
    would you your according passage passages document documents
    """.split()
)


class Overlap(Scorer):
    """The measure as a scorer."""

    name = "overlap"
    threshold = 0.6

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`."""
        return [support(claim, passages, context) for claim in claims]


def support(claim: str, passages: Sequence[str], context: str = "") -> Evidence:
    """Score a claim against passages.

    Args:
        claim: One sentence.
        passages: Passage texts.
        context: What is given besides the passages (the question, titles): its words neither help nor harm.

    Returns:
        The share of the claim's content words found in the passages, 0..1, with the best sentence as evidence.
    """
    wanted = content_words(strip_citations(claim))
    own = wanted - content_words(context)
    best, evidence = 0.0, Evidence(None if not own else 0.0)
    held: set[str] = set()
    for number, passage in enumerate(passages):
        held |= content_words(passage)
        for sentence in split_sentences(passage):
            words = content_words(sentence.text)
            # The words of the question decide between sentences that hold the answer's words equally.
            share = (len(own & words) + 0.25 * len((wanted - own) & words)) / max(
                len(own) + 0.25 * len(wanted - own), 1
            )
            if share > best:
                best, evidence = share, Evidence(evidence.support, number, sentence.start, sentence.end)
    if not own:
        return evidence
    score = len(own & held) / len(own)
    if any(word[0].isdigit() and word not in held for word in own):
        score = min(score, UNKNOWN_NUMBER_CAP)
    return Evidence(score, evidence.passage, evidence.start, evidence.end)


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


def content_words(text: str) -> set[str]:
    """The stems of a text's words without stop words; numbers without thousands separators.

    Accents and ligatures may be written in any of Unicode's ways.
    """
    text = text if text.isascii() else unicodedata.normalize("NFC", text).translate(_LIGATURES)
    words = set()
    for match in _WORD.finditer(text.lower()):
        word = match.group()
        if word[0].isdigit():
            words.add(numbers(word)[0].digits)
        elif word not in STOP_WORDS and len(word) > 1:
            words.add(_stem(word))
    return words
