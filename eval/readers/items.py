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

    Each stratum is put into an order at random, and its item j of m comes at (j + 1/2) / m of the whole: the divisor
    method of Sainte-Laguë, for a share that is rounded by remainders can fall when the count grows.

    Args:
        strata: Of each item.
        count: How many to draw; at most as many as there are.
        seed: Of the draw.
    """
    by_stratum: dict[Hashable, list[int]] = defaultdict(list)
    for place, stratum in enumerate(strata):
        by_stratum[stratum].append(place)
    drawing = random.Random(seed)
    ranked = [
        ((rank + 0.5) / len(places), drawing.random(), place)
        for places in by_stratum.values()
        for rank, place in enumerate(drawing.sample(places, len(places)))
    ]
    return sorted(place for _, _, place in sorted(ranked)[:count])
