"""What is asked of a model: messages, and how the answer's tokens are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ..errors import GenerationError


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. The defaults take the likeliest token and change nothing.

    Penalties come first, then the grammar, then either mirostat or `top_k`, `typical_p`, `top_p`, `min_p` and
    `temperature`, in this order.

    Args:
        temperature: 0 takes the most likely token; up to 2.
        top_k: Draw from the k most likely tokens; 0 for all.
        top_p: Draw from the likeliest tokens that together have this probability, 0..1 (Holtzman et al., "The Curious
            Case of Neural Text Degeneration", ICLR 2020).
        min_p: Draw from the tokens that have at least this share of the likeliest one's probability, 0..1 (Nguyen et
            al., "Turning Up the Heat", ICLR 2025).
        typical_p: Draw from the tokens whose information is nearest to the expected, up to this probability, 0..1
            (Meister et al., "Locally Typical Sampling", TACL 2023).
        repeat_penalty: Divides the logit of a token that stands among the last ones; 1 for none, up to 2.
        presence_penalty: Is taken off the logit of such a token, -2..2.
        frequency_penalty: Is taken off it for each time it stands there, -2..2.
        penalty_tokens: How many last tokens of the answer count for the penalties.
        mirostat: 0 for none; 1 or 2 keeps the surprise near `mirostat_tau` (Basu et al., "Mirostat", ICLR 2021).
        mirostat_tau: The surprise aimed at, in nats, 0..10.
        mirostat_eta: How fast it is corrected, 0..1.
        seed: Of the random numbers; with temperature above 0 the same seed gives the same answer.
        max_tokens: The longest answer.
        stop: Texts that end the answer, and are no part of it.
        grammar: Only text of this GBNF grammar is drawn.
        schema: Only JSON of this JSON schema is drawn.
        logprobs: How many of the likeliest tokens are reported at each place, with those drawn; None for no report.

    Raises:
        GenerationError: A value is out of range, or both a grammar and a schema are given.
    """

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    penalty_tokens: int = 64
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    seed: int = 0
    max_tokens: int = 400
    stop: tuple[str, ...] = ()
    grammar: str = ""
    schema: Mapping[str, Any] | None = None
    logprobs: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise GenerationError(f"{name} is {value}", remedy=f"Choose a value from {low} to {high}")
        if self.grammar and self.schema is not None:
            raise GenerationError("both a grammar and a schema are given", remedy="Give one of them")
        if not all(self.stop):
            raise GenerationError("a text to stop at is empty", remedy="Leave it out")


RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_k": (0, 1000),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "repeat_penalty": (0.5, 2),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "penalty_tokens": (0, 1 << 20),
    "mirostat": (0, 2),
    "mirostat_tau": (0, 10),
    "mirostat_eta": (0, 1),
    "seed": (0, 2**32 - 2),
    "max_tokens": (1, 1 << 20),
    "logprobs": (0, 20),
}
"""Of the numbers: the least and the greatest value."""
