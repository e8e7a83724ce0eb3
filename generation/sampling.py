"""What is asked of a model: messages, and how the answer's tokens are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

from ..errors import GenerationError


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Args:
        temperature: 0 takes the most likely token; up to 2.
        top_k: Draw from the k most likely tokens; 0 for all.
        top_p: Draw from the likeliest tokens that together have this probability, 0..1.
        seed: Of the random numbers; with temperature above 0 the same seed gives the same answer.
        max_tokens: The longest answer.

    Raises:
        GenerationError: A value is out of range.
    """

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    seed: int = 0
    max_tokens: int = 400

    def __post_init__(self) -> None:
        ranges = {
            "temperature": (0, 2),
            "top_k": (0, 1000),
            "top_p": (0, 1),
            "seed": (0, 2**32 - 2),
            "max_tokens": (1, 1 << 20),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise GenerationError(f"{name} is {value}", remedy=f"Choose a value from {low} to {high}")
