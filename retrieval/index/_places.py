"""Rows of a segment by their places: some of them, and the best of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
"""The rows that are meant (n,)."""


def both(first: Mask | None, second: Mask | None) -> Mask | None:
    """The rows of both masks, of which None means every row."""
    return second if first is None else first if second is None else first & second


def ranked(places: npt.NDArray[Any], scores: npt.NDArray[Any], k: int) -> list[tuple[int, float]]:
    """The k rows with the greatest scores, best first; of equal ones, the one in the first place first."""
    order = np.lexsort((places, -scores))[:k]
    return list(zip(places[order].tolist(), scores[order].tolist(), strict=True))
