"""Feeds damaged files to the parsers in a child process with limits of time and memory.

    python benchmarks/fuzz_parsers.py [--cases 3000] [--seed 0] [--save DIR]

Whatever a file holds, only documents and reasons may come out of it, every document must be sound, and the parent goes
on. A seed and a number always give the same case: `--first 1234 --cases 1 --in-process` repeats one under a debugger.
Exit code 1 if an exception reached the parent or a document was not sound.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragstone.benchmarks._child import ChildReader
from ragstone.benchmarks._mutations import Mutator
from ragstone.benchmarks._timing import table
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
HEAD = ("parser", "cases", "documents", "refused", "crashes", "timeouts", "memory", "faults", "slowest s", "its case")
STOPPED = {"crashes": "crashed", "timeouts": "took too long", "memory": "more memory"}
"""What the reasons say of a child that did not answer."""
Read = Callable[[Path], Iterable[Reading]]
Span = Block | Line | Page


@dataclass(slots=True)
class Tally:
    """What came of the cases that one parser was given."""

    cases: int = 0
    documents: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """The reasons, less their numbers."""
    faults: list[str] = field(default_factory=list)
    """Exceptions in the parent, and what is wrong with documents."""
    slowest: tuple[float, str] = (0.0, "")

    def row(self, name: str) -> list[str]:
        """The parser's line of the table."""
        stopped = [sum(n for what, n in self.errors.items() if mark in what) for mark in STOPPED.values()]
        counts = (self.cases, self.documents, self.errors.total() - sum(stopped), *stopped, len(self.faults))
        return [name, *map(str, counts), f"{self.slowest[0]:.2f}", self.slowest[1]]


def fuzz(mutator: Mutator, numbers: Iterable[int], read_file: Read, save: Path | None = None) -> dict[str, Tally]:
    """Reads the cases of some numbers: what came out, by parser. Cases with faults are saved."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            case = mutator.case(number)
            path = Path(folder, f"case{case.suffix}")
            path.write_bytes(case.data)
            tally = tallies[family(path) or ""]
            faults = list(_attempt(path, read_file, tally, f"{number} ({case.origin})"))
            path.unlink()
            tally.faults += [f"{number} {case.suffix} ({case.origin}): {fault}" for fault in faults]
            if faults and save:
                save.mkdir(parents=True, exist_ok=True)
                (save / f"{number}{case.suffix}").write_bytes(case.data)
    return tallies


def _attempt(path: Path, read_file: Read, tally: Tally, name: str) -> Iterator[str]:
    """Reads one case, notes in the tally what came out, and gives its faults."""
    tally.cases += 1
    start = time.perf_counter()
    try:
        readings = list(read_file(path))
    except Exception:  # noqa: BLE001 - that there is none is what is tested
        yield traceback.format_exc()
        return
    tally.slowest = max(tally.slowest, (time.perf_counter() - start, name))
    for reading in readings:
        if reading.document is not None:
            tally.documents += 1
            yield from violations(reading.document)
        if reading.error is not None:
            tally.errors[re.sub(r"\d[\d,.]*", "n", reading.error.what)] += 1
            if reading.document is not None or str(path) not in str(reading.error):
                yield f"an error beside a document, or without its file: {reading.error}"


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
    parser.add_argument("--in-process", action="store_true", help="read without a child process and its limits")
    args = parser.parse_args()
    logging.disable()
    warnings.simplefilter("ignore")

    start = time.perf_counter()
    numbers = range(args.first, args.first + args.cases)
    options = ParseOptions(ocr=args.ocr)
    with ChildReader(options) as in_child:
        read_file: Read = (lambda path: read(path, options)) if args.in_process else in_child
        tallies = fuzz(Mutator(CORPUS, args.seed), numbers, read_file, args.save)
    seconds = time.perf_counter() - start
    print(table(HEAD, [tally.row(name) for name, tally in sorted(tallies.items())]))
    for name, tally in sorted(tallies.items()):
        print(f"\n{name}: " + "; ".join(f"{n} x {what}" for what, n in tally.errors.most_common()))
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    print(f"\n{args.cases} cases in {seconds:.0f} s, {len(faults)} faults", *faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
