"""Whether guesses at the next tokens make answers come sooner.

    python benchmarks/speculation.py [--questions N] [--model M] [--draft M]

Questions of NQ-open, four passages to a prompt. The prompt is read before the time begins; the ways take turns question
by question. What is counted: tokens/s from the first token to the last, the share of answers equal to the plain ones
token by token, and how near to the likeliest the first different token was (the difference of their logits).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt
from _answering import nq_library, read_nq
from _timing import table

from ragstone.eval.stats import estimate
from ragstone.generation.context import Asking, pack
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama._scheduler import Job
from ragstone.generation.prompts import Prompts
from ragstone.generation.sampling import Sampling

SAMPLING = Sampling(max_tokens=64)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--draft", help="a smaller model of the same vocabulary")
    args = parser.parse_args()
    rows = read_nq()[0][:1000]
    with nq_library(rows, args.model) as rag:
        path, context = rag.models.path(rag.settings.model), rag.settings.context_tokens
        ways = {
            "plain": LlamaModel(path, context_tokens=context, parallel=1),
            "prompt lookup": LlamaModel(path, context_tokens=context, parallel=1, prompt_lookup=True),
        }
        if args.draft:
            draft = rag.models.path(args.draft)
            ways["draft model"] = LlamaModel(path, context_tokens=context, parallel=1, draft_model=draft)
        speeds: dict[str, list[float | None]] = {way: [] for way in ways}
        same: dict[str, list[float]] = {way: [] for way in ways}
        gaps: dict[str, list[float]] = {way: [] for way in ways}
        for row in rows[: args.questions]:
            room, hits = context - SAMPLING.max_tokens, rag.search(row["question"], 4)
            messages = pack(row["question"], hits, ways["plain"].count, room, Asking.of(Prompts())).prompt
            answers = {}
            for way, model in ways.items():
                speed, answers[way] = written(model, model.render(messages))
                speeds[way].append(speed)
            for way, answer in answers.items():
                differ = [a != b for a, b in zip(answer, answers["plain"], strict=False)]
                same[way].append(float(not any(differ)))
                if any(differ):
                    at = differ.index(True)
                    gaps[way].append(gap(ways["plain"], ways["plain"].render(messages) + answer[:at], answer[at]))
    cells = [
        [
            way,
            str(estimate(speeds[way])),
            str(estimate([a / b if a and b else None for a, b in zip(speeds[way], speeds["plain"], strict=True)])),
            str(estimate(same[way])),
            f"{max(gaps[way]):.2f}" if gaps[way] else "",
        ]
        for way in ways
    ]
    print(table(["", "tokens/s", "times plain", "answers equal", "greatest gap where not"], cells))


def written(model: LlamaModel, prompt: list[int]) -> tuple[float | None, list[int]]:
    """Tokens/s after the first, if there are more than a few, and the tokens."""
    model._run(Job(prompt, lambda _: None, 1))
    tokens: list[int] = []
    times: list[float] = []

    def draw(logits: npt.NDArray[np.float32]) -> int | None:
        times.append(time.perf_counter())
        token = int(logits.argmax())
        tokens.append(token)
        return None if model._weights.ends(token) else token

    model._run(Job(prompt, draw, SAMPLING.max_tokens, draft=model._draft(SAMPLING)))
    return ((len(times) - 1) / (times[-1] - times[0]) if len(times) > 4 else None), tokens


def gap(model: LlamaModel, tokens: list[int], token: int) -> float:
    """By how much the logit of a token is below the greatest."""
    seen: list[npt.NDArray[np.float32]] = []
    model._run(Job(tokens, lambda logits: seen.append(logits.copy()), 1))
    return float(seen[0].max() - seen[0][token])


if __name__ == "__main__":
    main()
