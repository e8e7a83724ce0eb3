"""The data of `fusion.py`: libraries of judged sets, and for each query its candidates with what a fusion can go by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from _fusion_sets import READERS

import ragstone.retrieval
from ragstone import Ragstone
from ragstone.app.evaluating import corpus_library
from ragstone.app.settings import Settings
from ragstone.eval.readers.corpus import JudgedCorpus
from ragstone.eval.suites.retrieval import RETRIEVAL
from ragstone.retrieval import retriever
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.index import K1
from ragstone.retrieval.index._postings import B

DEPTH = retriever.DEPTH
QUESTIONS = ("squad2", "chroma", "covid-qa", "clapnq", "tatqa")
STATEMENTS = ("wice", "factcheckgpt")
TRAINING = (*QUESTIONS, *STATEMENTS)
"""What weights are fitted on, by what most of their queries are."""
HELD_OUT = ("scifact", "limit-small", "nq-open")
_CODE = ("analysis.py", "wording.py", "telling.py", "index/_postings.py")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """All queries' candidates, those of one query side by side: arrays of shape (c,), but `starts` of (q + 1,)."""

    starts: Ints
    chunk: Ints
    """Its place in the library's arrays."""
    cosine: Floats
    lexical: Floats
    exact: Floats
    near: Floats
    around: Floats
    bm25: Floats
    dense_rank: Ints
    """From 1; 0 where the method did not find it."""
    lexical_rank: Ints


@dataclass(frozen=True, slots=True)
class Gathered:
    """A set, searched."""

    corpus: JudgedCorpus
    folder: Path
    """Of its library."""
    queries: tuple[str, ...]
    """Their ids, in the order of `candidates`."""
    candidates: Candidates
    chunks: Ints
    """The library's ids, by place."""
    documents: tuple[str, ...]
    """Of each chunk, its document's id."""
    vectors: Floats
    """Of each chunk, (m, dimension)."""
    asked: Floats
    """Of each query, (q, dimension)."""
    terms: tuple[tuple[int, ...], ...]
    """Of each query, the columns of `bm25`."""
    often: sp.csr_matrix
    """How often each term stands in a chunk, (m, terms)."""
    bm25: sp.csr_matrix
    """What each term gives to a chunk's BM25 score, (m, terms)."""
    idf: Floats
    """Of each term."""

    def of(self, query: int) -> slice:
        """Where a query's candidates stand."""
        return slice(int(self.candidates.starts[query]), int(self.candidates.starts[query + 1]))


def load(name: str, data: Path, limit: int) -> JudgedCorpus:
    """One of the sets, with at most so many of its queries."""
    corpus = READERS[name](data) if name in READERS else RETRIEVAL.set(name).load(data)
    return corpus.sample(limit)


def gather(corpus: JudgedCorpus, work: Path, settings: Settings) -> Gathered:
    """Search a set, unless a run before this one has: what it found is kept beside the library."""
    folder = corpus_library(corpus, work, settings, _tell)
    queries = tuple(corpus.queries)
    kept = work / f"{folder.name}.{_key(corpus)}.npz"
    with Ragstone.open(folder, create=False, settings=settings) as rag:
        rows = rag.library.rows(0, lambda n, dimension: np.empty((n, dimension), np.float32))
        if not kept.is_file():
            candidates, asked = _search(corpus, rag, rows.ids)
            np.savez(kept, asked=asked, **{f.name: getattr(candidates, f.name) for f in fields(Candidates)})
        with np.load(kept) as arrays:
            asked = arrays["asked"]
            candidates = Candidates(**{f.name: arrays[f.name] for f in fields(Candidates)})
        paths = {document.id: document.path for document in rag.library.documents()}
        terms = tuple(tuple(rag.library.term_ids(query_terms(corpus.queries[q])).values()) for q in queries)
        return Gathered(
            corpus,
            folder,
            queries,
            candidates,
            rows.ids,
            tuple(paths[number] for number in rows.documents.tolist()),
            rows.vectors,
            asked,
            terms,
            *_matrices(rows.counts, rows.term_ids, rows.frequencies),
        )


def _search(corpus: JudgedCorpus, rag: Ragstone, ids: Ints) -> tuple[Candidates, Floats]:
    embedder = rag._encoders.embedder()
    searching = retriever.Retriever(rag.library, lambda: embedder, drop_copies=False)
    retriever.READ = 2 * DEPTH  # all that the two methods find
    found: list[tuple[float, ...]] = []
    starts, asked = [0], []
    for done, query in enumerate(corpus.queries.values(), 1):
        found_here = searching.trace(query, DEPTH)
        for hit in (*found_here.hits, *(left.hit for left in found_here.dropped)):
            assert hit.features is not None
            f = hit.features
            ranks = hit.ranks.get("dense", 0), hit.ranks.get("lexical", 0)
            found.append((hit.chunk.id, f.cosine, f.lexical, f.exact, f.near, f.around, hit.bm25 or 0.0, *ranks))
        starts.append(len(found))
        asked.append(embedder.embed_query(query))
        _tell(f"{corpus.name}: search", done, len(corpus.queries))
    columns = np.array(found, np.float64).T
    places = np.searchsorted(ids, columns[0].astype(np.int64))
    scores, ranks_ = columns[1:7].astype(np.float32), columns[7:].astype(np.int64)
    return Candidates(np.array(starts), places, *scores, *ranks_), np.array(asked, np.float32)


def _matrices(
    counts: Ints, term_ids: npt.NDArray[np.uint32], frequencies: npt.NDArray[np.uint8]
) -> tuple[sp.csr_matrix, sp.csr_matrix, Floats]:
    """Frequencies; BM25, whose sum over a query's terms is what `Index.lexical` gives; and idf."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    rows = np.repeat(np.arange(len(counts)), counts)
    lengths = np.bincount(rows, frequencies, len(counts))
    df = np.bincount(term_ids)
    idf = np.log(1 + (len(counts) - df + 0.5) / (df + 0.5))
    often = frequencies.astype(np.float64)
    norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1e-9))
    values = idf[term_ids] * often * (K1 + 1) / (often + norm[rows])
    shape, columns = (len(counts), len(df)), term_ids.astype(np.int64)
    made = [sp.csr_matrix((values, columns, starts), shape=shape) for values in (often, values)]
    return made[0], made[1], idf.astype(np.float32)


def _key(corpus: JudgedCorpus) -> str:
    """Of the queries and of the code that what is kept was computed by."""
    digest = hashlib.sha256(json.dumps([dict(corpus.queries), DEPTH]).encode())
    for name in _CODE:
        digest.update((Path(ragstone.retrieval.__file__).parent / name).read_bytes())
    return digest.hexdigest()[:12]


def _tell(what: str, done: int, of: int) -> None:
    if done % 250 == 0 or done == of:
        print(f"{what} {done}/{of}", flush=True)
