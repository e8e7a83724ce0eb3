"""Asking many questions of one library, and keeping what came."""

from __future__ import annotations

import gzip
import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragstone import Answer, Ragstone
from ragstone.eval.metrics.answers import best_subspan_em

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Question:
    text: str
    references: list[str]
    gold: str | None
    """The file of the gold passage; None when no passage of the library answers the question."""


@dataclass(frozen=True)
class Result:
    question: str
    gold: str | None
    gold_rank: int | None
    """Among the first five hits."""
    given: bool
    """The gold passage was among those given to the model."""
    correct: float
    """Sub-span exact match of the answer that was given; an abstention counts as wrong."""
    abstained: bool
    raw: str
    """What the model wrote, citations checked; empty when it was not asked or declined."""
    signals: dict[str, Any]
    timings_ms: dict[str, float]
    prompt_tokens: int
    support: float | None = None
    """Of the answer by the passages."""


def read_nq() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """NQ-open with one question a gold passage, in two halves: one to report on and one to fit with."""
    file = DATA / "qa" / "nq_open_oracle" / "nq-open-oracle.jsonl.gz"
    if not file.is_file():
        raise SystemExit(f"{file} is missing; set RAGSTONE_BENCH_DATA to the folder with the benchmark data")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(0).shuffle(rows)
    unique = list({row["ctxs"][0]["text"]: row for row in reversed(rows)}.values())
    return unique[: len(unique) // 2], unique[len(unique) // 2 :]


def write_passages(folder: Path, passages: list[tuple[str, str]]) -> list[str]:
    """One text file a passage (title, text); returns the files' names."""
    folder.mkdir(parents=True)
    names = [f"{number:04}.txt" for number in range(len(passages))]
    for name, (title, text) in zip(names, passages, strict=True):
        (folder / name).write_text(f"{title}\n\n{text}\n", "utf-8")
    return names


@contextmanager
def nq_library(rows: list[dict[str, Any]], model: str | None) -> Iterator[Ragstone]:
    """A library of the gold passages of these rows, for a chat model; nothing is kept of its prompts."""
    with tempfile.TemporaryDirectory() as work:
        write_passages(Path(work, "passages"), [(r["ctxs"][0]["title"], r["ctxs"][0]["text"]) for r in rows])
        with Ragstone.open(Path(work, "library"), model=model, prefix_cache_mb=0) as rag:
            rag.ingest(Path(work, "passages"))
            yield rag


def answer_all(rag: Ragstone, questions: list[Question], out: Path | None) -> Iterator[Result]:
    """Ask every question that `out` does not hold yet, appending to it as answers come."""
    known: dict[str, Result] = {}
    if out is not None and out.is_file():
        known = {r.question: r for r in (Result(**json.loads(line)) for line in out.read_text("utf-8").splitlines())}
    for number, question in enumerate(questions, 1):
        result = known.get(question.text) or answer_one(rag, question)
        if out is not None and question.text not in known:
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")
        if number % 20 == 0:
            print(f"{number} of {len(questions)}", flush=True)
        yield result


def answer_one(rag: Ragstone, question: Question) -> Result:
    """Ask one question, and keep what the model wrote also when it was withdrawn."""
    raw, answer = "", None
    for event in rag.ask_stream(question.text):
        raw += event.text
        answer = event.answer
    assert isinstance(answer, Answer)
    found = [Path(hit.chunk.document).name for hit in rag.search(question.text, 5)]
    return Result(
        question=question.text,
        gold=question.gold,
        gold_rank=found.index(question.gold) + 1 if question.gold in found else None,
        given=question.gold in [Path(hit.chunk.document).name for hit in answer.hits],
        correct=0.0 if answer.abstained else best_subspan_em(answer.text, question.references),
        abstained=answer.abstained,
        raw=raw,
        signals=asdict(answer.signals),
        timings_ms=answer.timings_ms,
        prompt_tokens=answer.tokens["prompt"],
        support=answer.support,
    )
