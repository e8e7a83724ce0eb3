"""How well and how fast PDF text is read: pypdf, pdfium, and Ragstone's combination of the two.

    python benchmarks/pdf_text.py

Quality is measured on the PDFs of docling that come with a ground truth in Markdown, less its marks. Two figures, 0 to
100: `words` is the F1 of the two bags of words, blind to their order; `order` is difflib's ratio of the two sequences
of words, which falls where columns or right-to-left runs are mixed up. Speed is the best of three readings of all PDFs
that each of the readers can open. Ragstone reads them without OCR.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from html import unescape
from pathlib import Path
from statistics import mean

import pypdfium2
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParseOptions
from ragstone.ingest.parsers.pdf import parse

Reader = Callable[[bytes], Sequence[str]]
OPTIONS = ParseOptions(ocr="off")
DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def with_pypdf(data: bytes) -> list[str]:
    """The pages' texts as pypdf reads them."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def with_pdfium(data: bytes) -> list[str]:
    """The pages' texts as pdfium reads them."""
    with pypdfium2.PdfDocument(data) as pdf:
        return [page.get_textpage().get_text_bounded() for page in pdf]


def with_ragstone(data: bytes) -> list[str]:
    """The pages' texts as Ragstone reads them, with paragraphs, headings and rectangles, which the others lack."""
    document = parse(data, Path("benchmark.pdf"), OPTIONS)
    return [document.text[page.char_start : page.char_end] for page in document.pages]


READERS: dict[str, Reader] = {"pypdf": with_pypdf, "pdfium": with_pdfium, "ragstone": with_ragstone}


def words(text: str) -> list[str]:
    """The words of a text, in compatibility form and lower case."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold().replace("_", " "))


def without_markdown(text: str) -> str:
    """A ground truth without what no PDF page holds: comments, images, table rules, escapes, entities."""
    text = re.sub(r"<!--.*?-->|!\[[^]]*\]\([^)]*\)|^[|:\- ]+$", " ", text, flags=re.DOTALL | re.MULTILINE)
    return unescape(re.sub(r"\\(?=\W|_)|[*`#|]", " ", text))


def similarity(text: str, truth: str) -> tuple[float, float]:
    """The F1 of the bags of words and the ratio of the sequences of words, 0 to 100."""
    ours, theirs = words(text), words(without_markdown(truth))
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 200 * common / (len(ours) + len(theirs)), 100 * SequenceMatcher(None, ours, theirs, autojunk=False).ratio()


def pages_per_second(reader: Reader, files: Sequence[bytes]) -> float:
    """The best of three readings of all files."""
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        pages = sum(len(reader(data)) for data in files)
        rates.append(pages / (time.perf_counter() - start))
    return max(rates)


def readable(data: bytes) -> bool:
    """Whether all readers can open a file."""
    try:
        return all(reader(data) for reader in READERS.values())
    except (PyPdfError, pypdfium2.PdfiumError, ParseError):
        return False


def main() -> int:
    """Prints the two tables."""
    logging.disable(logging.ERROR)
    folder = DATA / "documents" / "docling" / "pdf"
    truths = {path: folder / "groundtruth" / f"{path.stem}.md" for path in sorted((folder / "sources").glob("*.pdf"))}
    pairs = [(pdf, truth.read_text("utf-8")) for pdf, truth in truths.items() if truth.exists()]
    if not pairs:
        print(f"There is no ground truth in {folder}.", file=sys.stderr)
        return 1
    print(f"{'words / order':34}" + "".join(f"{name:>16}" for name in READERS))
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    for pdf, truth in pairs:
        for name, reader in READERS.items():
            scores[name].append(similarity("\n".join(reader(pdf.read_bytes())), truth))
        print(f"{pdf.stem:34}" + "".join("{:>9.1f} /{:5.1f}".format(*scores[name][-1]) for name in READERS))
    means = {name: [mean(column) for column in zip(*rows, strict=True)] for name, rows in scores.items()}
    print(f"{'mean':34}" + "".join("{:>9.1f} /{:5.1f}".format(*means[name]) for name in READERS))
    files = [data for path in sorted((DATA / "documents").rglob("*.pdf")) if readable(data := path.read_bytes())]
    rates = {name: pages_per_second(reader, files) for name, reader in READERS.items()}
    print(f"{f'pages/s ({len(files)} files)':34}" + "".join(f"{rate:>16.1f}" for rate in rates.values()))
    print(f"{'times pypdf':34}" + "".join(f"{rate / rates['pypdf']:>16.1f}" for rate in rates.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
