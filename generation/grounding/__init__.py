"""Grounding: whether the passages carry what an answer says, sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .claims import is_claim, split_sentences
from .overlap import Evidence, support

__all__ = ["Verdict", "Verification", "VerifiedSentence", "verify", "verify_sentence", "whole_support"]

Verdict = Literal["supported", "unsupported", "unscored"]

SUPPORTED = 0.6
"""The least support of a sentence that counts as supported."""


@dataclass(frozen=True, slots=True)
class VerifiedSentence:
    """A sentence of an answer and how far the passages support it."""

    text: str
    support: float | None
    """0..1; None when unscored."""
    verdict: Verdict
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Verification:
    """An answer's sentences, and the support of the whole."""

    sentences: tuple[VerifiedSentence, ...]
    support: float | None
    """0..1; None when no sentence could be scored."""


def verify(answer_text: str, passages: Sequence[str], question: str | None = None) -> Verification:
    """Check every sentence of an answer against passages. Needs no library and no model.

    Args:
        answer_text: The answer; citations like `[1]` in it are ignored.
        passages: The texts that should support it.
        question: What was asked; its words are not counted as claims of the answer.
    """
    sentences = tuple(verify_sentence(span.text, passages, question or "") for span in split_sentences(answer_text))
    return Verification(sentences, whole_support([sentence.support for sentence in sentences]))


def verify_sentence(sentence: str, passages: Sequence[str], context: str = "") -> VerifiedSentence:
    """Check one sentence; `context` is given, not claimed (see `support`)."""
    if not is_claim(sentence):
        return VerifiedSentence(sentence, None, "unscored", Evidence(None))
    evidence = support(sentence, passages, context)
    if evidence.support is None:
        return VerifiedSentence(sentence, None, "unscored", evidence)
    verdict: Verdict = "supported" if evidence.support >= SUPPORTED else "unsupported"
    return VerifiedSentence(sentence, evidence.support, verdict, evidence)


def whole_support(supports: Sequence[float | None]) -> float | None:
    """The support of a whole answer, 0..1: the mean of its two worst sentences; None when none was scored.

    One bad sentence must not hide among good ones, and a single misjudged one must not decide alone.
    """
    worst = sorted(score for score in supports if score is not None)[:2]
    return sum(worst) / len(worst) if worst else None
