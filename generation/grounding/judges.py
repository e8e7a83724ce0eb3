"""A chat model as a judge of claims: the odds of "yes" against "no" as its next word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import ContextOverflowError
from ..tasks import judge
from . import overlap
from .claims import strip_citations
from .scoring import Evidence, Scorer

if TYPE_CHECKING:
    from ..chat_model import ChatModel
    from ..prompts.template import Prompt


class LocalJudge(Scorer):
    """A chat model that is asked of each claim whether the passages support it.

    The support is the probability of "yes" among "yes" and "no" at its next token (Kadavath et al., "Language Models
    (Mostly) Know What They Know", 2022); it is the model's own, not calibrated. The passages come first in the prompt,
    so that what was read of them for one claim is known for the next. The evidence is the sentence that shares most
    words with the claim: the model does not say where it looked.

    Args:
        model: Judges.
        prompt: `judge`.
    """

    threshold = 0.5

    def __init__(self, model: ChatModel, prompt: Prompt) -> None:
        self._model = model
        self._prompt = prompt
        self.name = f"judge:{model.name}"

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`. Unscored is a claim whose passages do not fit the model's context, or on which the model
        says neither yes nor no. The context is shown before the passages, as given."""
        labelled = [(f"passage {n}", text) for n, text in enumerate(passages, 1)]
        if context:
            labelled.insert(0, ("given", context))
        return [self._judged(strip_citations(claim), labelled, passages, context) for claim in claims]

    def _judged(self, claim: str, labelled: list[tuple[str, str]], passages: Sequence[str], context: str) -> Evidence:
        if not passages:
            return Evidence(0.0)
        try:
            support = judge(self._model, self._prompt, claim, labelled)
        except ContextOverflowError:
            return Evidence(None)
        found = overlap.support(claim, passages, context)
        return Evidence(support, found.passage, found.start, found.end)
