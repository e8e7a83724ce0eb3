"""Whether what an answer cites supports what it says, and whether it cites no more than that.

Source: Gao et al., "Enabling Large Language Models to Generate Text with Citations" (ALCE), EMNLP 2023, section 4.2,
and `compute_autoais` in `eval.py` of its repository. There T5-11B judges; here whoever is given as `supports`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...generation.grounding.scoring import Scorer

Supports = Callable[[str, Sequence[str]], bool | None]
"""A claim and passages: whether these, taken together, support it; None when that cannot be told."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, without its marks of citations, and what it cites."""

    text: str
    cites: tuple[int, ...]
    """Places among the passages, from 0; one that does not exist is a citation that supports nothing."""


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Of one answer, 0..1, where 1 is best."""

    recall: float | None
    """The share of the sentences that what they cite supports; one without a citation is not. None without one."""
    precision: float | None
    """The share of the citations that are needed. None when it cites nothing, where ALCE takes 0."""
    n_unscored: int
    """Sentences that could not be judged; they and their citations count for nothing."""


def judged_by(scorer: Scorer, question: str = "") -> Supports:
    """A scorer of grounding as the judge: a claim is supported from the scorer's threshold on.

    Args:
        scorer: The scorer.
        question: What was asked, which claims may lean on.
    """

    def supports(claim: str, passages: Sequence[str]) -> bool | None:
        (evidence,) = scorer.score([claim], passages, " ".join(question.split()))
        return None if evidence.support is None else evidence.support >= scorer.threshold

    return supports


def citation_scores(statements: Sequence[Statement], passages: Sequence[str], supports: Supports) -> CitationScores:
    """Citation recall and precision of an answer.

    A citation is needed when its sentence is supported by all that it cites, and the passage either supports it alone
    or is missed by the others. A sentence that cites what does not exist is not supported, and, as in ALCE, its
    citations are not counted.

    Args:
        statements: The sentences of the answer that say something.
        passages: What can be cited.
        supports: The judge.
    """
    verdicts = [_judged(statement, passages, supports) for statement in statements]
    scored = [verdict for verdict in verdicts if verdict is not None]
    cited = sum(citations for _, _, citations in scored)
    return CitationScores(
        recall=sum(supported for supported, _, _ in scored) / len(scored) if scored else None,
        precision=sum(needed for _, needed, _ in scored) / cited if cited else None,
        n_unscored=len(verdicts) - len(scored),
    )


def _judged(statement: Statement, passages: Sequence[str], supports: Supports) -> tuple[bool, int, int] | None:
    """Whether a sentence is supported, how many of its citations are needed, and how many there are."""
    cites = tuple(dict.fromkeys(statement.cites))
    if not cites or not all(0 <= place < len(passages) for place in cites):
        return False, 0, 0
    together = supports(statement.text, [passages[place] for place in cites])
    if together is None:
        return None
    if not together or len(cites) == 1:
        return together, int(together), len(cites)
    needed = [_needed(statement.text, place, cites, passages, supports) for place in cites]
    return None if None in needed else (True, sum(map(bool, needed)), len(cites))


def _needed(claim: str, place: int, cites: Sequence[int], passages: Sequence[str], supports: Supports) -> bool | None:
    alone = supports(claim, [passages[place]])
    if alone is not False:
        return alone
    others = supports(claim, [passages[other] for other in cites if other != place])
    return None if others is None else not others
