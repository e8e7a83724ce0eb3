"""What the embedding runtime costs in quality: nDCG@10 on SciFact, by its own arithmetic and by fp32.

    python benchmarks/embedding_quality.py [--limit QUERIES]

Reads `retrieval/scifact` of the benchmark data (RAGSTONE_BENCH_DATA, default ../shared/data), BEIR layout. Documents
are cut into chunks as an ingest cuts them; a document's score is that of its best chunk (exact search). nDCG@10 as in
trec_eval, with the gains of the qrels. The difference is paired by query, with a 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _timing import table

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.eval.metrics.ranking import score
from ragstone.eval.readers.beir import read_beir
from ragstone.eval.readers.corpus import JudgedCorpus
from ragstone.eval.stats import compare, estimate
from ragstone.generation.models import ModelStore
from ragstone.ingest.chunking import ChunkPlan, chunk_document
from ragstone.ingest.parsed import Block, ParsedDocument
from ragstone.retrieval.embedding import Embedder, load_embedder


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=None, help="of the queries")
    args = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("RAGSTONE_BENCH_DATA") or default) / "retrieval" / "scifact"
    judged = read_beir(data).sample(args.limit)

    settings = Settings.load()
    model = ModelStore(settings.models_dir, offline=True).path(settings.embedding_model or DEFAULT_EMBEDDING_MODEL)
    cache = settings.models_dir / "exported"
    usual, exact = load_embedder(model, cache), load_embedder(model, cache, precision="f32")
    documents, texts = _chunks(judged, usual)
    scores = {e.identity.runtime: _scores(e, documents, texts, judged) for e in (usual, exact)}
    rows = [(name, f"{100 * estimate(values).mean:.2f}", str(len(values))) for name, values in scores.items()]
    print(table(("runtime", "nDCG@10", "queries"), rows))
    difference = compare(*scores.values()).mean
    print(f"\n{len(texts)} chunks; difference {difference.spread('+.2f', 100)} (n = {difference.n})")


def _chunks(judged: JudgedCorpus, embedder: Embedder) -> tuple[list[str], list[str]]:
    """The document of each chunk, and its text."""
    documents, texts = [], []
    for entry in judged.corpus:
        text = f"{entry.title}\n\n{entry.text}".strip()
        document = ParsedDocument(text, (Block("paragraph", 0, len(text)),), "text/plain")
        for chunk in chunk_document(document, embedder.token_offsets, ChunkPlan()):
            documents.append(entry.id)
            texts.append(chunk.passage)
    return documents, texts


def _scores(
    embedder: Embedder, documents: Sequence[str], texts: Sequence[str], judged: JudgedCorpus
) -> list[float | None]:
    """nDCG@10 of each query."""
    vectors = embedder.embed_passages(texts)
    run = {}
    for query, text in judged.queries.items():
        similarity = vectors @ embedder.embed_query(text)
        run[query] = list(dict.fromkeys(documents[place] for place in np.argsort(-similarity, kind="stable")[:200]))
    return list(score(run, judged.qrels, ["nDCG@10"])["nDCG@10"].values())


if __name__ == "__main__":
    main()
