"""Questions of NQ-open over a pool of their gold passages: recall@5, sub-span exact match, abstention.

    python benchmarks/nq_open.py [--model M] [--out RESULTS.jsonl] [--fit]

The pool is ingested as text files, one a passage, like any folder of documents. Answerable questions have their gold
passage in the pool; unanswerable ones are questions of the same set whose gold passage is not. Answers are appended
to --out as they come, and a second run with the same --out goes on where the first stopped.

--fit uses other questions and another pool, and prints the logistic model that `generation/abstention.py` holds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragstone import Answer, Ragstone, verify
from ragstone.eval.metrics.answers import best_subspan_em
from ragstone.eval.stats import estimate
from ragstone.generation.abstention import retrieval_signals
from ragstone.generation.grounding.claims import declines

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILE = DATA / "qa" / "nq_open_oracle" / "nq-open-oracle.jsonl.gz"


@dataclass(frozen=True)
class Question:
    text: str
    references: list[str]
    gold: str | None
    """The file of the gold passage; None when it is not in the pool."""


@dataclass(frozen=True)
class Result:
    question: str
    answerable: bool
    gold_rank: int | None
    """Among the five hits."""
    correct: float
    abstained: bool
    raw: str
    similarity: float
    coverage: float
    declined: bool
    support: float | None
    confidence: float
    timings_ms: dict[str, float]
    prompt_tokens: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answerable", type=int, default=300)
    parser.add_argument("--unanswerable", type=int, default=100)
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where the answers are kept")
    parser.add_argument("--fit", action="store_true", help="fit the abstention model on questions of their own")
    args = parser.parse_args()
    if not FILE.is_file():
        parser.error(f"{FILE} is missing; set RAGSTONE_BENCH_DATA to the folder with the benchmark data")
    with tempfile.TemporaryDirectory() as work:
        questions = make_pool(Path(work, "passages"), args)
        flags: dict[str, Any] = {"model": args.model, "max_tokens": 96}
        if args.fit:  # see every answer that the model would give
            flags["min_confidence"] = 0.0
        with Ragstone.open(Path(work, "library"), **flags) as rag:
            started = time.perf_counter()
            report = rag.ingest(Path(work, "passages"))
            print(f"ingested {report.added} passages, {report.chunks} chunks in {time.perf_counter() - started:.1f} s")
            results = list(answer_all(rag, questions, args.out))
    if args.fit:
        fit(results)
    show(results)


def make_pool(folder: Path, args: argparse.Namespace) -> list[Question]:
    """Write the pool as files; the questions of a fit and of a report never overlap, nor do their passages."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    random.Random(args.seed).shuffle(rows)
    by_passage: dict[str, dict[str, Any]] = {}
    for row in rows:  # one question a passage
        by_passage.setdefault(row["ctxs"][0]["text"], row)
    unique = list(by_passage.values())
    unique = unique[len(unique) // 2 :] if args.fit else unique[: len(unique) // 2]
    pool, outside = unique[: args.passages], unique[args.passages :]
    if len(pool) < args.passages or len(outside) < args.unanswerable:
        raise SystemExit(f"there are {len(unique)} passages: too few for this pool and its unanswerable questions")
    folder.mkdir(parents=True)
    for number, row in enumerate(pool):
        passage = row["ctxs"][0]
        (folder / f"{number:04}.txt").write_text(f"{passage['title']}\n\n{passage['text']}\n", "utf-8")
    answerable = [Question(r["question"], r["answers"], f"{i:04}.txt") for i, r in enumerate(pool[: args.answerable])]
    return answerable + [Question(r["question"], r["answers"], None) for r in outside[: args.unanswerable]]


def answer_all(rag: Ragstone, questions: list[Question], out: Path | None) -> Iterator[Result]:
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
    raw, answer = "", None
    for event in rag.ask_stream(question.text):
        raw += event.text
        answer = event.answer
    assert isinstance(answer, Answer)
    found = [Path(hit.chunk.document).name for hit in answer.hits[:5]]
    signals = retrieval_signals(question.text, answer.hits)
    return Result(
        question=question.text,
        answerable=question.gold is not None,
        gold_rank=found.index(question.gold) + 1 if question.gold in found else None,
        correct=best_subspan_em(answer.text, question.references),
        abstained=answer.abstained,
        raw=raw,
        similarity=signals.similarity,
        coverage=signals.coverage,
        declined=declines(raw),
        support=verify(raw, [hit.chunk.text for hit in answer.hits], question.text).support,
        confidence=answer.confidence,
        timings_ms=answer.timings_ms,
        prompt_tokens=answer.tokens["prompt"],
    )


def show(results: list[Result]) -> None:
    yes, no = [r for r in results if r.answerable], [r for r in results if not r.answerable]
    answered = [r for r in yes if not r.abstained]
    median_first = sorted(r.timings_ms["first_token"] for r in results)[len(results) // 2]
    rows = {
        "recall@1 of the gold passage": estimate([float(r.gold_rank == 1) for r in yes]),
        "recall@5 of the gold passage": estimate([float(r.gold_rank is not None) for r in yes]),
        "sub-span exact match, answerable": estimate([r.correct for r in yes]),
        "... where the gold passage was found": estimate([r.correct for r in yes if r.gold_rank]),
        "... where it answered": estimate([r.correct for r in answered]),
        "abstained, answerable (less is better)": estimate([float(r.abstained) for r in yes]),
        "abstained, unanswerable (more is better)": estimate([float(r.abstained) for r in no]),
        "model alone declined, unanswerable": estimate([float(r.declined or not r.raw) for r in no]),
        "support of the answers given": estimate([r.support for r in results if not r.abstained]),
    }
    print("\n| | mean [95 % interval] |\n| --- | --- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    print(f"| first token, median | {median_first / 1000:.2f} s |")


def fit(results: list[Result]) -> None:
    """Logistic regression of 'the passages hold the answer' on the signals, by scikit-learn."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    rows = [(r.similarity, r.coverage, float(r.declined), 1.0 if r.support is None else r.support) for r in results]
    x, y = np.array(rows), np.array([r.gold_rank is not None for r in results])
    for name, columns in {"retrieval": [0, 1], "model": [2, 3], "both": [0, 1, 2, 3]}.items():
        model = LogisticRegression(class_weight="balanced", C=10.0)
        scores = cross_val_predict(model, x[:, columns], y, cv=10, method="predict_proba")[:, 1]
        print(f"{name}: AUROC {roc_auc_score(y, scores):.3f} (10-fold, n = {len(y)})")
    model.fit(x, y)
    print(
        "similarity, coverage, declined, support:",
        model.coef_[0].round(2).tolist(),
        "intercept",
        model.intercept_[0].round(2),
    )


if __name__ == "__main__":
    main()
