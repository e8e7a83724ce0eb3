"""What an evaluation runs: libraries of published corpora, and the engine searching them."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ..eval.filling import fill
from ..eval.metrics.ranking import DEPTH, Run
from ..eval.ranking import Ranker, RankingReport, evaluate, run_queries
from ..eval.readers.corpus import JudgedCorpus
from ..retrieval.library import Library
from ..retrieval.records import EmbedderIdentity
from ..retrieval.retriever import Mode
from .encoders import open_embedder
from .engine import Ragstone
from .ingesting import ingest_options
from .settings import Settings

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

MOST_HITS = 1000
"""Chunks asked of one search, at most."""


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """What the ways of searching found in one corpus."""

    corpus: JudgedCorpus
    documents: int
    chunks: int
    hits: int
    """Chunks asked of each search."""
    embedder: EmbedderIdentity | None
    reranker: str
    """By what it is loaded; empty for none."""
    runs: Mapping[str, Run]
    """By mode."""
    report: RankingReport


def run_retrieval(
    corpus: JudgedCorpus,
    modes: Sequence[Mode],
    baseline: Mode,
    metrics: Sequence[str],
    *,
    work: Path,
    settings: Settings,
    hits: int | None = None,
    seed: int = 0,
    tell: Tell = lambda *_: None,
) -> RetrievalResult:
    """Search a corpus in several ways.

    Args:
        corpus: The documents, the queries, and what is relevant.
        modes: The ways to search.
        baseline: The one that the others are compared with; it has to be among them.
        metrics: See `eval.metrics.ranking.score`.
        work: Where libraries are kept for the next run.
        settings: Those that an ingest and a search heed.
        hits: Chunks asked of each search; by default `hits_for` the corpus.
        seed: Of the intervals and tests.
        tell: Told of the progress.

    Raises:
        ModelError: The embedding model cannot be used.
        LibraryError: The library cannot be written to.
    """
    folder = corpus_library(corpus, work, settings, tell)
    runs: dict[str, Run] = {}
    with Ragstone.open(folder, create=False, settings=settings) as rag:
        documents, chunks = rag.library.counts()
        asked = hits or hits_for(documents, chunks)
        for mode in modes:
            ranker, told = document_ranker(rag, mode, asked), partial(tell, f"{corpus.name}: {mode}")
            runs[mode] = run_queries(corpus.queries, ranker, told)
        report = evaluate(runs, corpus.qrels, baseline, metrics, seed, corpus.sources)
        return RetrievalResult(corpus, documents, chunks, asked, rag.library.embedder, settings.reranker, runs, report)


def corpus_library(corpus: JudgedCorpus, work: Path, settings: Settings, tell: Tell = lambda *_: None) -> Path:
    """The folder of a library with these documents; it is built unless an earlier run has left it.

    Args:
        corpus: The documents.
        work: Where such libraries are kept, one for each corpus, embedding model and way of chunking.
        settings: Those that an ingest heeds.
        tell: Told of the progress.

    Raises:
        ModelError: The embedding model cannot be used.
        LibraryError: The library cannot be written to.
    """
    embedder = open_embedder(settings, ingesting=True)
    options = ingest_options(settings)
    identity = {name: value for name, value in asdict(embedder.identity).items() if name != "source"}
    made_from = corpus.fingerprint(), json.dumps(identity, sort_keys=True), options.recipe(Path("a.txt"))
    folder = work / f"{corpus.name}-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        begun = folder.with_name(f"{folder.name}.begun")
        shutil.rmtree(begun, ignore_errors=True)  # of a run that was interrupted
        with Library(begun, create=True) as library:
            fill(library, corpus.corpus, embedder, options.plan, partial(tell, f"{corpus.name}: ingest"))
        begun.rename(folder)
    return folder


def document_ranker(rag: Ragstone, mode: Mode, hits: int) -> Ranker:
    """The engine as a ranker of documents, of which each has the score of its best chunk (Dai and Callan, "Deeper Text
    Understanding for IR with Contextual Neural Language Modeling", SIGIR 2019: MaxP).

    Args:
        rag: An engine whose library is a `corpus_library`.
        mode: How to search.
        hits: How many chunks to ask for.
    """
    return lambda query: list(dict.fromkeys(hit.chunk.document for hit in rag.search(query, hits, mode)))


def hits_for(documents: int, chunks: int) -> int:
    """How many chunks to ask for, so that there are 100 documents among them unless a few have most of the chunks."""
    enough = DEPTH * math.ceil(2 * chunks / max(documents, 1))
    return max(1, min(enough, chunks, MOST_HITS))
