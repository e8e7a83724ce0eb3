"""The ways to fuse that `fusion.py` compares: each gives every candidate of every query a score."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from _fusion_data import Gathered
from scipy.optimize import minimize

from ragstone import Ragstone
from ragstone.app.settings import Settings
from ragstone.eval.metrics.ranking import Run
from ragstone.retrieval.index import K1
from ragstone.retrieval.relevance import Lead, is_statement

Scores = npt.NDArray[np.float64]
Method = Callable[[Gathered], Scores]
"""A set to the scores of its candidates (c,); -inf for one that is not a hit at all."""
_STORED = ("cosine", "lexical", "exact", "near", "around")
FEATURES = (*_STORED, "behind")
L2 = 1e-3


class Kinds(NamedTuple):
    """Weights of features and an intercept, for each kind of query."""

    question: tuple[Mapping[str, float], float]
    statement: tuple[Mapping[str, float], float]


def dense(found: Gathered) -> Scores:
    """By cosine alone."""
    return _by_rank(found.candidates.dense_rank)


def lexical(found: Gathered) -> Scores:
    """By BM25 alone."""
    return _by_rank(found.candidates.lexical_rank)


def rrf(found: Gathered, weight: float = 0.5, k: int = 60) -> Scores:
    """Reciprocal ranks. Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion", SIGIR 2009."""
    c = found.candidates
    parts = ((weight, c.dense_rank), (1 - weight, c.lexical_rank))
    return sum((w * np.where(rank > 0, 1 / (k + rank), 0.0) for w, rank in parts), np.zeros(len(c.chunk)))


def convex(found: Gathered, weight: float) -> Scores:
    """Scores scaled to 0..1 query by query. Source: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
    Retrieval", TOIS 2023."""
    return _normalized(found, weight, lambda x: (x - x.min()) / max(float(np.ptp(x)), 1e-9))


def z_scores(found: Gathered, weight: float) -> Scores:
    """Scores in standard deviations of the query's."""
    return _normalized(found, weight, lambda x: (x - x.mean()) / max(float(x.std()), 1e-9))


def linear(found: Gathered, weights: Mapping[str, float]) -> Scores:
    """A weighted sum of features."""
    return sum((w * feature(found, name) for name, w in weights.items()), np.zeros(len(found.candidates.chunk)))


def by_kind(found: Gathered, kinds: Kinds) -> Scores:
    """A weighted sum of features, by the weights for questions or those for statements."""
    asks, states = (linear(found, weights) + offset for weights, offset in (kinds.question, kinds.statement))
    stating = _of_query(found, lambda n, _: is_statement(found.corpus.queries[found.queries[n]]))
    return np.where(stating > 0, states, asks)


def first_read(found: Gathered, kinds: Kinds, rough_kinds: Kinds, read: int) -> Scores:
    """`by_kind`, of only the `read` candidates that are likeliest by what the index tells."""
    scores, rough = by_kind(found, kinds), by_kind(found, rough_kinds)
    for n in range(len(found.queries)):
        part = found.of(n)
        late = np.argsort(-rough[part], kind="stable")[read:]
        scores[part.start + late] = -np.inf
    return scores


def feature(found: Gathered, name: str) -> Scores:
    """One of a candidate's features, or of those that were tried beside them: see `_TRIED`. A product is "a*b"."""
    parts = [_feature(found, part) for part in name.split("*")]
    return np.prod(parts, axis=0)


_KEPT: dict[tuple[int, str], Scores] = {}


def _feature(found: Gathered, name: str) -> Scores:
    if name in _STORED:
        return getattr(found.candidates, name).astype(np.float64)
    if (id(found), name) not in _KEPT:
        _KEPT[id(found), name] = _TRIED[name](found)
    return _KEPT[id(found), name]


FIRST: list[Kinds] = []
"""The one by which feedback chooses the passages that it takes for relevant; set by `fusion.py`."""


def _rocchio(found: Gathered, count: int, own: float) -> Scores:
    """Cosine with the query's vector, moved towards those of the first hits. Source: Rocchio, "Relevance Feedback in
    Information Retrieval", 1971. With no share of the query (`own` 0) and one hit it is the likeness to that hit."""
    scores, first = np.zeros(len(found.candidates.chunk)), by_kind(found, FIRST[0])
    for n in range(len(found.queries)):
        part = found.of(n)
        chunks = found.candidates.chunk[part]
        if len(chunks):
            best = chunks[np.argsort(-first[part], kind="stable")[:count]]
            moved = own * found.asked[n] + found.vectors[best].mean(axis=0)
            scores[part] = found.vectors[chunks] @ (moved / np.linalg.norm(moved))
    return scores


def rm3(found: Gathered, hits: int = 10, terms: int = 10, own: float = 0.5) -> Scores:
    """BM25 of a query with the likeliest words of its first lexical hits, as a share of the ideal. Source: Abdul-Jaleel
    et al., "UMass at TREC 2004: Novelty and HARD"; as many hits, words and weight as Anserini takes."""
    scores = np.zeros(len(found.candidates.chunk))
    common = np.asarray((found.often > 0).mean(axis=0)).ravel() > 0.1
    for n, asked in enumerate(found.terms):
        part = found.of(n)
        chunks, points = found.candidates.chunk[part], found.candidates.bm25[part]
        best = np.argsort(-points, kind="stable")[:hits]
        if not asked or not len(best) or not points[best].sum():
            continue
        often = found.often[chunks[best]]
        likely = (often.multiply(1 / often.sum(axis=1))).T @ (points[best] / points[best].sum())
        likely = np.where(common, 0.0, np.asarray(likely).ravel())
        chosen = np.argsort(-likely)[:terms]
        weights = np.zeros(len(common))
        weights[chosen] = (1 - own) * likely[chosen] / likely[chosen].sum()
        weights[list(asked)] += own / len(asked)
        scores[part] = (found.bm25[chunks] @ weights) / ((K1 + 1) * float(found.idf @ weights))
    return scores


def likest_sentence(found: Gathered, scores: Scores, first: int, settings: Settings) -> Scores:
    """The greatest cosine of the query with a sentence of each of its first candidates; the others take their least.

    After Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
    BERT", SIGIR 2020, with sentences in the place of tokens.
    """
    order = [part.start + np.argsort(-scores[part], kind="stable") for part in map(found.of, range(len(found.queries)))]
    wanted = sorted({int(chunk) for places in order for chunk in found.candidates.chunk[places[:first]]})
    with Ragstone.open(found.folder, create=False, settings=settings) as rag:
        texts = rag.library.chunks(found.chunks[wanted].tolist())
        cut = [re.split(r"(?<=[.!?])\s+", texts[number].passage) for number in found.chunks[wanted].tolist()]
        vectors = rag._encoders.embedder().embed_passages([sentence for sentences in cut for sentence in sentences])
    ends = np.cumsum([len(sentences) for sentences in cut])
    of = {chunk: vectors[end - len(s) : end] for chunk, s, end in zip(wanted, cut, ends, strict=True)}
    likest = np.zeros(len(scores))
    for n, places in enumerate(order):
        near = [float((of[int(found.candidates.chunk[i])] @ found.asked[n]).max()) for i in places[:first]]
        likest[places] = min(near, default=0.0)
        likest[places[:first]] = near
    return likest


def _of_query(found: Gathered, of: Callable[[int, slice], float]) -> Scores:
    """A number of each query, for its candidates."""
    scores = np.zeros(len(found.candidates.chunk))
    for n in range(len(found.queries)):
        scores[found.of(n)] = of(n, found.of(n))
    return scores


def _held(found: Gathered) -> Scores:
    """The share, by idf, of a query's terms that the chunk itself holds."""
    scores, held = np.zeros(len(found.candidates.chunk)), (found.often > 0).astype(np.float64).tocsr()
    for n, asked in enumerate(found.terms):
        part, terms = found.of(n), list(asked)
        points, shares = found.candidates.bm25[part], found.candidates.lexical[part]
        if terms and len(points) and shares.max() > 0:
            ideal = points[shares.argmax()] / shares.max()  # counts the words that no chunk holds, too
            scores[part] = (held[found.candidates.chunk[part]][:, terms] @ found.idf[terms]) * (K1 + 1) / ideal
    return scores


def _behind(found: Gathered) -> Scores:
    scores = np.zeros(len(found.candidates.chunk))
    for n in range(len(found.queries)):
        cosines = found.candidates.cosine[found.of(n)].tolist()
        lead = Lead.of(cosines)
        scores[found.of(n)] = [lead.behind(cosine) for cosine in cosines]
    return scores


def _top_cosine(found: Gathered) -> Scores:
    return _of_query(found, lambda _, part: float(found.candidates.cosine[part].max(initial=0.0)))


def _words(found: Gathered) -> Scores:
    return _of_query(found, lambda n, _: float(np.log(1 + len(found.terms[n]))))


_TRIED: dict[str, Method] = {
    "behind": _behind,
    "likeness": partial(_rocchio, count=1, own=0.0),
    "rocchio": partial(_rocchio, count=3, own=1.0),
    "rm3": rm3,
    "held": _held,
    "top": _top_cosine,
    "words": _words,
}


def fit(sets: Sequence[Gathered], features: Sequence[str], per_query: bool = False) -> dict[str, float]:
    """Weights that make the relevant passages likely among a query's candidates; the sets count alike.

    Loss: cross entropy of the softmax over a query's candidates, the relevant ones taken together. Source: Cao et al.,
    "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007.
    """
    rows, relevant, sizes, shares = [], [], [], []
    for found in sets:
        matrix, labels = np.stack([feature(found, name) for name in features], axis=1), relevance(found)
        usable = [n for n in range(len(found.queries)) if 0 < labels[found.of(n)].sum() < len(labels[found.of(n)])]
        for n in usable:
            rows.append(matrix[found.of(n)])
            relevant.append(labels[found.of(n)])
            sizes.append(len(rows[-1]))
        shares += [1.0 if per_query else 1 / len(usable)] * len(usable)
    x, y = np.concatenate(rows), np.concatenate(relevant)
    starts, query = np.cumsum([0, *sizes[:-1]]), np.repeat(np.arange(len(sizes)), sizes)
    share = np.array(shares) / sum(shares)
    scale = x.std(axis=0) + 1e-9
    x /= scale

    def loss(w: Scores) -> tuple[float, Scores]:
        s = x @ w
        e = np.exp(s - np.maximum.reduceat(s, starts)[query])
        whole, right = np.add.reduceat(e, starts), np.add.reduceat(e * y, starts)
        slope = (share / whole)[query] * e - (share / right)[query] * e * y
        return float(share @ np.log(whole / right) + L2 * w @ w), x.T @ slope + 2 * L2 * w

    bounds = [(0, None)] * len(features)  # nothing that speaks for a chunk is to count against it
    found_w = minimize(loss, np.ones(len(features)), jac=True, method="L-BFGS-B", bounds=bounds).x / scale
    return dict(zip(features, found_w.tolist(), strict=True))


def platt(sets: Sequence[Gathered], weights: Mapping[str, float], first: int = 10) -> tuple[float, float]:
    """Slope and intercept that make a linear score the log odds of being relevant, over the first hits of the sets.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    parts = [(s, y, np.full(len(s), 1 / len(s))) for s, y in (judged(f, linear(f, weights), first) for f in sets)]
    s, y, share = (np.concatenate(column) for column in zip(*parts, strict=True))

    def loss(ab: Scores) -> tuple[float, Scores]:
        odds = ab[0] * s + ab[1]
        wrong = 1 / (1 + np.exp(-odds)) - y
        value = share @ (np.logaddexp(0, odds) - y * odds)
        return float(value), np.array([share @ (wrong * s), share @ wrong])

    slope, intercept = minimize(loss, np.array([1.0, -float(s.mean())]), jac=True, method="L-BFGS-B").x
    return float(slope), float(intercept)


def relevance(found: Gathered) -> npt.NDArray[np.bool_]:
    """Of each candidate, whether its document is relevant to the query; what nobody judged is not."""
    labels = np.zeros(len(found.candidates.chunk), np.bool_)
    for n, query in enumerate(found.queries):
        grades, part = found.corpus.qrels[query], found.of(n)
        labels[part] = [grades.get(found.documents[chunk], 0) > 0 for chunk in found.candidates.chunk[part]]
    return labels


def judged(found: Gathered, scores: Scores, first: int) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """The scores of each query's first documents, each by its best chunk, and whether they are relevant."""
    kept: list[int] = []
    labels = relevance(found)
    for n in range(len(found.queries)):
        kept += [place for place, _ in _best_of_documents(found, scores, n, first)]
    return scores[kept], labels[kept]


def run_of(found: Gathered, scores: Scores, first: int = 100) -> Run:
    """The ranking of documents, each by its best chunk."""
    return {
        query: [document for _, document in _best_of_documents(found, scores, n, first)]
        for n, query in enumerate(found.queries)
    }


def _best_of_documents(found: Gathered, scores: Scores, n: int, first: int) -> list[tuple[int, str]]:
    part, best = found.of(n), dict[str, int]()
    for place in part.start + np.argsort(-scores[part], kind="stable"):
        if len(best) == first or np.isneginf(scores[place]):
            break
        best.setdefault(found.documents[found.candidates.chunk[place]], int(place))
    return [(place, document) for document, place in best.items()]


def _by_rank(rank: npt.NDArray[np.int64]) -> Scores:
    return np.where(rank > 0, -rank.astype(np.float64), -np.inf)


def _normalized(found: Gathered, weight: float, scale: Callable[[Scores], Scores]) -> Scores:
    c, scores = found.candidates, np.zeros(len(found.candidates.chunk))
    for n in range(len(found.queries)):
        part = found.of(n)
        if part.stop > part.start:
            cosine, bm25 = c.cosine[part].astype(np.float64), c.bm25[part].astype(np.float64)
            scores[part] = weight * scale(cosine) + (1 - weight) * scale(bm25)
    return scores
