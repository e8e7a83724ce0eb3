"""What does the verifier miss where every word is in place and the sentence is wrong all the same?

    python benchmarks/subtle_errors.py

`subtle_errors/*.jsonl`: answers to questions over web pages and over documents of offices, and summaries of news and of
reports, each once carried by its passages and once with one to four errors whose places are given. A large language
model wrote all of it for this, and was told to make the errors hard: most words of a wrong sentence stand in the
passages, while right ones are reworded. So words alone tell the wrong way round here, and figures are far below those
of errors as models make them; they show what is left to do.

Printed: for each kind of error the share of the sentences with it that are taken for supported, and the same of
sentences without error; for each file AUROC over sentences, beside that of the shared words.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from _timing import table

from ragstone.eval.grounding import JudgedAnswer, judge_answers
from ragstone.eval.readers.grounding import GroundedAnswer
from ragstone.eval.stats import estimate
from ragstone.generation.grounding.overlap import Overlap
from ragstone.generation.grounding.verifier import Verifier

FOLDER = Path(__file__).with_name("subtle_errors")
RIGHT = "none"


def main() -> None:
    verifier, overlap = Verifier(), Overlap()
    taken: dict[str, list[float]] = defaultdict(list)
    rows = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            written = [json.loads(line) for line in lines]
        answers = [GroundedAnswer(w["id"], w["text"], tuple(w["passages"]), w.get("question")) for w in written]
        judged = {scorer.name: judge_answers(answers, scorer) for scorer in (verifier, overlap)}
        found = {name: list(sentences(written, of)) for name, of in judged.items()}
        for kind, support in found[verifier.name]:
            taken[kind].append(float(support >= verifier.threshold))
        figures = [f"{auroc(found[scorer.name]):.3f}" for scorer in (verifier, overlap)]
        rows.append([path.stem, len(written), len(found[verifier.name]), *figures])
    print(table(["file", "texts", "sentences", "AUROC, verifier", "AUROC, overlap"], rows))
    print()
    ordered = sorted(taken.items(), key=lambda of: (of[0] != RIGHT, -len(of[1])))
    print(table(["error", "taken for supported"], [[kind, str(estimate(values))] for kind, values in ordered]))


def sentences(written: Sequence[dict[str, object]], judged: Sequence[JudgedAnswer]) -> Iterator[tuple[str, float]]:
    """The kind of the first error in each sentence that was scored, and its support."""
    for one, of in zip(written, judged, strict=True):
        text, errors = str(one["text"]), one["errors"]
        assert isinstance(errors, list)
        places = [(text.index(e["span"]), text.index(e["span"]) + len(e["span"]), e["kind"]) for e in errors]
        for sentence in of.sentences:
            kinds = (kind for start, end, kind in places if start < sentence.end and sentence.start < end)
            if sentence.support is not None:
                yield next(kinds, RIGHT), sentence.support


def auroc(found: Sequence[tuple[str, float]]) -> float:
    """That a sentence without error has more support than one with an error; ties count half."""
    right = [support for kind, support in found if kind == RIGHT]
    wrong = [support for kind, support in found if kind != RIGHT]
    return sum((a > b) + 0.5 * (a == b) for a in right for b in wrong) / (len(right) * len(wrong))


if __name__ == "__main__":
    main()
