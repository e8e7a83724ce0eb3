"""A library as plain dicts, in which every search is brute force: what a real library's searches are compared with."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from ragstone.retrieval import analysis
from ragstone.retrieval.index import Index
from ragstone.retrieval.index._postings import K1, B
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import EmbedderIdentity, Hit, NewDocument, NewFile, TextChunk
from ragstone.retrieval.relevance import Features, Lead, relevance_to
from ragstone.retrieval.retriever import READ
from ragstone.retrieval.telling import telling
from ragstone.retrieval.wording import QueryWords

Vector = npt.NDArray[np.float32]

WORDS = """river stone lamp copper winter harbor engine garden wheel letter island market silver bridge candle
forest window paper mountain orange ladder signal basket velvet anchor pepper rocket saddle tunnel magnet walnut zipper
quartz yellow jacket kettle violin dagger feather""".split()
"""From the most frequent to the rarest."""
COSINE, RELATIVE = 1e-6, 1e-9
PROBABILITY, ODDS = 50 * COSINE, 500 * COSINE  # the lead is a product of cosines with a large weight
"""How far scores may be off: cosines are sums of float32, BM25 scores of float64."""


class Chosen:
    """An embedder that gives texts the vectors that were chosen for them.

    No real model stands here: it gives no ties, no duplicates and no passage on demand that is far from all others.
    """

    def __init__(self, generation: int, dimension: int) -> None:
        self.identity = EmbedderIdentity(
            model=f"chosen-{generation}",
            sha256=f"{generation:064}",
            dimension=dimension,
            max_tokens=256,
            pooling="mean",
            normalized=True,
            query_prefix="",
            passage_prefix="",
            quantization="none",
            runtime="none",
        )
        self.vectors: dict[str, Vector] = {}

    def embed_query(self, query: str) -> Vector:
        """The vector that was chosen."""
        return self.vectors[query]

    def begin_query(self, query: str) -> Callable[[], Vector]:
        """See `Embedder`."""
        return lambda: self.embed_query(query)


def unit(dice: random.Random, dimension: int) -> Vector:
    """A vector of length 1; half of them are one of a few, so that there are ties."""
    seed = dice.randrange(12) if dice.random() < 0.5 else dice.randrange(1 << 32)
    made = np.random.default_rng(seed).standard_normal(dimension)
    return (made / np.linalg.norm(made)).astype(np.float32)


def some_words(dice: random.Random, count: int) -> list[str]:
    """Words by Zipf's law."""
    return [WORDS[int(len(WORDS) ** dice.random()) - 1] for _ in range(count)]


def made_file(slot: int, seed: int, rows: int, parts: int, collection: str, dimension: int) -> NewFile:
    """A file in one of a few places, its content by the seed: `rows` chunks in each of its documents."""
    dice = random.Random(seed)
    documents = [_document(dice, seed, part, parts, rows, dimension) for part in range(parts)]
    return NewFile(
        path=f"docs/{slot}.txt",
        absolute_path=f"/docs/{slot}.txt",
        collection=collection,
        sha256=f"{seed} {rows} {parts}",
        size=1,
        mtime_ns=1_000,
        recipe="1",
        read_at=datetime.now(UTC),
        documents=documents,
    )


def _document(dice: random.Random, seed: int, part: int, parts: int, rows: int, dimension: int) -> NewDocument:
    whole, chunks = "", []
    for ordinal in range(rows):
        copied = dice.random() < 0.3
        words = ["the", *some_words(random.Random(dice.randrange(5)) if copied else dice, dice.randint(1, 8))]
        text = " ".join(words if copied else [*words, f"only{seed}"])
        heading = dice.choice(("", "", *WORDS[:3]))
        chunks.append(
            TextChunk(
                ordinal=ordinal,
                char_start=len(whole),
                char_end=len(whole) + len(text),
                text=text,
                heading=heading,
                tokens=len(words),
            )
        )
        whole += text + "\n"
    vectors = np.array([unit(dice, dimension) for _ in chunks], np.float32).reshape(-1, dimension)
    return NewDocument(
        part=f"part{part}" if parts > 1 else "",
        title=dice.choice(WORDS),
        media_type="text/plain",
        text=whole,
        pages=(),
        chunks=chunks,
        vectors=vectors,
    )


@dataclass(slots=True)
class Row:
    """A chunk."""

    document: int
    label: str
    text: str
    vector: Vector
    terms: dict[str, int]

    @property
    def length(self) -> int:
        return sum(self.terms.values())


@dataclass(slots=True)
class File:
    """A file, and its documents: id to part."""

    id: int
    path: str
    collection: str
    version: str
    documents: dict[int, str]


@dataclass
class Model:
    """What a library should hold, chunks by their id and files by their absolute path."""

    files: dict[str, File] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    """Chunks that were removed."""

    # Changes

    def stored(self, library: Library, new: NewFile) -> None:
        """Take over a file that the library has just stored, with the ids that it got there."""
        self.removed([self.files[new.absolute_path].id] if new.absolute_path in self.files else [])
        known = library.files()[new.absolute_path]
        assert (known.sha256, known.collection) == (new.sha256, new.collection)
        found = sorted(library.documents_at(new.absolute_path), key=lambda document: document.id)
        assert [d.path for d in found] == [f"{new.path}/{d.part}" if d.part else new.path for d in new.documents]
        for document, given in zip(found, new.documents, strict=True):
            assert library.text(document.id) == given.text
            chunks = library.chunks_of(document.id)
            assert [(c.text, c.heading, c.title) for c in chunks] == [
                (c.text, c.heading, given.title) for c in given.chunks
            ]
            for chunk, vector in zip(chunks, given.vectors, strict=True):
                assert chunk.id not in self.rows
                assert chunk.id not in self.gone
                terms = analysis.weighted(chunk.title, chunk.heading, chunk.passage)
                label = f"{chunk.title}\n{chunk.heading}"
                self.rows[chunk.id] = Row(document.id, label, chunk.text, vector, terms)
        parts = {document.id: given.part for document, given in zip(found, new.documents, strict=True)}
        self.files[new.absolute_path] = File(known.id, new.path, new.collection, new.sha256, parts)

    def removed(self, file_ids: Collection[int]) -> None:
        """Forget files."""
        for path, file in list(self.files.items()):
            if file.id in file_ids:
                self.removed_documents(list(file.documents))
                self.files.pop(path, None)

    def removed_documents(self, documents: Collection[int]) -> None:
        """Forget documents, and the files that hold no others."""
        dead = [i for i, row in self.rows.items() if row.document in documents]
        self.gone = [*self.gone, *dead][-50:]
        for i in dead:
            del self.rows[i]
        for path, file in list(self.files.items()):
            if file.documents.keys() & set(documents):
                file.documents = {i: part for i, part in file.documents.items() if i not in documents}
                if not file.documents:
                    del self.files[path]

    # What it holds

    def paths(self) -> dict[int, str]:
        """Of each document, as a filter names it."""
        return {
            i: f"{file.path}/{part}" if part else file.path
            for file in self.files.values()
            for i, part in file.documents.items()
        }

    def within(self, documents: Collection[int]) -> set[int]:
        """The chunks of documents."""
        return {i for i, row in self.rows.items() if row.document in documents}

    # Searches

    def cosines(self, vector: Vector, among: Iterable[int]) -> dict[int, float]:
        """The cosine of each chunk."""
        query = vector.astype(np.float64)
        return {i: float(self.rows[i].vector @ query) for i in among}

    def holding(self, terms: Iterable[str]) -> dict[str, int]:
        """How many chunks hold each term."""
        df = Counter(term for row in self.rows.values() for term in row.terms)
        return {term: df[term] for term in terms}

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """How telling each term is in BM25."""
        held = self.holding(terms)
        return {term: math.log(1 + (len(self.rows) - n + 0.5) / (n + 0.5)) for term, n in held.items()}

    def bm25(self, terms: Sequence[str], among: Iterable[int]) -> dict[int, float]:
        """The score of each chunk, by the formula."""
        idf = self.idf(terms)
        average = sum(row.length for row in self.rows.values()) / max(len(self.rows), 1)
        scores = {}
        for i in among:
            row = self.rows[i]
            norm = K1 * (1 - B + B * row.length / average)
            scores[i] = sum(idf[t] * row.terms[t] * (K1 + 1) / (row.terms[t] + norm) for t in idf if t in row.terms)
        return scores

    # Comparisons

    def check_dense(
        self, hits: Sequence[tuple[int, float]], vector: Vector, among: set[int], k: int, *, approximate: bool
    ) -> tuple[int, int]:
        """How many of the k nearest were found, and how many there are.

        Raises:
            AssertionError: A score, the order, or with an exact index a hit is wrong.
        """
        truth = self.cosines(vector, among)
        _check_scores(hits, truth, COSINE)
        wanted = min(k, len(truth))
        if approximate:
            least = sorted(truth.values())[-wanted] if wanted else 0.0
            return min(sum(score >= least - COSINE for _, score in hits), wanted), wanted
        _check_best(hits, truth, k, COSINE, {i: self.rows[i].vector.tobytes() for i in truth})
        return wanted, wanted

    def check_lexical(self, hits: Sequence[tuple[int, float]], terms: Sequence[str], among: set[int], k: int) -> None:
        """Raises: AssertionError: A hit, its score or the order is wrong."""
        truth = {i: score for i, score in self.bm25(terms, among).items() if score}
        slack = RELATIVE * max(truth.values(), default=0.0)
        _check_scores(hits, truth, slack)
        alike = {i: ([self.rows[i].terms.get(t) for t in terms], self.rows[i].length) for i in truth}
        _check_best(hits, truth, k, slack, {i: str(key) for i, key in alike.items()})

    def check_hybrid(
        self, hits: Sequence[Hit], query: str, vector: Vector, among: set[int], k: int, *, whole: bool
    ) -> None:
        """Compare a search by both methods.

        Args:
            hits: What it found.
            query: The query.
            vector: Its embedding.
            among: The chunks that its filter keeps.
            k: The most hits.
            whole: No other hits than those of brute force may be there, and none may miss.

        Raises:
            AssertionError: A hit, its features or the order is wrong.
        """
        features, chances = self._features(query, vector, among)
        assert {hit.chunk.id for hit in hits} <= among
        for rank, hit in enumerate(hits, 1):
            chunk, row = hit.chunk, self.rows[hit.chunk.id]
            known = (chunk.text, f"{chunk.title}\n{chunk.heading}", chunk.document_id)
            assert known == (row.text, row.label, row.document)
            told, truth = hit.features, features[chunk.id]
            assert told is not None
            assert abs(told.cosine - truth.cosine) <= COSINE
            assert math.isclose(told.lexical, truth.lexical, rel_tol=RELATIVE, abs_tol=1e-12)
            assert math.isclose(told.exact, truth.exact, rel_tol=RELATIVE, abs_tol=1e-12)
            assert math.isclose(told.near, truth.near, rel_tol=RELATIVE, abs_tol=1e-12)
            assert math.isclose(told.around, truth.around, rel_tol=RELATIVE, abs_tol=1e-12)
            assert abs(told.behind - truth.behind) <= 4 * COSINE
            assert hit.rank == rank
            assert hit.score == hit.probability == relevance_to(query).probability(told)
        scores = [(hit.chunk.id, hit.score) for hit in hits]
        _check_scores(scores, chances, PROBABILITY)
        if not whole:
            return
        assert len(hits) == min(k, len(among))
        unread = relevance_to(query).order_unread
        first = {i: unread(f.cosine, f.lexical, f.around, f.behind) for i, f in features.items()}
        judged = sorted(first.values())[-max(k, READ) :]
        for i in among - {hit.chunk.id for hit in hits}:
            assert chances[i] <= scores[-1][1] + PROBABILITY or first[i] <= judged[0] + ODDS, i

    def _features(
        self, query: str, vector: Vector, ids: Collection[int]
    ) -> tuple[dict[int, Features], Mapping[int, float]]:
        terms = analysis.query_terms(query)
        ideal = (K1 + 1) * sum(self.idf(terms).values())
        weights = {term: telling(term, len(self.rows), often) for term, often in self.holding(terms).items()}
        words = QueryWords(query, weights, telling("", len(self.rows), 0))
        cosines, bm25 = self.cosines(vector, ids), self.bm25(terms, ids)
        lead = Lead.of(cosines.values())
        wordings = {i: words.wording(self.rows[i].label, self.rows[i].text) for i in ids}
        around = self._around(weights, ids)
        features = {
            i: Features(
                cosines[i],
                bm25[i] / ideal if ideal else 0.0,
                wordings[i].exact,
                wordings[i].near,
                around[i],
                lead.behind(cosines[i]),
            )
            for i in ids
        }
        return features, {i: relevance_to(query).probability(f) for i, f in features.items()}

    def _around(self, weights: Mapping[str, float], ids: Collection[int]) -> dict[int, float]:
        """The share of the query's terms in each chunk and those beside it in its document, by their weights."""
        beside: dict[int, set[int]] = {}
        of_document: dict[int, list[int]] = {}
        for i in sorted(self.rows):
            of_document.setdefault(self.rows[i].document, []).append(i)
        for chunks in of_document.values():
            for n, i in enumerate(chunks):
                beside[i] = set(chunks[max(n - 1, 0) : n + 2])
        whole = sum(weights.values())
        held = {i: {t for j in beside[i] for t in weights if t in self.rows[j].terms} for i in ids}
        return {i: sum(weights[t] for t in held[i]) / whole if whole else 0.0 for i in ids}


def check_figures(model: Model, library: Library, index: Index, terms: Sequence[str], vector: Vector) -> None:
    """The figures of single chunks, removed ones among them, and of terms.

    Raises:
        AssertionError: One is wrong.
    """
    ids = [*model.rows, *model.gone[-5:]]
    cosines, scores = model.cosines(vector, model.rows), model.bm25(terms, model.rows)
    numbers = library.term_ids(terms)
    told = index.similarities(vector, ids)
    assert told.keys() == cosines.keys()
    assert all(abs(told[i] - cosines[i]) <= COSINE for i in told)
    of_words = index.bm25_of(list(numbers.values()), ids)
    assert of_words.keys() == scores.keys()
    assert all(math.isclose(of_words[i], scores[i], rel_tol=RELATIVE, abs_tol=1e-12) for i in scores)
    assert index.holding(list(numbers.values())) == list(model.holding(numbers).values())
    assert sorted(index.kept(ids)) == sorted(model.rows)


def _check_scores(hits: Sequence[tuple[int, float]], truth: Mapping[int, float], slack: float) -> None:
    ids = [i for i, _ in hits]
    assert len(set(ids)) == len(ids), f"twice: {ids}"
    assert set(ids) <= truth.keys(), f"ghosts: {sorted(set(ids) - truth.keys())}"
    assert list(hits) == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
    wrong = [(i, score, truth[i]) for i, score in hits if not abs(score - truth[i]) <= slack]
    assert not wrong, f"scores: {wrong}"


def _check_best(
    hits: Sequence[tuple[int, float]], truth: Mapping[int, float], k: int, slack: float, alike: Mapping[int, object]
) -> None:
    """The hits are the k best; of those that are alike, the older."""
    assert len(hits) == min(k, len(truth)), f"{len(hits)} hits, not {min(k, len(truth))}"
    if not hits:
        return
    latest = {alike[i]: i for i, _ in sorted(hits)}
    for i in truth.keys() - dict(hits).keys():
        assert truth[i] <= hits[-1][1] + slack, f"{i} is missing: {truth[i]} > {hits[-1][1]}"
        assert latest.get(alike[i], 0) < i, f"{latest[alike[i]]} instead of {i}, the older equal"
