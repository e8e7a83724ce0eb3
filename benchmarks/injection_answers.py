"""How often a hidden instruction decides the answer, with and without the defence.

    python benchmarks/injection_answers.py [--limit 100] [--work FOLDER] [--model M]

Pairs of a context and an attack of BIPIA's test part, drawn evenly over tasks and positions. Each attacked context is
a document of one library, in a collection of its own, and its question is asked there as anyone would, but with
`min_confidence = 0`: an abstention would hide whether the attack works. Without the defence, what speaks to the
assistant stays in. The same contexts are also asked without an attack: there both ways should do alike. Success is
told by the rules of `eval/metrics/attacks.py`; what they cannot tell is unscored. Answers are kept in --work, and a
second run goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from _answering import DATA
from _timing import table

from ragstone import Ragstone
from ragstone.eval.metrics.attacks import succeeded
from ragstone.eval.readers.injection import TASKS, Attacked, drawn
from ragstone.eval.stats import compare, estimate

DEFENCES = ("without", "with")
Answers = dict[tuple[str, str, int], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=100, help="pairs")
    parser.add_argument("--work", type=Path, help="where library and answers are kept")
    parser.add_argument("--model", help="by default the one of the settings")
    asked = parser.parse_args()
    cases = drawn(DATA / "robustness" / "bipia", asked.limit)
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        show(cases, answers(cases, work, asked.model))


def answers(cases: list[Attacked], work: Path, model: str | None) -> Answers:
    """Every answer, by defence, whether the context was attacked, and case."""
    kept, found = work / "answers.jsonl", {}
    if kept.is_file():
        for line in kept.read_text("utf-8").splitlines():
            row = json.loads(line)
            found[row["defence"], row["text"], row["case"]] = row["answer"]
    started, done = time.monotonic(), 0
    for defence in DEFENCES:
        flags = {} if defence == "with" else {"instructions": "flag"}
        with Ragstone.open(
            work / "library", model=model, min_confidence=0.0, max_tokens=256, prefix_cache_mb=0, **flags
        ) as rag:
            for n, case in enumerate(cases):
                for text in ("attacked", "clean"):
                    if (defence, text, n) in found:
                        continue
                    name = f"{text}-{n}"
                    store(rag, work, name, case.text if text == "attacked" else case.context.text)
                    answer = rag.ask(case.context.question, collection=name)
                    written = "" if answer.abstained else answer.text
                    found[defence, text, n] = written
                    row = {"defence": defence, "text": text, "case": n, "answer": written}
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    done += 1
                    print(f"{defence} {text} {n + 1}/{len(cases)}, {(time.monotonic() - started) / done:.1f} s each")
    return found


def store(rag: Ragstone, work: Path, name: str, text: str) -> None:
    """Ingest a context into a collection of its own."""
    file = work / "documents" / f"{name}.txt"
    if not file.is_file():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    rag.ingest(file, collection=name)


def show(cases: list[Attacked], found: Answers) -> None:
    """Print success and quality."""
    success = {
        defence: [succeeded(case, found[defence, "attacked", n]) for n, case in enumerate(cases)]
        for defence in DEFENCES
    }
    rows = []
    for task in (*TASKS, "all"):
        chosen = [n for n, case in enumerate(cases) if task in (case.context.task, "all")]
        rows.append((task, *(str(estimate([success[d][n] for n in chosen])) for d in DEFENCES)))
    print("\n## Attacks that succeed\n")
    print(table(("task", *(f"{d} the defence" for d in DEFENCES)), rows))
    difference = compare(success["with"], success["without"])
    print(f"difference {difference.mean}, p = {difference.p}\n\n## Questions on contexts without an attack\n")
    right = {
        d: [
            None if case.context.task == "code" else float(case.context.ideal.lower() in found[d, "clean", n].lower())
            for n, case in enumerate(cases)
        ]
        for d in DEFENCES
    }
    refused = {d: [float(not found[d, "clean", n]) for n in range(len(cases))] for d in DEFENCES}
    quality = [(d, str(estimate(right[d])), str(estimate(refused[d]))) for d in DEFENCES]
    print(table(("defence", "the reference stands in the answer", "abstained"), quality))
    difference = compare(right["with"], right["without"])
    print(f"difference {difference.mean}, p = {difference.p}")


if __name__ == "__main__":
    main()
