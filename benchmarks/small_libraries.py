"""Does the probability of a hit mean the same in a library of five passages and in one of a thousand?

    python benchmarks/small_libraries.py [--sets nq-open,squad2] [--sizes 5,20,100,1000] [--questions N]

Libraries of so many passages drawn from a set. Each is asked as many questions as it has passages, at most 200 in all:
those that its passages answer, and as many that were written about passages outside it. Prints how often the first hit
is the right one, how often it is at least as probable as not where it should be and where nothing can be, the area
under the ROC curve of telling the two apart, and the expected calibration error of all first hits; and by how much more
the first hit's log-odds say for each e-fold fewer chunks (`FEWER` of generation/abstention.py).
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _answering import write_passages
from _timing import table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ragstone import Ragstone
from ragstone.eval.metrics.abstention import Outcome, measure
from ragstone.eval.readers.corpus import JudgedCorpus
from ragstone.eval.stats import estimate
from ragstone.eval.suites.retrieval import RETRIEVAL
from ragstone.generation.abstention import CLEAR

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", default="nq-open,squad2")
    parser.add_argument("--sizes", default="5,20,100,1000")
    parser.add_argument("--questions", type=int, default=200, help="of either kind for each size")
    args = parser.parse_args()
    head = ("set", "passages", "right first", "answered, p >= .5", "not answered, p >= .5", "AUROC", "ECE")
    rows, told_of = [], list[Told]()
    for name in args.sets.split(","):
        corpus = RETRIEVAL.set(name).load(args.data)
        for size in map(int, args.sizes.split(",")):
            found = measured(corpus, size, args.questions)
            told_of += found
            rows.append((name, size, *told([one.outcome for one in found])))
            print(rows[-1], flush=True)
    print(table(head, rows))
    x = np.array([[log_odds(one.outcome.confidence or 0.0), np.log(one.chunks)] for one in told_of])
    odds, size = LogisticRegression(C=100.0).fit(x, [one.outcome.answerable for one in told_of]).coef_[0]
    print(f"for each e-fold fewer chunks the log-odds gain {-size / odds:.2f}")


@dataclass(frozen=True)
class Told:
    """What came of a question in a library of so many chunks."""

    outcome: Outcome
    chunks: int


def measured(corpus: JudgedCorpus, size: int, questions: int) -> list[Told]:
    """Of libraries of one size."""
    passages = {document.id: (document.title, document.text) for document in corpus.corpus}
    asked = {next(iter(relevant)): query for query, relevant in corpus.qrels.items() if len(relevant) == 1}
    draw, ids, each = random.Random(size), sorted(asked), min(size, questions)
    draw.shuffle(ids)
    found: list[Told] = []
    while len(found) < 2 * questions and len(ids) >= 2 * each:
        inside, outside, ids = ids[:each], ids[each : 2 * each], ids[2 * each :]
        others = [one for one in sorted(passages) if one not in {*inside, *outside}]
        held = inside + draw.sample(others, size - each)
        with tempfile.TemporaryDirectory() as work:
            files = write_passages(Path(work, "passages"), [passages[one] for one in held])
            of = dict(zip(held, files, strict=True))
            with Ragstone.open(Path(work, "library")) as rag:
                chunks = rag.ingest(Path(work, "passages")).chunks
                asking = [(corpus.queries[asked[one]], of.get(one)) for one in (*inside, *outside)]
                found += [Told(searched(rag, *pair), chunks) for pair in asking]
    return found


def searched(rag: Ragstone, query: str, wanted: str | None) -> Outcome:
    """Whether the first hit is of the wanted file, and how probable it is."""
    (hit,) = rag.search(query, 1)
    right = Path(hit.chunk.document).name == wanted
    return Outcome(query, wanted is not None, answered=True, right=right, confidence=hit.probability)


def log_odds(probability: float) -> float:
    return float(np.clip(np.log(probability / (1 - probability)), -CLEAR, CLEAR))


def told(found: Sequence[Outcome]) -> tuple[str, ...]:
    """The figures of questions with and without their passage."""
    chances = {kind: [one.confidence or 0.0 for one in found if one.answerable == kind] for kind in (True, False)}
    return (
        str(estimate([float(bool(one.right)) for one in found if one.answerable])),
        *(str(estimate([float(chance >= 0.5) for chance in of])) for of in chances.values()),
        f"{roc_auc_score([one.answerable for one in found], [one.confidence for one in found]):.3f}",
        str(measure(found)["ECE"]),
    )


if __name__ == "__main__":
    main()
