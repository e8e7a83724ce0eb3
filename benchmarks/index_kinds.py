"""Which FAISS index suits how many vectors: time to build, to open and to search, recall, size.

    python benchmarks/index_kinds.py [--rows 10000,100000,1000000] [--cache FOLDER] [--kinds "flat f32,ivf f16"]

Vectors are those of real passages (NQ-open, SciFact, SQuAD 2.0 and COVID-QA of the benchmark data: RAGSTONE_BENCH_DATA,
default ../shared/data), by the embedding model of the settings; --cache keeps them. They are multiplied to the size
asked for: each further one is a mixture of a real vector and one of its 20 nearest, with noise that has the real
vectors' covariance. Queries are real questions of NQ-open and SciFact. Searches run in one thread, in the index
as it is opened from its file. Recall is against exact search and, where the index is not exact, after scoring the hits
anew, as a search of a library does; `raw` is recall@100 without it. `hnsw32` is there to compare. `kept 0.1 %` and
`half` are the p50 of a search with a filter, random rows, 10 hits. `CPU ms` is the mean that a search works,
whatever else the machine does meanwhile.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from _timing import megabytes, table

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder, load_embedder
from ragstone.retrieval.index import _ivf
from ragstone.retrieval.index._dense import Dense

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
KINDS = ("flat f32", "flat f16", "flat sq8", "ivf f32", "ivf f16", "ivf sq8", "ivf pq96", "hnsw32")
HEAD = ("kind", "lists read", "build s", "open ms", "p50 ms", "p99 ms", "CPU ms", "kept 0.1 %", "half")
HEAD += ("recall@10", "recall@100", "raw", "MB")
FACTORY = {"flat f16": "SQfp16", "flat sq8": "SQ8", "hnsw32": "HNSW32"}
QUERIES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,100000", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--cache", type=Path, help="where the embeddings are kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        real, queries = _embedded(args.cache or Path(work))
        print(f"{len(real)} real vectors, multiplied with noise; {len(queries)} questions\n")
        for rows in args.rows:
            vectors, _ = multiplied(real, rows)
            truth, best = faiss.knn(queries, vectors, 100, faiss.METRIC_INNER_PRODUCT)
            print(f"{rows:,} rows, cosine of the 1st, 10th and 100th: {truth[:, [0, 9, 99]].mean(axis=0).round(2)}\n")
            lines = [_measured(kind, vectors, queries, best, Path(work)) for kind in args.kinds.split(",")]
            print(table(HEAD, lines), flush=True)


def multiplied(real: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """So many vectors, the real ones first, and the real one that each comes from."""
    rng = np.random.default_rng(0)
    _, near = faiss.knn(real, real, 20, faiss.METRIC_INNER_PRODUCT)
    spread = np.linalg.cholesky(np.cov(real.T) + 1e-6 * np.eye(real.shape[1])).astype(np.float32)
    out = np.empty((rows, real.shape[1]), np.float32)
    out[: len(real)] = real[:rows]
    origins = np.arange(rows)
    for start in range(len(real), rows, 1 << 15):
        part = out[start : start + (1 << 15)]
        origin = rng.integers(0, len(real), len(part))
        other = near[origin, rng.integers(1, 20, len(part))]
        share = rng.uniform(0, 0.5, (len(part), 1)).astype(np.float32)
        noise = rng.standard_normal(part.shape, np.float32) @ spread.T
        noise *= rng.uniform(0.2, 0.8, (len(part), 1)).astype(np.float32)
        part[:] = (1 - share) * real[origin] + share * real[other] + noise
        part /= np.linalg.norm(part, axis=1, keepdims=True)
        origins[start : start + len(part)] = origin
    return out, origins


def _measured(kind: str, vectors: np.ndarray, queries: np.ndarray, best: np.ndarray, work: Path) -> list[object]:
    ids, file = np.arange(len(vectors)), work / "index"
    started = time.perf_counter()
    index = _built(kind, vectors)
    built = time.perf_counter() - started
    faiss.write_index(index, str(file))
    del index
    started = time.perf_counter()
    ours = kind == "flat f32" or kind.startswith("ivf")
    index = Dense.open(file, ids) if ours else faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
    opened = time.perf_counter() - started
    over = index.overfetch if ours else 1 if kind == "hnsw32" else 2
    search = _ours(index) if ours else _faiss(index)
    exact = kind in ("flat f32", "ivf f32", "hnsw32")

    for query in queries[:50]:  # what is mapped comes into memory
        search(query, 10, None)
    some = [np.random.default_rng(0).random(len(vectors)) < share for share in (0.001, 0.5)]
    faiss.omp_set_num_threads(1)
    started = time.thread_time()
    taken = _times(search, queries, 10 * over, None)
    busy = 1e3 * (time.thread_time() - started) / len(queries)
    filtered = [float(np.median(_times(search, queries[:50], 10 * over, wanted))) for wanted in some]
    found, raw = {10: 0.0, 100: 0.0}, 0.0
    for query, truth in zip(queries, best, strict=True):
        for k in found:
            places = search(query, k * over, None)
            raw += np.isin(places[:100], truth).sum() / 100 if k == 100 else 0
            if not exact:
                places = places[np.argsort(-(vectors[places] @ query), kind="stable")]
            found[k] += np.isin(places[:k], truth[:k]).sum() / k
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    recalls = [f"{value / len(queries):.4f}" for value in (*found.values(), raw)]
    times = [f"{value:.2f}" for value in (*np.quantile(taken, (0.5, 0.99)), busy, *filtered)]
    lists = f"{index._inverted.nprobe} of {index._inverted.nlist}" if kind.startswith("ivf") else ""
    return [kind, lists, f"{built:.1f}", f"{1e3 * opened:.1f}", *times, *recalls, f"{megabytes(file):.0f}"]


def _built(kind: str, vectors: np.ndarray) -> Any:
    if kind.startswith("ivf"):
        lists = _ivf.choose(len(vectors), vectors.shape[1], 1 << 20, 0).lists
        parts = np.array_split(vectors, max(len(vectors) // 16_384, 1))
        return _ivf.build(len(vectors), lambda: parts, _ivf.Kind(lists, kind.split()[1]))
    if kind == "flat f32":
        return Dense.build(np.arange(len(vectors)), vectors, flat_below=len(vectors) + 1)._index
    index = faiss.index_factory(vectors.shape[1], FACTORY[kind], faiss.METRIC_INNER_PRODUCT)
    if kind == "hnsw32":
        index.hnsw.efSearch = 256
    index.train(vectors[:: max(len(vectors) // 50_000, 1)])
    index.add(vectors)
    return index


Search = Callable[[np.ndarray, int, np.ndarray | None], np.ndarray]


def _ours(index: Dense) -> Search:
    return lambda query, k, wanted: np.array([place for place, _ in index.search(query, k, wanted)], np.int64)


def _faiss(index: Any) -> Search:
    def search(query: np.ndarray, k: int, wanted: np.ndarray | None) -> np.ndarray:
        bits = np.packbits(np.ones(index.ntotal, np.bool_) if wanted is None else wanted, bitorder="little")
        hnsw = isinstance(index, faiss.IndexHNSW)
        settings: Any = faiss.SearchParametersHNSW(efSearch=256) if hnsw else faiss.SearchParameters()
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        if not hnsw or wanted is not None:
            settings.sel = selector
        places = index.search(query.reshape(1, -1), k, params=settings)[1][0]
        return places[places >= 0]

    return search


def _times(search: Search, queries: np.ndarray, k: int, wanted: np.ndarray | None) -> list[float]:
    """Milliseconds of each search."""
    taken = []
    for query in queries:
        started = time.perf_counter()
        search(query, k, wanted)
        taken.append(1e3 * (time.perf_counter() - started))
    return taken


def _embedded(cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of passages and of questions."""
    files = cache / "passages.npy", cache / "queries.npy"
    if not all(file.exists() for file in files):
        embedder = model()
        passages, questions = texts()
        cache.mkdir(parents=True, exist_ok=True)
        np.save(files[0], embedder.embed_passages([cut(text, embedder) for text in passages]))
        np.save(files[1], np.stack([embedder.embed_query(text) for text in questions]))
    passages_, questions_ = (np.load(file) for file in files)
    return passages_, questions_[:: max(len(questions_) // QUERIES, 1)].copy()


def model() -> Embedder:
    """The embedding model of the settings."""
    settings = Settings.load()
    name = settings.embedding_model or DEFAULT_EMBEDDING_MODEL
    folder = ModelStore(settings.models_dir, offline=True).path(name)
    return load_embedder(folder, settings.models_dir / "exported", source=name)


def texts() -> tuple[list[str], list[str]]:
    with gzip.open(DATA / "qa" / "nq_open_oracle" / "nq-open-oracle.jsonl.gz", "rt", encoding="utf-8") as lines:
        nq = [json.loads(line) for line in lines]
    passages = dict.fromkeys(f"{row['ctxs'][0]['title']}\n\n{row['ctxs'][0]['text']}" for row in nq)
    scifact = DATA / "retrieval" / "scifact"
    passages |= dict.fromkeys(f"{row['title']}\n\n{row['text']}" for row in _lines(scifact / "corpus.jsonl"))
    for file in ("squad2/dev-v2.0.json", "squad2/test-v2.0.json", "covid_qa/question-answering/200423_covidQA.json"):
        for article in json.loads((DATA / "qa" / file).read_text("utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                passages |= dict.fromkeys(text[start : start + 1000] for start in range(0, len(text), 1000))
    questions = [row["question"] for row in nq[::5]]
    return list(passages), questions + [row["text"] for row in _lines(scifact / "queries.jsonl")][::3]


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def cut(text: str, embedder: Embedder) -> str:
    """As much of the text as the model takes."""
    tokens = embedder.token_offsets([text[:1000]])[0]
    return text[: int(tokens[min(len(tokens), embedder.passage_tokens) - 1][1])]


if __name__ == "__main__":
    main()
