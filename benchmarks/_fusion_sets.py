"""Judged sets for `fusion.py` beside those of `ragstone eval run retrieval`: made of data that judges parts of text."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ragstone.eval.readers.corpus import CorpusDocument, JudgedCorpus

PIECE = 800
"""Characters of a piece of a long text."""
ENOUGH = 60
"""Characters of a reference that make a piece relevant, or half of the reference if that is less."""


def _chroma(data: Path) -> JudgedCorpus:
    """Chroma's corpora in pieces of about 800 characters; relevant is what holds enough of a reference.

    Source: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024.
    """
    folder = data / "retrieval" / "chroma_chunking"
    pieces: dict[str, list[tuple[int, int]]] = {}
    documents = []
    for path in sorted((folder / "corpora").glob("*.md")):
        text = path.read_text("utf-8")
        pieces[path.stem] = list(_pieces(text))
        documents += [CorpusDocument(f"{path.stem}@{a}", "", text[a:b]) for a, b in pieces[path.stem]]
    queries, qrels = {}, {}
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            spans = [(one["start_index"], one["end_index"]) for one in json.loads(row["references"])]
            name = row["corpus_id"]
            held = {f"{name}@{a}": 1 for a, b in pieces[name] for span in spans if _holds(a, b, *span)}
            if held:
                queries[str(number)], qrels[str(number)] = row["question"], held
    return JudgedCorpus("chroma", tuple(documents), queries, qrels)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = start + PIECE
        if end < len(text):
            blank = max((m.start() for m in re.finditer(r"\s", text[start + PIECE // 2 : end])), default=None)
            end = end if blank is None else start + PIECE // 2 + blank
        if text[start:end].strip():
            yield start, min(end, len(text))
        start = end


def _holds(start: int, end: int, first: int, last: int) -> bool:
    return min(end, last) - max(start, first) >= min(ENOUGH, (last - first) / 2)


def _wice(data: Path) -> JudgedCorpus:
    """Claims of Wikipedia, and the pages that these cite in pieces; relevant is what holds a sentence of the evidence.

    Source: Kamoi et al., "WiCE: Real-World Entailment for Claims in Wikipedia", EMNLP 2023.
    """
    claims: dict[str, str] = {}
    evidence: dict[str, set[int]] = {}
    pages: dict[str, dict[int, str]] = defaultdict(dict)
    for part in ("dev", "test"):
        for row in _lines(data / "grounding" / "wice" / "oracle_chunks" / f"{part}.jsonl"):
            number, places = row["meta"]["id"], row["meta"]["chunk_idx"]
            pages[number].update(zip(places, row["evidence"], strict=True))
            if row["label"] != "not_supported":
                claims[number] = row["claim"]
                evidence.setdefault(number, set()).update(row["meta"]["oracle_idx"])
    documents, qrels = [], {}
    for number, page in pages.items():
        text, spans = "", []
        for place, sentence in sorted(page.items()):
            if place in evidence.get(number, ()):
                spans.append((len(text), len(text) + len(sentence)))
            text += f"{sentence}\n"
        pieces = list(_pieces(text))
        documents += [CorpusDocument(f"{number}@{a}", "", text[a:b]) for a, b in pieces]
        held = {f"{number}@{a}": 1 for a, b in pieces if any(_holds(a, b, *span) for span in spans)}
        if held:
            qrels[number] = held
    return JudgedCorpus("wice", tuple(documents), {number: claims[number] for number in qrels}, qrels)


def _factcheckgpt(data: Path) -> JudgedCorpus:
    """Claims of answers, and passages of the web; relevant is what supports or refutes the claim, wholly or in part.

    Source: Wang et al., "Factcheck-Bench: Fine-Grained Evaluation Benchmark for Automatic Fact-checkers", 2024.
    """
    documents: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _lines(data / "grounding" / "factcheckgpt" / "subtask3_claim_evidence_stance.jsonl"):
        if re.search(r"[\x00-\x08]", row["evidence"]):
            continue  # two passages are not text
        document = documents.setdefault(row["evidence"], str(len(documents)))
        grades[row["claim"]][document] = int(row["stance"] != "irrelevant")
    judged = {str(n): (claim, of) for n, (claim, of) in enumerate(grades.items()) if any(of.values())}
    return JudgedCorpus(
        "factcheckgpt",
        tuple(CorpusDocument(document, "", text) for text, document in documents.items()),
        {number: claim for number, (claim, _) in judged.items()},
        {number: of for number, (_, of) in judged.items()},
    )


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


READERS: dict[str, Callable[[Path], JudgedCorpus]] = {"chroma": _chroma, "wice": _wice, "factcheckgpt": _factcheckgpt}
"""Each from the folder with all data."""
