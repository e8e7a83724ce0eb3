"""How fast a search is in a library of 10,000, 100,000 and 1,000,000 chunks.

    python benchmarks/search_scale.py --work DIR [--chunks 10000,100000,1000000] [--rounds N] [--runs N]

Chunks are real passages (see `index_kinds.py`) with their titles, and beyond these the same with three words in ten
swapped for others, as often as they occur, and real vectors with noise: for speed only. Each 50 are a file, stored as
an ingest stores it. The libraries stay in DIR. Questions are those of NQ-open and SciFact; every search is for ten hits
and, unless another mode is named, hybrid, the embedding of the query included.

`cold`: processes after each other, from the start of the process. `warm`: one process, all questions in each of N
rounds; `p50 p95 p99 (best ...)` are of all searches and, in brackets, of the least time that each question took in any
round, which is what other work on the machine disturbs least. `CPU ms` is the mean that a search works, on all
cores. A filter keeps one file in a thousand, or every second one. `changed`: on a copy, a thousand chunks come and
another thousand go while the process is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from _timing import megabytes, run, table

K = 10
CHANGED = 1000
QUESTIONS, PASSAGES = 200, 5_000

Rows = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the libraries are made and kept")
    parser.add_argument("--chunks", default="10000,100000", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--rounds", type=int, default=3, help="of all questions in a warm process")
    parser.add_argument("--runs", type=int, default=5, help="cold processes")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)  # measures in a process of its own
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        questions = json.loads((args.work / "questions.json").read_text("utf-8"))
        print(json.dumps(CHILDREN[args.child](args.library, questions, args)))
        return
    args.work.mkdir(parents=True, exist_ok=True)
    _prepare(args.work, args.chunks)
    columns = {size: _measured(args.work / f"chunks-{size}", args) for size in args.chunks}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    head = ("", *(f"{size:,} chunks" for size in columns))
    print(table(head, [[name, *(column.get(name, "") for column in columns.values())] for name in names]))


def _prepare(work: Path, sizes: list[int]) -> None:
    """Make what is missing."""
    from _made_library import Source, library, nearest

    source = Source.load(work, PASSAGES, QUESTIONS)
    (work / "questions.json").write_text(json.dumps(source.questions), "utf-8")
    lines = [f"{number}\t{' '.join(question.split())}\n" for number, question in enumerate(source.questions)]
    (work / "questions.tsv").write_text("".join(lines), "utf-8")  # for `search_time.py`
    for size in sizes:
        started = time.perf_counter()
        library(work, source, size)
        nearest(work, source, size)
        print(f"{size:,} chunks are ready after {time.perf_counter() - started:.0f} s", flush=True)
    print(f"{len(source.passages):,} real passages; {len(source.questions)} questions\n", flush=True)


def _measured(library: Path, args: argparse.Namespace) -> Rows:
    """A column of the table."""
    others: list[float] = []

    def child(name: str, folder: Path) -> Any:
        command = [sys.executable, __file__, "--work", args.work, "--child", name, "--library", folder]
        done = run([*map(str, command), "--rounds", str(args.rounds)])
        others.append(done.others)
        return json.loads(done.out)

    rows = _cold(library, args, child)
    rows |= child("warm", library) | child("filters", library) | child("threads", library) | child("stages", library)
    rows |= child("index", library)
    with tempfile.TemporaryDirectory(dir=args.work) as scratch:
        copy = Path(scratch) / "library"
        shutil.copytree(library, copy)
        rows |= child("changed", copy)
    return rows | {"cores that other processes used": f"{statistics.mean(others):.1f}"}


def _cold(library: Path, args: argparse.Namespace, child: Callable[[str, Path], Any]) -> Rows:
    questions = json.loads((args.work / "questions.json").read_text("utf-8"))
    runs, firsts = [], []
    for question in questions[: args.runs + 1]:
        search = [sys.executable, "-m", "ragstone", "search", question, "--library", str(library), "--json"]
        runs.append(run(search))
        firsts.append(child("first", library))
    del runs[0], firsts[0]  # they brought the files into memory
    return {
        "cold `ragstone search`, s": _spread([done.wall for done in runs]),
        "... CPU s": f"{statistics.median(done.cpu for done in runs):.2f}",
        "cold, to the first hit in the process, s": _spread(firsts),
    }


# Children


def _first(library: Path, questions: list[str], _: argparse.Namespace) -> float:
    from ragstone import Ragstone

    with Ragstone.open(library, create=False) as rag:
        assert rag.search(questions[1], K)
        return time.time() - float(os.environ["BENCH_T0"])


def _warm(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    rows = {}
    for mode in ("hybrid", "dense", "lexical"):
        with _opened(library, questions) as rag:
            rows |= _timed(f"warm {mode}", lambda q, rag=rag, mode=mode: rag.search(q, K, mode), questions, args.rounds)
            if mode == "hybrid":
                rows |= _memory()
    return rows


def _filters(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    from _made_library import FEW, HALF

    rows = {}
    with _opened(library, questions) as rag:
        count = rag.library.counts()[1]
        for collection in (FEW, HALF):
            kept = sum(document.chunks for document in rag.documents(collection))
            name = f"warm hybrid, a filter keeps {kept / count:.1%}"
            rows |= _timed(name, lambda q, c=collection: rag.search(q, K, collection=c), questions, args.rounds)
    return rows


def _threads(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    rates: dict[int, list[float]] = {1: [], 8: []}
    with _opened(library, questions) as rag:
        for _ in range(args.rounds):
            for threads, rate in rates.items():
                with ThreadPoolExecutor(threads) as pool:
                    started = time.perf_counter()
                    list(pool.map(lambda q: rag.search(q, K), questions))
                    rate.append(len(questions) / (time.perf_counter() - started))
    return {f"queries/s, {n} thread{'s' * (n > 1)} (best round)": f"{max(rate):.0f}" for n, rate in rates.items()}


def _stages(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    from ragstone.retrieval.index import Index
    from ragstone.retrieval.library import Library
    from ragstone.retrieval.retriever import Retriever
    from ragstone.retrieval.wording import QueryWords

    parts = {
        "follow the library": [(Retriever, "_opened")],
        "look terms up": [(Retriever, "_look_up")],
        "lexical": [(Index, "lexical")],
        "dense": [(Index, "dense")],
        "score what the other found": [(Index, "similarities"), (Index, "bm25_of")],
        "read chunks": [(Library, "chunks")],
        "wording": [(QueryWords, "__init__"), (QueryWords, "wording")],
    }
    spent = dict.fromkeys(parts, 0.0)
    with _opened(library, questions) as rag:
        for stage, places in parts.items():
            for owner, name in places:
                setattr(owner, name, _counted(getattr(owner, name), stage, spent))
        whole = _cpu(lambda q: rag.search(q, K), questions, args.rounds)
        spent["embed"] = _cpu(rag.embed_query, questions, args.rounds)  # by threads of the network's own
    each = 1e3 / (args.rounds * len(questions))
    rows = {f"... CPU ms: {stage}": f"{each * seconds:.2f}" for stage, seconds in spent.items()}
    return rows | {"... CPU ms: the rest": f"{each * (whole - sum(spent.values())):.2f}"}


def _cpu(what: Callable[[str], Any], questions: list[str], rounds: int) -> float:
    """The seconds that all cores work."""
    started = time.process_time()
    for _ in range(rounds):
        for question in questions:
            what(question)
    return time.process_time() - started


def _counted(function: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        started = time.thread_time()  # the question is embedded beside
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += time.thread_time() - started

    return counted


def _index(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    from ragstone.retrieval.index import verified

    size = int(library.name.partition("-")[2])
    truth = np.load(args.work / f"chunks-{size}-nearest-{len(questions)}.npy")
    with _opened(library, questions[:1]) as rag:
        index, embedder = rag._retriever._opened("hybrid")
        found = dict.fromkeys((10, 100), 0.0)
        for question, best in zip(questions, truth, strict=True):
            vector = embedder.embed_query(question)
            for k in found:
                found[k] += np.isin([i for i, _ in index.dense(vector, k)], best[:k]).sum() / k / len(questions)
        generation = library / "index" / index.state.generation
        rows = {"index": index.kind} | {f"recall@{k} against exact search": f"{r:.4f}" for k, r in found.items()}
    started = time.perf_counter()
    verified(generation)
    taken = 1e3 * (time.perf_counter() - started)
    return rows | {
        "checksums when it is opened, ms": f"{taken:.0f}",
        "index, MB on disk": f"{megabytes(generation):.0f}",
        "database, MB on disk": f"{megabytes(library / 'library.sqlite3'):.0f}",
    }


def _changed(library: Path, questions: list[str], args: argparse.Namespace) -> Rows:
    from _made_library import PER_FILE, Source, files

    source = Source.load(args.work, PASSAGES, QUESTIONS)
    new = list(files(source, CHANGED, first=1_000_000))
    with _opened(library, questions) as rag:
        documents = [d.id for d in rag.documents()][1::3][: CHANGED // PER_FILE]
        with rag.library.locked():
            for file in new:
                rag.library.store(file)
            rag.library.remove(documents)
        started = time.perf_counter()
        rag.search(questions[0], K)
        first = 1e3 * (time.perf_counter() - started)
        rows = _timed("changed, warm hybrid", lambda q: rag.search(q, K), questions, args.rounds)
    return {"changed, the first search, ms": f"{first:.0f}"} | rows


@contextmanager
def _opened(library: Path, questions: list[str]) -> Iterator[Any]:
    """A library that has answered some questions."""
    from ragstone import Ragstone

    with Ragstone.open(library, create=False) as rag:
        for question in questions[:50]:
            rag.search(question, K)
        yield rag


def _timed(name: str, search: Callable[[str], object], questions: list[str], rounds: int) -> Rows:
    for question in questions[:20]:
        search(question)
    taken = np.zeros((rounds, len(questions)))
    busy = time.process_time()
    for times in taken:
        for n, question in enumerate(questions):
            started = time.perf_counter()
            search(question)
            times[n] = 1e3 * (time.perf_counter() - started)
    busy = 1e3 * (time.process_time() - busy) / taken.size
    every, best = (" ".join(f"{q:.1f}" for q in np.quantile(part, (0.5, 0.95, 0.99))) for part in (taken, taken.min(0)))
    return {f"{name}, ms": f"{every} (best {best})", f"{name}, CPU ms": f"{busy:.1f}"}


def _memory() -> Rows:
    used = psutil.Process().memory_full_info()
    unique, shared = used.uss / 1e6, getattr(used, "pss", used.uss) / 1e6
    return {"memory, MB: resident, proportional, unique": f"{used.rss / 1e6:.0f}, {shared:.0f}, {unique:.0f}"}


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})"


CHILDREN: dict[str, Callable[[Path, list[str], argparse.Namespace], Any]] = {
    "first": _first,
    "warm": _warm,
    "filters": _filters,
    "threads": _threads,
    "stages": _stages,
    "index": _index,
    "changed": _changed,
}


if __name__ == "__main__":
    main()
