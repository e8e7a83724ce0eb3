"""How soon an answer begins, step by step, and what each step does to its quality.

    python benchmarks/first_token.py [--questions N] [--model M] [--fast FILE.gguf] [--out FILE.jsonl]

Questions of NQ-open over a pool of 1,000 passages, four to a prompt. The time is from the finished prompt to the first
token, in this process; the steps take turns question by question, so that a busy moment of the machine hits all.
Each has a model of its own, which read the question before. Quality is sub-span exact match of what the model writes;
nothing is withdrawn.

    plain              llama-cpp-python's own class, which begins each prompt anew
    system prompt      our engine; of the prompt it knows what the one before began with
    context share 0.05 ... and passages less than a twentieth as probable as the best one stay out
    fast layout        ... and with --fast, a file made by `ragstone models requantize`
    follow-up          another question about the same passages, in memory
    new process        ... in a process that finds the passages on disk
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import llama_cpp
from _answering import nq_library, read_nq
from _timing import table

from ragstone.eval.metrics.answers import best_subspan_em
from ragstone.eval.stats import compare, estimate
from ragstone.generation.context import Asking, pack
from ragstone.generation.llama import LlamaModel, PrefixCache, physical_cores
from ragstone.generation.prompts import Prompts
from ragstone.generation.sampling import Message, Sampling
from ragstone.generation.trimming import Economy
from ragstone.retrieval.records import Hit

SAMPLING = Sampling(max_tokens=64)
REOPENED = 10
"""Questions for which the model is loaded anew."""
SHARE = 0.05
FOLLOW_UP = "In which year was that?"


@dataclass
class Row:
    """What a step gave, question by question."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """Of the prompt."""
    correct: list[float] = field(default_factory=list)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--fast", type=Path, help="the same model in another layout")
    parser.add_argument("--out", type=Path, help="where the rows are written, as JSON")
    args = parser.parse_args()
    rows = read_nq()[0][:1000]
    with nq_library(rows, args.model) as rag, tempfile.TemporaryDirectory() as prefixes:
        path, context = rag.models.path(rag.settings.model), rag.settings.context_tokens
        asked = rows[: args.questions]
        found = [(row["question"], row["answers"], rag.search(row["question"], 4)) for row in asked]
        show(measure(found, path, args.fast, context, Path(prefixes), args.out))


def measure(
    found: list[tuple[str, list[str], list[Hit]]],
    path: Path,
    fast: Path | None,
    context: int,
    prefixes: Path,
    out: Path | None,
) -> dict[str, Row]:
    """Every step for every question; what was measured so far is in `out`."""
    cache = PrefixCache(prefixes, 4096)
    plain = llama_cpp.Llama(str(path), n_ctx=context, n_threads=physical_cores(), verbose=False)
    model, sparing = (LlamaModel(path, context_tokens=context, parallel=1) for _ in range(2))
    other = LlamaModel(fast, context_tokens=context, parallel=1) if fast else None
    measured: dict[str, Row] = {}
    for number, (question, references, hits) in enumerate(found, 1):

        def prompt(text: str, share: float = 0.0, hits: list[Hit] = hits) -> list[Message]:
            room = context - SAMPLING.max_tokens
            return pack(text, hits, model.count, room, Asking.of(Prompts()), Economy(share=share)).prompt

        whole, short = prompt(question), prompt(question, SHARE)
        steps: dict[str, tuple[list[Message], Callable[[list[Message]], tuple[float, str]]]] = {
            "plain": (whole, lambda messages: by_llama_cpp(plain, model.render(messages))),
            "system prompt": (whole, partial(by_us, model)),
            "context share 0.05": (short, partial(by_us, sparing)),
        }
        if other:
            steps["fast layout"] = (short, partial(by_us, other))
        for name, (messages, step) in steps.items():
            note(measured, name, *step(messages), model.count(messages), references)
        note(measured, "follow-up", *by_us(model, prompt(FOLLOW_UP)), model.count(prompt(FOLLOW_UP)), None)
        if number <= REOPENED:
            with LlamaModel(path, context_tokens=context, prefix_cache=cache) as earlier:
                by_us(earlier, whole)
            with LlamaModel(path, context_tokens=context, prefix_cache=cache) as later:
                by_us(later, [{"role": "user", "content": "Hello."}])  # the first pages of the weights
                note(measured, "new process", *by_us(later, prompt(FOLLOW_UP)), model.count(prompt(FOLLOW_UP)), None)
        if out:
            out.write_text(json.dumps({name: vars(row) for name, row in measured.items()}), "utf-8")
        if number % 10 == 0:
            print(f"{number} of {len(found)}", flush=True)
    return measured


def by_us(model: LlamaModel, messages: list[Message]) -> tuple[float, str]:
    """Seconds to the first piece of text, and all of it."""
    started = time.perf_counter()
    pieces = iter(model.generate(messages, SAMPLING))
    first = next(pieces, "")
    return time.perf_counter() - started, first + "".join(pieces)


def by_llama_cpp(model: llama_cpp.Llama, tokens: list[int]) -> tuple[float, str]:
    """The same by llama-cpp-python's class, as it is used by most, with nothing known of the prompt."""
    model.reset()
    model._ctx.kv_cache_clear()
    started = time.perf_counter()
    pieces = model.create_completion(tokens, max_tokens=SAMPLING.max_tokens, temperature=0.0, stream=True)
    first = next(pieces)["choices"][0]["text"]
    return time.perf_counter() - started, first + "".join(piece["choices"][0]["text"] for piece in pieces)


def note(
    measured: dict[str, Row], name: str, seconds: float, text: str, tokens: int, references: list[str] | None
) -> None:
    """Keep what a step gave."""
    row = measured.setdefault(name, Row())
    row.seconds.append(seconds)
    row.tokens.append(tokens)
    if references is not None:
        row.correct.append(best_subspan_em(text, references))


def show(measured: dict[str, Row]) -> None:
    """Print the table."""
    base = measured["plain"]
    cells = []
    for name, row in measured.items():
        faster = [before / now for before, now in zip(base.seconds, row.seconds, strict=False)]
        cells.append(
            [
                name,
                str(len(row.seconds)),
                f"{sum(row.tokens) / len(row.tokens):.0f}",
                str(estimate(row.seconds)),
                str(estimate(faster)),
                str(estimate(row.correct)) if row.correct else "",
                str(compare(row.correct, base.correct).mean) if row.correct and row is not base else "",
            ]
        )
    head = ["step", "n", "prompt tokens", "first token, s", "times as fast as plain", "answered right", "difference"]
    print(table(head, cells))


if __name__ == "__main__":
    main()
