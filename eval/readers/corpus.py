"""A corpus, queries, and what of it is relevant to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from ..metrics.ranking import Qrels
from .items import stratified


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document to search for."""

    id: str
    title: str
    """Empty where the data has none."""
    text: str
    """Without the title."""
    media_type: Literal["text/plain", "text/markdown"] = "text/plain"


@dataclass(frozen=True, slots=True)
class JudgedCorpus:
    """Documents with unique ids, queries by id, and the relevance judgements of exactly these queries."""

    name: str
    corpus: tuple[CorpusDocument, ...]
    queries: Mapping[str, str]
    qrels: Qrels
    queries_absent: int = 0
    """Judged queries whose text is missing; they are left out."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Of each query, what it shares with those that depend on it, such as the article; its own where none is told."""

    @property
    def judgements(self) -> int:
        """How many there are, grades of 0 included."""
        return sum(map(len, self.qrels.values()))

    @property
    def absent(self) -> int:
        """Judgements of documents that the corpus lacks. They stay, so a relevant one counts as not found."""
        known = {document.id for document in self.corpus}
        return sum(document not in known for grades in self.qrels.values() for document in grades)

    def sample(self, queries: int | None, seed: int = 0) -> JudgedCorpus:
        """The same corpus with at most so many of its queries, drawn at random, in their old order."""
        if queries is None or queries >= len(self.queries):
            return self
        named = list(self.queries.items())
        kept = dict(named[place] for place in stratified([None] * len(named), queries, seed))
        return replace(self, queries=kept, qrels={query: self.qrels[query] for query in kept})

    def fingerprint(self) -> str:
        """SHA-256 of the documents."""
        digest = hashlib.sha256()
        for document in self.corpus:
            digest.update(json.dumps(asdict(document)).encode() + b"\n")
        return digest.hexdigest()
