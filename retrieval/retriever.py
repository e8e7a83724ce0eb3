"""From a query to hits: candidates of both methods, their relevance, what is dropped, the order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import SettingsError
from .analysis import query_terms
from .diversity import copies, spread
from .library import Library
from .records import Chunk, Dropped, Hit, Search
from .relevance import Features, Lead, relevance_to
from .rerank import rerank
from .telling import idf, telling
from .wording import QueryWords, Wording

if TYPE_CHECKING:
    from .embedding import Embedder
    from .filters import Filter
    from .index import Among, Index
    from .rerank import Reranker

Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = get_args(Mode)

DEPTH = 100
"""How many hits of each method are candidates."""
READ = 30
"""How many of the likeliest candidates are compared with the query word by word."""
TRIES = 10
"""How often the index is read anew because the library has changed at that very moment."""


@dataclass(slots=True)
class _Candidates:
    """What the two methods found, and what each says of what the other found."""

    rankings: dict[str, list[int]] = field(default_factory=dict)
    cosines: dict[int, float] = field(default_factory=dict)
    bm25: dict[int, float] = field(default_factory=dict)
    covered: dict[int, float] = field(default_factory=dict)
    """How telling those of the query's terms are together that stand in or next to each."""
    terms: dict[str, float] = field(default_factory=dict)
    """How telling each is (see `telling`)."""
    rarest: float = 0.0
    """How telling a rare word is that no chunk holds."""
    whole: float = 0.0
    """How telling they are together."""
    ideal: float = 0.0
    """The BM25 score that a chunk full of every term of the query comes close to."""
    lead: Lead = Lead()
    """Of the nearest."""

    def ids(self) -> list[int]:
        return list(dict.fromkeys(i for ids in self.rankings.values() for i in ids))

    def unread(self, chunk: int) -> tuple[float, float, float, float]:
        """What is known of a chunk before it is read: cosine, lexical, around and behind, of its features."""
        cosine = self.cosines.get(chunk, 0.0)
        return (
            cosine,
            self.bm25.get(chunk, 0.0) / self.ideal if self.ideal else 0.0,
            self.covered.get(chunk, 0.0) / self.whole if self.whole else 0.0,
            self.lead.behind(cosine),
        )

    def features(self, chunk: int, wording: Wording) -> Features:
        cosine, lexical, around, behind = self.unread(chunk)
        return Features(cosine, lexical, wording.exact, wording.near, around, behind)


class Retriever:
    """Searches one library. Follows it: hits always come from its present revision. Safe to use from several threads.

    Args:
        library: The library.
        embedder: Gives the embedding model; called only when a search needs it.
        reranker: Gives the cross-encoder that puts the best hits in their final order; none by default.
        rerank_depth: How many of the best hits it judges, at least 1.
        diversity: 0 orders hybrid hits by probability alone; up to 1, hits like those before them come later.
        drop_copies: Leave near-identical hits of a hybrid search out; the hit that stays names their documents.
        memory_mb: What the index may take in memory (see `Index.load`).
    """

    def __init__(
        self,
        library: Library,
        embedder: Callable[[], Embedder],
        reranker: Callable[[], Reranker] | None = None,
        rerank_depth: int = 20,
        diversity: float = 0.0,
        drop_copies: bool = True,
        memory_mb: float | None = None,
    ) -> None:
        self._library = library
        self._embedder = embedder
        self._reranker = reranker
        self._rerank_depth = rerank_depth
        self._diversity = diversity
        self._drop_copies = drop_copies
        self._memory_mb = memory_mb
        self._index: Index | None = None
        self._guard = threading.Lock()

    def close(self) -> None:
        """Let go of the index; a search in progress keeps it to its end, and a later one opens it anew."""
        with self._guard:
            self._index = None

    def search(
        self,
        query: str,
        k: int = 10,
        mode: Mode = "hybrid",
        where: Filter | None = None,
        also: Sequence[int] = (),
        min_probability: float = 0.0,
    ) -> list[Hit]:
        """Find the k chunks that answer a query best; see `trace`, which also tells how."""
        return self.trace(query, k, mode, where, also, min_probability).hits

    def trace(
        self,
        query: str,
        k: int = 10,
        mode: Mode = "hybrid",
        where: Filter | None = None,
        also: Sequence[int] = (),
        min_probability: float = 0.0,
    ) -> Search:
        """Find the k chunks that answer a query best, and tell what was dropped.

        Args:
            query: Natural language or key words. An empty query finds nothing.
            k: The most hits to return, at least 1.
            mode: `dense` (cosine of embeddings), `lexical` (BM25) or `hybrid` (both, by the probability that the chunk
                answers the query; see `relevance`).
            where: Only documents that this filter keeps; all by default.
            also: Ids of chunks that are candidates of a hybrid search whatever the methods find, if the filter keeps
                them; one that is gone is left out.
            min_probability: Leave out what answers a query less probably, 0..1; for a hybrid search only.

        Raises:
            EmbedderMismatchError: The library's vectors come from another embedding model.
            SettingsError: The filter asks for metadata that no document has; or no search can heed an argument.
        """
        _require_heeded(k, mode, min_probability)
        query = query.encode("utf-8", "replace").decode()  # a shell passes on bytes that are no text
        if not query.strip():
            return Search(query, {}, [], [])
        wanted = k if self._reranker is None else max(k, self._rerank_depth)
        depth, also = max(wanted, DEPTH), also if mode == "hybrid" else ()
        with self._one_state(mode) as (index, embedder):
            among = None if where is None else index.rows_among(self._library.document_ids(where))
            searched = len(index) if among is None else len(among)
            found = self._candidates(index, embedder, query, depth, mode, among, also)
            if mode == "hybrid":
                ordered, dropped = self._by_probability(query, found, wanted, min_probability)
            else:
                scores = found.cosines if mode == "dense" else found.bm25
                ordered, dropped = self._by_score(found, scores, wanted), []
        if self._reranker is not None and ordered:
            ordered = rerank(query, ordered, self._reranker(), self._rerank_depth)
        below = [Dropped(hit, f"below the {k} best") for hit in ordered[k:]]
        dropped = sorted(dropped + below, key=lambda d: d.hit.rank)
        return Search(query, found.terms, ordered[:k], dropped, searched)

    @contextmanager
    def _one_state(self, mode: Mode) -> Iterator[tuple[Index, Embedder | None]]:
        """As `_opened`; and what is read from the library until the end is of the index's revision too."""
        with ExitStack() as reading:
            for _ in range(TRIES):
                index, embedder = self._opened(mode)
                reading.enter_context(self._library.one_state())
                if self._library.revision == index.revision:
                    break
                reading.close()
            yield index, embedder

    def _opened(self, mode: Mode) -> tuple[Index, Embedder | None]:
        """The present index, and the model of its vectors if the search needs it."""
        while True:
            index = self._current_index()
            if mode == "lexical" or not len(index):
                return index, None
            embedder = self._embedder()
            if index.embedder is None or index.embedder.same_vectors(embedder.identity):
                return index, embedder
            self._library.require_embedder(embedder.identity)  # else the library was embedded anew just now

    def _candidates(
        self,
        index: Index,
        embedder: Embedder | None,
        query: str,
        depth: int,
        mode: Mode,
        among: Among | None,
        also: Sequence[int],
    ) -> _Candidates:
        found = _Candidates()
        if not len(index):
            return found
        terms: dict[int, float] = {}
        embedded = None if embedder is None else embedder.begin_query(query)  # it runs while words are searched for
        if mode != "dense":
            terms = self._look_up(index, query, found)
            hits = index.lexical(list(terms), depth, among)
            found.rankings["lexical"] = [i for i, _ in hits]
            found.bm25 = dict(hits)
        vector = None if embedded is None else embedded()
        if vector is not None:
            hits = index.dense(vector, depth, among)
            found.rankings["dense"] = [i for i, _ in hits]
            found.cosines = dict(hits)
        if mode == "hybrid" and vector is not None:
            found.rankings["also"] = index.kept(also, among)
            ids = found.ids()
            found.cosines |= index.similarities(vector, (i for i in ids if i not in found.cosines))
            found.bm25 |= index.bm25_of(list(terms), [i for i in ids if i not in found.bm25])
            found.covered = index.coverage(terms, ids)
            found.lead = Lead.of(found.cosines.values())
        return found

    def _look_up(self, index: Index, query: str, found: _Candidates) -> dict[int, float]:
        """How telling the query's terms are, by their ids; of those that the library knows."""
        from .index import K1

        asked, chunks = query_terms(query), len(index)
        known = self._library.term_ids(asked)
        holding = dict.fromkeys(asked, 0) | dict(zip(known, index.holding(list(known.values())), strict=True))
        found.rarest = telling("", chunks, 0)
        found.terms = {term: telling(term, chunks, often) for term, often in holding.items()}
        found.whole = sum(found.terms.values())
        found.ideal = (K1 + 1) * sum(idf(chunks, often) for often in holding.values())
        return {number: found.terms[term] for term, number in known.items()}

    def _by_probability(
        self, query: str, found: _Candidates, wanted: int, least: float
    ) -> tuple[list[Hit], list[Dropped]]:
        """The hits, and the candidates that were left out, of those that were compared word by word."""
        relevance = relevance_to(query)
        likeliest = nsmallest(
            max(wanted, READ), found.ids(), key=lambda i: (-relevance.order_unread(*found.unread(i)), i)
        )
        chunks = self._library.chunks(likeliest)
        words = QueryWords(query, found.terms, found.rarest)
        wordings = {i: words.wording(f"{c.title}\n{c.heading}", c.passage) for i, c in chunks.items()}
        features = {i: found.features(i, wording) for i, wording in wordings.items()}
        scores = {i: relevance.probability(features[i]) for i in chunks}
        order = sorted(chunks, key=lambda i: (-scores[i], i))
        hits = self._hits(order, found, chunks, scores, features)
        twins: dict[int, int] = {}
        if self._drop_copies:
            enough = len(order) if self._diversity else wanted
            twins = copies({i: chunk.passage for i, chunk in chunks.items()}, order, enough)
        dropped = [
            Dropped(hits[i], f"near-identical to {_name(chunks[twin])}")
            for i, twin in twins.items()
            if scores[i] >= least
        ]
        kept = [i for i in order if i not in twins and scores[i] >= least]
        dropped += [Dropped(hits[i], f"less probable than {least:g}") for i in order if scores[i] < least]
        if self._diversity:
            vectors = self._library.vectors_of(kept)
            chosen = spread(kept, scores, vectors, wanted, self._diversity)
            kept = chosen + [i for i in kept if i not in set(chosen)]
        also_in = _also_in(twins, chunks)
        best = [replace(hits[i], rank=rank, also_in=also_in.get(i, ())) for rank, i in enumerate(kept[:wanted], 1)]
        dropped += [Dropped(hits[i], f"below the {wanted} best") for i in kept[wanted:]]
        return best, dropped

    def _by_score(self, found: _Candidates, scores: Mapping[int, float], wanted: int) -> list[Hit]:
        order = sorted(scores, key=lambda i: (-scores[i], i))[:wanted]
        chunks = self._library.chunks(order)
        order = [i for i in order if i in chunks]  # another process may have replaced its document just now
        return list(self._hits(order, found, chunks, scores, {}).values())

    def _hits(
        self,
        order: Iterable[int],
        found: _Candidates,
        chunks: Mapping[int, Chunk],
        scores: Mapping[int, float],
        features: Mapping[int, Features],
    ) -> dict[int, Hit]:
        ranks = {method: {i: rank for rank, i in enumerate(ids, 1)} for method, ids in found.rankings.items()}
        return {
            i: Hit(
                rank=rank,
                score=scores[i],
                chunk=chunks[i],
                ranks={method: of[i] for method, of in ranks.items() if i in of},
                similarity=found.cosines.get(i),
                bm25=found.bm25.get(i),
                features=features.get(i),
                probability=scores[i] if i in features else None,
            )
            for rank, i in enumerate(order, 1)
        }

    def _current_index(self) -> Index:
        from .index import MEMORY_MB, Index

        with self._guard:
            known = self._index
            if known is None:
                self._index = Index.load(self._library, self._memory_mb or MEMORY_MB)
            else:
                self._index = known.refreshed(self._library)
            return self._index


def _require_heeded(k: object, mode: object, min_probability: object) -> None:
    if mode not in MODES:
        raise SettingsError(f"the mode of a search is {mode!r}", remedy=f"Choose one of {', '.join(MODES)}")
    if not isinstance(k, Integral) or k < 1:
        raise SettingsError(f"the k of a search is {k!r}", remedy="Choose a whole number from 1")
    if not isinstance(min_probability, Real) or not 0 <= float(min_probability) <= 1:
        raise SettingsError(
            f"the min_probability of a search is {min_probability!r}", remedy="Choose a number from 0 to 1"
        )


def _name(chunk: Chunk) -> str:
    return f"chunk {chunk.id} of {chunk.document}"


def _also_in(twins: Mapping[int, int], chunks: Mapping[int, Chunk]) -> dict[int, tuple[str, ...]]:
    """Of each chunk that has twins, the other documents that hold them."""
    named: dict[int, list[str]] = {}
    for twin, first in twins.items():
        if chunks[twin].document != chunks[first].document:
            named.setdefault(first, []).append(chunks[twin].document)
    return {first: tuple(dict.fromkeys(names)) for first, names in named.items()}
