"""Does the probability of a hit mean the same in a library of five passages and in one of a thousand?

    python benchmarks/small_libraries.py [--sets nq-open,squad2] [--sizes 5,20,100,1000] [--questions N]

Libraries of so many passages drawn from a set. Each is asked as many questions as it has passages, at most 200 in all:
those that its passages answer, and as many that were written about passages outside it. Prints how often the first hit
is the right one, how often it is at least as probable as not where it should be and where nothing can be, the area
under the ROC curve of telling the two apart, and the expected calibration error of all first hits.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _answering import write_passages
from _timing import table
from sklearn.metrics import roc_auc_score

from ragstone import Ragstone
from ragstone.eval.readers.corpus import JudgedCorpus
from ragstone.eval.stats import estimate
from ragstone.eval.suites.retrieval import RETRIEVAL

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", default="nq-open,squad2")
    parser.add_argument("--sizes", default="5,20,100,1000")
    parser.add_argument("--questions", type=int, default=200, help="of either kind for each size")
    args = parser.parse_args()
    head = ("set", "passages", "right first", "answered, p >= .5", "not answered, p >= .5", "AUROC", "ECE")
    rows = []
    for name in args.sets.split(","):
        corpus = RETRIEVAL.set(name).load(args.data)
        for size in map(int, args.sizes.split(",")):
            rows.append((name, size, *measured(corpus, size, args.questions)))
            print(rows[-1], flush=True)
    print(table(head, rows))


def measured(corpus: JudgedCorpus, size: int, questions: int) -> tuple[str, ...]:
    """Of libraries of one size."""
    passages = {document.id: (document.title, document.text) for document in corpus.corpus}
    asked = {next(iter(relevant)): query for query, relevant in corpus.qrels.items() if len(relevant) == 1}
    draw = random.Random(size)
    ids = sorted(asked)
    draw.shuffle(ids)
    within: list[tuple[bool, float]] = []
    outside: list[float] = []
    while len(within) < questions and len(ids) >= 2 * min(size, questions):
        inside = ids[: min(size, questions)]
        others = ids[len(inside) : 2 * len(inside)]
        ids = ids[2 * len(inside) :]
        more = [one for one in sorted(passages) if one not in {*inside, *others}]
        held = inside + draw.sample(more, size - len(inside))
        with tempfile.TemporaryDirectory() as work:
            names = dict(
                zip(write_passages(Path(work, "passages"), [passages[one] for one in held]), held, strict=True)
            )
            with Ragstone.open(Path(work, "library")) as rag:
                rag.ingest(Path(work, "passages"))
                for one in inside:
                    name, chance = best(rag, corpus.queries[asked[one]])
                    within.append((names[name] == one, chance))
                outside += [best(rag, corpus.queries[asked[one]])[1] for one in others]
    return told(within, outside)


def best(rag: Ragstone, query: str) -> tuple[str, float]:
    """The file of the first hit, and its probability."""
    (hit,) = rag.search(query, 1)
    assert hit.probability is not None
    return Path(hit.chunk.document).name, hit.probability


def told(within: Sequence[tuple[bool, float]], outside: Sequence[float]) -> tuple[str, ...]:
    """The figures of questions with and without their passage."""
    right = np.array([float(one) for one, _ in within] + [0.0] * len(outside))
    chances = np.array([chance for _, chance in within] + list(outside))
    places = np.minimum((chances * BINS).astype(int), BINS - 1)
    error = sum(abs(right[places == place].sum() - chances[places == place].sum()) for place in range(BINS)) / len(
        chances
    )
    answered = np.array([1.0] * len(within) + [0.0] * len(outside))
    return (
        str(estimate([float(one) for one, _ in within])),
        str(estimate([float(chance >= 0.5) for _, chance in within])),
        str(estimate([float(chance >= 0.5) for chance in outside])),
        f"{roc_auc_score(answered, chances):.3f}",
        f"{error:.3f}",
    )


if __name__ == "__main__":
    main()
