"""Whether a chat model answers the same in another layout, and how much sooner.

    python benchmarks/layouts.py [--questions N] [--layout q8_0] [--model M] [--out FILE.json]

Questions of NQ-open over a pool of 1,000 passages, packed as by default. The weights as pulled and in the layout, which
is written to a temporary file, answer each of them in turns, with nothing known of the prompt but the system's words.
Quality is sub-span exact match of what the model writes; nothing is withdrawn. Of what must not differ by more than a
hundredth, the interval tells how far this is shown.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from _answering import nq_library, read_nq
from _timing import table
from first_token import SAMPLING, SHARE, by_us

from ragstone.eval.metrics.answers import best_subspan_em
from ragstone.eval.stats import compare, estimate
from ragstone.generation.context import Asking, pack
from ragstone.generation.llama import LlamaModel, physical_cores
from ragstone.generation.llama.requantize import LAYOUTS, requantize
from ragstone.generation.prompts import Prompts
from ragstone.generation.trimming import Economy

PULLED = "as pulled"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--layout", choices=list(LAYOUTS), default="q8_0")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where answers are kept, to go on after an interruption")
    args = parser.parse_args()
    rows = read_nq()[0][:1000]
    kept = args.out is not None and args.out.is_file()
    answers: list[dict[str, tuple[float, str, float]]] = json.loads(args.out.read_text("utf-8")) if kept else []
    with nq_library(rows, args.model) as rag, tempfile.TemporaryDirectory() as folder:
        path, context = rag.models.path(rag.settings.model), rag.settings.context_tokens
        other = requantize(path, Path(folder) / "other.gguf", args.layout, physical_cores())
        models = {
            name: LlamaModel(file, context_tokens=context, parallel=1)
            for name, file in ((PULLED, path), (args.layout, other))
        }
        asking, economy = Asking.of(Prompts()), Economy(share=SHARE)
        for number, row in enumerate(rows[len(answers) : args.questions], len(answers) + 1):
            hits = rag.search(row["question"], 4)
            count = models[PULLED].count
            prompt = pack(row["question"], hits, count, context - SAMPLING.max_tokens, asking, economy).prompt
            told = {name: by_us(model, prompt) for name, model in models.items()}
            answers.append({name: (*one, best_subspan_em(one[1], row["answers"])) for name, one in told.items()})
            if args.out:
                args.out.write_text(json.dumps(answers), "utf-8")
            if number % 20 == 0:
                print(f"{number} of {args.questions}", flush=True)
    show(answers, args.layout)


def show(answers: list[dict[str, tuple[float, str, float]]], layout: str) -> None:
    """Print what the answers came to."""
    print(f"\n{len(answers)} questions of NQ-open; mean, 95 % interval\n")
    rows = []
    for name in (PULLED, layout):
        seconds, right = (estimate([answer[name][column] for answer in answers]) for column in (0, 2))
        rows.append([name, str(seconds), str(right)])
    print(table(["layout", "first token, s", "answered right"], rows))
    ratios = estimate([answer[PULLED][0] / answer[layout][0] for answer in answers])
    same = estimate([float(answer[PULLED][1] == answer[layout][1]) for answer in answers])
    difference = compare([answer[layout][2] for answer in answers], [answer[PULLED][2] for answer in answers])
    print(f"\n{layout} less as pulled: {difference.mean}; the same text {same}; first token {ratios} times as fast")


if __name__ == "__main__":
    main()
