"""Fit the logistic model of `generation/abstention.py`.

    python benchmarks/fit_abstention.py [--nq 60] [--squad2 60] [--out FOLDER]

Questions: the half of NQ-open that `nq_open.py` does not report on, half of them without their gold passage in the
library; and SQuAD 2.0 dev, half of them written to look answerable and not to be. The label is whether the passages
given to the model hold the answer. Prints the cross-validated AUROC of retrieval alone, of the model alone and of both,
and the weights.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np
from _answering import DATA, Question, Result, answer_all, read_nq, write_passages
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from ragstone import Ragstone
from ragstone.generation.abstention import Signals

NAMES = tuple(Signals.__dataclass_fields__)
COLUMNS = {"retrieval": NAMES[:2], "model": NAMES[2:], "both": NAMES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nq", type=int, default=60, help="questions of each kind of NQ-open")
    parser.add_argument("--squad2", type=int, default=60, help="questions of each kind of SQuAD 2.0")
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="a folder where the answers are kept, to go on after an interruption")
    args = parser.parse_args()
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[Result]] = {}
    for name, (passages, questions) in {"nq": nq(args), "squad2": squad2(args)}.items():
        with tempfile.TemporaryDirectory() as work:
            write_passages(Path(work, "passages"), passages)
            # No threshold: see every answer that the model would give.
            with Ragstone.open(Path(work, "library"), min_confidence=0.0, max_tokens=96) as rag:
                rag.ingest(Path(work, "passages"))
                out = args.out / f"{name}.jsonl" if args.out else None
                results[name] = list(answer_all(rag, questions, out))
    for name, of in results.items():
        report(name, of)
    report("together", [r for of in results.values() for r in of])


def nq(args: argparse.Namespace) -> tuple[list[tuple[str, str]], list[Question]]:
    _, rows = read_nq()
    pool, outside = rows[: args.passages], rows[args.passages :][: args.nq]
    questions = [Question(r["question"], r["answers"], f"{i:04}.txt") for i, r in enumerate(pool[: args.nq])]
    questions += [Question(r["question"], r["answers"], None) for r in outside]
    return [(r["ctxs"][0]["title"], r["ctxs"][0]["text"]) for r in pool], questions


def squad2(args: argparse.Namespace) -> tuple[list[tuple[str, str]], list[Question]]:
    data = json.loads((DATA / "qa" / "squad2" / "dev-v2.0.json").read_text("utf-8"))["data"]
    passages, yes, no = [], [], []
    for article in data:
        for paragraph in article["paragraphs"]:
            name = f"{len(passages):04}.txt"
            passages.append((article["title"].replace("_", " "), paragraph["context"]))
            for qa in paragraph["qas"]:
                references = sorted({answer["text"] for answer in qa["answers"]})
                target = no if qa["is_impossible"] else yes
                target.append(Question(qa["question"], references, None if qa["is_impossible"] else name))
    draw = random.Random(0)
    return passages, draw.sample(yes, args.squad2) + draw.sample(no, args.squad2)


def report(name: str, results: list[Result]) -> None:
    x = np.array([[float(r.signals[signal]) for signal in NAMES] for r in results])
    y = np.array([r.given for r in results])
    print(f"\n{name}: n = {len(y)}, the passages hold the answer to {y.sum()}")
    for kind, names in COLUMNS.items():
        columns = [NAMES.index(signal) for signal in names]
        model = LogisticRegression(class_weight="balanced", C=10.0)
        scores = cross_val_predict(model, x[:, columns], y, cv=10, method="predict_proba")[:, 1]
        right = np.mean(
            [(scores >= 0.5)[y == label].mean() if label else (scores < 0.5)[~y].mean() for label in (0, 1)]
        )
        print(f"  {kind:10} AUROC {roc_auc_score(y, scores):.3f}, balanced accuracy {right:.3f} (10-fold)")
    weights = LogisticRegression(class_weight="balanced", C=10.0).fit(x, y)
    print("  weights", dict(zip(NAMES, weights.coef_[0].round(2).tolist(), strict=True)), weights.intercept_.round(2))


if __name__ == "__main__":
    main()
