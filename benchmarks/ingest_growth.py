"""How time and memory of an ingest grow with the number of chunks, and how long an unchanged folder takes.

    python benchmarks/ingest_growth.py [--chunks 1000,10000,100000] [--files 10000]

Made-up sentences of a fixed seed, each a chunk of about 30 tokens, so that a hundred thousand take minutes. Each size
is one cold process with a new library; `peak MB` is the most resident memory of the process tree, sampled every 50 ms.
`again` is a second run over the unchanged folder. --files adds a folder of that many small files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from _timing import table

SENTENCES_A_FILE = 400
WORDS = """
    harbour turbine contract ledger valve notice period tariff engine paragraph winter signal cable meadow permit
    clause surgeon dosage invoice bridge sensor archive voltage tenant auditor beacon cargo deposit fabric glacier
    """.split()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", default="1000,10000,100000", help="about how many, by commas")
    parser.add_argument("--files", type=int, default=10_000, help="small files of one chunk each; 0 for none")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in map(int, filter(None, args.chunks.split(","))):
            rows.append(_row(f"{size:,} chunks", _write(Path(scratch, f"c{size}"), size, SENTENCES_A_FILE)))
        if args.files:
            rows.append(_row(f"{args.files:,} files", _write(Path(scratch, "files"), args.files, 1)))
    print(table(("", "files", "chunks", "wall s", "chunks/s", "peak MB", "again, wall s", "again, peak MB"), rows))


def _write(folder: Path, sentences: int, per_file: int) -> Path:
    draw = random.Random(1)
    for number in range(max(1, sentences // per_file)):
        lines = (" ".join(draw.choices(WORDS, k=12)).capitalize() + f" {draw.random():.3f}." for _ in range(per_file))
        file = folder / f"{number // 200:04}" / f"{number:06}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines))
        os.utime(file, (1_600_000_000, 1_600_000_000))
    return folder


def _row(name: str, folder: Path) -> list[str]:
    library = folder.with_suffix(".library")
    first, wall, peak = _ingest(folder, library)
    again, wall_again, peak_again = _ingest(folder, library)
    if again["files"]["unchanged"] != first["files"]["added"]:
        sys.exit(f"{name}: the second run did not find everything unchanged")
    chunks = first["chunks"]
    files = first["files"]["added"]
    speed = f"{chunks / wall:.0f}"
    return [
        name,
        f"{files:,}",
        f"{chunks:,}",
        f"{wall:.1f}",
        speed,
        f"{peak:.0f}",
        f"{wall_again:.2f}",
        f"{peak_again:.0f}",
    ]


def _ingest(folder: Path, library: Path) -> tuple[dict[str, object] | dict[str, dict[str, int]], float, float]:
    """The report, wall seconds, and the peak of the process tree's resident memory in MB."""
    started, peak = time.monotonic(), 0
    command = [sys.executable, "-m", "ragstone", "ingest", str(folder), "--library", str(library), "--json"]
    env = os.environ | {"RAGSTONE_CHUNK_TOKENS": "32", "RAGSTONE_CHUNK_OVERLAP": "0"}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, env=env)
        tree = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _resident(tree))
            time.sleep(0.05)
        wall = time.monotonic() - started
        out.seek(0)
        if process.returncode:
            sys.exit(f"ingest ended with {process.returncode}")
        return json.load(out), wall, peak / 1e6


def _resident(tree: psutil.Process) -> int:
    try:
        return sum(process.memory_info().rss for process in (tree, *tree.children(recursive=True)))
    except psutil.NoSuchProcess:  # one has just ended
        return 0


if __name__ == "__main__":
    main()
