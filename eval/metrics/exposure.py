"""How much attention rankings give to groups of documents, for queries that favour none.

A document at rank r is seen with the weight 1 / log2(1 + r), one that is not in the ranking not at all. Sources: Singh
and Joachims, "Fairness of Exposure in Rankings", KDD 2018; over several queries together: Biega, Gummadi and Weikum,
"Equity of Attention: Amortizing Individual Fairness in Rankings", SIGIR 2018.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

Groups = Mapping[str, str]
"""Document to its group, for all documents of the corpus that have one; the others count for nothing."""


def exposure(ranking: Sequence[str], groups: Groups) -> dict[str, float]:
    """The mean exposure of a group's documents, by group, at least 0: equal under demographic parity.

    Source: Singh and Joachims, equations 2 and 3. The groups' sizes in the corpus do not matter.

    Args:
        ranking: Documents, best first, none twice.
        groups: What is compared.
    """
    seen: dict[str, float] = defaultdict(float)
    for rank, document in enumerate(ranking, 1):
        if document in groups:
            seen[groups[document]] += 1 / math.log2(1 + rank)
    return {group: seen[group] / size for group, size in sorted(Counter(groups.values()).items())}


def paired_exposure(
    rankings: Iterable[Sequence[str]], groups: Groups, one: str, other: str
) -> tuple[list[float | None], list[float | None]]:
    """The exposure of two groups, ranking by ranking, for `stats.compare`; None where a ranking shows neither."""
    pairs = []
    for ranking in rankings:
        found = exposure(ranking, groups)
        pairs.append((found[one], found[other]) if found[one] or found[other] else (None, None))
    return [a for a, _ in pairs], [b for _, b in pairs]


def amortized_exposure(rankings: Iterable[Sequence[str]], groups: Groups) -> dict[str, float]:
    """The mean exposure of a group's documents over several rankings, by group, at least 0."""
    found = [exposure(ranking, groups) for ranking in rankings]
    return {group: sum(one[group] for one in found) / len(found) for group in (found[0] if found else ())}


def parity_ratio(exposures: Mapping[str, float]) -> float | None:
    """The exposure of the group that has least over that of the group that has most: 0..1, where 1 is parity.

    None when no group has any. The ratio and the four fifths that it is often held to are those of the Uniform
    Guidelines on Employee Selection Procedures, 29 CFR 1607.4(D).
    """
    most = max(exposures.values(), default=0.0)
    return min(exposures.values()) / most if most else None


def inequity(exposures: Mapping[str, float], groups: Groups) -> float | None:
    """How far the groups' shares of all exposure are from their shares of the documents, 0..1, where 0 is equity.

    It is the share of the exposure that would have to move: half the L1 distance, which Biega et al. take whole. None
    when no group has any exposure.

    Args:
        exposures: Of `exposure` or `amortized_exposure`.
        groups: The same groups.
    """
    sizes = Counter(groups.values())
    total = sum(value * sizes[group] for group, value in exposures.items())
    if not total:
        return None
    n = sum(sizes.values())
    return sum(abs(value * sizes[group] / total - sizes[group] / n) for group, value in exposures.items()) / 2
