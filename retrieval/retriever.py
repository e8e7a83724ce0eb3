"""From a query to hits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

from .analysis import query_terms
from .fusion import reciprocal_rank_fusion
from .library import Library
from .records import Hit
from .rerank import Reranker, rerank

if TYPE_CHECKING:
    from .embedding import Embedder
    from .filters import Filter
    from .index import Among, Index

Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = get_args(Mode)

DEPTH = 100
"""How many hits of each method enter the fusion."""


class Retriever:
    """Searches one library. Follows it: hits always come from its present revision. Safe to use from several threads.

    Args:
        library: The library.
        embedder: Gives the embedding model; called only when a search needs it.
        reranker: Gives the cross-encoder that puts the best hits in their final order; none by default.
        rerank_depth: How many of the best hits it judges, at least 1.
    """

    def __init__(
        self,
        library: Library,
        embedder: Callable[[], Embedder],
        reranker: Callable[[], Reranker] | None = None,
        rerank_depth: int = 20,
    ) -> None:
        self._library = library
        self._embedder = embedder
        self._reranker = reranker
        self._rerank_depth = rerank_depth
        self._index: Index | None = None
        self._guard = threading.Lock()

    def search(self, query: str, k: int = 10, mode: Mode = "hybrid", where: Filter | None = None) -> list[Hit]:
        """Find the k chunks that answer a query best.

        Args:
            query: Natural language or key words. An empty query finds nothing.
            k: The most hits to return, at least 1.
            mode: `dense` (cosine of embeddings), `lexical` (BM25) or `hybrid` (both, by reciprocal rank fusion).
            where: Only documents that this filter keeps; all by default.

        Raises:
            EmbedderMismatchError: The library's vectors come from another embedding model.
            SettingsError: The filter asks for metadata that no document has.
        """
        query = query.encode("utf-8", "replace").decode()  # a shell passes on bytes that are no text
        if not query.strip():
            return []
        wanted = k if self._reranker is None else max(k, self._rerank_depth)
        depth = max(wanted, DEPTH)
        index = self._current_index()
        among = None if where is None else index.rows_among(self._library.document_ids(where))
        found: dict[str, list[tuple[int, float]]] = {}
        similarity: dict[int, float] = {}
        if mode != "dense":
            terms = self._library.term_ids(query_terms(query))
            found["lexical"] = index.lexical(list(terms.values()), depth, among)
        if mode != "lexical":
            others = [i for i, _ in found.get("lexical", [])]
            found["dense"], similarity = self._dense(index, query, depth, others, among)
        rankings = {method: [i for i, _ in hits] for method, hits in found.items()}
        scores = reciprocal_rank_fusion(rankings.values()) if mode == "hybrid" else dict(found[mode])
        best = sorted(scores, key=lambda i: (-scores[i], i))[:wanted]
        ranks = {method: {i: rank for rank, i in enumerate(ids, 1)} for method, ids in rankings.items()}
        chunks = self._library.chunks(best)
        hits = [
            Hit(
                rank=rank,
                score=scores[i],
                chunk=chunks[i],
                ranks={method: of[i] for method, of in ranks.items() if i in of},
                similarity=similarity.get(i),
            )
            for rank, i in enumerate((i for i in best if i in chunks), 1)
        ]
        if self._reranker is not None and hits:
            hits = rerank(query, hits, self._reranker(), self._rerank_depth)[:k]
        return hits

    def _dense(
        self, index: Index, query: str, depth: int, others: list[int], among: Among | None
    ) -> tuple[list[tuple[int, float]], dict[int, float]]:
        if not len(index):
            return [], {}
        embedder = self._embedder()
        self._library.require_embedder(embedder.identity)
        vector = embedder.embed_query(query)
        hits = index.dense(vector, depth, among)
        known = dict(hits)
        return hits, known | index.similarities(vector, [i for i in others if i not in known])

    def _current_index(self) -> Index:
        from .index import Index

        with self._guard:
            known = self._index
            self._index = Index.load(self._library) if known is None else known.refreshed(self._library)
            return self._index
