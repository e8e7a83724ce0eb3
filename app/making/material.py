"""What questions are made from: facts and passages of a library, drawn so that they are spread over its documents."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...eval.making.aspects import ASPECTS, Aspect
from ...eval.making.facts import SHORTEST, Fact, facts_of, lines_of, names_in
from ...generation.grounding.overlap import content_words
from ...generation.guarding import hidden_spans
from ...retrieval.library import Library
from ...retrieval.records import Chunk

Item = TypeVar("Item")

MOST_CHUNKS = 1000
"""So many chunks are read; of a larger library the same number of each document, drawn at random."""
SHORTEST_PASSAGE = 15
"""Words of a passage that a question is made about as a whole."""
COMMON = 0.3
"""The share of the documents that may hold a name: one that many hold is no telling answer, and connects nothing."""
APART = 10.0
"""The most that one figure may be of another with which it is compared: further apart, which is greater goes without
saying."""


MOST_COMPARED = 200
"""So many figures of the same unit are looked at for each."""
MOST_TOLD = 3
"""So many lines that tell something of a name are tried."""
ALIKE = 0.2
"""The likeness of two lines from which a pair over two documents is better than one in the same document."""


@dataclass(frozen=True, slots=True)
class _Pair:
    rank: tuple[bool, float, str]
    fact: Fact
    other: Fact


@dataclass(frozen=True, slots=True)
class Bridge:
    """A name of which two documents tell something."""

    name: str
    fact: Fact
    """Its line holds the name, and something else to be asked for."""
    told: tuple[Fact, ...]
    """Of other documents: `answer` is the name, and the line says something of it; the nearest first."""


class Material:
    """Draws what to make a question of; each is drawn once. The document that has the fewest questions comes first,
    then the one that was tried the least.

    Args:
        library: Read once.
        seed: Of the draws.
    """

    def __init__(self, library: Library, seed: int) -> None:
        drawing = random.Random(seed)
        self._drawing = drawing
        self._chunks = _read(library, drawing)
        # "Agreement" is no name where others write "the agreement".
        words = {word for chunk in self._chunks for word in re.findall(r"\b[a-z]\w+", chunk.text)}
        self._told = {name: told for name, told in _told(self._chunks).items() if name.lower() not in words}
        spread = {name: len({one.chunk.document for one in told}) for name, told in self._told.items()}
        most = max(2.0, COMMON * len({chunk.document for chunk in self._chunks}))
        common = {name for name, documents in spread.items() if documents > most}
        facts = [fact for chunk in self._chunks for fact in facts_of(chunk)]
        facts = [fact for fact in facts if fact.answer not in common and fact.answer.lower() not in words]
        drawing.shuffle(facts)
        self._facts = _grouped(facts, lambda fact: fact.chunk.document)
        self._of_unit = _grouped((fact for fact in facts if fact.value is not None), lambda fact: fact.unit)
        long = (chunk for chunk in self._chunks if len(chunk.text.split()) >= SHORTEST_PASSAGE)
        self._passages = _grouped(long, lambda chunk: chunk.document)
        self._order = {name: place for place, name in enumerate({**self._passages, **self._facts})}
        self._kept: Counter[str] = Counter()
        self._tried: Counter[str] = Counter()
        self._drawn: set[str] = set()
        self._paired: dict[str, list[tuple[Fact, Fact]]] = {}
        self._words: dict[tuple[str, int], frozenset[str]] = {}
        self._vectors = library.vectors_of([chunk.id for chunk in self._chunks])
        self._bridging = {name for name, documents in spread.items() if 2 <= documents <= most}
        self.names = sorted(self._told)

    def note(self, documents: Sequence[str], *, kept: bool) -> None:
        """Remember that documents were tried, and whether a question about them was kept."""
        self._tried.update(documents)
        if kept:
            self._kept.update(documents)

    def fact(self, *, figure: bool | None = None) -> Fact | None:
        """A fact; only figures, only others, or any. None when there is none left."""
        return next(self._unused_facts(figure), None)

    def opening(self) -> tuple[Chunk, Aspect] | None:
        """A passage, and what it does not tell by its words; None when there is none left."""
        for document in self._documents():
            for chunk in self._passages.get(document, ()):
                if self._take(f"{chunk.id}"):
                    untold = [aspect for aspect in ASPECTS if not aspect.may_be_told(chunk.passage)]
                    if untold:
                        return chunk, self._drawing.choice(untold)
        return None

    def pair(self) -> tuple[Fact, Fact] | None:
        """Two figures of the same kind that differ, of two lines that have words in common, the most alike first."""
        for document in self._documents():
            for fact, other in self._pairs(document):
                if self._take(f"pair {' '.join(sorted((fact.key, other.key)))}"):
                    return fact, other
        return None

    def _pairs(self, document: str) -> list[tuple[Fact, Fact]]:
        """The pairs of a document: of each line the best. Those with another document come first, if they are alike."""
        if document not in self._paired:
            best: dict[tuple[str, int], _Pair] = {}
            for fact in self._facts.get(document, ()):
                for other in self._of_unit.get(fact.unit, ())[:MOST_COMPARED]:
                    if _comparable(fact, other):
                        alike = self._likeness(fact, other)
                        pair = _Pair(
                            (alike >= ALIKE and other.chunk.document != document, alike, other.key), fact, other
                        )
                        best[_line(fact)] = max(best.get(_line(fact), pair), pair, key=lambda one: one.rank)
            ranked = sorted(best.values(), key=lambda one: one.rank, reverse=True)
            self._paired[document] = [(one.fact, one.other) for one in ranked if one.rank[1]]
        return self._paired[document]

    def _likeness(self, one: Fact, other: Fact) -> float:
        """The share of the words of two lines that stand in both (Jaccard's index), 0..1; figures count for nothing."""
        words, others = self._words_of(one), self._words_of(other)
        return len(words & others) / max(1, len(words | others))

    def _words_of(self, fact: Fact) -> frozenset[str]:
        line = _line(fact)
        if line not in self._words:
            self._words[line] = frozenset(word for word in content_words(fact.line) if not word[0].isdigit())
        return self._words[line]

    def bridge(self) -> Bridge | None:
        """A name that two documents share, with what each tells of it; None when there is none left."""
        for document in self._documents():
            for fact in sorted(self._facts.get(document, ()), key=_rank_of_bridge):
                for name in (one for one in names_in(fact.line) if one in self._bridging):
                    told = [one for one in self._told[name] if one.chunk.document != document]
                    apart = name not in fact.answer and fact.answer not in name
                    if told and apart and self._take(f"{name} {fact.key}"):
                        told.sort(key=lambda one: (-self._nearness(fact.chunk, one.chunk), one.key))
                        return Bridge(name, fact, tuple(told[:MOST_TOLD]))
        return None

    def _unused_facts(self, figure: bool | None) -> Iterator[Fact]:
        for document in self._documents():
            for fact in self._facts.get(document, ()):
                if figure in (None, fact.value is not None) and self._take(fact.key):
                    yield fact

    def _documents(self) -> list[str]:
        return sorted(self._order, key=lambda name: (self._kept[name], self._tried[name], self._order[name]))

    def _take(self, key: str) -> bool:
        if key in self._drawn:
            return False
        self._drawn.add(key)
        return True

    def _nearness(self, one: Chunk, other: Chunk) -> float:
        vectors: list[npt.NDArray[np.float32]] = [self._vectors[chunk.id] for chunk in (one, other)]
        return float(vectors[0] @ vectors[1])


def _read(library: Library, drawing: random.Random) -> list[Chunk]:
    """Chunks of all documents in turn; none that speaks to the assistant."""
    by_document = [library.chunks_of(document.id) for document in library.documents()]
    for chunks in by_document:
        drawing.shuffle(chunks)
    drawing.shuffle(by_document)
    in_turn = (chunk for chunk in chain.from_iterable(zip_longest(*by_document)) if chunk is not None)
    return [
        chunk for chunk, _ in zip((one for one in in_turn if not hidden_spans(one)), range(MOST_CHUNKS), strict=False)
    ]


def _grouped(items: Iterable[Item], by: Callable[[Item], str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[by(item)].append(item)
    return dict(found)


def _comparable(one: Fact, other: Fact) -> bool:
    if not one.value or not other.value or one.value == other.value or _line(one) == _line(other):
        return False
    return max(one.value, other.value) <= APART * min(one.value, other.value)


def _rank_of_bridge(fact: Fact) -> tuple[bool, bool]:
    """What is best asked for of a name comes first: what stands in a sentence, and figures and dates."""
    return ": " in fact.line and "; " in fact.line, not any(character.isdigit() for character in fact.answer)


def _line(fact: Fact) -> tuple[str, int]:
    return fact.chunk.document, fact.char_start


def _told(chunks: Sequence[Chunk]) -> dict[str, list[Fact]]:
    """By each name, the sentences that hold it."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for chunk in chunks:
        for segment, line, start in lines_of(chunk):
            if segment.kind != "row" and len(line.split()) >= SHORTEST:
                for name in names_in(line):
                    found[name].append(Fact(chunk, line, start, start + len(segment.text), name))
    return dict(found)
