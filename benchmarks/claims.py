"""Which sentences are claims: ours beside human judgement, on the sentences of FactCheck-GPT.

    python benchmarks/claims.py [--show]

311 sentences of ChatGPT's answers that people called worth checking or not (an opinion, no claim, or other). Taking
every sentence for a claim is the row to beat. `other` is mostly advice ("Compare the quotes"), which for us is a claim:
whether a manual says so can be checked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from _answering import DATA

from ragstone.eval.stats import estimate
from ragstone.generation.grounding.claims import is_claim


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="the sentences that are judged otherwise")
    args = parser.parse_args()
    file = DATA / "grounding" / "factcheckgpt" / "subtask1_sentence_checkworthiness.jsonl"
    if not file.is_file():
        raise SystemExit(f"{file} is missing; set RAGSTONE_BENCH_DATA to the folder with the benchmark data")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    gold = [row["checkworthy"] == "yes" for row in rows]
    started = time.perf_counter()
    ours = [is_claim(row["sentence"]) for row in rows]
    taken = time.perf_counter() - started
    print(f"{len(rows)} sentences, {sum(gold)} worth checking; {taken / len(rows) * 1e6:.0f} microseconds a sentence\n")
    print("| | accuracy | F1, worth checking | F1, not | found of those not |\n| --- | --- | ---: | ---: | --- |")
    for name, said in {"every sentence": [True] * len(rows), "ours": ours}.items():
        right = estimate([float(a == b) for a, b in zip(said, gold, strict=True)])
        spared = estimate([float(not a) for a, b in zip(said, gold, strict=True) if not b])
        negative = f1([not a for a in said], [not b for b in gold])
        print(f"| {name} | {right} | {f1(said, gold):.3f} | {negative:.3f} | {spared} |")
    for row, said, want in zip(rows, ours, gold, strict=True) if args.show else ():
        if said != want:
            print(f"{row['checkworthy']:12} {'claim' if said else 'no claim':9} {row['sentence']}")


def f1(said: Sequence[bool], gold: Sequence[bool]) -> float:
    both = sum(a and b for a, b in zip(said, gold, strict=True))
    return 2 * both / (sum(said) + sum(gold)) if sum(said) + sum(gold) else 0.0


if __name__ == "__main__":
    main()
