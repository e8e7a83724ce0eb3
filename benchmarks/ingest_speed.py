"""How long a folder takes to ingest, and an unchanged one a second time, in cold processes.

    python benchmarks/ingest_speed.py FOLDER [--runs N] [--peers DIR] [--names llama,haystack,langchain+incr]

Wall seconds are those of whole processes, from start to exit: median (least..most). --peers names a folder of
scripts `peer_NAME.py` that do the same work with other frameworks; then a run of ours precedes every run of a peer, and
the ratios are peer over ours. Chunks differ between frameworks, so compare seconds a folder. `others` is the most CPU
that other processes used meanwhile, in cores: figures are worth comparing where it is near 0.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from _timing import PEERS, Peer, Run, RunError, Series, megabytes, peers, run, table

HEAD = ("", "wall s", "CPU s", "chunks", "chunks/s", "peak MB", "index MB", "others", "peer / ours")


@dataclass(slots=True)
class Tally:
    """Every ingest of one kind that one framework did."""

    wall: Series = field(default_factory=Series)
    runs: list[Run] = field(default_factory=list)
    chunks: int = 0
    index_mb: float = 0.0

    def add(self, done: Run, chunks: int, index: Path, before: float = float("nan")) -> float:
        """Note an ingest; `before` is the seconds of ours just before it. Returns its own seconds."""
        self.wall.add(done.wall, before)
        self.runs.append(done)
        self.chunks, self.index_mb = chunks, megabytes(index)
        return done.wall

    def row(self, name: str, *, ours: bool = False) -> list[str]:
        """The framework's line of the table."""
        return [
            name,
            self.wall.spread(),
            f"{statistics.median(done.cpu for done in self.runs):.1f}",
            str(self.chunks),
            f"{self.chunks / statistics.median(self.wall.values):.0f}",
            f"{max(done.peak_mb for done in self.runs):.0f}",
            f"{self.index_mb:.1f}",
            f"{max(done.others for done in self.runs):.2f}",
            "1" if ours else self.wall.ratio(),
        ]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3, help="of each peer; without peers, of ours")
    parser.add_argument("--peers", type=Path, help="the folder of the peers' scripts; needs PEERS_WORK and PEERS_MODEL")
    parser.add_argument("--names", default=",".join(PEERS), help="which peers; NAME+incr skips unchanged files")
    args = parser.parse_args()

    rivals = peers(args.peers, args.names)
    absent = {peer.name: peer.missing for peer in rivals if peer.missing}
    ours = (Tally(), Tally())
    theirs = {peer.name: (Tally(), Tally()) for peer in rivals}
    with tempfile.TemporaryDirectory() as scratch:
        _ours(args.folder, Path(scratch, "warm-up"), (Tally(), Tally()))  # the first ever exports the model
        for _ in range(args.runs):
            turns: list[Peer | None] = [peer for peer in rivals if peer.name not in absent]
            for peer in turns or [None]:
                before = _ours(args.folder, Path(scratch, f"library-{len(ours[0].runs)}"), ours)
                if peer is None:
                    continue
                try:
                    _theirs(peer, args.folder, theirs[peer.name], before)
                except RunError as error:
                    absent[peer.name] = f"failed: {error}"
    _print("A new index", ours[0], {name: first for name, (first, _) in theirs.items()}, absent)
    incremental = {name: again for name, (_, again) in theirs.items() if name.endswith("+incr")}
    _print("The same folder again, unchanged", ours[1], incremental, absent)


def _ours(folder: Path, library: Path, tallies: tuple[Tally, Tally]) -> tuple[float, float]:
    """Ingest a folder twice: the seconds of both."""
    seconds = []
    for tally in tallies:
        try:
            done = run([sys.executable, "-m", "ragstone", "ingest", folder, "--library", library, "--json"])
        except RunError as error:
            sys.exit(f"ingest: {error}")
        seconds.append(tally.add(done, json.loads(done.out)["chunks"], library))
    return seconds[0], seconds[1]


def _theirs(peer: Peer, folder: Path, tallies: tuple[Tally, Tally], before: tuple[float, float]) -> None:
    """Ingest a folder with a peer, and a second time if it can skip what is unchanged."""
    for again, (tally, seconds) in enumerate(zip(tallies, before, strict=True)):
        if again and not peer.name.endswith("+incr"):
            return
        done, said = peer.ingest(folder, again=bool(again))
        tally.add(done, said.get("chunks", said.get("chunks_embedded", 0)), peer.index(folder), seconds)


def _print(title: str, ours: Tally, theirs: Mapping[str, Tally], absent: Mapping[str, str]) -> None:
    rows = [ours.row("ragstone", ours=True)]
    rows += [[name, absent[name]] if name in absent else tally.row(name) for name, tally in theirs.items()]
    print(f"\n{title}\n\n{table(HEAD, rows)}")


if __name__ == "__main__":
    main()
