"""Whether the chat model makes better queries of a question: multi-query, HyDE and decomposition beside the question.

    python benchmarks/query_rewriting.py [--limit N] [--nq N] [--model M] [--out FILE.jsonl]

`multi-query`: three other wordings, each searched for, and every chunk has its best probability (RAG-Fusion's idea).
`HyDE`: a made-up passage that answers the question, searched for together with it (Gao et al., "Precise Zero-Shot Dense
Retrieval without Relevance Labels", ACL 2023). `decomposition`: the questions that it consists of, searched for as the
wordings are. Questions: those of the sample documents, and of NQ-open over a pool of 1,000 passages. A question of the
samples that needs two documents counts as found when both are. Shown are the shares found among the first hits, the
paired difference from the question as it is with its 95 % interval, and the seconds that the model takes. What it wrote
is kept in --out, and a second run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from _answering import read_nq, write_passages
from _timing import table

from ragstone import Ragstone
from ragstone.eval.stats import estimate
from ragstone.generation.sampling import Message, Sampling
from ragstone.retrieval.records import Hit

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = {
    "multi-query": "Write three other wordings of this question, one a line, nothing else.\n\n{question}",
    "HyDE": "Write a passage of a document, of at most 60 words, that answers this question.\n\n{question}",
    "decomposition": "Write the simple questions that must be answered to answer this one, one a line, at most three, "
    "nothing else. If it is simple already, repeat it.\n\n{question}",
}
DEPTHS = (1, 4)


@dataclass(frozen=True)
class Asked:
    """A question, and the files that its answer stands in."""

    text: str
    files: tuple[str, ...]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=None, help="of the questions about the samples")
    parser.add_argument("--nq", type=int, default=60, help="questions of NQ-open")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where the model's words are kept")
    args = parser.parse_args()
    for name, (folder, questions) in {"samples": samples(args.limit), "NQ-open": nq(args.nq)}.items():
        with tempfile.TemporaryDirectory() as work:
            source = folder(Path(work, "documents"))
            with Ragstone.open(Path(work, "library"), model=args.model) as rag:
                rag.ingest(source)
                report(name, rag, questions, Words(rag, args.out))


def samples(limit: int | None) -> tuple[Callable[[Path], Path], list[Asked]]:
    """The sample documents, and the questions that they answer."""
    told = tomllib.loads((ROOT / "app/sample_questions.toml").read_text("utf-8"))["question"]
    asked = [
        Asked(q["text"], tuple(str(ROOT / "app/samples" / q[key]) for key in ("document", "also") if q.get(key)))
        for q in told
        if q["kind"] != "unanswerable"
    ]
    return (lambda _: ROOT / "app/samples"), asked[:limit]


def nq(limit: int) -> tuple[Callable[[Path], Path], list[Asked]]:
    """Passages of the half of NQ-open that no figure is reported on, and questions that they answer."""
    pool = read_nq()[1][:1000]
    drawn = random.Random(0).sample(range(len(pool)), limit)

    def write(folder: Path) -> Path:
        write_passages(folder, [(r["ctxs"][0]["title"], r["ctxs"][0]["text"]) for r in pool])
        return folder

    return write, [Asked(pool[i]["question"], (f"{i:04}.txt",)) for i in drawn]


class Words:
    """What the model writes, kept in a file."""

    def __init__(self, rag: Ragstone, file: Path | None) -> None:
        self._rag, self._file = rag, file
        lines = file.read_text("utf-8").splitlines() if file and file.is_file() else []
        self._known = {
            (one["method"], one["question"]): (one["text"], one["seconds"]) for one in map(json.loads, lines)
        }

    def of(self, method: str, question: str) -> tuple[str, float]:
        """The words and the seconds they took."""
        if (method, question) not in self._known:
            model = self._rag.load_model()
            ask: list[Message] = [{"role": "user", "content": PROMPTS[method].format(question=question)}]
            started = time.perf_counter()
            text = "".join(model.generate(ask, Sampling(max_tokens=96)))
            seconds = time.perf_counter() - started
            self._known[method, question] = text, seconds
            if self._file:
                entry = {"method": method, "question": question, "text": text, "seconds": seconds}
                with self._file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(entry) + "\n")
        return self._known[method, question]


def report(name: str, rag: Ragstone, questions: Sequence[Asked], words: Words) -> None:
    """Search for every question in every way, and print the table."""
    found: dict[str, list[list[float]]] = {}
    seconds: dict[str, list[float]] = {}
    for asked in questions:
        found.setdefault("as it is", []).append(_found(asked, rag.search(asked.text, DEPTHS[-1])))
        for method in PROMPTS:
            text, taken = words.of(method, asked.text)
            seconds.setdefault(method, []).append(taken)
            lines = [line.strip(" -0123456789.") for line in text.splitlines() if line.strip()]
            queries = [f"{asked.text} {text}"] if method == "HyDE" else [asked.text, *lines[:3]]
            found.setdefault(method, []).append(_found(asked, _best(rag, queries)))
    rows = []
    for method, values in found.items():
        row = [method]
        for place in range(len(DEPTHS)):
            here, plain = [v[place] for v in values], [v[place] for v in found["as it is"]]
            share, gain = estimate(here), estimate([a - b for a, b in zip(here, plain, strict=True)])
            row += [f"{share.mean:.3f}", gain.spread("+.3f")]
        taken = estimate(seconds[method]) if method in seconds else None
        rows.append([*row, f"{taken.mean:.1f}" if taken else "0"])
    heads = [head for depth in DEPTHS for head in (f"found@{depth}", "difference")]
    print(f"\n{name}, n = {len(questions)}\n{table(['', *heads, 'model s'], rows)}")


def _best(rag: Ragstone, queries: Sequence[str]) -> list[Hit]:
    best: dict[int, Hit] = {}
    for query in queries:
        for hit in rag.search(query, 20):
            if hit.chunk.id not in best or hit.score > best[hit.chunk.id].score:
                best[hit.chunk.id] = hit
    return sorted(best.values(), key=lambda hit: -hit.score)[: DEPTHS[-1]]


def _found(asked: Asked, hits: Sequence[Hit]) -> list[float]:
    values = []
    for depth in DEPTHS:
        documents = [hit.chunk.document for hit in hits[:depth]]
        values.append(float(all(any(d.endswith(file) for d in documents) for file in asked.files)))
    return values


if __name__ == "__main__":
    main()
