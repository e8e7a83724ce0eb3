"""A library and those who read it, each of whose searches can be compared with brute force."""

from __future__ import annotations

import logging
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from ragstone.benchmarks._brute_force import WORDS, Chosen, Model, check_figures, some_words, unit
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.filters import Filter
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import Retriever

MEMORY_MB = (1024, 0.016, 0.0102)
"""In the last ones a few hundred vectors have room if they are compressed."""
WHOLE = 60
"""Up to so many rows, a hybrid search is compared whole."""


@dataclass
class Told:
    """What a run has seen."""

    steps: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    """By kind of the approximate indexes: how many of the nearest were found."""
    wanted: Counter[str] = field(default_factory=Counter)
    died: int = 0
    """Processes that died before their change was done."""

    def add(self, other: Told) -> None:
        """Count what another run has seen."""
        for name in ("steps", "kinds", "found", "wanted"):
            getattr(self, name).update(getattr(other, name))
        self.died += other.died

    def recall(self) -> dict[str, float]:
        """Of each kind of approximate index."""
        return {kind: self.found[kind] / self.wanted[kind] for kind in sorted(+self.wanted)}


class Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Reader:
    """A library as one process sees it."""

    library: Library
    index: Index
    retriever: Retriever


class SearchedLibrary(RuleBasedStateMachine):
    """What the steps of `changing_library` act upon."""

    told = Told()
    library: Library
    model: Model
    embedder: Chosen
    readers: list[Reader]
    dice: random.Random
    memory_mb: float

    def open_another(self) -> Reader:
        """A reader that has just come; of the others the oldest two stay."""
        library = Library(self.library.folder)
        memory_mb = self.dice.choice((self.memory_mb, self.memory_mb, *MEMORY_MB))
        retriever = Retriever(library, lambda: self.embedder, drop_copies=False, memory_mb=memory_mb)
        self.readers.append(Reader(library, Index.load(library, memory_mb), retriever))
        for reader in self.readers[2:-1]:
            reader.library.close()
        self.readers = [*self.readers[:2], *self.readers[2:][-1:]]
        return self.readers[-1]

    def check(self, step: str, reader: Reader | None = None) -> None:
        """Search as a reader does."""
        self.told.steps[step] += 1
        reader = reader or self.dice.choice(self.readers)
        known = reader.index = reader.index.refreshed(reader.library)
        assert (len(known), known.revision) == (len(self.model.rows), reader.library.revision)
        assert reader.library.counts() == (len(self.model.paths()), len(self.model.rows))
        self.told.kinds[known.kind] += 1
        query, vector, k = self.query(), self.vector(), self.dice.choice((1, 3, 10, 100, 1000))
        (where, among), terms = self.some_filter(), query_terms(query)
        self.embedder.vectors = {query: vector}
        kept = None if where is None else Filter.parse(where)
        limit = None if kept is None else known.rows_among(reader.library.document_ids(kept))
        approximate = known.state.approximate
        hits = known.dense(vector, k, limit)
        self.count(known.kind, *self.model.check_dense(hits, vector, among, k, approximate=approximate))
        numbers = list(reader.library.term_ids(terms).values())
        self.model.check_lexical(known.lexical(numbers, k, limit), terms, among, k)
        if self.dice.random() < 0.2:
            check_figures(self.model, reader.library, known, terms, vector)
        also = self.dice.sample([*self.model.rows, *self.model.gone], min(2, len(self.model.rows)))
        found = reader.retriever.search(query, k, where=kept, also=also)
        opened = reader.retriever._index  # its news may have come in other parts than those of the other index
        approximate = opened is not None and opened.state.approximate
        whole = not approximate and len(among) <= WHOLE
        self.model.check_hybrid(found, query, vector, among, k, whole=whole)
        if self.dice.random() < 0.2:
            lexical = reader.retriever.search(query, k, "lexical", kept)
            self.model.check_lexical([(hit.chunk.id, hit.score) for hit in lexical], terms, among, k)
            dense = [(hit.chunk.id, hit.score) for hit in reader.retriever.search(query, k, "dense", kept)]
            self.model.check_dense(dense, vector, among, k, approximate=approximate)

    def count(self, kind: str, found: int, wanted: int) -> None:
        if kind.startswith("ivf"):
            kind = f"ivf {kind.split()[1]}"
            self.told.found[kind] += found
            self.told.wanted[kind] += wanted

    def query(self) -> str:
        words = some_words(self.dice, self.dice.randint(1, 4))
        if self.model.rows and self.dice.random() < 0.4:
            words.append(self.dice.choice(self.dice.choice(list(self.model.rows.values())).text.split()))
        if self.dice.random() < 0.3:
            words += self.dice.choice((["the"], ["unheard"], words, WORDS))
        return " ".join(words)

    def vector(self) -> Any:
        """A query that has a chunk's own vector, or one of the few, or any."""
        if self.model.rows and self.dice.random() < 0.4:
            return self.dice.choice(list(self.model.rows.values())).vector
        return unit(self.dice, self.embedder.identity.dimension)

    def some_filter(self) -> tuple[dict[str, object] | None, set[int]]:
        """Conditions, and the chunks that they keep; none and all."""
        paths, choice = self.model.paths(), self.dice.random()
        if choice < 0.4 or not paths:
            return None, set(self.model.rows)
        if choice < 0.7:
            name = self.dice.choice("abc")
            files = [file for file in self.model.files.values() if file.collection == name]
            return {"collection": name}, self.model.within({i for file in files for i in file.documents})
        chosen = self.dice.sample(sorted(paths), self.dice.randint(1, len(paths)))
        return {"document": [paths[i] for i in chosen]}, self.model.within(chosen)
