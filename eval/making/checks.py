"""What a question must not be. Each check gives the reason to drop it, or nothing; none needs a chat model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from ...generation.grounding import Scorer
from ...generation.grounding.claims import declines
from ...generation.grounding.overlap import content_words
from ..metrics.answers import normalize, token_f1

NO_QUESTION = "no question was written"
POINTS = "it cannot be understood without its passage"
GIVEN = "it gives its own answer away"
COPIED = "it copies its passage"
DUPLICATE = "it is nearly another question"
UNSUPPORTED = "its passage does not support the answer"
NOT_RETRIEVED = "the search does not find its passage"
ELSEWHERE = "another passage answers it, too"
NOT_ANSWERED = "the model does not find the answer in its passage"
KNOWN = "the model answers it without any passage"
ONE_ENOUGH = "one of its passages is enough"
NOT_NAMED = "it does not name what its passages share"
NOT_DESCRIBED = "the description does not stand in its passage"
NO_FIGURES = "the figures cannot be compared"
NOTHING_TO_CHANGE = "it names nothing that could be changed"
MAY_BE_ANSWERED = "a passage may answer it"
OFF_TOPIC = "the search does not find what it is about"

SHORTEST, LONGEST = 4, 45
"""Words of a question."""
SAME = 0.92
"""The cosine of two questions' embeddings from which they are nearly the same."""
COPY = 0.75
"""The share of a question's words in one run that stands so in its passage, from which it is a copy."""
RIGHT = 0.6
"""The token F1 with the reference from which an answer is right, where the reference does not stand in it."""

ABOUT = 0.6
"""The share of a question's content words from which a passage is about what it asks."""

_ASKING = re.compile(r"^(?:[A-Z]|\d)[^?\n]*\?$")
_POINTING = re.compile(
    r"\b(?:passage|document|text|line|table|row|record|excerpt|above|below|according to|mentioned|listed|given)\b"
    r"|\bthe\s(?:information|page|site|website|author|following|other|same)\b"
    r"|\b(?:this|these|that)\s(?:year|day|case|person|company|part|sentence|section|article|is|was)\b"
    r"|^(?:(?:what|who|where|when|how)\s(?:is|are|was|were|did|does|do)\s)?(?:it|they|he|she|this|these|those)\b",
    re.IGNORECASE,
)


def form(question: str) -> str:
    """Whether it is one question that its reader can understand."""
    if not _ASKING.match(question) or not SHORTEST <= len(question.split()) <= LONGEST:
        return NO_QUESTION
    return POINTS if _POINTING.search(question) else ""


def not_trivial(question: str, answer: str, line: str) -> str:
    """Whether it neither holds its answer nor is its passage's sentence with a question mark."""
    if contains(question, answer):
        return GIVEN
    asked, stated = normalize(question).split(), normalize(line).split()
    run = SequenceMatcher(None, asked, stated, autojunk=False).find_longest_match()
    return COPIED if run.size > 6 and run.size >= COPY * len(asked) else ""


def supported(question: str, answer: str, passages: Sequence[str], scorer: Scorer) -> bool:
    """Whether passages support question and answer together: a short answer alone says nothing."""
    (found,) = scorer.score([f"{question} {answer}"], passages)
    return found.support is not None and found.support >= scorer.threshold


def answers(said: str, reference: str) -> bool:
    """Whether what was said is the reference: that stands in it, or most words are the same."""
    if not said or declines(said):
        return False
    in_other_words = not re.search(r"\d", reference) and (token_f1(said, [reference]) or 0.0) >= RIGHT
    return contains(said, reference) or in_other_words


def contains(text: str, words: str) -> bool:
    """Whether the words stand in a text as they are, but for case, articles and punctuation; a figure's unit may be
    written otherwise."""
    return any(one and f" {one} " in f" {_plain(text)} " for one in {_plain(words), _figure(words)})


def answered_elsewhere(question: str, answer: str, others: Iterable[str], scorer: Scorer) -> bool:
    """Whether one of the other passages has the answer's words, is about what is asked, and supports the answer."""
    asked = content_words(question)
    about = (text for text in others if len(asked & content_words(text)) >= ABOUT * len(asked))
    return any(contains(text, answer) and supported(question, answer, [text], scorer) for text in about)


def nearly_same(similarities: Sequence[float]) -> bool:
    """Whether a question is nearly one of those kept, by its cosine with each."""
    return any(similarity >= SAME for similarity in similarities)


def _plain(text: str) -> str:
    # The point in 3.5 says something, and would be lost with the other punctuation.
    return normalize(re.sub(r"(?<=\d)\.(?=\d)", "DECIMALPOINT", text))


def _figure(text: str) -> str:
    """The figure that a text consists of, without its unit."""
    found = re.fullmatch(r"(?:[A-Z]{3}\s|[€$£])?(\d[\d,]*(?:\.\d+)?)(?:\s?\S+)?", text)
    return _plain(found[1]) if found else ""
