"""Sentences, their citations, and which of them claim something."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sentencex

CITATION = re.compile(r"\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")

DECLINES = re.compile(
    r"^\W*(?:sorry,? )?(?:i (?:do not|don['’]t) know|i (?:cannot|can['’]t|am unable to) (?:find|answer|determine|tell)"
    r"|the (?:passages|documents|provided passages|information)[^.]{0,40} (?:do|does) not (?:contain|mention|answer|provide|"
    r"specify|say|state|include)|there is no (?:information|mention))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence and where it stands in its text."""

    start: int
    end: int
    text: str


def split_sentences(text: str) -> list[Span]:
    """Split into sentences; offsets count code points and leave out the white space around a sentence."""
    spans: list[Span] = []
    for boundary in sentencex.get_sentence_boundaries("en", text):
        whole = text[boundary["start_index"] : boundary["end_index"]]
        stripped = whole.strip()
        if not stripped:
            continue
        start = boundary["start_index"] + len(whole) - len(whole.lstrip())
        if spans and not CITATION.sub("", stripped).strip(
            " ."
        ):  # citations after the full stop belong to the sentence before
            start = spans.pop().start
        end = boundary["start_index"] + len(whole.rstrip())
        spans.append(Span(start, end, text[start:end]))
    return spans


def strip_citations(text: str) -> str:
    """The text without its `[n]`."""
    return re.sub(r"[ \t]+([.,;:!?])", r"\1", re.sub(r"[ \t]{2,}", " ", CITATION.sub("", text))).strip()


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
