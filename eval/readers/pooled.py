"""Sets for question answering, read as retrieval: their passages pooled, relevant is the one that holds the answer.

A document's id is the beginning of the SHA-256 of its title and text: it stays when others come or go, and a passage
that stands twice in the data is one document. Each function takes the folder that the data was published in.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError
from .corpus import CorpusDocument, JudgedCorpus


class _Pool:
    """Documents and judged queries as they come."""

    def __init__(self) -> None:
        self._documents: dict[str, CorpusDocument] = {}
        self._queries: dict[str, str] = {}
        self._qrels: dict[str, dict[str, int]] = {}

    def add(self, title: str, text: str, *, markdown: bool = False) -> str:
        """Add a document, if it is not there yet; its id."""
        name = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:12]
        self._documents[name] = CorpusDocument(name, title, text, "text/markdown" if markdown else "text/plain")
        return name

    def ask(self, name: str, text: str, relevant: Iterable[str]) -> None:
        """Add a query."""
        self._queries[name] = text
        self._qrels[name] = dict.fromkeys(relevant, 1)

    def judged(self, name: str) -> JudgedCorpus:
        """What was added."""
        return JudgedCorpus(name, tuple(self._documents.values()), self._queries, self._qrels)


def read_nq_open(folder: Path) -> JudgedCorpus:
    """NQ-open with its gold passages. Source: Liu et al., "Lost in the Middle", TACL 2024."""
    pool = _Pool()
    with _open(folder / "nq-open-oracle.jsonl.gz") as lines:
        for number, row in enumerate(map(json.loads, lines)):
            (passage,) = row["ctxs"]
            pool.ask(str(number), row["question"], [pool.add(passage["title"], passage["text"])])
    return pool.judged("nq-open")


def read_squad(folder: Path) -> JudgedCorpus:
    """SQuAD 2.0, answerable questions; the paragraphs of both halves. Source: Rajpurkar et al., ACL 2018."""
    pool = _Pool()
    for file in ("dev-v2.0.json", "test-v2.0.json"):
        for article in _load(folder / file)["data"]:
            for paragraph in article["paragraphs"]:
                gold = pool.add(article["title"].replace("_", " "), paragraph["context"])
                for question in paragraph["qas"]:
                    if question["answers"]:
                        pool.ask(question["id"], question["question"], [gold])
    return pool.judged("squad2")


def read_xquad(folder: Path, language: str) -> JudgedCorpus:
    """XQuAD in one language, whose paragraphs have no title. Source: Artetxe et al., ACL 2020."""
    pool = _Pool()
    for article in _load(folder / f"xquad.{language}.json")["data"]:
        for paragraph in article["paragraphs"]:
            gold = pool.add("", paragraph["context"])
            for question in paragraph["qas"]:
                pool.ask(question["id"], question["question"], [gold])
    return pool.judged(f"xquad-{language}")


def read_clapnq(folder: Path) -> JudgedCorpus:
    """CLAPNQ dev, answerable questions; the passages of the unanswerable ones, too. Source: Rosenthal et al., 2024."""
    pool = _Pool()
    for kind in ("answerable", "unanswerable"):
        with _open(folder / "dev" / f"clapnq_dev_{kind}.jsonl") as lines:
            for row in map(json.loads, lines):
                gold = [pool.add(passage["title"], passage["text"]) for passage in row["passages"]]
                if kind == "answerable":
                    pool.ask(row["id"], row["input"], gold)
    return pool.judged("clapnq")


def read_covid_qa(folder: Path) -> JudgedCorpus:
    """COVID-QA, paragraph by paragraph; a paper's first one is its title. Source: Möller et al., NLP-COVID 2020."""
    pool = _Pool()
    for article in _load(folder / "question-answering" / "200423_covidQA.json")["data"]:
        for paper in article["paragraphs"]:
            spans = list(_paragraphs(paper["context"]))
            title = paper["context"][slice(*spans[0])]
            names = [pool.add(title, paper["context"][start:end]) for start, end in spans]
            for question in paper["qas"]:
                answers = [(a["answer_start"], a["answer_start"] + len(a["text"])) for a in question["answers"]]
                pool.ask(str(question["id"]), question["question"], _touched(names, spans, answers))
    return pool.judged("covid-qa")


def read_tatqa(folder: Path) -> JudgedCorpus:
    """TAT-QA; a document is a table with the text around it. Many questions do not say which company they are about,
    and so have no one right document. Source: Zhu et al., ACL 2021."""
    pool = _Pool()
    for file in ("tatqa_dataset_dev.json", "tatqa_dataset_test_gold.json"):
        for report in _load(folder / file):
            head, *rows = ([cell.replace("|", "/") for cell in row] for row in report["table"]["table"])
            table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
            around = sorted(report["paragraphs"], key=lambda paragraph: int(paragraph["order"]))
            gold = pool.add("", "\n\n".join([table, *(paragraph["text"] for paragraph in around)]), markdown=True)
            for question in report["questions"]:
                pool.ask(question["uid"], question["question"], [gold])
    return pool.judged("tatqa")


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Where the stretches between empty lines stand."""
    return (match.span() for match in re.finditer(r"\S.*(?:\n.*\S.*)*", text))


def _touched(
    names: Sequence[str], spans: Sequence[tuple[int, int]], answers: Sequence[tuple[int, int]]
) -> Iterator[str]:
    for name, (start, end) in zip(names, spans, strict=True):
        if any(start < answer_end and answer_start < end for answer_start, answer_end in answers):
            yield name


def _load(path: Path) -> Any:
    with _open(path) as file:
        return json.load(file)


def _open(path: Path) -> Any:
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="Fetch the set as it was published, or see --data")
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8", newline="")
