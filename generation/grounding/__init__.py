"""Grounding: whether the passages carry what an answer says, sentence by sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from ...errors import GenerationError
from .claims import Claim
from .scoring import Evidence, Scorer, whole_support
from .segments import Segment, split_segments

__all__ = [
    "Evidence",
    "Scorer",
    "Verdict",
    "Verification",
    "VerifiedSentence",
    "default_scorer",
    "verify",
    "whole_support",
]

Verdict = Literal["supported", "unsupported", "unscored"]


@dataclass(frozen=True, slots=True)
class VerifiedSentence:
    """A sentence of an answer and how far the passages support it."""

    text: str
    support: float | None
    """0..1; None when unscored."""
    verdict: Verdict
    evidence: Evidence
    """Its `unsupported` counts in `text`."""
    start: int
    """Where it stands in the answer: `answer_text[start:end] == text`."""
    end: int

    @property
    def unsupported(self) -> tuple[tuple[int, int], ...]:
        """Spans of `text` that no passage carries, as far as it can be told."""
        return self.evidence.unsupported

    @property
    def why(self) -> str:
        """Why it could not be scored; empty where it states nothing."""
        return self.evidence.why


@dataclass(frozen=True, slots=True)
class Verification:
    """An answer's sentences, and the support of the whole."""

    sentences: tuple[VerifiedSentence, ...]
    support: float | None
    """0..1; None when no sentence could be scored."""


def default_scorer() -> Scorer:
    """The scorer that chats and reports share: the verifier, loaded once.

    Raises:
        ModelLoadError: Its files are damaged.
    """
    with _LOADING:
        return _verifier()


_LOADING = threading.Lock()


@cache
def _verifier() -> Scorer:
    from .verifier import Verifier

    return Verifier()


def verify(
    answer_text: str, passages: Iterable[str] | str, question: str | None = None, scorer: Scorer | None = None
) -> Verification:
    """Check every sentence of an answer against passages, every item of a list and row of a table. Needs no library.

    Args:
        answer_text: The answer; citations like `[1]` in it are ignored.
        passages: The texts that should support it, or one; without any, nothing is scored.
        question: What was asked; its words are not counted as claims of the answer.
        scorer: What judges; by default `default_scorer`.

    Raises:
        GenerationError: Something else than a text was given.
    """
    given = [passages] if isinstance(passages, str) else passages
    texts = list(given) if isinstance(given, Iterable) else [None]
    passages = [text for text in texts if isinstance(text, str)]
    if not isinstance(answer_text, str) or len(passages) < len(texts):
        raise GenerationError(
            "verify takes texts",
            remedy="Give the answer's text and those of the passages: [hit.chunk.text for hit in hits]",
        )
    scorer = scorer or default_scorer()
    segments = split_segments(answer_text)
    found = _scored([segment.claim() if passages else None for segment in segments], passages, question or "", scorer)
    sentences = [_judged(segment, of, scorer.threshold) for segment, of in zip(segments, found, strict=True)]
    return Verification(tuple(sentences), scorer.whole([sentence.support for sentence in sentences]))


def _scored(claims: Sequence[Claim | None], passages: Sequence[str], question: str, scorer: Scorer) -> list[Evidence]:
    found = [Evidence(None)] * len(claims)
    for asked in dict.fromkeys(claim.asked(question) for claim in claims if claim):  # nearly always one
        alike = {place: claim for place, claim in enumerate(claims) if claim and claim.asked(question) == asked}
        scored = scorer.score([claim.text for claim in alike.values()], passages, asked)
        for (place, claim), evidence in zip(alike.items(), scored, strict=True):
            found[place] = replace(evidence, unsupported=claim.located(evidence.unsupported))
    return found


def _judged(segment: Segment, evidence: Evidence, threshold: float) -> VerifiedSentence:
    verdict: Verdict = "unscored"
    if evidence.support is not None:
        verdict = "supported" if evidence.support >= threshold else "unsupported"
    end = segment.start + len(segment.text)
    return VerifiedSentence(segment.text, evidence.support, verdict, evidence, segment.start, end)
