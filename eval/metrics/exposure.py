"""How much attention rankings give to groups of documents, for queries that favour none.

A document at rank r is seen with the weight 1 / log2(1 + r), one that is not in the ranking not at all. Source: Singh
and Joachims, "Fairness of Exposure in Rankings", KDD 2018.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

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
