"""How long a filter takes to name its documents: made-up documents of 1 to 15 KB, two thirds with metadata.

Prints, for each library size and filter, the documents kept and the best and median of nine runs: milliseconds of this
process on a core, and of the clock.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from ragstone.retrieval.filters import Filter
from ragstone.retrieval.library import DATABASE, Library

FILTERS = (
    *(["type=pdf"], ["collection=c3"], ["folder=docs/7"], ["document=**/file 12*.pdf"], ["title~=number 77"]),
    *(["author=jane 7"], ["author!=jane 7"], ["date=2024-01"], ["date>=2023", "date<2024-07"], ["modified>=2024"]),
    ["type=pdf", "author=jane 7", "date>=2015"],
)
TYPES = ("application/pdf", "text/markdown", "text/html", "message/rfc822")


def fill(folder: Path, documents: int) -> None:
    """Write rows as an ingest would, without chunks: no filter looks at those."""
    rng = random.Random(1)
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        for n in range(1, documents + 1):
            path = f"docs/{rng.randrange(50)}/sub{rng.randrange(20)}/file {n}.pdf"
            mtime_ns = int(1.6e18 + rng.random() * 1e17)
            db.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, 1000, ?, 'recipe', '2024-01-01T00:00:00.000000+00:00', '[]')",
                (n, path, f"/home/me/{path}", f"c{n % 7}", f"{n:064x}", mtime_ns),
            )
            created = f"20{rng.randrange(10, 25)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 28):02}T10:00:00Z"
            described = {"author": f"Jane {rng.randrange(1000)}", "created": created, "language": "en"}
            described |= {"modified": "2024-02-01T10:00:00Z", "subject": "a subject of some words"}
            metadata = json.dumps(described if n % 3 else {})
            text = "word " * rng.randrange(200, 3000)
            db.execute(
                "INSERT INTO documents (id, file_id, part, title, media_type, metadata, signature, text) "
                "VALUES (?, ?, '', ?, ?, ?, ?, ?)",
                (n, n, f"Title number {n}", rng.choice(TYPES), metadata, bytes(512), text),
            )


def measure(library: Library, where: Filter) -> str:
    """One line of the table."""
    cpu, wall, kept = [], [], 0
    for _ in range(9):
        begun, started = time.process_time(), time.perf_counter()
        kept = len(library.document_ids(where))
        cpu.append((time.process_time() - begun) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    times = (min(cpu), statistics.median(cpu), min(wall), statistics.median(wall))
    return f"{kept:8,}" + "".join(f"{each:9.1f}" for each in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", default="10000,100000")
    for documents in map(int, parser.parse_args().documents.split(",")):
        with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "library", create=True) as library:
            fill(library.folder, documents)
            print(f"{documents:,} documents\n{'':42}    kept  cpu best   median clk best   median")
            for conditions in FILTERS:
                print(f"{' and '.join(conditions):42}{measure(library, Filter.parse(conditions))}", flush=True)


if __name__ == "__main__":
    main()
