"""What the verifier learns from: claims, what they are held against, and whether it carries them."""

from __future__ import annotations

import difflib
import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragstone.generation.grounding.claims import is_claim, split_sentences

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A claim with its passages and its label."""

    source: str
    group: str
    """Examples of one group share a document, and stay on one side of every split."""
    claim: str
    passages: tuple[str, ...]
    supported: bool
    unsupported: Spans | None = None
    """Where in the claim stands what the passages do not carry; None when nobody marked it."""
    question: str = ""
    human: bool = True
    """Whether a person gave the label, or a rule."""
    answer: str = ""
    """Claims of one answer have the same; empty where a claim stands alone."""


def sentences_of(answer: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, Spans]]:
    """An answer's claims with the spans in each, moved to it."""
    for sentence in split_sentences(answer):
        if is_claim(sentence.text):
            yield (
                sentence.text,
                tuple(
                    (max(start, sentence.start) - sentence.start, min(end, sentence.end) - sentence.start)
                    for start, end in spans
                    if start < sentence.end and sentence.start < end
                ),
            )


def changed(edited: str, original: str) -> Spans:
    """Where an edited text differs from the original one, by words."""
    new, old = list(re.finditer(r"\S+", edited)), re.findall(r"\S+", original)
    matcher = difflib.SequenceMatcher(None, [m.group() for m in new], old, autojunk=False)
    spans = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind == "equal" or not new:
            continue
        words = new[start:end] or new[max(0, start - 1) : start + 1]  # what was left out shows beside the gap
        spans.append((words[0].start(), words[-1].end()))
    return tuple(spans)


def seeded(*parts: object) -> random.Random:
    """A generator of random numbers that depends on these parts only."""
    return random.Random(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:8])


def capped(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many of them, the same ones in every run."""
    if len(examples) <= most:
        return list(examples)
    picked = seeded("cap", len(examples), most).sample(range(len(examples)), most)
    return [examples[place] for place in sorted(picked)]


def tidy(text: str) -> str:
    """Without the spaces that tokenizers of old data left around punctuation."""
    text = re.sub(r"\s+([.,;:!?%)\]}’'])(?=\s|$)", r"\1", text)
    text = re.sub(r"\s+(n't|'s|'re|'ve|'ll|'m|'d)\b", r"\1", text)
    return re.sub(r"([(\[$])\s+", r"\1", text).strip()
