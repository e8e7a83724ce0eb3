"""One question after another: the model words it, and it is checked, the cheapest check first."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import ContextOverflowError
from ...eval.making import checks
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
from ...eval.making.premises import falsified
from ...generation.grounding import default_scorer
from ...generation.grounding.claims import declines
from ...generation.prompts import Prompts
from ...generation.questioning import Questioner
from ...retrieval.records import Chunk, Hit
from ..engine import Ragstone
from .material import Material

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
        own = rag.settings.prompts_dir
        self._rag = rag
        self._model = Questioner(rag.load_model(), Prompts(Path(own).expanduser() if own else None))
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
        made_from = f"{bridge.told.key} {bridge.fact.key}"
        evidence = (_place(bridge.told), _place(bridge.fact))
        return _Work(MULTI_HOP, made_from, evidence), lambda w: self._multi_hop(
            w, bridge.name, bridge.told, bridge.fact
        )

    def _from_passage(self) -> _Begun | None:
        chunk = self.material.passage()
        if chunk is None:
            return None
        place = EvidencePlace(chunk.document, chunk.char_start, chunk.char_end, chunk.text, chunk.page)
        return _Work(UNANSWERABLE, str(chunk.id), (place,)), lambda work: self._unanswerable(work, chunk)

    # The kinds

    def _simple(self, work: _Work, fact: Fact) -> str:
        work.question, work.answer = self._model.question(fact.chunk, fact.line, fact.answer), fact.answer
        return (
            self._badly_worded(work.question, fact)
            or self._duplicate(work)
            or self._unfound(work, [fact.chunk])
            or self._unanswered(work.question, fact.answer, [fact.chunk])
            or self._known(work.question, work.answer)
        )

    def _comparison(self, work: _Work, *facts: Fact) -> str:
        asked: dict[str, Fact] = {}
        for fact in facts:
            name = self._model.name(fact.chunk, fact.line, fact.answer).rstrip(".")
            work.question, work.answer = f"What is {name}?", fact.answer
            if not _PHRASE.fullmatch(name):
                return checks.NO_QUESTION
            if reason := self._badly_worded(work.question, fact):
                return reason
            asked[name] = fact
        if len({name.lower() for name in asked}) < len(facts):
            return checks.NO_FIGURES
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

    def _multi_hop(self, work: _Work, name: str, told: Fact, fact: Fact) -> str:
        asked, work.answer = self._model.question(fact.chunk, fact.line, fact.answer), fact.answer
        work.question = asked
        if reason := self._badly_worded(asked, fact):
            return reason
        if not checks.contains(asked, name):
            return checks.NOT_NAMED
        said = self._model.describe(told.chunk, told.line, name).rstrip(".")
        if not _PHRASE.fullmatch(said) or checks.contains(said, name):
            return checks.NOT_DESCRIBED
        (carried,) = self._scorer.score([f"{name} is {said}."], [told.chunk.passage])
        if carried.support is None or carried.support < self._scorer.threshold:
            return checks.NOT_DESCRIBED
        work.question = re.sub(rf"(?:\b[Tt]he\s)?(?<!\w){re.escape(name)}(?!\w)", said, asked, count=1)
        work.remark = f"{said} is {name}"
        reason = (
            checks.form(work.question)
            or checks.not_trivial(work.question, work.answer, fact.line)
            or self._duplicate(work)
            or self._unfound(work, [told.chunk, fact.chunk])
            or self._unanswered(work.question, work.answer, [told.chunk, fact.chunk])
        )
        if reason:
            return reason
        enough = any(not self._unanswered(work.question, work.answer, [of.chunk]) for of in (told, fact))
        return checks.ONE_ENOUGH if enough else self._known(work.question, work.answer)

    def _unanswerable(self, work: _Work, chunk: Chunk) -> str:
        work.question = self._model.missing(chunk)
        work.remark = "By the model's word no passage answers it; look whether that is so"
        if reason := checks.form(work.question) or self._duplicate(work):
            return reason
        hits = self._rag.search(work.question, FOUND_AMONG)
        if chunk.document not in {hit.chunk.document for hit in hits}:
            return checks.OFF_TOPIC
        return checks.MAY_BE_ANSWERED if self._one_holds(work.question, hits[:LOOKED_AT]) else ""

    def _adversarial(self, work: _Work, fact: Fact) -> str:
        asked, work.answer = self._model.question(fact.chunk, fact.line, fact.answer), fact.answer
        work.question = asked
        if reason := self._badly_worded(asked, fact):
            return reason
        drawing = random.Random(f"{self._seed} {work.made_from}")  # a run that is resumed draws the same
        changed = falsified(asked, self.material.names, fact.chunk.passage, drawing)
        if changed is None:
            return checks.NOTHING_TO_CHANGE
        work.question = changed.question
        work.remark = (
            f"A false premise: {changed.before} became {changed.after}. Of {changed.before} it is {fact.answer}"
        )
        if reason := self._duplicate(work) or self._unanswered(asked, fact.answer, [fact.chunk]):
            return reason
        hits = self._rag.search(work.question, FOUND_AMONG)
        naming = [hit for hit in hits if checks.contains(_with_headings(hit.chunk), changed.after)]
        return checks.MAY_BE_ANSWERED if self._one_holds(work.question, naming[:LOOKED_AT]) else ""

    # What is checked with model and search

    def _badly_worded(self, question: str, fact: Fact) -> str:
        """Whether a simple question does not ask for its fact, by its words and the verifier."""
        reason = checks.form(question) or checks.not_trivial(question, fact.answer, fact.line)
        if reason:
            return reason
        carried = checks.supported(question, fact.answer, fact.chunk.passage, self._scorer)
        return "" if carried else checks.UNSUPPORTED

    def _unanswered(self, question: str, answer: str, chunks: Sequence[Chunk]) -> str:
        said = self._model.answer(question, chunks)
        return "" if checks.answers(said, answer) else checks.NOT_ANSWERED

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

    def _one_holds(self, question: str, hits: Sequence[Hit]) -> bool:
        """Whether the model says of a passage that it states the answer; a model that does not tell is asked for it."""
        for hit in hits:
            odds = self._model.holds(question, hit.chunk)
            if odds is None:
                odds = -1.0 if declines(self._model.answer(question, [hit.chunk])) else 1.0
            if odds > 0:
                return True
        return False


def _place(fact: Fact) -> EvidencePlace:
    return EvidencePlace(fact.chunk.document, fact.char_start, fact.char_end, fact.quote, fact.chunk.page)


def _with_headings(chunk: Chunk) -> str:
    return f"{chunk.title}\n{chunk.heading}\n{chunk.passage}"
