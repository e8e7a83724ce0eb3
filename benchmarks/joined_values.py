"""Does the verifier tell the value of one row or column of a table from another's?

    python benchmarks/joined_values.py [--data DIR] [--tables N]

Of the tables in TAT-QA's reports, the first twelve rows of each, claims are made by one pattern: "For KEY, COLUMN is
VALUE.", where KEY is the first cell of a row. True ones; ones with the value that another row has in that column; and
ones with the value that the row has in another column. The verifier gets the table as Markdown, as a PDF's text has it,
a line a row, and as a JSON list of objects. Printed is the share that it takes for supported, with what
`generation/grounding/joining.py` adds and without.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from _timing import table

from ragstone.eval.readers.answering import read_tatqa
from ragstone.eval.stats import estimate
from ragstone.generation.grounding.records import Row, table_rows
from ragstone.generation.grounding.verifier import Verifier

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
ROWS = 12
KINDS = ("true", "of another row", "of another column")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--tables", type=int, default=300, help="at most")
    args = parser.parse_args()
    corpus = read_tatqa(args.data / "qa" / "tatqa").corpus
    cases = [case for document in corpus for case in claims_of(document.text)][: args.tables]
    verifier = Verifier()
    lines = [
        [name, *line]
        for name, written in (("Markdown", as_markdown), ("text", as_text), ("JSON", as_json))
        for line in measured(verifier, [(written(rows), claims) for rows, claims in cases])
    ]
    print(table(["table", "claims", "n", "called supported without", "with", "kept apart"], lines))


def claims_of(text: str) -> Iterator[tuple[list[Row], tuple[str, str, str]]]:
    """Of each table of a text that allows it: its rows, and a claim of each kind."""
    for _, of in groupby(table_rows(text), key=lambda row: row.header):
        rows = list(of)[:ROWS]
        if found := claims(rows, random.Random(text[:200])):
            yield rows, found


def as_markdown(rows: Sequence[Row]) -> str:
    header = rows[0].header
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["-"] * len(header), *(row.cells for row in rows)))


def as_text(rows: Sequence[Row]) -> str:
    return "\n".join(" ".join(filter(None, line)) for line in (rows[0].header, *(row.cells for row in rows)))


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([dict(zip(row.header, row.cells, strict=False)) for row in rows])


def claims(rows: Sequence[Row], draw: random.Random) -> tuple[str, str, str] | None:
    """A claim of each kind about a row; None where no row allows all."""
    places = [(row, c) for row in rows for c in range(1, len(row.cells)) if is_value(row.cells[c])]
    draw.shuffle(places)
    for row, c in places:
        key, column = row.cells[0], row.header[c] if c < len(row.header) else ""
        if not re.search(r"[^\W\d_]{3}", key) or not column or sum(other.cells[0] == key for other in rows) > 1:
            continue
        below = [o.cells[c] for o in rows if c < len(o.cells) and o.cells[c] not in row.cells and is_value(o.cells[c])]
        beside = [
            cell
            for k, (head, cell) in enumerate(zip(row.header, row.cells, strict=False))
            if k not in (0, c) and is_value(cell) and cell != row.cells[c] and head and head != column
        ]
        if below and beside:
            values = (row.cells[c], draw.choice(below), draw.choice(beside))
            return tuple(f"For {key}, {column} is {value}." for value in values)  # type: ignore[return-value]
    return None


def is_value(cell: str) -> bool:
    """Whether a cell is a number of two digits or more, perhaps with a unit."""
    return sum(map(str.isdigit, cell)) > 1 and len(cell) < 20


def measured(verifier: Verifier, cases: Sequence[tuple[str, tuple[str, str, str]]]) -> Iterator[list[str]]:
    """For each kind of claim: how many, and the shares."""
    for place, kind in enumerate(KINDS):
        reads = [verifier.read([claims[place]], [passage])[0] for passage, claims in cases]
        alone = [verifier.combined(read) >= verifier.threshold for read in reads]
        apart = [bool(read.comparison.misjoined) for read in reads]
        both = [yes and not other for yes, other in zip(alone, apart, strict=True)]
        yield [kind, str(len(reads)), *(str(estimate([float(one) for one in of])) for of in (alone, both, apart))]


if __name__ == "__main__":
    main()
