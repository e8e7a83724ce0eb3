"""Feeds damaged files to the parsers, in the child processes and under the limits that ingesting gives them.

    python benchmarks/fuzz_parsers.py [--cases 3000] [--seed 0] [--save DIR]

Whatever a file holds, only documents and reasons may come out of it, and every document must be sound; a file whose
parser was stopped or crashed gives that reason and nothing else; and the parent goes on. A seed and a number always
give the same case: `--first 1234 --cases 1 --in-process` repeats one under a debugger. Exit code 1 if there are faults.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragstone.benchmarks._mutations import Case, Mutator
from ragstone.benchmarks._timing import table
from ragstone.ingest.isolation import Limits, ParserPool
from ragstone.ingest.parsed import Block, ParsedDocument, ParseOptions
from ragstone.ingest.parsers import Reading, family, read
from ragstone.ingest.parsers.text import clean
from ragstone.retrieval.records import Line, Page

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", ROOT.parent / "shared" / "data"))
CORPUS = (
    *(DATA / "documents" / name for name in ("docling", "pypdf", "markitdown", "flask")),
    ROOT / "app" / "samples",
)
HEAD = ("parser", "cases", "documents", "refused", "memory", "timeouts", "crashes", "faults", "longest wait, s", "for")
STOPPED = {"memory": "more memory", "timeouts": "no sign of life", "crashes": "crashed its parser"}
"""What the reasons say of a parser that reached a limit."""
EXCEPTION = "crashed its parser (exit code"
"""What they say when an exception left it, which is a fault."""
ReadAll = Callable[[Iterable[tuple[Case, Path]]], Iterator[tuple[Case, list[Reading]]]]
Span = Block | Line | Page


@dataclass(slots=True)
class Tally:
    """What came of the cases that one parser was given."""

    cases: int = 0
    documents: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """The reasons, less their numbers."""
    stopped: list[str] = field(default_factory=list)
    """Cases that reached a limit."""
    faults: list[str] = field(default_factory=list)
    """Cases with an exception, or with a document that is not sound."""
    longest_wait: tuple[float, str] = (0.0, "")
    """Seconds for a case; those read while another one was waited for count less."""

    def row(self, name: str) -> list[str]:
        """The parser's line of the table."""
        stopped = [sum(n for what, n in self.errors.items() if mark in what) for mark in STOPPED.values()]
        counts = (self.cases, self.documents, self.errors.total() - sum(stopped), *stopped, len(self.faults))
        return [name, *map(str, counts), f"{self.longest_wait[0]:.2f}", self.longest_wait[1]]


def in_children(pool: ParserPool) -> ReadAll:
    """Reading as ingesting does it."""
    return lambda files: ((case, [reading for reading, _ in readings]) for case, readings in pool.read_all(files))


def in_process(options: ParseOptions) -> ReadAll:
    """Reading in this process, in which an exception ends everything."""
    return lambda files: ((case, list(read(path, options))) for case, path in files)


def fuzz(mutator: Mutator, numbers: Iterable[int], read_all: ReadAll, save: Path | None = None) -> dict[str, Tally]:
    """Reads the cases of some numbers: what came out, by parser. Cases with faults are saved."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        for case, readings in read_all(_written(map(mutator.case, numbers), Path(folder))):
            path = _path(case, Path(folder))
            path.unlink()
            tally, name = tallies[family(path) or ""], f"{case.number} {case.suffix} ({case.origin})"
            tally.longest_wait = max(tally.longest_wait, (time.perf_counter() - start, name))
            faults = _count(readings, path, tally, name)
            tally.faults += [f"{name}: {fault}" for fault in faults]
            if faults and save:
                save.mkdir(parents=True, exist_ok=True)
                (save / path.name).write_bytes(case.data)
            start = time.perf_counter()
    return tallies


def _written(cases: Iterable[Case], folder: Path) -> Iterator[tuple[Case, Path]]:
    for case in cases:
        path = _path(case, folder)
        path.write_bytes(case.data)
        yield case, path


def _path(case: Case, folder: Path) -> Path:
    return folder / f"{case.number}{case.suffix}"


def _count(readings: Sequence[Reading], path: Path, tally: Tally, name: str) -> list[str]:
    """Notes in the tally what came out of a case, and gives its faults."""
    tally.cases += 1
    tally.documents += sum(reading.document is not None for reading in readings)
    faults = [fault for one in readings if one.document is not None for fault in violations(one.document)]
    faults += ["a part's name is not clean" for one in readings if clean(one.part) != one.part]
    for reading in readings:
        if (error := reading.error) is None:
            continue
        tally.errors[re.sub(r"\d[\d,.]*", "n", error.what)] += 1
        if reading.document is not None or str(path) not in str(error):
            faults.append(f"an error beside a document, or without its file: {error}")
        if any(mark in error.what for mark in STOPPED.values()):
            tally.stopped.append(f"{name}: {error.what}")
        if EXCEPTION in error.what:
            faults.append("an exception left the parser: repeat it with --in-process")
        if any(STOPPED[how] in error.what for how in ("timeouts", "crashes")) and len(readings) > 1:
            faults.append("something is left of a file whose parser was stopped")
    return faults


def violations(document: ParsedDocument) -> list[str]:
    """What does not hold of a document, although it must of every one."""
    text, pages = document.text, document.pages
    lines = [line for page in pages for line in page.lines]
    levels = [block.level for block in document.blocks if block.kind == "heading"]
    others = [block.level for block in document.blocks if block.kind != "heading"]
    checks = {
        "the text is not clean": clean(text) == text,
        "the title is not one clean line": clean(document.title).strip() == document.title
        and "\n" not in document.title,
        "the metadata is not clean": all(value and clean(value) == value for value in document.metadata.values()),
        "blocks are out of order or text": _in_order(document.blocks, 0, len(text)),
        "a block is empty": all(_held(text, document.blocks)),
        "text outside all blocks": _covered(document.blocks, text),
        "a level out of 1 to 6, or not of a heading": all(1 <= level <= 6 for level in levels) and not any(others),
        "pages are out of order or text": _in_order(pages, 0, len(text)),
        "text outside all pages": not pages or _covered(pages, text),
        "pages are not numbered": [page.number for page in pages] == list(range(1, len(pages) + 1)),
        "lines are out of order or page": all(_in_order(p.lines, p.char_start, p.char_end) for p in pages),
        "a line is empty": all(_held(text, lines)),
        "a rectangle is inside out": all(x0 <= x1 and y0 <= y1 for x0, y0, x1, y1 in (line.rect for line in lines)),
    }
    return [what for what, holds in checks.items() if not holds]


def _held(text: str, spans: Iterable[Span]) -> list[str]:
    return [text[span.char_start : span.char_end].strip() for span in spans]


def _in_order(spans: Sequence[Span], start: int, end: int) -> bool:
    edges = [start, *(edge for span in spans for edge in (span.char_start, span.char_end)), end]
    return edges == sorted(edges)


def _covered(spans: Sequence[Span], text: str) -> bool:
    """Whether there is only white space between the spans."""
    ends = [0, *(span.char_end for span in spans)]
    starts = [*(span.char_start for span in spans), len(text)]
    return not any(text[end:start].strip() for end, start in zip(ends, starts, strict=True))


def main() -> int:
    """Prints the table, the reasons and the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first case")
    parser.add_argument("--save", type=Path, metavar="DIR", help="where cases with faults are written")
    parser.add_argument("--ocr", choices=("off", "auto"), default="off", help="auto: images too, a second or two each")
    parser.add_argument("--jobs", type=int, default=2, help="child processes")
    parser.add_argument("--seconds", type=float, default=20, help="without a sign of life until one is stopped")
    parser.add_argument("--in-process", action="store_true", help="read without child processes and their limits")
    args = parser.parse_args()
    logging.disable()
    warnings.simplefilter("ignore")

    start = time.perf_counter()
    numbers = range(args.first, args.first + args.cases)
    limits = Limits(args.jobs, seconds=args.seconds, ocr=args.ocr)
    with ParserPool(limits) as pool:
        read_all = in_process(ParseOptions(ocr=args.ocr)) if args.in_process else in_children(pool)
        tallies = fuzz(Mutator(CORPUS, args.seed), numbers, read_all, args.save)
    seconds = time.perf_counter() - start
    print(table(HEAD, [tally.row(name) for name, tally in sorted(tallies.items())]))
    for name, tally in sorted(tallies.items()):
        print(f"\n{name}: " + "; ".join(f"{n} x {what}" for what, n in tally.errors.most_common()))
    stopped = [case for tally in tallies.values() for case in tally.stopped]
    print(f"\n{len(stopped)} stopped", *stopped, sep="\n")
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    print(f"\n{args.cases} cases in {seconds:.0f} s, {len(faults)} faults", *faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
