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
    """Places drawn at random from each stratum in proportion, ascending.

    A stratum's share is rounded down, and the largest remainders get what is left.

    Args:
        strata: Of each item.
        count: How many to draw; at most as many as there are.
        seed: Of the draw.
    """
    by_stratum: dict[Hashable, list[int]] = defaultdict(list)
    for place, stratum in enumerate(strata):
        by_stratum[stratum].append(place)
    exact = {key: count * len(places) / len(strata) for key, places in by_stratum.items()}
    shares = {key: int(share) for key, share in exact.items()}
    by_remainder = sorted(exact, key=lambda key: shares[key] - exact[key])
    for key in by_remainder[: count - sum(shares.values())]:
        shares[key] += 1
    drawing = random.Random(seed)
    return sorted(place for key, places in by_stratum.items() for place in drawing.sample(places, shares[key]))
