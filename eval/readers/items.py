"""Items of a set, and samples of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar


class Grouped(Protocol):
    """What belongs to a group."""

    @property
    def group(self) -> str:
        """Empty for none."""


Item = TypeVar("Item", bound=Grouped)


@dataclass(frozen=True, slots=True)
class Items(Generic[Item]):
    """Items that need no documents."""

    name: str
    records: tuple[Item, ...]

    def sample(self, items: int | None, seed: int = 0) -> Items[Item]:
        """At most so many, drawn from each group in proportion, in their old order."""
        if items is None or items >= len(self.records):
            return self
        places = stratified([one.group for one in self.records], items, seed)
        return replace(self, records=tuple(self.records[place] for place in places))


def stratified(strata: Sequence[Hashable], count: int, seed: int = 0) -> list[int]:
    """Places drawn at random from each stratum in proportion, ascending; fewer are a part of more of the same seed.

    Each stratum is put into an order at random, and its item j of m comes at (j + u) / m of the whole, with one u for
    the stratum, drawn from 0 to 1: so a small one is left out as often as its share is small, and no share falls when
    the count grows.

    Args:
        strata: Of each item.
        count: How many to draw; at most as many as there are.
        seed: Of the draw.
    """
    by_stratum: dict[Hashable, list[int]] = defaultdict(list)
    for place, stratum in enumerate(strata):
        by_stratum[stratum].append(place)
    drawing = random.Random(seed)
    ranked: list[tuple[float, int]] = []
    for places in by_stratum.values():
        first = drawing.random()
        order = drawing.sample(places, len(places))
        ranked += [((rank + first) / len(places), place) for rank, place in enumerate(order)]
    return sorted(place for _, place in sorted(ranked)[:count])
