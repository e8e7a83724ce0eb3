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


class Scorer(Protocol):
    """Says how far passages support claims."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def threshold(self) -> float:
        """The least support at which a claim counts as supported."""

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """Score claims against passages, in order.

        Args:
            claims: Sentences; citations like `[1]` in them are ignored.
            passages: Passage texts.
            context: What is given besides the passages (the question, titles): not claimed by the answer.
        """
