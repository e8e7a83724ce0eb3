"""How long a search takes: a whole `ragstone search` process, and one query more in a process that is warm.

    python benchmarks/search_time.py LIBRARY QUERIES_FILE [--runs N] [--peers DIR [--folder FOLDER]] [--names NAME,..]

QUERIES_FILE holds a query a line, the text after the last tab. Cold, for ours, is the whole process of one query, from
start to exit; for a peer it ends earlier, at the first result. Warm: a fresh process for each run answers one query and
is then timed on the next 100, ten hits each. Shown are medians (least..most) over the runs. --peers names a folder of
scripts `peer_NAME.py`, FOLDER the documents that LIBRARY holds, which each peer reads in its own way; without it the
peers are given the library's own chunks and vectors, as a large library of `search_scale.py` needs. Runs of peers and
ours take turns, and the ratios are peer over ours in `hybrid`. `others` is the most CPU that other processes used
meanwhile, in cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, get_args

import numpy as np
from _timing import PEERS, Peer, RunError, Series, peers, run, table

from ragstone import Ragstone
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import Mode

MODES: tuple[Mode, ...] = get_args(Mode)
QUERIES = 100
STEP = 10_000
"""Chunks that are read at once."""
HEAD = ("", "cold s", "warm p50 ms", "warm p95 ms", "others")
RATIOS = ("cold, peer / ours", "p50, peer / ours", "p95, peer / ours")


@dataclass(slots=True)
class Tally:
    """Every run of one framework in one mode."""

    cold: Series = field(default_factory=Series)
    p50: Series = field(default_factory=Series)
    p95: Series = field(default_factory=Series)
    others: float = 0.0

    def add(self, figures: tuple[float, float, float], others: float, before: tuple[float, float, float]) -> None:
        """Note seconds cold and milliseconds warm (p50, p95), and those of ours in `hybrid` just before."""
        for series, value, reference in zip((self.cold, self.p50, self.p95), figures, before, strict=True):
            series.add(value, reference)
        self.others = max(self.others, others)

    def row(self, name: str, *, ours: bool = False) -> list[str]:
        """The line of the table."""
        ratios = [] if ours else [series.ratio() for series in (self.cold, self.p50, self.p95)]
        return [name, self.cold.spread(), self.p50.spread(1), self.p95.spread(1), f"{self.others:.2f}", *ratios]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("queries", type=Path, metavar="queries_file")
    parser.add_argument("--runs", type=int, default=5, help="of each peer; without peers, of ours")
    parser.add_argument("--peers", type=Path, help="the folder of the peers' scripts; needs PEERS_WORK and PEERS_MODEL")
    parser.add_argument("--folder", type=Path, help="the documents that the library holds, for the peers to read")
    parser.add_argument("--names", default=",".join(PEERS), help="which peers")
    parser.add_argument("--warm", choices=MODES, help=argparse.SUPPRESS)  # the child process that measures warm queries
    args = parser.parse_args()
    if args.warm:
        print(json.dumps(_warm(args.library, _read(args.queries), args.warm)))
        return

    rivals = peers(args.peers, args.names)
    absent = {peer.name: peer.missing for peer in rivals if peer.missing}
    folder = args.folder or args.library
    _prepare([peer for peer in rivals if peer.name not in absent], folder, args.folder is None, absent)
    ours = {mode: Tally() for mode in MODES}
    theirs = {peer.name: Tally() for peer in rivals}
    _ours(args.library, args.queries, {mode: Tally() for mode in MODES})
    for _ in range(args.runs):
        turns: list[Peer | None] = [peer for peer in rivals if peer.name not in absent]
        for peer in turns or [None]:
            before = _ours(args.library, args.queries, ours)
            if peer is None:
                continue
            try:
                done, said = peer.query(folder, args.queries)
                theirs[peer.name].add((said["first_s"], said["p50_ms"], said["p95_ms"]), done.others, before)
            except RunError as error:
                absent[peer.name] = f"failed: {error}"
    rows = [tally.row(f"ragstone {mode}", ours=True) for mode, tally in ours.items()]
    rows += [[name, absent[name]] if name in absent else tally.row(name) for name, tally in theirs.items()]
    print(table(HEAD + RATIOS if rivals else HEAD, rows))


def _prepare(rivals: list[Peer], folder: Path, given: bool, absent: dict[str, str]) -> None:
    """Make the peers' indexes that are missing, of a folder's documents or of a library's chunks; note who failed."""
    missing = [peer for peer in rivals if not peer.index(folder).exists()]
    with tempfile.TemporaryDirectory() as scratch:
        chunks = Path(scratch) / "chunks.jsonl"
        if missing and given:
            _export(folder, chunks)
        for peer in missing:
            try:
                peer.give(chunks, folder) if given else peer.ingest(folder)
            except RunError as error:
                absent[peer.name] = f"failed: {error}"


def _export(library: Path, to: Path) -> None:
    """Write a library's chunks, below the headings that are embedded with them, and beside it their vectors."""
    vectors = []
    with Library(library) as opened, to.open("w", encoding="utf-8") as lines:
        paths = {document.id: document.path for document in opened.documents()}
        for start in count(1, STEP):
            chunks = opened.chunks(range(start, start + STEP))
            if not chunks:
                break
            found = opened.vectors_of(chunks)
            for number, chunk in chunks.items():
                lines.write(json.dumps([paths[chunk.document_id], f"{chunk.heading}\n{chunk.text}"]) + "\n")
                vectors.append(found[number])
    np.save(to.with_suffix(".npy"), np.stack(vectors))


def _ours(library: Path, queries: Path, tallies: dict[Mode, Tally]) -> tuple[float, float, float]:
    """Search in every mode, cold and warm: the figures of `hybrid`."""
    first, figures = _read(queries)[0], (0.0, 0.0, 0.0)
    for mode in reversed(MODES):
        search = ("-m", "ragstone", "search", first, "--library", library, "--mode", mode, "--json")
        try:
            cold = run([sys.executable, *search])
            warm = run([sys.executable, __file__, library, queries, "--warm", mode])
        except RunError as error:
            sys.exit(f"search: {error}")
        said = json.loads(warm.out)
        figures = (cold.wall, said["p50_ms"], said["p95_ms"])
        tallies[mode].add(figures, max(cold.others, warm.others), figures)
    return figures  # hybrid comes last


def _warm(library: Path, queries: list[str], mode: Mode) -> dict[str, Any]:
    """Milliseconds a query after the first, in this process."""
    with Ragstone.open(library, create=False) as rag:
        rag.search(queries[0], 10, mode)
        taken = []
        for query in queries[1 : QUERIES + 1]:
            started = time.perf_counter()
            rag.search(query, 10, mode)
            taken.append(1e3 * (time.perf_counter() - started))
    return {"p50_ms": statistics.median(taken), "p95_ms": sorted(taken)[int(len(taken) * 0.95)]}


def _read(queries: Path) -> list[str]:
    lines = [line.rpartition("\t")[2] for line in queries.read_text("utf-8").splitlines() if line.strip()]
    if len(lines) < 2:
        sys.exit(f"{queries}: at least two queries are needed")
    return lines


if __name__ == "__main__":
    main()
