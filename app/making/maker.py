"""One question after another: the model words it, and it is checked, the cheapest check first."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from ...errors import ContextOverflowError
from ...eval.making import checks
from ...eval.making.aspects import Aspect
from ...eval.making.drafts import (
    ADVERSARIAL,
    COMPARISON,
    FACT,
    MULTI_HOP,
    NUMERIC,
    UNANSWERABLE,
    Draft,
    EvidencePlace,
)
from ...eval.making.facts import Fact
from ...eval.making.premises import FalsePremise, falsified
from ...generation.grounding import default_scorer
from ...generation.grounding.claims import declines, strip_citations
from ...generation.questioning import WORDINGS, Questioner
from ...retrieval.records import Chunk, Hit
from ..engine import Ragstone
from ..model_settings import as_prompts
from .material import Bridge, Material

FOUND_AMONG = 10
"""The evidence has to be among so many hits."""
LOOKED_AT = 4
"""So many hits are asked whether they answer a question that nothing should answer."""
TOO_LONG = "it does not fit the model's context"
_PHRASE = re.compile(r"the\s\S+(?:\s\S+){1,24}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A question that was tried."""

    kind: str
    made_from: str
    """What of the library."""
    question: str
    answer: str
    reason: str
    """Why it was dropped; empty when it was kept."""
    seconds: float
    documents: tuple[str, ...]
    draft: Draft | None = None
    """None when it was dropped."""


@dataclass(slots=True)
class _Work:
    """A question in the making."""

    kind: str
    made_from: str
    evidence: tuple[EvidencePlace, ...]
    question: str = ""
    answer: str = ""
    remark: str = ""
    vector: npt.NDArray[np.float32] | None = None
    started: float = field(default_factory=time.perf_counter)


_Begun = tuple[_Work, Callable[[_Work], str]]
"""... and what makes it, and says why it is dropped."""


class QuestionMaker:
    """Makes questions about a library with the engine's own model and search.

    Args:
        rag: The engine.
        seed: Of all draws.

    Raises:
        ModelError: A model cannot be used.
        SettingsError: A prompt cannot be used.
    """

    def __init__(self, rag: Ragstone, seed: int = 0) -> None:
        self._rag = rag
        self._model = Questioner(rag.load_model(), as_prompts(rag.settings))
        self._scorer = default_scorer()
        self._seed = seed
        self._kept: list[npt.NDArray[np.float32]] = []
        self.material = Material(rag.library, seed)
        self.prompts = self._model.identity
        self._makers: dict[str, Callable[[], _Begun | None]] = {
            FACT: lambda: self._from_fact(FACT, figure=False),
            NUMERIC: lambda: self._from_fact(NUMERIC, figure=True),
            COMPARISON: self._from_pair,
            MULTI_HOP: self._from_bridge,
            UNANSWERABLE: self._from_passage,
            ADVERSARIAL: self._from_premise,
        }

    def attempt(self, kind: str) -> Attempt | None:
        """Draw what to ask about, and make a question of a kind; None when there is nothing left to draw."""
        begun = self._makers[kind]()
        if begun is None:
            return None
        work, steps = begun
        try:
            reason = steps(work)
        except ContextOverflowError:
            reason = TOO_LONG
        return self._ended(work, reason)

    def replay(self, attempt: Attempt) -> None:
        """Draw what an attempt of an earlier run was made from, and remember what came of it."""
        begun = self._makers[attempt.kind]()
        if begun is not None and begun[0].made_from == attempt.made_from:
            self._remember(attempt, self._rag.embed_query(attempt.question) if attempt.draft else None)

    def _ended(self, work: _Work, reason: str) -> Attempt:
        documents = tuple(dict.fromkeys(place.document for place in work.evidence))
        draft = None
        if not reason:
            answerable = work.kind not in (UNANSWERABLE, ADVERSARIAL)
            number = f"{work.kind}-{sha256(work.made_from.encode()).hexdigest()[:8]}"
            answer = work.answer if answerable else ""
            draft = Draft(number, work.question, work.kind, answer, answerable, work.evidence, work.remark)
        seconds = round(time.perf_counter() - work.started, 2)
        attempt = Attempt(work.kind, work.made_from, work.question, work.answer, reason, seconds, documents, draft)
        self._remember(attempt, work.vector)
        return attempt

    def _remember(self, attempt: Attempt, vector: npt.NDArray[np.float32] | None) -> None:
        self.material.note(attempt.documents, kept=attempt.draft is not None)
        if attempt.draft is not None and vector is not None:
            self._kept.append(vector)

    # What a question is made from

    def _from_fact(self, kind: str, *, figure: bool) -> _Begun | None:
        fact = self.material.fact(figure=figure)
        return None if fact is None else (_Work(kind, fact.key, (_place(fact),)), lambda work: self._simple(work, fact))

    def _from_premise(self) -> _Begun | None:
        fact = self.material.fact()
        if fact is None:
            return None
        return _Work(ADVERSARIAL, fact.key, (_place(fact),)), lambda work: self._adversarial(work, fact)

    def _from_pair(self) -> _Begun | None:
        pair = self.material.pair()
        if pair is None:
            return None
        evidence = (_place(pair[0]), _place(pair[1]))
        return _Work(COMPARISON, " ".join(one.key for one in pair), evidence), lambda w: self._comparison(w, *pair)

    def _from_bridge(self) -> _Begun | None:
        bridge = self.material.bridge()
        if bridge is None:
            return None
        evidence = (_place(bridge.told[0]), _place(bridge.fact))
        return _Work(MULTI_HOP, f"{bridge.name} {bridge.fact.key}", evidence), lambda w: self._multi_hop(w, bridge)

    def _from_passage(self) -> _Begun | None:
        opening = self.material.opening()
        if opening is None:
            return None
        chunk, aspect = opening
        place = EvidencePlace(chunk.document, chunk.char_start, chunk.char_end, chunk.text, chunk.page)
        return _Work(UNANSWERABLE, str(chunk.id), (place,)), lambda work: self._unanswerable(work, chunk, aspect)

    # The kinds

    def _simple(self, work: _Work, fact: Fact) -> str:
        work.answer = fact.answer
        return (
            self._asked(work, fact, lambda: self._duplicate(work) or self._unfound(work, [fact.chunk]))
            or self._unanswered(work.question, fact.answer, [fact.chunk])
            or self._known(work.question, work.answer)
        )

    def _comparison(self, work: _Work, *facts: Fact) -> str:
        asked: dict[str, Fact] = {}

        def wrong(fact: Fact, name: str) -> str:
            work.question = f"What is {name}?"
            if not _PHRASE.fullmatch(name):
                return checks.NO_QUESTION
            return checks.NO_FIGURES if name in asked else self._badly_worded(work.question, fact)

        for fact in facts:
            work.answer = fact.answer
            write = partial(self._model.name, fact.chunk, fact.line, fact.answer)
            name, reason = worded(write, partial(wrong, fact))
            if reason:
                return reason
            asked[name] = fact
        one, other = asked
        work.question = f"Which is greater, {one} or {other}?"
        work.answer = max(asked, key=lambda name: asked[name].value or 0.0)
        work.remark = " against ".join(fact.answer for fact in facts)
        reason = (
            checks.form(work.question)
            or self._duplicate(work)
            or self._unfound(work, [fact.chunk for fact in facts])
            or self._unanswered(f"What is {one}?", asked[one].answer, [asked[one].chunk])
            or self._unanswered(f"What is {other}?", asked[other].answer, [asked[other].chunk])
        )
        # One of two is soon guessed: it is known only when it is said whichever comes first.
        turned = f"Which is greater, {other} or {one}?"
        return reason or (self._known(work.question, work.answer) and self._known(turned, work.answer))

    def _multi_hop(self, work: _Work, bridge: Bridge) -> str:
        name, fact = bridge.name, bridge.fact
        work.answer = fact.answer

        def unnamed() -> str:
            return "" if checks.contains(work.question, name) else checks.NOT_NAMED

        if reason := self._asked(work, fact, unnamed, name):
            return reason
        asked, told = work.question, bridge.told[0]
        for told in bridge.told:
            work.evidence = (_place(told), _place(fact))
            reason = self._composed(work, asked, bridge, told)
            if not reason:
                break
        reason = reason or self._unanswered(work.question, work.answer, [told.chunk, fact.chunk])
        if reason:
            return reason
        enough = any(self._answered_by(work.question, work.answer, of.chunk) for of in (told, fact))
        return checks.ONE_ENOUGH if enough else self._known(work.question, work.answer)

    def _composed(self, work: _Work, asked: str, bridge: Bridge, told: Fact) -> str:
        """Let the model say what a name stands for, and put that in the name's place; why that failed."""
        name, fact = bridge.name, bridge.fact

        def wrong(said: str) -> str:
            if not self._describes(said, name, told):
                return checks.NOT_DESCRIBED
            composed = re.sub(rf"(?:\b[Tt]he\s)?(?<!\w){re.escape(name)}(?!\w)", lambda _: said, asked, count=1)
            work.question, work.remark = composed[:1].upper() + composed[1:], f"{said} is {name}"
            return (
                checks.form(work.question)
                or checks.not_trivial(work.question, work.answer, fact.line)
                or self._duplicate(work)
                or self._unfound(work, [told.chunk, fact.chunk])
            )

        return worded(partial(self._model.describe, told.chunk, told.line, name), wrong)[1]

    def _unanswerable(self, work: _Work, chunk: Chunk, aspect: Aspect) -> str:
        work.remark = f"Asked for: {aspect.asked}. By the model's word no passage tells it; look whether that is so"

        def wrong(question: str) -> str:
            work.question = question
            if reason := checks.form(question) or self._duplicate(work):
                return reason
            found = {hit.chunk.document for hit in self._rag.search(question, FOUND_AMONG)}
            return "" if chunk.document in found else checks.OFF_TOPIC

        _, reason = worded(partial(self._model.missing, chunk, aspect.asked), wrong)
        if reason:
            return reason
        hits = self._rag.search(work.question, FOUND_AMONG)
        return checks.MAY_BE_ANSWERED if self._one_answers(work.question, hits[:LOOKED_AT]) else ""

    def _adversarial(self, work: _Work, fact: Fact) -> str:
        work.answer = fact.answer
        drawing = random.Random(f"{self._seed} {work.made_from}")  # a run that is resumed draws the same
        change: FalsePremise | None = None

        def unchanged() -> str:
            nonlocal change
            change = falsified(work.question, self.material.names, fact.chunk.passage, drawing)
            return "" if change else checks.NOTHING_TO_CHANGE

        reason = self._asked(work, fact, unchanged)
        if reason or change is None:
            return reason
        asked, work.question = work.question, change.question
        work.remark = f"A false premise: {change.before} became {change.after}. Of {change.before} it is {fact.answer}"
        if reason := self._duplicate(work) or self._unanswered(asked, fact.answer, [fact.chunk]):
            return reason
        hits = self._rag.search(work.question, FOUND_AMONG)
        naming = [hit for hit in hits if checks.contains(_with_headings(hit.chunk), change.after)]
        return checks.MAY_BE_ANSWERED if self._one_answers(work.question, naming[:LOOKED_AT]) else ""

    def _asked(self, work: _Work, fact: Fact, then: Callable[[], str], naming: str = "") -> str:
        """Let the model ask for a fact, by these words if any, until nothing is wrong, also `then`; what is."""

        def wrong(question: str) -> str:
            work.question = question
            return self._badly_worded(question, fact) or then()

        write = partial(self._model.question, fact.chunk, fact.line, fact.answer, naming)
        return worded(write, wrong)[1]

    def _describes(self, said: str, name: str, told: Fact) -> bool:
        """Whether a phrase without the name says of it what its passage supports."""
        if not _PHRASE.fullmatch(said) or checks.contains(said, name):
            return False
        (carried,) = self._scorer.score([f"{name} is {said}."], [told.chunk.passage])
        return carried.support is not None and carried.support >= self._scorer.threshold

    # What is checked with model and search

    def _badly_worded(self, question: str, fact: Fact) -> str:
        """Whether a simple question does not ask for its fact, by its words and the verifier."""
        reason = checks.form(question) or checks.not_trivial(question, fact.answer, fact.line)
        if reason:
            return reason
        told = [fact.chunk.passage, fact.line]  # a row says more with its columns
        return "" if checks.supported(question, fact.answer, told, self._scorer) else checks.UNSUPPORTED

    def _unanswered(self, question: str, answer: str, chunks: Sequence[Chunk]) -> str:
        said = self._model.answer(question, chunks)
        return "" if checks.answers(said, answer) else checks.NOT_ANSWERED

    def _answered_by(self, question: str, answer: str, chunk: Chunk) -> bool:
        """Whether the model finds the answer in this passage alone, and has not only guessed it."""
        found = not self._unanswered(question, answer, [chunk])
        return found and checks.supported(question, answer, [_with_headings(chunk)], self._scorer)

    def _known(self, question: str, answer: str) -> str:
        return checks.KNOWN if checks.answers(self._model.recall(question), answer) else ""

    def _duplicate(self, work: _Work) -> str:
        work.vector = self._rag.embed_query(work.question)
        same = checks.nearly_same([float(vector @ work.vector) for vector in self._kept])
        return checks.DUPLICATE if same else ""

    def _unfound(self, work: _Work, chunks: Sequence[Chunk]) -> str:
        hits = self._rag.search(work.question, FOUND_AMONG)
        evidence = {chunk.id for chunk in chunks}
        if not evidence <= {hit.chunk.id for hit in hits}:
            return checks.NOT_RETRIEVED
        others = [_with_headings(hit.chunk) for hit in hits if hit.chunk.id not in evidence]
        if work.kind == COMPARISON:  # its answer stands nowhere
            return ""
        elsewhere = checks.answered_elsewhere(work.question, work.answer, others, self._scorer)
        return checks.ELSEWHERE if elsewhere else ""

    def _one_answers(self, question: str, hits: Sequence[Hit]) -> bool:
        """Whether a passage answers: the model says that it does, and gives an answer that the passage supports."""
        for hit in hits:
            odds = self._model.holds(question, hit.chunk)
            if odds is None or odds > 0:
                said = strip_citations(self._model.answer(question, [hit.chunk]))
                told = [_with_headings(hit.chunk)]
                if said and not declines(said) and checks.supported(question, said, told, self._scorer):
                    return True
        return False


def worded(write: Callable[[int], str], wrong: Callable[[str], str]) -> tuple[str, str]:
    """The first wording with which nothing is wrong; or the last one, and what is wrong with it."""
    said = reason = ""
    for wording in range(WORDINGS):
        said = write(wording)
        reason = wrong(said)
        if not reason:
            break
    return said, reason


def _place(fact: Fact) -> EvidencePlace:
    return EvidencePlace(fact.chunk.document, fact.char_start, fact.char_end, fact.quote, fact.chunk.page)


def _with_headings(chunk: Chunk) -> str:
    return f"{chunk.title}\n{chunk.heading}\n{chunk.passage}"
