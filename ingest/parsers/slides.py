"""What presentations of every format share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def reading_order(shapes: Iterable[T], corner: Callable[[T], tuple[float, float]], slack: float) -> list[T]:
    """Shapes from top to bottom and, in a row, from left to right.

    Args:
        shapes: The shapes of a slide or of a group.
        corner: A shape's top and left.
        slack: How much lower than the first shape of its row a shape may stand.
    """
    places = sorted(((corner(shape), shape) for shape in shapes), key=lambda place: place[0])
    ordered: list[T] = []
    row: list[tuple[tuple[float, float], T]] = []
    for place in places:
        if row and place[0][0] > row[0][0][0] + slack:
            ordered += _from_left(row)
            row = []
        row.append(place)
    return ordered + _from_left(row)


def _from_left(row: list[tuple[tuple[float, float], T]]) -> list[T]:
    return [shape for _, shape in sorted(row, key=lambda place: place[0][1])]
