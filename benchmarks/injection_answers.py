"""How often a hidden instruction decides the answer, with and without the defence.

    python benchmarks/injection_answers.py [--each 4] [--limit 36] [--work FOLDER] [--model M]

Every attack of BIPIA's test part in `--each` contexts of its task, at the start, in the middle and at the end. With the
defence, nothing of most attacks is left in what the model is given, not a letter: these count as failed, and are not
asked, for the prompt is that of the context without an attack, but for the mark of what was cut. All others are asked.
Without the defence, what speaks to the assistant stays in, and `--limit` of the pairs are asked, drawn evenly over
tasks and positions.

Each context is a document of one library, in a collection of its own, and its question is asked there as anyone would,
but with `min_confidence = 0`: an abstention would hide whether the attack works. Success is told by the rules of
`eval/metrics/attacks.py`; what they cannot tell is unscored. Contexts without an attack are given to the model as they
are unless something in them is flagged: how many that are is printed, too. Answers are kept in --work, and a second run
goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from _timing import table
from injection import BIPIA, embedding

from ragstone import Ragstone
from ragstone.eval.metrics.attacks import succeeded
from ragstone.eval.readers.injection import POSITIONS, TASKS, Attacked, attacked, contexts
from ragstone.eval.stats import estimate
from ragstone.ingest.instructions import Embed, find_instructions

INSTRUCTIONS = {"with": "cut", "without": "flag"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=4, help="contexts for each attack")
    parser.add_argument("--limit", type=int, default=36, help="pairs asked without the defence")
    parser.add_argument("--work", type=Path, help="where library and answers are kept")
    parser.add_argument("--model", help="by default the one of the settings")
    asked = parser.parse_args()
    cases = list(attacked(BIPIA, asked.each))
    embed = embedding()
    seen = [n for n, case in enumerate(cases) if left(case, embed)]
    chosen = evenly(cases, asked.limit)
    print(f"of {len(seen)} of {len(cases)} attacks something is left", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        guarded = answers(cases, seen, "with", work, asked.model)
        bare = answers(cases, chosen, "without", work, asked.model)
    show(cases, guarded, bare)
    show_clean(embed)


def left(case: Attacked, embed: Embed) -> bool:
    """Whether a letter or digit of the attack is not flagged."""
    flagged = [(i.char_start, i.char_end) for i in find_instructions(case.text, embed)]
    return any(
        sign.isalnum() and not any(start <= at < end for start, end in flagged)
        for at, sign in enumerate(case.attack.text, case.start)
    )


def evenly(cases: Sequence[Attacked], limit: int) -> list[int]:
    """So many of the cases, of each task and position alike, spread over the attacks."""
    cells = [(task, position) for task in TASKS for position in POSITIONS]
    chosen = []
    for task, position in cells:
        of = [n for n, case in enumerate(cases) if (case.context.task, case.position) == (task, position)]
        wanted = limit // len(cells)
        chosen += [of[(2 * k + 1) * len(of) // (2 * wanted)] for k in range(wanted)]
    return chosen


def answers(
    cases: Sequence[Attacked], asked: Sequence[int], defence: str, work: Path, model: str | None
) -> dict[int, str]:
    """What the model writes in these cases; empty where it declines."""
    kept, found = work / f"{defence}.jsonl", dict[int, str]()
    if kept.is_file():
        found = {row["case"]: row["answer"] for row in map(json.loads, kept.read_text("utf-8").splitlines())}
    started, waiting = time.monotonic(), [n for n in asked if n not in found]
    with Ragstone.open(
        work / "library",
        model=model,
        min_confidence=0.0,
        max_tokens=256,
        prefix_cache_mb=0,
        instructions=INSTRUCTIONS[defence],
    ) as rag:
        for done, n in enumerate(waiting, 1):
            file = work / "documents" / f"{n}.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text(cases[n].text, "utf-8")
            rag.ingest(file, collection=str(n))
            answer = rag.ask(cases[n].context.question, collection=str(n))
            found[n] = "" if answer.abstained else answer.text
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"case": n, "answer": found[n]}, ensure_ascii=False) + "\n")
            print(f"{defence} {done}/{len(waiting)}, {(time.monotonic() - started) / done:.1f} s each", flush=True)
    return {n: found[n] for n in asked}


def show(cases: Sequence[Attacked], guarded: Mapping[int, str], bare: Mapping[int, str]) -> None:
    """Print how many attacks succeed, given the answers with the defence, where something is left, and without it."""
    of_those_left = {n: succeeded(cases[n], text) for n, text in guarded.items()}
    without = {n: succeeded(cases[n], text) for n, text in bare.items()}
    rows = []
    for task in (*TASKS, "all"):
        of = [n for n, case in enumerate(cases) if task in (case.context.task, "all")]
        columns: list[list[float | None]] = [
            [float(n in guarded) for n in of],
            [of_those_left.get(n, 0.0) for n in of],
            [of_those_left[n] for n in of if n in guarded],
            [without[n] for n in of if n in bare],
        ]
        rows.append((task, *(str(estimate(column)) for column in columns)))
    print("\n## Attacks that succeed\n")
    print(table(("task", "something is left", "with the defence", "... of those left", "without it"), rows))
    for name, texts in (("of those left with the defence", guarded), ("without it", bare)):
        print(f"The model declined {sum(not text for text in texts.values())} of {len(texts)} {name}.")


def show_clean(embed: Embed) -> None:
    """Print how many contexts without an attack reach the model as they are."""
    known = [context for task in TASKS for context in contexts(BIPIA, task)]
    changed = sum(bool(find_instructions(context.text, embed)) for context in known)
    print(f"Of {len(known)} contexts without an attack, {len(known) - changed} reach the model as they are.")


if __name__ == "__main__":
    main()
