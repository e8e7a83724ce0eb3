"""Which passages support a sentence: its verdict, its evidence, and what it should cite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from .context import Passage
from .differing import Differing, differing
from .grounding import Evidence, Scorer, Verdict
from .grounding.claims import Claim, cited_numbers
from .grounding.evidence import Source
from .grounding.segments import Segment
from .grounding.tables import words_of

MOST_CITATIONS = 3
"""Of a sentence."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of holding a sentence against the passages."""

    support: float | None
    """0..1; None when it could not be scored."""
    verdict: Verdict
    citations: tuple[int, ...] = ()
    """The numbers of the passages that support it, best first."""
    nearest: Passage | None = None
    """The one that holds the evidence."""
    evidence: Evidence = field(default_factory=lambda: Evidence(None))
    """... and where in it."""
    unsupported: tuple[tuple[int, int], ...] = ()
    """Where in the sentence stands what no passage carries, as far as it can be told."""
    elsewhere: tuple[tuple[int, int], ...] = ()
    """Those of them whose words a passage has, and says of something else, or otherwise."""
    why: str = ""
    """Why it could not be scored, where that can be told."""
    differing: tuple[Differing, ...] = ()
    """Where other documents say the same with another figure."""


class Checker:
    """Holds the sentences of an answer against the passages that its model was given.

    A sentence is scored against all passages at once, which also names the one that carries it; then against each
    that it cites, and the one that carries it, alone. So a sentence costs two or three scores however many passages
    there are, unless several say it only together. A passage's label (its title and heading) stands for that passage
    alone: the title of one vouches for nothing that another says.

    Args:
        question: What was asked; its words are not claims of the answer.
        passages: What the model was given.
        scorer: What judges.
        beside: What else was found, which may differ from what a sentence says.
    """

    def __init__(
        self, question: str, passages: Sequence[Passage], scorer: Scorer, beside: Sequence[Passage] = ()
    ) -> None:
        self.quoted: dict[int, Evidence] = {}
        """By the number of a cited passage, where it supports the answer most."""
        self._passages = tuple(passages)
        self._texts = {passage.n: passage.evidence for passage in passages}
        self._scorer = scorer
        self._labels = {passage.n: passage.label for passage in passages}
        self._question = question
        self._sources: dict[int, Source] = {}
        self._beside = (*passages, *(passage for passage in beside if passage.n not in self._texts))

    def check(self, segment: Segment, text: str) -> Checked | None:
        """Check a part of an answer; None where it states nothing that could be checked.

        Args:
            segment: The part as the model wrote it.
            text: The same without citations; spans count in it.
        """
        claim = segment.claim(text)
        if claim is None:
            return None
        if not self._passages:
            return Checked(None, "unscored")
        written = cited_numbers(segment.text)
        cited = [passage for passage in self._passages if passage.n in written]
        among: Sequence[Passage] = self._passages
        found = self._score(claim, among, " ".join(self._labels.values()))
        if not self._holds(found) and 0 < len(cited) < len(among):
            alone = self._score(claim, cited)  # what it cites may be crowded out by the rest
            if self._holds(alone) or alone.support is None:
                among, found = cited, alone
        if found.support is None:
            numbers = [passage.n for passage in cited[:MOST_CITATIONS]]
            unscored = Checked(None, "unscored", tuple(numbers), why=found.why)
            return self._cite(unscored, dict.fromkeys(numbers, Evidence(None)))
        chosen = self._supporting(claim, among, cited, found) if self._holds(found) else {}
        if self._holds(found) and not chosen:  # the label of one passage may have vouched for another
            found = self._score(claim, among)
        if not self._holds(found):
            nearest = None if found.passage is None else among[found.passage]
            spans = claim.located(found.unsupported)
            elsewhere = tuple(span for span in spans if self._has(text[slice(*span)]))
            return Checked(found.support, "unsupported", (), nearest, found, spans, elsewhere)
        if not chosen and found.passage is not None:  # more passages say it together than are cited
            chosen = {among[found.passage].n: found}
        nearest = next((passage for n in chosen for passage in among if passage.n == n), None)
        evidence = found if nearest is None else chosen[nearest.n]
        checked = Checked(found.support, "supported", tuple(chosen), nearest, evidence)
        return self._cite(replace(checked, differing=self._differing(claim, chosen)), chosen)

    def _supporting(
        self, claim: Claim, among: Sequence[Passage], cited: Sequence[Passage], found: Evidence
    ) -> dict[int, Evidence]:
        """The passages to cite for a claim that they support all together, best first; none if no few of them do."""
        if len(among) == 1:
            return {among[0].n: found}
        carrying = [] if found.passage is None else [among[found.passage]]
        tried = {passage.n: passage for passage in (*carrying, *cited)}
        alone = {n: self._score(claim, [passage]) for n, passage in tried.items()}
        chosen = [n for n in _best_first(alone) if self._holds(alone[n])][:MOST_CITATIONS]
        if not chosen:  # none says it alone
            tried = {passage.n: passage for passage in among}
            alone |= {n: self._score(claim, [passage]) for n, passage in tried.items() if n not in alone}
            best = _best_first(alone)
            sets = (best[:most] for most in range(2, min(MOST_CITATIONS, len(best)) + 1))
            together = (of for of in sets if self._holds(self._score(claim, [tried[n] for n in of])))
            chosen = next(together, [])
        return {n: alone[n] for n in chosen}

    def _differing(self, claim: Claim, citing: Iterable[int]) -> tuple[Differing, ...]:
        """Where documents that are not cited for a claim say it with another figure."""
        cited = {passage.hit.chunk.document_id for passage in self._passages if passage.n in set(citing)}
        others = (passage for passage in self._beside if passage.hit.chunk.document_id not in cited)
        return tuple(differing(self._question, claim.text, ((other, self._source(other)) for other in others)))

    def _source(self, passage: Passage) -> Source:
        """A passage made ready, once for all sentences."""
        if passage.n not in self._sources:
            self._sources[passage.n] = Source([passage.evidence])
        return self._sources[passage.n]

    def _cite(self, checked: Checked, where: dict[int, Evidence]) -> Checked:
        for n in checked.citations:  # a passage is quoted where it supports most
            found, known = where[n], self.quoted.get(n)
            if known is None or (found.support or 0.0) > (known.support or 0.0):
                self.quoted[n] = found
        return checked

    def _score(self, claim: Claim, passages: Sequence[Passage], labels: str | None = None) -> Evidence:
        """Hold a claim against passages. It may borrow the words that all their labels have, or the labels given."""
        if labels is None:
            first, *others = (self._labels[passage.n].split() for passage in passages)
            labels = " ".join(word for word in first if all(word in other for other in others))
        context = f"{claim.asked(self._question)}\n{labels}".rstrip()
        (found,) = self._scorer.score([claim.text], [self._texts[passage.n] for passage in passages], context)
        return found

    def _has(self, text: str) -> bool:
        """Whether the words of a text stand in a passage, one after the other."""
        sought = [word.terms for word in words_of(text)]
        return bool(sought) and any(
            all(map(frozenset.__and__, sought, had[at : at + len(sought)]))
            for had in self._words
            for at in range(len(had) - len(sought) + 1)
        )

    @cached_property
    def _words(self) -> list[list[frozenset[str]]]:
        return [[word.terms for word in words_of(text)] for text in self._texts.values()]

    def _holds(self, evidence: Evidence) -> bool:
        return evidence.support is not None and evidence.support >= self._scorer.threshold


def _best_first(scored: dict[int, Evidence]) -> list[int]:
    return sorted(scored, key=lambda n: (-(scored[n].support or 0.0), n))
