"""How the search fares on a small office's documents, as a new user would ask of them.

    python benchmarks/office_search.py [--library DIR]

`office/` holds 25 short documents (contracts, minutes, mails, tables, a log, a manual, code, German and French) and 85
questions of kinds that people ask: paraphrased, misspelled, about a cell, a date written otherwise; eleven have no
answer there. Nothing is fitted on them. For each kind: how often the first hit is of the right document, and its
probability. What is answered: `ragstone eval run --questions benchmarks/office/questions.csv --library DIR`.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import defaultdict
from pathlib import Path

from _timing import table

from ragstone import Ragstone
from ragstone.eval.stats import estimate

OFFICE = Path(__file__).with_name("office")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, help="where the library is made; by default it is not kept")
    args = parser.parse_args()
    rows = list(csv.DictReader((OFFICE / "questions.csv").open(encoding="utf-8", newline="")))
    right: dict[str, list[float]] = defaultdict(list)
    probability: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as work, Ragstone.open(args.library or Path(work)) as rag:
        rag.ingest(OFFICE / "documents")
        for row in rows:
            hits = rag.search(row["question"], 5)
            wanted = {Path(name).name for name in row["documents"].split("|") if name}
            for kind in (row["group"], "answerable" if wanted else "unanswerable"):
                probability[kind].append((hits[0].probability or 0.0) if hits else 0.0)
                if wanted:
                    right[kind].append(float(bool(hits) and Path(hits[0].chunk.document).name in wanted))
    cells = [
        [kind, str(len(of)), str(estimate(right[kind])) if kind in right else "", str(estimate(of))]
        for kind, of in probability.items()
    ]
    print(table(["kind", "n", "first hit of the right document", "probability of the first hit"], cells))


if __name__ == "__main__":
    main()
