"""Sentences, their citations, and which of them claim something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sentencex

CITATION = re.compile(r"\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")

_LEADING_CITATIONS = re.compile(r"(?:\s*\[\s*\d+(?:\s*,\s*\d+)*\s*\])+")

_ITEM_START = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")

DECLINES = re.compile(
    r"""^\W*(?:sorry,?\s)?(?:
      i\s(?:do\snot|don['’]t)\sknow
    | i\s(?:cannot|can['’]t|am\sunable\sto)\s(?:find|answer|determine|tell)
    | the\s(?:provided\s)?(?:passages|documents|information)[^.]{0,40}\s(?:do|does)\snot\s
      (?:contain|mention|answer|provide|specify|say|state|include)
    | none\sof\sthe\s(?:provided\s)?(?:passages|documents)
    | there\sis\sno\s(?:information|mention)
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence and where it stands in its text."""

    start: int
    end: int
    text: str


def split_sentences(text: str) -> list[Span]:
    """Split into sentences; offsets count code points and leave out the white space around a sentence.

    Citations after a full stop belong to the sentence before them.
    """
    spans: list[Span] = []
    for start, end in _boundaries(text):
        if spans and (leading := _LEADING_CITATIONS.match(text, start, end)):
            spans[-1] = Span(spans[-1].start, leading.end(), text[spans[-1].start : leading.end()])
            start = leading.end()
        stripped = text[start:end].strip()
        if stripped:
            start = text.index(stripped, start)
            spans.append(Span(start, start + len(stripped), stripped))
    return spans


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    """Sentences within list items and paragraphs, which often end without a full stop."""
    start = 0
    for item in [*_ITEM_START.finditer(text), None]:
        end = item.start() if item else len(text)
        for boundary in sentencex.get_sentence_boundaries("en", text[start:end]):
            yield start + boundary["start_index"], start + boundary["end_index"]
        start = end


def strip_citations(text: str) -> str:
    """The text without its `[n]`."""
    return re.sub(r"[ \t]+([.,;:!?\n]|$)", r"\1", re.sub(r"[ \t]{2,}", " ", CITATION.sub("", text))).strip()


def cited_numbers(text: str) -> list[int]:
    """The numbers of `[n]` and `[n, m]`, each once, in order."""
    numbers = (int(number) for match in CITATION.finditer(text) for number in match.group(1).split(","))
    return list(dict.fromkeys(numbers))


def declines(text: str) -> bool:
    """Whether an answer says that it does not know."""
    return bool(DECLINES.match(strip_citations(text)))


def is_claim(sentence: str) -> bool:
    """Whether a sentence states something that passages could support: questions and refusals do not."""
    text = strip_citations(sentence)
    return bool(re.search(r"\w", text)) and not text.endswith("?") and not declines(text)
