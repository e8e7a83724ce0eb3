"""How well an answer agrees with reference answers."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence


def normalize(text: str) -> str:
    """Lower case, without punctuation, articles and extra white space.

    Source: the SQuAD 1.1 evaluation script (Rajpurkar et al., 2016).
    """
    text = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def best_subspan_em(answer: str, references: Sequence[str]) -> float:
    """1.0 when any normalized reference stands in the normalized answer, else 0.0.

    Source: Liu et al., "Lost in the Middle", TACL 2024; `metrics.py` of its repository.
    """
    text = normalize(answer)
    return float(any(normalize(reference) in text for reference in references))
