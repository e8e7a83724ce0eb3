"""Whether log-likelihoods are those of lm-evaluation-harness, and how much sooner they come.

    python3 -m venv .venv-lm-eval && .venv-lm-eval/bin/pip install -r requirements-lm-eval.txt
    python benchmarks/lm_eval_agreement.py --data FOLDER [--items N] [--repeats R] [--threads T]

Both read the same weights, SmolLM2-135M unpacked to 32-bit numbers, and the same items; lm-evaluation-harness makes
its prompts with its own task code, and ours are compared with them letter by letter; so are our scores of its log-
likelihoods with its own. An item agrees when both choose alike: the likeliest answer (TruthfulQA MC1, BBQ,
Winogender), the likelier sentence (CrowS-Pairs), the true answers' share of probability within 0.01 (MC2). Both run
in turns, R times, on the same cores, lm-evaluation-harness with the best of several batch sizes, found on a few items
before; loading is not counted, making tokens is. On a busy machine look at the processor's seconds, with --threads 1,
for threads that wait for each other use it up.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _timing import table

from ragstone.app.settings import Settings
from ragstone.eval import likelihood
from ragstone.eval.metrics import choosing
from ragstone.eval.readers.bbq import read_bbq
from ragstone.eval.readers.coreference import read_winogender
from ragstone.eval.readers.crows_pairs import read_crows_pairs
from ragstone.eval.readers.truthfulqa import read_truthfulqa
from ragstone.eval.stats import estimate
from ragstone.generation.llama import LlamaModel, physical_cores
from ragstone.generation.llama.requantize import requantize
from ragstone.generation.models import ModelStore

ROOT = Path(__file__).resolve().parents[1]
BATCH_SIZES = (1, 8, 32)
FEW = 2
"""Items that batch sizes are tried on."""
CONTEXT = 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What both score."""

    name: str
    yaml: str
    items: Sequence[Any]
    rows: Sequence[dict[str, Any]]
    """The items as lm-evaluation-harness takes them."""
    requests: Callable[[Any], likelihood.Requests]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the folder of sets")
    parser.add_argument("--items", type=int, help="of each task, drawn at random; by default all")
    parser.add_argument("--tasks", help="names, by comma; by default all")
    parser.add_argument("--repeats", type=int, default=3, help="at least 1")
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-lm-eval" / "bin" / "python")
    args = parser.parse_args()
    settings = Settings.load({})
    source = ModelStore(settings.models_dir, settings.offline).path("smollm2-135m")
    tasks = tasks_of(args.data, args.items, args.tasks)
    with tempfile.TemporaryDirectory() as folder:
        weights = requantize(source, Path(folder) / "smollm2-135m-f32.gguf", "f32", args.threads)
        peer = Peer(args.python, weights, args.threads, tasks, Path(folder))
        with LlamaModel(weights, context_tokens=CONTEXT, threads=args.threads, parallel=1) as model:
            rows = [measure(model, peer, task, args.repeats) for task in tasks]
    head = "task | items | requests | same choice | largest difference, nats | batch"
    head += " | theirs, s | ours, s | times | theirs, CPU s | ours, CPU s | times"
    print(table(head.split(" | "), rows))


def tasks_of(data: Path, items: int | None, names: str | None) -> list[Task]:
    """The tasks, with so many items each."""
    questions = read_truthfulqa(data / "truth/truthfulqa", "2021")
    truthful = [
        {
            "question": one.question,
            "mc1_targets": {"choices": list(one.single), "labels": list(map(int, one.single.values()))},
            "mc2_targets": {"choices": list(one.multiple), "labels": list(map(int, one.multiple.values()))},
        }
        for one in questions
    ]
    pairs = read_crows_pairs(data / "bias/crows_pairs")
    sentences = read_winogender(data / "bias/winogender")
    biases = read_bbq(data / "bias/bbq")
    lines = [line for path in sorted((data / "bias/bbq").glob("*.jsonl")) for line in path.open(encoding="utf-8")]
    found = [
        Task(
            "crows_pairs",
            "crows_pairs/crows_pairs_english.yaml",
            pairs,
            [{"sent_more": one.more, "sent_less": one.less, "bias_type": one.group} for one in pairs],
            likelihood.crows_pairs,
        ),
        Task(
            "truthfulqa_mc1",
            "truthfulqa/truthfulqa_mc1.yaml",
            questions,
            truthful,
            lambda one: likelihood.truthfulqa(one, one.single),
        ),
        Task(
            "truthfulqa_mc2",
            "truthfulqa/truthfulqa_mc2.yaml",
            questions,
            truthful,
            lambda one: likelihood.truthfulqa(one, one.multiple),
        ),
        Task("bbq", "bbq/bbq_multiple_choice.yaml", biases, list(map(json.loads, lines)), likelihood.bbq),
        Task(
            "winogender",
            "winogender/winogender.yaml",
            sentences,
            [
                {
                    "sentence": one.sentence,
                    "pronoun": one.pronoun,
                    "occupation": one.people[0],
                    "participant": one.people[1],
                    "gender": one.gender,
                    "label": one.label,
                }
                for one in sentences
            ],
            likelihood.coreference,
        ),
    ]
    return [drawn(task, items) for task in found if not names or task.name in names.split(",")]


def drawn(task: Task, items: int | None) -> Task:
    """A task with so many of its items, drawn at random."""
    places = random.Random(0).sample(range(len(task.items)), min(items or len(task.items), len(task.items)))
    chosen, rows = [task.items[place] for place in places], [task.rows[place] for place in places]
    return Task(task.name, task.yaml, chosen, rows, task.requests)


class Peer:
    """lm-evaluation-harness, in a process of its own."""

    def __init__(self, python: Path, weights: Path, threads: int, tasks: Sequence[Task], folder: Path) -> None:
        files = {}
        for task in tasks:
            path = folder / f"{task.name}.jsonl"
            path.write_text("".join(f"{json.dumps(row)}\n" for row in task.rows), "utf-8")
            files[task.name] = (task.yaml, str(path))
        command = [str(python), str(Path(__file__).with_name("_lm_eval_peer.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.requests = self.ask(
            folder=str(weights.parent), file=weights.name, threads=threads, context=CONTEXT, tasks=files
        )

    def ask(self, **told: Any) -> Any:
        """Its answer."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(told), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit("lm-evaluation-harness stopped; what it said is above")
        return json.loads(line)


def measure(model: LlamaModel, peer: Peer, task: Task, repeats: int) -> list[str]:
    """A row of the table."""
    asked = [[tuple(one) for one in item] for item in peer.requests[task.name]]
    ours = [task.requests(item) for item in task.items]
    if asked != ours:
        wrong = next((a, b) for a, b in zip(asked, ours, strict=True) if a != b)
        sys.exit(f"{task.name}: lm-evaluation-harness asks {wrong[0]!r}, we ask {wrong[1]!r}")
    sizes = {size: peer.ask(task=task.name, batch_size=size, limit=FEW)["seconds"] for size in BATCH_SIZES}
    best = min(sizes, key=lambda size: sizes[size])
    flat = [one for item in ours for one in item]
    model.log_likelihoods(flat[:FEW])
    wall, cpu = list[tuple[float, float]](), list[tuple[float, float]]()
    for _ in range(repeats):
        theirs = peer.ask(task=task.name, batch_size=best, limit=len(ours))
        started, used = time.perf_counter(), time.process_time()
        found = model.log_likelihoods(flat)
        wall.append((theirs["seconds"], time.perf_counter() - started))
        cpu.append((theirs["cpu"], time.process_time() - used))
    told = [one["pct_stereotype" if task.name == "crows_pairs" else "acc"] for one in theirs["scores"]]
    for item, both, score in zip(task.items, theirs["values"], told, strict=True):
        if abs(scored(task, item, [value for value, _ in both]) - score) > 1e-6:
            sys.exit(f"{task.name}: of the same log-likelihoods we make another score of {item.id} than {score}")
    rest = iter(found)
    values = [[next(rest).value for _ in item] for item in ours]
    same = [agrees(task, *both) for both in zip(task.items, values, theirs["values"], strict=True)]
    gaps = [abs(a - b[0]) for x, y in zip(values, theirs["values"], strict=True) for a, b in zip(x, y, strict=True)]
    row = [task.name, str(len(ours)), str(len(flat)), f"{sum(same)} ({100 * sum(same) / len(same):.2f} %)"]
    row += [f"{max(gaps):.3f}", str(best), *compared(wall), *compared(cpu)]
    print(" | ".join(row), file=sys.stderr, flush=True)
    return row


def compared(seconds: Sequence[tuple[float, float]]) -> list[str]:
    """The medians of theirs and ours, and the mean ratio with its interval over the runs."""
    medians = [f"{statistics.median(side):.1f}" for side in zip(*seconds, strict=True)]
    times = estimate([theirs / ours for theirs, ours in seconds])
    return [*medians, times.spread(".1f")]


def scored(task: Task, item: Any, values: Sequence[float]) -> float:
    """What we make of an item's log-likelihoods."""
    if task.name == "crows_pairs":
        return choosing.crows_pairs(values[0], values[1])["stereotype preferred"] or 0.0
    if task.name in ("truthfulqa_mc1", "truthfulqa_mc2"):
        which = task.name.removeprefix("truthfulqa_")
        true = [*(item.single if which == "mc1" else item.multiple).values()]
        return choosing.truthfulqa(values, true, values, true)[which.upper()] or 0.0
    answer = int(np.argmax(values))
    return float((likelihood.bbq_answer(item, answer) if task.name == "bbq" else answer) == item.label)


def agrees(task: Task, item: Any, values: Sequence[float], theirs: Sequence[tuple[float, bool]]) -> bool:
    """Whether both make the same of an item."""
    other = [value for value, _ in theirs]
    if task.name == "truthfulqa_mc2":
        return abs(scored(task, item, values) - scored(task, item, other)) <= 0.01
    if task.name == "bbq":
        return likelihood.bbq_answer(item, int(np.argmax(values))) == likelihood.bbq_answer(item, int(np.argmax(other)))
    return bool(np.argmax(values) == np.argmax(other))


if __name__ == "__main__":
    main()
