"""How far judges agree with people, on the public sets: `python benchmarks/judges.py DATA --judge judge:MODEL`.

`RAGSTONE_THREADS` says how many threads a chat model has. The rows go to `--out`, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

from ragstone.app.evaluating_grounding import _chat_model
from ragstone.app.settings import Settings
from ragstone.eval.judges import Judge
from ragstone.eval.judges.local import ChatJudge
from ragstone.eval.judges.ragas import RagasJudge
from ragstone.eval.judges.verifier import VerifierJudge
from ragstone.eval.judging import JudgedItem, agreement, judge_grounded, judge_pairs, stratified
from ragstone.eval.readers.grounding import read_ragtruth_summaries, read_summedits, read_wice
from ragstone.eval.readers.ragchecker import read_ragchecker
from ragstone.eval.stats import estimate
from ragstone.generation.grounding import default_scorer
from ragstone.generation.prompts import Prompts

GROUNDED = {
    "summedits": lambda data: read_summedits(data / "summedits"),
    "wice": lambda data: read_wice(data / "wice" / "oracle_chunks"),
    "ragtruth-summary": lambda data: read_ragtruth_summaries(data / "ragtruth_dev"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of data sets of grounding")
    parser.add_argument("--judge", default="verifier", help="verifier, judge:MODEL or ragas:MODEL")
    parser.add_argument("--sets", default=",".join([*GROUNDED, "ragchecker"]))
    parser.add_argument("--sample", type=int, help="items of each set; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        judge = _opened(options.judge, stack)
        for name in options.sets.split(","):
            rows = list(_told(_rows(name, options, judge), name, options.out))
            print(f"{judge.name} on {name} (seed {options.seed})", flush=True)
            for metric, found in agreement(rows, options.seed).items():
                print(f"  {metric:28} {found}")
            seconds = {one.id: one.seconds for one in rows}
            print(f"  {'seconds an item':28} {estimate(list(seconds.values()))}", flush=True)


def _opened(name: str, stack: ExitStack) -> Judge:
    kind, _, model = name.partition(":")
    if kind == "verifier":
        return VerifierJudge(default_scorer(), "verifier")
    chat = stack.enter_context(closing(_chat_model(model, Settings(), stack)))
    return RagasJudge(chat) if kind == "ragas" else ChatJudge(chat, Prompts())


def _rows(name: str, options: argparse.Namespace, judge: Judge) -> Iterator[JudgedItem]:
    if name == "ragchecker":
        pairs = read_ragchecker(options.data / "ragchecker_meta")
        step = 1 if options.sample is None else max(1, len(pairs) // options.sample)
        return judge_pairs(pairs[::step][: options.sample], judge)
    return judge_grounded(stratified(GROUNDED[name](options.data), options.sample, options.seed), judge)


def _told(rows: Iterator[JudgedItem], name: str, out: Path | None) -> Iterator[JudgedItem]:
    for row in rows:
        if out is not None:
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"set": name} | asdict(row)) + "\n")
        yield row


if __name__ == "__main__":
    main()
