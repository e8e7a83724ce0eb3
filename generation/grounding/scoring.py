"""How far passages support claims: the seam between answers and whatever judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far passages support a claim, and the sentence of them that carries most of it."""

    support: float | None
    """0..1; None when the claim could not be scored."""
    passage: int | None = None
    """Position in the list of passages."""
    start: int = 0
    end: int = 0
    """Of the sentence within that passage's text."""
    unsupported: tuple[tuple[int, int], ...] = ()
    """Where in the claim stands what no passage carries, as far as it can be told."""
    why: str = ""
    """Why it could not be scored, where that can be told."""


def whole_support(supports: Sequence[float | None]) -> float | None:
    """The support of a whole answer, 0..1: the mean of its two worst sentences; None when none was scored.

    One bad sentence must not hide among good ones, and a single misjudged one must not decide alone.
    """
    worst = sorted(score for score in supports if score is not None)[:2]
    return sum(worst) / len(worst) if worst else None


class Scorer(Protocol):
    """Says how far passages support claims. Inherit from it for `whole`."""

    name: str
    """What reports call it."""
    threshold: float
    """The least support at which a claim, or an answer, counts as supported."""

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """Score claims against passages, in order.

        Args:
            claims: Sentences; citations like `[1]` in them are ignored.
            passages: Passage texts.
            context: What is given besides the passages, not claimed by the answer: the question on the first line, then
                titles.
        """

    def whole(self, supports: Sequence[float | None]) -> float | None:
        """The support of a whole answer, 0..1, from that of its sentences; None when none was scored."""
        return whole_support(supports)
