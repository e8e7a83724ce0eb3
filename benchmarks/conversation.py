"""Whether a follow-up finds its passage: rules against the question as typed, and against the question in full.

    python benchmarks/conversation.py [--model] [--turns]

Reads `tests/data/conversations.toml` and a library of `app/samples` made for the run. A turn is scored by the rank of
the first passage that holds its evidence, in its document. Each way of asking sees its own earlier queries and the
written answers, as a chat would; with "carried" the passages that hold the last turn's evidence are candidates of the
search, where the rules say that the question leans on it. First turns of a conversation and small talk are not scored.
Differences are paired by turn. Means with 95 % bootstrap intervals over turns; turns of one conversation are not
independent, so the true intervals are somewhat wider. The rules were written on the part "tune"; "report" is held out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _timing import table

from ragstone import Ragstone
from ragstone.eval.stats import estimate
from ragstone.generation.conversation import Turn, carried, standalone
from ragstone.generation.llama import LlamaModel
from ragstone.generation.sampling import Message, Sampling
from ragstone.retrieval.records import Chunk

ROOT = Path(__file__).resolve().parents[1]
DEPTH = 20
MODEL_PROMPT = """\
Rewrite the last question so that it can be understood without the conversation. Keep its meaning, and put in the \
names and things that it refers to. If it can be understood alone, repeat it. Reply with the rewritten question only.

Conversation:
Q: How many members did the rowing club have in 2018?
A: The rowing club had 214 members in 2018.
Last question: and in 2019?
Rewritten question: How many members did the rowing club have in 2019?

Conversation:
Q: Who wrote the fire safety plan?
A: Marta Lind wrote the fire safety plan.
Last question: When was it approved?
Rewritten question: When was the fire safety plan approved?
"""
Ask = Callable[[str, Sequence[Turn], dict[str, Any]], str]


@dataclass
class Scored:
    """One way of asking one turn."""

    part: str
    kind: str
    rank: int | None
    query: str
    seconds: float


@dataclass
class Results:
    """All turns of one way of asking."""

    turns: list[Scored] = field(default_factory=list)

    def at(self, k: int, part: str | None = None, kind: str | None = None) -> list[float]:
        """1 for each turn whose evidence is among the first k."""
        return [float(t.rank is not None and t.rank <= k) for t in self._of(part, kind)]

    def reciprocal(self, part: str | None = None) -> list[float]:
        """The reciprocal rank of each turn."""
        return [1 / t.rank if t.rank else 0.0 for t in self._of(part, None)]

    def seconds(self) -> list[float]:
        """Of making each query."""
        return [t.seconds for t in self.turns]

    def _of(self, part: str | None, kind: str | None) -> Iterator[Scored]:
        return (t for t in self.turns if part in (None, t.part) and kind in (None, t.kind))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="store_true", help="also let the chat model rewrite every question")
    parser.add_argument("--turns", action="store_true", help="print each turn with its query by rules")
    args = parser.parse_args()
    conversations = tomllib.loads((ROOT / "tests/data/conversations.toml").read_text("utf-8"))["conversation"]
    ways: dict[str, Ask] = {
        "as typed": lambda question, history, turn: question,
        "last question + question": lambda question, history, turn: " ".join([*_last(history), question]),
        "rules": lambda question, history, turn: standalone(question, history).query,
        "gold": lambda question, history, turn: turn["standalone"],
    }
    with tempfile.TemporaryDirectory() as work, Ragstone.open(Path(work, "library")) as rag:
        rag.ingest(ROOT / "app/samples")
        results = {name: run(rag, conversations, ask) for name, ask in ways.items()}
        results["rules + carried"] = run(rag, conversations, ways["rules"], carry=True)
        if args.model:
            model = rag.load_model()
            ask = lambda question, history, turn: by_model(question, history, model)  # noqa: E731
            results["model"] = run(rag, conversations, ask, chain=True)
    report(results)
    if args.turns:
        for t in results["rules"].turns:
            print(f"{t.part:7} {t.kind:11} {t.rank or '-':>3} {t.query}")


def _last(history: Sequence[Turn]) -> list[str]:
    return [history[-1].question] if history else []


def by_model(question: str, history: Sequence[Turn], model: LlamaModel) -> str:
    """The question as the chat model rewrites it."""
    if not history:
        return question
    last = history[-1]
    ask = f"{MODEL_PROMPT}\nConversation:\nQ: {last.question}\nA: {last.answer}\nLast question: {question}\n"
    messages: list[Message] = [{"role": "user", "content": f"{ask}Rewritten question:"}]
    lines = "".join(model.generate(messages, Sampling(max_tokens=64))).strip().splitlines()
    return lines[0].strip().strip('"') if lines else question


def run(
    rag: Ragstone, conversations: list[dict[str, Any]], ask: Ask, *, carry: bool = False, chain: bool = False
) -> Results:
    """Ask every turn in one way; with `chain` the history holds the queries, otherwise the questions as typed."""
    results = Results()
    for conversation in conversations:
        history: list[Turn] = []
        for turn in conversation["turn"]:
            started = time.perf_counter()
            query = ask(turn["question"], history, turn)
            seconds = time.perf_counter() - started
            kept = carried(turn["question"], history) if carry else ()
            found = [hit.chunk for hit in rag._retriever.search(query, DEPTH, also=kept)]  # the engine has no `also`
            if history and turn["document"]:
                rank = next((n for n, chunk in enumerate(found, 1) if holds(chunk, turn)), None)
                results.turns.append(Scored(conversation["part"], turn["kind"], rank, query, seconds))
            history.append(Turn(query if chain else turn["question"], turn["answer"], evidence_ids(rag, turn)))
    return results


def holds(chunk: Chunk, turn: dict[str, Any]) -> bool:
    """Whether a passage is of the turn's document and holds its evidence."""
    return chunk.document.endswith(turn["document"]) and _flat(turn["evidence"]) in _flat(chunk.passage)


def evidence_ids(rag: Ragstone, turn: dict[str, Any]) -> tuple[int, ...]:
    """The chunks that hold a turn's evidence: what a right answer would have cited."""
    if not turn["document"]:
        return ()
    (document,) = (d for d in rag.documents() if d.path.endswith(turn["document"]))
    return tuple(chunk.id for chunk in rag.library.chunks_of(document.id) if holds(chunk, turn))


def _flat(text: str) -> str:
    return " ".join(text.split())


def report(results: dict[str, Results]) -> None:
    """Print the tables."""
    for part in ("report", "tune", None):
        rows = []
        for name, r in results.items():
            figures = (estimate(r.at(1, part)), estimate(r.at(4, part)), estimate(r.reciprocal(part)))
            rows.append((name, *(e.spread() for e in figures)))
        count = len(results["gold"].at(1, part))
        print(f"\n{'held-out part' if part == 'report' else part or 'whole'}, n = {count}")
        print(table(("query", "hit@1", "hit@4", "MRR@20"), rows))
    print("\nMRR@20, paired difference of the rules to:")
    rows = []
    for name, r in results.items():
        if name != "rules":
            cells = []
            for part in ("report", None):
                pairs = zip(results["rules"].reciprocal(part), r.reciprocal(part), strict=True)
                e = estimate([a - b for a, b in pairs])
                cells.append(e.spread("+.3f"))
            rows.append((name, *cells))
    print(table(("to", "held out", "whole"), rows))
    print("\nhit@4 by kind, held-out part / whole")
    kinds = sorted({t.kind for t in results["gold"].turns})
    rows = []
    for kind in kinds:
        cells = [f"{sum(r.at(4, 'report', kind)):.0f} / {sum(r.at(4, None, kind)):.0f}" for r in results.values()]
        of = f"{len(results['gold'].at(4, 'report', kind))} / {len(results['gold'].at(4, None, kind))}"
        rows.append((kind, of, *cells))
    print(table(("kind", "n", *results), rows))
    print("\nseconds a query, mean:", {n: f"{estimate(r.seconds()).mean:.6f}" for n, r in results.items()})


if __name__ == "__main__":
    main()
