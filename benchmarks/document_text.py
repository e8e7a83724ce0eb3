"""How well the text of every format is read, beside markitdown and, for PDFs, pypdf.

    pip install -r requirements-bench.txt
    python benchmarks/document_text.py [--worst 10]

Truth is docling's: the Markdown that its authors keep for each file of their tests. A file without one, or with one
that has no words, is left out and counted. Two figures, 0 to 1:

* order: twice the longest common subsequence of words over the words of both (rapidfuzz's normalized Indel similarity;
  Hyyro, "Bit-parallel LCS-length computation revisited", 2004). It falls with what is missing, added, or out of order.
* words: the F1 of the two bags of words, blind to their order.

Truth and all readers pass through the same `words`: Markdown's marks, comments, tags, addresses of links and images,
numbers of list items and escapes are dropped, and equal neighbours in a table's row become one, for docling repeats a
merged cell and others do not; then Unicode's compatibility form, case kept. What a reader makes up (the "NaN" of
an empty cell) counts against it. Equations are compared as written, which docling does in LaTeX.

A file that a reader refuses is a failure of it: unscored, counted, and not part of its mean. The difference is ours
less the other's on the files that both read. Intervals are 95 % bootstrap intervals over files. Seconds are those of
all files of the format in one process, each format's libraries loaded.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from _timing import table
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from rapidfuzz.distance import Indel

from ragstone.errors import ParseError
from ragstone.eval.stats import Estimate, estimate
from ragstone.ingest.parsers import SUFFIXES, parse

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
HEAD = ("format", "reader", "files", "order", "words", "failed", "seconds", "order, ours less it")
OURS = "ragstone"
_NOT_TEXT = re.compile(
    r"<!--.*?-->"  # docling's place of an image
    r"|</?[a-zA-Z][^<>]{0,200}>"
    r"|(?<=\])\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)"  # the address of a link or an image
    r"|^[ \t>]*(?:\d{1,3}[.)]|[-*+])[ \t]+(?:\[[ xX]\][ \t])?"  # the mark of a list item, with its box
    r"|^[-+|: \t]*-[-+|: \t]*$",  # the rule below a table's header
    re.DOTALL | re.MULTILINE,
)
_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Score:
    """How one reader read one file; the figures are None when it refused it."""

    order: float | None
    words: float | None
    seconds: float


def with_ragstone(path: Path) -> str:
    """The text as Ragstone stores it."""
    return parse(path).text


def with_pypdf(path: Path) -> str:
    """The text as pypdf extracts it."""
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


def with_markitdown(path: Path) -> str:
    """The Markdown that markitdown makes."""
    return str(_markitdown().convert_local(path).text_content)


@cache
def _markitdown():  # type: ignore[no-untyped-def]
    from markitdown import MarkItDown

    return MarkItDown(enable_plugins=False)


def readers() -> dict[str, Callable[[Path], str]]:
    """Those that are installed."""
    installed = {OURS: with_ragstone, "pypdf": with_pypdf}
    return installed | ({"markitdown": with_markitdown} if find_spec("markitdown") else {})


def refusals() -> tuple[type[Exception], ...]:
    """What a reader raises for a file that it cannot read."""
    if not find_spec("markitdown"):
        return ParseError, PyPdfError
    from markitdown import MarkItDownException

    return ParseError, PyPdfError, MarkItDownException


def words(text: str) -> list[str]:
    """The words of a text, without the marks of Markdown."""
    plain = _NOT_TEXT.sub(" ", _ROW.sub(_merged, unescape(text)))
    return _WORD.findall(unicodedata.normalize("NFKC", plain))


def _merged(row: re.Match[str]) -> str:
    """A table's row with one of each run of equal cells."""
    cells = (cell.strip() for cell in row[0].strip().strip("|").split("|"))
    return " | ".join(cell for cell, _ in groupby(cells))


def bag_f1(ours: list[str], truth: list[str]) -> float:
    """The F1 of two bags of words."""
    return 2 * (Counter(ours) & Counter(truth)).total() / (len(ours) + len(truth))


def score(reader: Callable[[Path], str], path: Path, truth: list[str]) -> Score:
    """Reads a file, and compares."""
    start = time.perf_counter()
    try:
        text = reader(path)
    except refusals():
        return Score(None, None, time.perf_counter() - start)
    seconds = time.perf_counter() - start
    read = words(text)
    return Score(Indel.normalized_similarity(read, truth), bag_f1(read, truth), seconds)


def sources() -> Iterator[tuple[Path, list[str]]]:
    """The files of the formats that Ragstone reads, and the words of their truth, which may be none."""
    for path in sorted((DATA / "documents" / "docling").glob("*/sources/*")):
        folder = path.parents[1]
        if path.suffix in SUFFIXES:
            # The PDFs beside the OpenDocument files are prints of them, which have no truth of their own.
            truth = folder / "groundtruth" / f"{path.stem if folder.name == 'pdf' else path.name}.md"
            yield path, words(truth.read_text("utf-8")) if truth.exists() else []


def row(suffix: str, name: str, scores: list[Score], ours: list[Score]) -> list[str]:
    """A reader's line of the table."""
    pairs = [
        mine.order - its.order if mine.order is not None and its.order is not None else None
        for mine, its in zip(ours, scores, strict=True)
    ]
    failed = sum(one.order is None for one in scores)
    return [
        suffix,
        name,
        str(len(scores)),
        _interval(estimate([one.order for one in scores])),
        _interval(estimate([one.words for one in scores])),
        str(failed),
        f"{sum(one.seconds for one in scores):.2f}",
        "" if name == OURS else _interval(estimate(pairs), sign="+"),
    ]


def _interval(of: Estimate, sign: str = "") -> str:
    return of.spread(f"{sign}.3f")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="also name the N files that we read worst")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")

    found = list(sources())
    formats: dict[str, list[tuple[Path, list[str]]]] = defaultdict(list)
    for path, truth in found:
        if truth:
            formats[path.suffix].append((path, truth))
    if not formats:
        print(f"There is no ground truth in {DATA / 'documents' / 'docling'}.", file=sys.stderr)
        return 1
    rows, everything, worst = [], defaultdict(list), []
    for suffix, files in sorted(formats.items()):
        able = {name: reader for name, reader in readers().items() if name != "pypdf" or suffix == ".pdf"}
        for reader in able.values():
            score(reader, *files[0])
        scores = {name: [score(reader, *file) for file in files] for name, reader in able.items()}
        rows += [row(suffix, name, scores[name], scores[OURS]) for name in able]
        for name in scores.keys() - {"pypdf"}:
            everything[name] += scores[name]
        worst += [(one, path) for one, (path, _) in zip(scores[OURS], files, strict=True)]
    rows += [row("all", name, everything[name], everything[OURS]) for name in sorted(everything, reverse=True)]
    if not find_spec("markitdown"):
        rows.append(["all", "markitdown", "not installed"])
    print(table(HEAD, rows))
    print(f"\n{sum(not truth for _, truth in found)} files have no truth and are left out.")
    for one, path in sorted(worst, key=lambda pair: -1 if pair[0].order is None else pair[0].order)[: args.worst]:
        figures = "refused" if one.order is None else f"order {one.order:.3f}, words {one.words:.3f}"
        print(f"{figures}: {path.relative_to(DATA)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
