"""How well a model predicts texts: by this, quantizations of one model can be compared on the user's own documents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...errors import GenerationError
from ._context import Context
from ._drawing import log_softmax
from ._weights import Weights

_AT_ONCE = 64
"""Tokens whose logits are held in memory together."""


@dataclass(frozen=True, slots=True)
class Perplexity:
    """exp of the mean negative log-likelihood of a token (Jelinek et al., 1977); to be compared for one vocabulary."""

    value: float
    """At least 1."""
    low: float
    """Of the 95 % interval, by the standard error over windows on the scale of the logarithm."""
    high: float
    tokens: int
    """That were counted."""
    windows: tuple[float, ...]
    """The mean negative log-likelihood of each window, in nats: for paired comparisons."""


def perplexity_of(context: Context, weights: Weights, texts: Sequence[str], window: int) -> Perplexity:
    """See `LlamaModel.perplexity`."""
    counted = [(losses, len(losses)) for losses in _windows(context, weights, texts, window) if losses]
    if not counted:
        raise GenerationError(
            f"no text has more than {window // 2} tokens, so there is nothing to count", remedy="Give longer texts"
        )
    means = [sum(losses) / n for losses, n in counted]
    tokens = sum(n for _, n in counted)
    mean = sum(sum(losses) for losses, _ in counted) / tokens
    spread = math.sqrt(sum((m - mean) ** 2 for m in means) / max(1, len(means) - 1) / len(means))
    margin = 1.96 * spread if len(means) > 1 else math.inf
    return Perplexity(math.exp(mean), math.exp(mean - margin), math.exp(mean + margin), tokens, tuple(means))


def _windows(context: Context, weights: Weights, texts: Sequence[str], window: int) -> Iterator[list[float]]:
    for text in texts:
        tokens = weights.tokenize(text)
        for start in range(0, len(tokens), window):
            yield _losses(context, tokens[start : start + window], window // 2)


def _losses(context: Context, tokens: list[int], first: int) -> list[float]:
    """The negative log-likelihoods of a window's tokens from `first` on."""
    context.clear()
    losses = []
    for start in range(0, len(tokens) - 1, _AT_ONCE):
        part = tokens[start : min(start + _AT_ONCE, len(tokens) - 1)]
        wanted = max(0, min(len(part), start + len(part) - (first - 1)))
        (rows,) = context.read([(0, start, part, wanted)])
        for place, logits in enumerate(rows, start + len(part) - wanted):
            losses.append(-float(log_softmax(logits)[tokens[place + 1]]))
    return losses
