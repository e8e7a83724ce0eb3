"""What a shorter context costs: prompt tokens against answers, on NQ-open.

    python benchmarks/context_economy.py [--questions N] [--ask N] [--model M] [--out FILE.jsonl]

The first four hits are packed in several ways: as they are, without those whose probability is below a share of the
best one's (`share`), and trimmed to the sentences near the question's words (`trim`). Of --questions questions with a
gold passage in a pool of 1,000 it is counted how many tokens the prompt has and whether a reference answer stands in
the context at all. The first --ask of them are put to the model, and its answers scored by sub-span exact match, with
the paired difference from the context as it is. The answer is what the model writes: nothing is withdrawn. What it
wrote is kept in --out, and a second run goes on from there.

Of the questions about the sample documents it is counted in how many the answer stands in the context, and, of those
that need two documents, in how many both do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import tomllib
from pathlib import Path

from _answering import nq_library, read_nq
from _timing import table

from ragstone import Ragstone
from ragstone.eval.metrics.answers import best_subspan_em
from ragstone.eval.stats import compare, estimate
from ragstone.generation.chat_model import ChatModel
from ragstone.generation.context import Asking, PackedContext, pack
from ragstone.generation.prompts import Prompts
from ragstone.generation.sampling import Sampling
from ragstone.generation.trimming import Economy

ROOT = Path(__file__).resolve().parents[1]
WAYS = {
    "as it is": Economy(),
    "share 0.05": Economy(share=0.05),
    "share 0.1": Economy(share=0.1),
    "share 0.25": Economy(share=0.25),
    "share 0.5": Economy(share=0.5),
    "trim": Economy(trim=True),
    "share 0.1, trim": Economy(share=0.1, trim=True),
}
SAMPLING = Sampling(max_tokens=64)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--ask", type=int, default=60, help="how many of these are put to the model")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which of them the model answers")
    parser.add_argument("--second-half", action="store_true", help="of the questions: those to choose by")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where the answers are kept")
    args = parser.parse_args()
    rows = read_nq()[args.second_half][:1000]
    with nq_library(rows, args.model) as rag:
        questions = [(r["question"], r["answers"]) for r in rows[: args.questions]]
        show(rag, questions, args.ask, args.ways, args.out)
    show_samples()


def show(
    rag: Ragstone, questions: list[tuple[str, list[str]]], ask: int, asked_ways: list[str], out: Path | None
) -> None:
    """Pack, ask, and print a row for each way."""
    model, asking = rag.load_model(), Asking.of(Prompts())
    known = _read(out)
    packed: dict[str, list[PackedContext]] = {way: [] for way in WAYS}
    correct: dict[str, list[float]] = {way: [] for way in WAYS}
    for number, (question, references) in enumerate(questions):
        found = rag.trace(question, rag.settings.hits)
        for way, economy in WAYS.items():
            told = Economy(economy.share, economy.trim, found.terms)
            room = model.context_tokens - SAMPLING.max_tokens
            context = pack(question, found.hits, model.count, room, asking, told)
            packed[way].append(context)
            if number < ask and way in asked_ways:
                answer = known.get((way, question)) or _asked(model, context, way, question, out)
                correct[way].append(best_subspan_em(answer["text"], references))
    references_of = [references for _, references in questions]
    base = correct["as it is"]
    cells = []
    for way, contexts in packed.items():
        stands = [best_subspan_em(_context(c), refs) for c, refs in zip(contexts, references_of, strict=True)]
        scored = correct[way]
        cells.append(
            [
                way,
                f"{sum(len(c.passages) for c in contexts) / len(contexts):.2f}",
                str(estimate([float(c.tokens) for c in contexts], seed=0)),
                str(estimate(stands)),
                str(estimate(scored)) if scored else "",
                str(compare(scored, base).mean) if scored and scored is not base and base else "",
            ]
        )
    head = ["context", "passages", "prompt tokens", "an answer stands in it", "answered right", "difference"]
    print(table(head, cells))


def show_samples() -> None:
    """Pack the questions about the sample documents, and print a row for each way."""
    questions = tomllib.loads((ROOT / "app" / "sample_questions.toml").read_text("utf-8"))["question"]
    questions = [question for question in questions if question["answer"]]
    stands: dict[str, list[float]] = {way: [] for way in WAYS}
    both: dict[str, list[float]] = {way: [] for way in WAYS}
    passages: dict[str, list[float]] = {way: [] for way in WAYS}
    folder, asking = ROOT / "app" / "samples", Asking.of(Prompts())
    with tempfile.TemporaryDirectory() as work, Ragstone.open(Path(work, "library")) as rag:
        rag.ingest(folder)
        for question in questions:
            found = rag.trace(question["text"], rag.settings.hits)
            for way, economy in WAYS.items():
                told = Economy(economy.share, economy.trim, found.terms)
                packed = pack(question["text"], found.hits, lambda _: 0, 1, asking, told)
                stands[way].append(best_subspan_em(_context(packed), [question["answer"]]))
                passages[way].append(len(packed.passages))
                if question["kind"] == "multi":
                    needed = {str(folder / question[name]) for name in ("document", "also")}
                    both[way].append(needed <= {p.hit.chunk.document for p in packed.passages})
    head = ["context, samples", "passages", "the answer stands in it", "of two documents both do"]
    rows = [
        [
            way,
            f"{sum(passages[way]) / len(questions):.2f}",
            f"{sum(stands[way]):.0f} of {len(questions)}",
            f"{sum(both[way]):.0f} of {len(both[way])}",
        ]
        for way in WAYS
    ]
    print(f"\n{table(head, rows)}")


def _context(packed: PackedContext) -> str:
    return packed.prompt[-1]["content"].rpartition("\n\nQuestion: ")[0]


def _asked(model: ChatModel, context: PackedContext, way: str, question: str, out: Path | None) -> dict[str, str]:
    row = {"way": way, "question": question, "text": "".join(model.generate(context.prompt, SAMPLING))}
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return row


def _read(out: Path | None) -> dict[tuple[str, str], dict[str, str]]:
    if out is None or not out.is_file():
        return {}
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return {(row["way"], row["question"]): row for row in rows}


if __name__ == "__main__":
    main()
