"""Our lexical search beside SQLite FTS5, tantivy and bm25s: quality, speed, size, and what an update does.

    python benchmarks/lexical_engines.py [--rows 5183,100000] [--engines ours,fts5,tantivy,bm25s] [--queries N]

Reads `retrieval/scifact` of the benchmark data (RAGSTONE_BENCH_DATA, default ../shared/data): 5,183 abstracts, each one
row with its title, and 300 queries. Rows beyond these are the same abstracts with three words in ten swapped for words
drawn from all of them as often as they occur, so the vocabulary's distribution stays; they are for speed only.

nDCG@10 as in trec_eval. Every engine drops the same stop words from the queries, stems English and counts the title
twice as best it can. ms/query: ten hits, one thread, warm, wall clock. update: 100 rows come and 100 go, until a search
sees it. stale: the greatest share by which a score differs from that of an index made anew, after every other row was
deleted (of 5,183); 0 is exact. An engine whose package is absent (requirements-bench.txt) is named and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from _timing import megabytes, table

from ragstone.eval.metrics.ranking import score
from ragstone.eval.readers.beir import read_beir
from ragstone.eval.readers.corpus import JudgedCorpus
from ragstone.retrieval.analysis import STOP_WORDS, query_terms, weighted
from ragstone.retrieval.index._postings import Postings, bm25

Row = tuple[str, str]
HEAD = ("engine", "rows", "nDCG@10", "p50 ms", "p99 ms", "build s", "MB", "update ms", "stale")


class Engine(Protocol):
    def __init__(self, folder: Path) -> None: ...
    def build(self, rows: Sequence[Row]) -> None: ...
    def search(self, query: str, k: int) -> list[tuple[int, float]]: ...
    def update(self, added: Sequence[Row], removed: Sequence[int]) -> None: ...


class Ours:
    """Postings in mapped files, what came after them in a second segment, deleted rows in a mask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids: dict[str, int] = {}

    def build(self, rows: Sequence[Row]) -> None:
        made = self._postings(rows)
        stored = []
        for name in ("offsets", "places", "frequencies", "lengths"):
            np.save(self._folder / f"{name}.npy", getattr(made, name))
            stored.append(np.load(self._folder / f"{name}.npy", mmap_mode="r"))
        base = Postings(*stored)
        self._segments: list[tuple[Postings, Any, None]] = [(base, np.ones(len(base), np.bool_), None)]

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        terms = [self._ids[term] for term in query_terms(query) if term in self._ids]
        starts = np.cumsum([0, *(len(postings) for postings, *_ in self._segments)])
        return [(int(starts[segment]) + place, points) for segment, place, points in bm25(self._segments, terms, k)]

    def update(self, added: Sequence[Row], removed: Sequence[int]) -> None:
        self._segments[0][1][list(removed)] = False
        if added:
            self._segments.append((self._postings(added), None, None))

    def _postings(self, rows: Sequence[Row]) -> Postings:
        counts, ids, often = [], [], bytearray()
        for title, text in rows:
            found = weighted(title, "", text)
            counts.append(len(found))
            ids.append(np.array([self._ids.setdefault(term, len(self._ids)) for term in found], np.uint32))
            often += bytes(found.values())
        return Postings.build(np.array(counts), np.concatenate(ids), np.frombuffer(often, np.uint8))


class Fts5:
    """What came before our own: porter stems, an OR of words."""

    _INSERT = "INSERT INTO rows (rowid, title, text) VALUES (?, ?, ?)"

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "fts5.sqlite3")
        self._db.execute(
            "CREATE VIRTUAL TABLE rows USING fts5 (title, text, tokenize='porter unicode61 remove_diacritics 2')"
        )

    def build(self, rows: Sequence[Row]) -> None:
        with self._db:
            self._db.executemany(self._INSERT, _numbered(rows, 0))
        self._count = len(rows)

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        words = " OR ".join(f'"{word}"' for word in _words(query))
        return self._db.execute(
            "SELECT rowid, -bm25(rows, 2, 1) AS score FROM rows WHERE rows MATCH ? ORDER BY score DESC, rowid LIMIT ?",
            (words, k),
        ).fetchall()

    def update(self, added: Sequence[Row], removed: Sequence[int]) -> None:
        with self._db:
            self._db.executemany("DELETE FROM rows WHERE rowid = ?", [(row,) for row in removed])
            self._db.executemany(
                "INSERT INTO rows (rowid, title, text) VALUES (?, ?, ?)", _numbered(added, self._count)
            )


class Tantivy:
    """Rust; its own files and its own commits, beside the library's database. Title and text are one field: with two,
    the title boosted, it is seven points of nDCG worse."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        self._module: Any = tantivy
        schema = tantivy.SchemaBuilder()
        schema.add_integer_field("row", stored=True, indexed=True)
        schema.add_text_field("text", tokenizer_name="en_stem")
        self._index = tantivy.Index(schema.build(), path=str(folder))
        self._writer = self._index.writer(256_000_000, 1)

    def build(self, rows: Sequence[Row]) -> None:
        self._count = len(rows)
        self._add(_numbered(rows, 0))
        self._commit()

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        parsed = self._index.parse_query(" ".join(_words(query)), ["text"])
        searcher = self._index.searcher()
        return [(searcher.doc(at)["row"][0], points) for points, at in searcher.search(parsed, k, count=False).hits]

    def update(self, added: Sequence[Row], removed: Sequence[int]) -> None:
        for row in removed:
            self._writer.delete_documents_by_term("row", row)
        self._add(_numbered(added, self._count))
        self._commit()

    def _add(self, rows: Sequence[tuple[int, str, str]]) -> None:
        for row, title, text in rows:
            self._writer.add_document(self._module.Document(row=row, text=f"{title} {title} {text}"))

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()


class Bm25s:
    """Scores computed when the index is made; nothing can be added or removed."""

    def __init__(self, folder: Path) -> None:
        import bm25s
        import Stemmer

        self._module: Any = bm25s
        self._stemmer, self._folder = Stemmer.Stemmer("english"), folder

    def build(self, rows: Sequence[Row]) -> None:
        self._rows = dict(enumerate(rows))
        self._make()

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        tokens = self._module.tokenize(
            [" ".join(_words(query))], stopwords=[], stemmer=self._stemmer, show_progress=False
        )
        places, scores = self._made.retrieve(tokens, k=k, show_progress=False)
        hits = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(self._ids[place], points) for place, points in hits if points > 0]

    def update(self, added: Sequence[Row], removed: Sequence[int]) -> None:
        for row in removed:
            del self._rows[row]
        self._rows.update({row: (title, text) for row, title, text in _numbered(added, max(self._rows) + 1)})
        self._make()

    def _make(self) -> None:
        self._ids = list(self._rows)
        texts = [f"{title} {title} {text}" for title, text in self._rows.values()]
        tokens = self._module.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)
        self._made = self._module.BM25(k1=1.2, b=0.75)
        self._made.index(tokens, show_progress=False)
        self._made.save(str(self._folder))


ENGINES: dict[str, tuple[Callable[[Path], Engine], str]] = {
    "ours": (Ours, "numpy"),
    "fts5": (Fts5, "sqlite3"),
    "tantivy": (Tantivy, "tantivy"),
    "bm25s": (Bm25s, "bm25s"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="5183,100000", help="how many, separated by commas")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--queries", type=int, default=None, help="only so many of them")
    args = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    judged = read_beir(Path(os.environ.get("RAGSTONE_BENCH_DATA") or default) / "retrieval" / "scifact").sample(
        args.queries
    )
    rows = [(document.title, document.text) for document in judged.corpus]
    lines = []
    for size in map(int, args.rows.split(",")):
        many = _noisy(rows, size)
        for name in args.engines.split(","):
            make, package = ENGINES[name]
            if importlib.util.find_spec(package) is None:
                print(f"{name}: left out, for {package} is not installed")
                continue
            lines.append([name, f"{size:,}", *_measured(make, many, judged, real=size == len(rows))])
    print(table(HEAD, lines))
    print("\nRows beyond 5,183 are SciFact abstracts with noise words: for speed only.")


def _measured(make: Callable[[Path], Engine], rows: Sequence[Row], judged: JudgedCorpus, *, real: bool) -> list[str]:
    queries = judged.queries
    with tempfile.TemporaryDirectory() as folder:
        engine = make(Path(folder))
        started = time.perf_counter()
        engine.build(rows)
        built, size = time.perf_counter() - started, megabytes(Path(folder))
        found = {name: engine.search(query, 10) for name, query in queries.items()}
        if real:
            run = {name: [judged.corpus[place].id for place, _ in hits] for name, hits in found.items()}
            values = [value for value in score(run, judged.qrels, ["nDCG@10"])["nDCG@10"].values() if value is not None]
        taken = sorted(_milliseconds(lambda text=text: engine.search(text, 10)) for text in queries.values())
        update = _milliseconds(lambda: (engine.update(rows[:100], range(100)), engine.search("cell", 10)))
    quality, stale = (
        (f"{100 * statistics.mean(values):.2f}", f"{_stale(make, rows, queries):.1%}") if real else ("", "")
    )
    p99 = taken[int(len(taken) * 0.99)]
    speed = (f"{statistics.median(taken):.2f}", f"{p99:.2f}", f"{built:.1f}", f"{size:.0f}", f"{update:.1f}")
    return [quality, *speed, stale]


def _stale(make: Callable[[Path], Engine], rows: Sequence[Row], queries: Mapping[str, str]) -> float:
    """How far the best hit's score is off after deletions, at most, as a share of what it should be."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        changed, anew = make(Path(first)), make(Path(second))
        changed.build(rows)
        changed.update([], range(0, len(rows), 2))
        anew.build(rows[1::2])
        pairs = [(changed.search(q, 1), anew.search(q, 1)) for q in list(queries.values())[:100]]
    return max(abs(one[0][1] / other[0][1] - 1) for one, other in pairs)


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def _words(query: str) -> list[str]:
    words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))
    return [word for word in words if word not in STOP_WORDS] or words


def _numbered(rows: Sequence[Row], first: int) -> list[tuple[int, str, str]]:
    return [(row, title, text) for row, (title, text) in enumerate(rows, first)]


def _noisy(rows: Sequence[Row], size: int) -> list[Row]:
    """The rows, and if these are too few, more made of them."""
    draw = random.Random(0)
    pool = [word for _, text in rows for word in text.split()]
    made = list(rows[:size])
    for title, text in islice(cycle(rows), size - len(made)):
        made.append((title, " ".join(draw.choice(pool) if draw.random() < 0.3 else word for word in text.split())))
    return made


if __name__ == "__main__":
    main()
