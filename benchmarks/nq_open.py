"""Questions of NQ-open over a pool of their gold passages: recall@5, sub-span exact match, abstention.

    python benchmarks/nq_open.py [--model M] [--out ANSWERS.jsonl]

The pool is ingested as text files, one a passage, like any folder of documents. Answerable questions have their gold
passage in the pool; unanswerable ones are questions of the same set whose gold passage is not. Answers are appended to
--out as they come, and a second run with the same --out goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from _answering import Question, Result, answer_all, read_nq, write_passages

from ragstone import Ragstone
from ragstone.eval.stats import estimate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answerable", type=int, default=300)
    parser.add_argument("--unanswerable", type=int, default=100)
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=300, help="how many of these, in a shuffled order, are asked")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where the answers are kept")
    args = parser.parse_args()

    rows, _ = read_nq()
    pool, outside = rows[: args.passages], rows[args.passages :][: args.unanswerable]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "passages")
        names = write_passages(folder, [(r["ctxs"][0]["title"], r["ctxs"][0]["text"]) for r in pool])
        questions = [Question(r["question"], r["answers"], n) for r, n in zip(pool, names, strict=True)][
            : args.answerable
        ]
        questions += [Question(r["question"], r["answers"], None) for r in outside]
        random.Random(0).shuffle(questions)
        with Ragstone.open(Path(work, "library"), model=args.model, max_tokens=96) as rag:
            started = time.perf_counter()
            report = rag.ingest(folder)
            print(f"ingested {report.added} passages, {report.chunks} chunks in {time.perf_counter() - started:.1f} s")
            show(list(answer_all(rag, questions[: args.limit], args.out)))


def show(results: list[Result]) -> None:
    yes, no = [r for r in results if r.gold], [r for r in results if not r.gold]
    rows = {
        "recall@1 of the gold passage": estimate([float(r.gold_rank == 1) for r in yes]),
        "recall@5 of the gold passage": estimate([float(r.gold_rank is not None) for r in yes]),
        "sub-span exact match, answerable (an abstention is wrong)": estimate([r.correct for r in yes]),
        "... where the gold passage was given to the model": estimate([r.correct for r in yes if r.given]),
        "... where it answered": estimate([r.correct for r in yes if not r.abstained]),
        "abstained, answerable (less is better)": estimate([float(r.abstained) for r in yes]),
        "abstained, unanswerable (more is better)": estimate([float(r.abstained) for r in no]),
        "... without letting the model write": estimate([float(not r.raw) for r in no]),
    }
    print("\n| | mean [95 % interval] |\n| --- | --- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    asked = [r for r in results if r.prompt_tokens]
    print(f"| model asked | {len(asked)} of {len(results)} |")
    print(f"| prompt tokens, median | {statistics.median(r.prompt_tokens for r in asked):.0f} |")
    print(f"| first token, median | {statistics.median(r.timings_ms['first_token'] for r in asked) / 1000:.2f} s |")


if __name__ == "__main__":
    main()
