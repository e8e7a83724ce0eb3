"""What an evaluation runs: libraries of published corpora, and the engine searching them."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..eval.filling import fill
from ..eval.metrics.ranking import DEPTH
from ..eval.ranking import Ranker
from ..eval.readers.corpus import JudgedCorpus
from ..generation.models import ModelStore
from ..retrieval.embedding import load_embedder
from ..retrieval.library import Library
from ..retrieval.retriever import Mode
from .ingesting import ingest_options

if TYPE_CHECKING:
    from .engine import Ragstone
    from .settings import Settings

MOST_HITS = 1000
"""Chunks asked of one search, at most."""


def corpus_library(
    corpus: JudgedCorpus, work: Path, settings: Settings, on_documents: Callable[[int], None] = lambda _: None
) -> Path:
    """The folder of a library with these documents; it is built unless an earlier run has left it.

    Args:
        corpus: The documents.
        work: Where such libraries are kept, one for each corpus, embedding model and way of chunking.
        settings: Those that an ingest heeds.
        on_documents: Told how many more are stored.

    Raises:
        ModelError: The embedding model cannot be used.
        LibraryError: The library cannot be written to.
    """
    model = ModelStore(settings.models_dir, settings.offline).path(settings.embedding_model)
    embedder = load_embedder(
        model, settings.models_dir / "exported", runtime=settings.embedding_runtime, threads=settings.threads
    )
    options = ingest_options(settings)
    made_from = corpus.fingerprint(), embedder.identity.to_json(), options.recipe(Path("a.txt"))
    folder = work / f"{corpus.name}-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        begun = folder.with_name(f"{folder.name}.begun")
        shutil.rmtree(begun, ignore_errors=True)  # of a run that was interrupted
        with Library(begun, create=True) as library:
            fill(library, corpus.corpus, embedder, options.plan, on_documents)
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
    """How many chunks to ask for, so that there are 100 documents among them unless one has much more than others."""
    return min(MOST_HITS, DEPTH * max(1, math.ceil(2 * chunks / max(documents, 1))))
