"""Counts how common words are in English passages: `python scripts/write_common_words.py DATA`.

DATA is a folder of benchmark data. Writes `retrieval/common_words.txt`, which `retrieval/telling.py` reads: a term of
`retrieval.analysis` and the share of passages of 150 words that hold it. That is the mean over kinds of text, so that
none counts for more than the others; words that few kinds have are about something, and are left out.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragstone.eval.suites.retrieval import RETRIEVAL
from ragstone.retrieval.analysis import terms

TARGET = Path(__file__).resolve().parents[1] / "retrieval" / "common_words.txt"
WORDS = 150
LEAST = 0.003
"""The least share of a word that is written."""
KINDS = 4
"""In so many kinds of text it is found."""


def main() -> None:
    """Write the words, the most common first."""
    kinds = {name: shares(texts) for name, texts in texts_of(Path(sys.argv[1]))}
    found = Counter(term for one in kinds.values() for term in one)
    mean = {term: sum(one.get(term, 0.0) for one in kinds.values()) / len(kinds) for term in found}
    kept = [(t, share) for t, share in mean.items() if share >= LEAST and found[t] >= KINDS and not t.isdigit()]
    kept.sort(key=lambda pair: (-pair[1], pair[0]))
    TARGET.write_text("".join(f"{term} {share:.3f}\n" for term, share in kept), "utf-8")
    print(f"{len(kept)} words from {len(kinds)} kinds of text: {', '.join(kinds)}")


def texts_of(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Kinds of text: Wikipedia, papers, reports, Chroma's corpora, and the originals of SummEdits by domain."""
    for name in ("nq-open", "covid-qa", "tatqa"):
        yield name, [document.text for document in RETRIEVAL.set(name).load(data).corpus]
    for path in sorted((data / "retrieval" / "chroma_chunking" / "corpora").glob("*.md")):
        yield path.stem, [path.read_text("utf-8")]
    for path in sorted((data / "grounding" / "summedits").glob("*.json")):
        yield path.stem, sorted({item["doc"] for item in json.loads(path.read_text("utf-8"))})


def shares(texts: Iterable[str]) -> dict[str, float]:
    """The share of passages that hold each word."""
    found: Counter[str] = Counter()
    passages = 0
    for text in texts:
        words = text.split()
        for start in range(0, len(words), WORDS):
            found.update(set(terms(" ".join(words[start : start + WORDS]))))
            passages += 1
    return {term: count / passages for term, count in found.items()}


if __name__ == "__main__":
    main()
