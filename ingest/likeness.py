"""The groups of stored documents that are nearly the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .duplicates import SIMILARITY
from .signatures import LENGTH, PERMUTATIONS

if TYPE_CHECKING:
    import numpy.typing as npt

_BANDS = PERMUTATIONS - int(np.ceil(SIMILARITY * PERMUTATIONS)) + 1
"""Two near-duplicates differ in fewer hash values than this: of so many runs of values, they have one in common."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A document of a group of near-duplicates."""

    id: int
    similarity: float
    """The estimated Jaccard similarity to the group's first document, 0..1: at least 0.9, or less where others lie
    between the two."""


def near_duplicates(signatures: Mapping[int, bytes]) -> list[list[Alike]]:
    """The groups of documents of which each is nearly the same as another one of its group (see `duplicates`).

    Args:
        signatures: By document id (see `signatures`); short ones are compared whole, an empty one resembles nothing.

    Returns:
        The groups, ordered by the lowest id in each, and the documents of each by id.
    """
    same: dict[bytes, list[int]] = {}
    for document, signature in sorted(signatures.items()):
        if signature:
            same.setdefault(signature, []).append(document)
    short = [documents for signature, documents in same.items() if len(signature) < LENGTH]
    sketches = [signature for signature in same if len(signature) == LENGTH]
    values = np.frombuffer(b"".join(sketches), "<u4").reshape(-1, PERMUTATIONS)
    leaders = list(range(len(values)))
    for places in _candidates(sketches):
        _join(places, values, leaders)
    groups: dict[int, list[Alike]] = {}
    for place, signature in enumerate(sketches):
        first = _leader(leaders, place)
        similarity = float(np.mean(values[place] == values[first]))
        groups.setdefault(first, []).extend(Alike(document, similarity) for document in same[signature])
    found = [*groups.values(), *([Alike(document, 1.0) for document in documents] for documents in short)]
    several = [sorted(group, key=lambda alike: alike.id) for group in found if len(group) > 1]
    return sorted(several, key=lambda group: group[0].id)


def _candidates(signatures: Sequence[bytes]) -> Iterator[list[int]]:
    """The places of signatures that may be near-duplicates of each other; any two that are stand in one list."""
    size = len(signatures[0]) // PERMUTATIONS if signatures else 0
    ends = [size * (band * PERMUTATIONS // _BANDS) for band in range(_BANDS + 1)]
    for start, end in pairwise(ends):
        equal: dict[bytes, list[int]] = {}
        for place, signature in enumerate(signatures):
            equal.setdefault(signature[start:end], []).append(place)
        yield from (places for places in equal.values() if len(places) > 1)


def _join(places: list[int], values: npt.NDArray[np.uint32], leaders: list[int]) -> None:
    """Note which of these are near-duplicates. Those of one group are not compared: a thousand copies are soon done."""
    sketches, groups = values[places], np.array([_leader(leaders, place) for place in places])
    for at, sketch in enumerate(sketches):
        if (groups == groups[0]).all():
            return
        others = at + 1 + np.flatnonzero(groups[at + 1 :] != groups[at])
        alike = others[np.mean(sketches[others] == sketch, axis=1) >= SIMILARITY]
        joined = {int(groups[at]), *groups[alike].tolist()}
        for leader in joined:
            leaders[leader] = min(joined)
        groups[np.isin(groups, list(joined))] = min(joined)


def _leader(leaders: list[int], place: int) -> int:
    while leaders[place] != place:
        leaders[place] = leaders[leaders[place]]
        place = leaders[place]
    return place
