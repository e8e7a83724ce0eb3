"""A chat model as a judge of answers: it may only say one of two words, and is asked with them in either order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import ContextOverflowError
from ...generation.chat_model import ChatModel
from ...generation.grounding import Evidence, Scorer, verify
from ...generation.grounding.claims import split_sentences, strip_citations
from ...generation.prompts import Prompts, shown
from ...generation.prompts.quoting import one_line
from ...generation.sampling import Message, Sampling
from ...generation.structure import ask_for
from . import NO_PASSAGES, NO_QUESTION, NO_REFERENCE, Case, Judgement
from .verifier import GROUNDING, grounding

ORDERS = ("yes or no", "no or yes")
YES, NO = ("yes", "Yes"), ("no", "No")
LONGEST = 4000
"""Characters shown of an answer or a reference."""
NO_WORD, TOO_LONG = "the model gave no verdict", "it does not fit the model's context"
PROMPTS = ("judge_claim", "judge_relevance", "judge_passage", "judge_correct", "judge_pair")


class ChatJudge:
    """A chat model that judges.

    A verdict is the probability of "yes" among "yes" and "no" as its next word, averaged over both orders in which the
    prompt names them (position bias: Zheng et al., "Judging LLM-as-a-Judge", NeurIPS 2023; Wang et al., "Large Language
    Models are not Fair Evaluators", ACL 2024). With votes, or where the model does not tell its odds, it is the share
    of "yes" among votes that are drawn at temperature 0.7 as JSON of one word.

    Args:
        model: Judges.
        prompts: The prompts; those of `PROMPTS` are used.
        votes: How many votes are drawn in each order; 0 reads the odds.
        seed: Of the votes.
        weights: What tells the model's weights apart, such as their SHA-256.
        code: What tells one state of the code that judges from another.
    """

    def __init__(
        self,
        model: ChatModel,
        prompts: Prompts,
        votes: int = 0,
        seed: int = 0,
        weights: str = "",
        code: str = "",
    ) -> None:
        self._model, self._votes, self._seed = model, votes, seed
        self._prompts = {name: prompts.get(name) for name in PROMPTS}
        self.name = f"judge:{model.name}" + (f"x{votes}" if votes else "")
        self.identity: Mapping[str, str] = {
            "model": model.name,
            "weights": weights,
            "code": code,
            "votes": str(votes),
            "seed": str(seed),
            **{f"prompt {name}": prompt.identity.sha256 for name, prompt in self._prompts.items()},
        }
        self._scorer = _ClaimScorer(self.name, self._claim)
        self._computed: dict[str, Callable[[Case], tuple[float | None, str]]] = {
            "answer relevance": self._relevance,
            "context precision": self._context_precision,
            "context recall": self._context_recall,
            "correctness": self._correctness,
        }
        self.metrics = (*GROUNDING, *self._computed)
        self.decides_by = ("support", self._scorer.threshold)

    def judge(self, case: Case, metrics: tuple[str, ...] = ()) -> Judgement:
        """See `Judge.judge`."""
        wanted = metrics or self.metrics
        scores: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        if set(wanted) & set(GROUNDING):
            if case.passages:
                found = grounding(verify(case.answer, case.passages, case.question or None, self._scorer))
            else:
                found = Judgement(dict.fromkeys(GROUNDING), dict.fromkeys(GROUNDING, NO_PASSAGES))
            scores |= {name: found.scores[name] for name in wanted if name in GROUNDING}
            reasons |= {name: why for name, why in found.reasons.items() if name in wanted}
        for name in wanted:
            if name not in GROUNDING:
                try:
                    scores[name], why = self._computed[name](case)
                except ContextOverflowError:
                    scores[name], why = None, TOO_LONG
                if scores[name] is None:
                    reasons[name] = why
        return Judgement(scores, reasons)

    def prefer(self, question: str, first: str, second: str, reference: str | None = None) -> float | None:
        """How far the first of two answers is preferred, 0..1, over both orders of them; None when unscored."""
        chances = []
        for a, b, mirrored in ((first, second, False), (second, first, True)):
            messages = self._prompts["judge_pair"].render(
                {
                    "question": one_line(question, LONGEST),
                    "reference": one_line(reference or "", LONGEST),
                    "first": one_line(a, LONGEST),
                    "second": one_line(b, LONGEST),
                }
            )
            try:
                chance = self._chance(messages, ("A",), ("B",))
            except ContextOverflowError:
                return None
            if chance is None:
                return None
            chances.append(1 - chance if mirrored else chance)
        return sum(chances) / len(chances)

    def _relevance(self, case: Case) -> tuple[float | None, str]:
        if not case.question:
            return None, NO_QUESTION
        return self._says("judge_relevance", {"question": case.question, "answer": one_line(case.answer, LONGEST)})

    def _correctness(self, case: Case) -> tuple[float | None, str]:
        if case.reference is None:
            return None, NO_REFERENCE
        texts = {"reference": one_line(case.reference, LONGEST), "answer": one_line(case.answer, LONGEST)}
        return self._says("judge_correct", {"question": case.question, **texts})

    def _context_precision(self, case: Case) -> tuple[float | None, str]:
        """The mean of the precision at the rank of each passage that helps (Es et al., RAGAS)."""
        if not case.question or not case.passages:
            return None, NO_PASSAGES if case.question else NO_QUESTION
        helps = []
        for text in case.passages:
            expected = one_line(case.reference or case.answer, LONGEST)
            values = {"passages": [shown(1, "passage 1", text)], "question": case.question, "expected": expected}
            chance, why = self._says("judge_passage", values)
            if chance is None:
                return None, why
            helps.append(chance >= self._scorer.threshold)
        return average_precision(helps), ""

    def _context_recall(self, case: Case) -> tuple[float | None, str]:
        """The share of the reference's sentences that the passages support."""
        if case.reference is None or not case.passages:
            return None, NO_PASSAGES if case.reference is not None else NO_REFERENCE
        sentences = [case.reference[span.start : span.end] for span in split_sentences(case.reference)]
        found = self._scorer.score(sentences, case.passages, case.question)
        supports = [one.support for one in found if one.support is not None]
        if len(supports) < len(found) or not found:
            return None, NO_WORD
        return sum(support >= self._scorer.threshold for support in supports) / len(supports), ""

    def _claim(self, claim: str, passages: Sequence[str], context: str) -> float | None:
        labelled = [("given", context)] if context else []
        labelled += [(f"passage {n}", text) for n, text in enumerate(passages, 1)]
        told = [shown(n, label, text) for n, (label, text) in enumerate(labelled, 1)]
        try:
            return self._says("judge_claim", {"claim": one_line(claim, LONGEST), "passages": told})[0]
        except ContextOverflowError:
            return None

    def _says(self, prompt: str, values: Mapping[str, Any]) -> tuple[float | None, str]:
        """How far the model says yes to a prompt, 0..1, over both orders of the words; None, and why, if it does not
        say."""
        asked = [self._prompts[prompt].render({**values, "choices": order}) for order in ORDERS]
        chances = [self._chance(messages, YES, NO) for messages in asked]
        known = [chance for chance in chances if chance is not None]
        return (sum(known) / len(known), "") if len(known) == len(ORDERS) else (None, NO_WORD)

    def _chance(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float | None:
        odds = None if self._votes else self._model.log_odds(messages, yes, no)
        if odds is not None:
            return 0.5 + 0.5 * math.tanh(odds / 2)  # the logistic function, without overflow
        votes = [self._vote(messages, yes[0], no[0], self._seed + n) for n in range(self._votes or 1)]
        cast = [vote for vote in votes if vote is not None]
        return sum(cast) / len(cast) if cast else None

    def _vote(self, messages: Sequence[Message], yes: str, no: str, seed: int) -> bool | None:
        schema = {"type": "object", "properties": {"reply": {"enum": [yes, no]}}, "required": ["reply"]}
        sampling = Sampling(max_tokens=32, temperature=0.7 if self._votes else 0.0, seed=seed)
        value = ask_for(self._model, messages, schema, sampling).value
        reply = value.get("reply") if isinstance(value, dict) else None
        return None if reply not in (yes, no) else reply == yes


class _ClaimScorer(Scorer):
    """A chat judge, claim by claim."""

    threshold = 0.5

    def __init__(self, name: str, support: Callable[[str, Sequence[str], str], float | None]) -> None:
        self.name = name
        self._support = support

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`; where the evidence stands is not told."""
        return [Evidence(self._support(strip_citations(claim), passages, context)) for claim in claims]


def average_precision(helps: Sequence[bool]) -> float:
    """The mean of the precision at the rank of each passage that helps, 0..1; 0 when none does."""
    precisions = [sum(helps[:rank]) / rank for rank, one in enumerate(helps, 1) if one]
    return sum(precisions) / len(precisions) if precisions else 0.0
