"""The grounding verifier, or any other scorer of claims, as a judge."""

from __future__ import annotations

from collections.abc import Mapping

from ...generation.grounding import Scorer, Verification, verify
from ..metrics.citations import citation_scores, judged_by
from . import NO_PASSAGES, NO_STATEMENTS, Case, Judgement

GROUNDING = ("faithfulness", "hallucination", "support")
"""The share of claims that are supported; 1 when any is not; the support of the whole."""
CITING = ("citation recall", "citation precision")
"""See `eval.metrics.citations`."""


class VerifierJudge:
    """Judges how far the passages carry an answer, by a scorer of claims.

    Args:
        scorer: Scores the claims.
        name: What reports call it; by default the scorer's name.
        identity: What the scorer's verdicts depend on.
    """

    def __init__(self, scorer: Scorer, name: str = "", identity: Mapping[str, str] | None = None) -> None:
        self._scorer = scorer
        self.name = name or scorer.name
        self.identity: Mapping[str, str] = {"scorer": scorer.name, **(identity or {})}
        self.metrics = (*GROUNDING, *CITING)
        self.decides_by = ("support", scorer.threshold)

    def judge(self, case: Case, metrics: tuple[str, ...] = ()) -> Judgement:
        """See `Judge.judge`."""
        wanted = metrics or self.metrics
        if not case.passages:
            return Judgement(dict.fromkeys(wanted), dict.fromkeys(wanted, NO_PASSAGES))
        scores: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        for names, judged in ((GROUNDING, self._grounding), (CITING, self._citing)):
            if any(name in wanted for name in names):
                found = judged(case)
                scores |= {name: found.scores[name] for name in names if name in wanted}
                reasons |= {name: why for name, why in found.reasons.items() if name in wanted}
        return Judgement(scores, reasons)

    def _grounding(self, case: Case) -> Judgement:
        return grounding(verify(case.answer, case.passages, case.question or None, self._scorer))

    def _citing(self, case: Case) -> Judgement:
        if not case.statements:
            return Judgement(dict.fromkeys(CITING), dict.fromkeys(CITING, NO_STATEMENTS))
        found = citation_scores(case.statements, case.passages, judged_by(self._scorer, case.question))
        scores = dict(zip(CITING, (found.recall, found.precision), strict=True))
        why = "a sentence could not be scored" if found.n_unscored else "nothing is cited"
        return Judgement(scores, {name: why for name, score in scores.items() if score is None})


def grounding(verification: Verification) -> Judgement:
    """The scores of `GROUNDING`, of an answer whose sentences were checked.

    Sentences that could not be scored are left out: an answer of which none was is unscored.
    """
    verdicts = [one.verdict == "supported" for one in verification.sentences if one.verdict != "unscored"]
    faithful = faithfulness(verdicts)
    scores = {
        "faithfulness": faithful,
        "hallucination": None if faithful is None else float(faithful < 1),
        "support": verification.support,
    }
    return Judgement(scores, {name: "no claim could be scored" for name, score in scores.items() if score is None})


def faithfulness(verdicts: list[bool]) -> float | None:
    """The share of claims that the passages support, 0..1; None without a claim.

    Source: Es et al., "RAGAS: Automated Evaluation of Retrieval Augmented Generation", EACL 2024, section 3.

    Args:
        verdicts: For each claim, whether it is supported.
    """
    return sum(verdicts) / len(verdicts) if verdicts else None
