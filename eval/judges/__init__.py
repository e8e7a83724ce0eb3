"""Judges of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to be judged."""

    question: str
    answer: str
    passages: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says."""

    scores: Mapping[str, float | None]
    reasons: Mapping[str, str] = field(default_factory=dict)


class Judge(Protocol):
    """Judges answers."""

    name: str
    identity: Mapping[str, str]
    metrics: tuple[str, ...]

    def judge(self, case: Case) -> Judgement:
        """Judge an answer."""
