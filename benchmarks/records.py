"""Does the verifier tell what an overview of a record makes up?

    python benchmarks/records.py

`records/overviews.jsonl`: made-up records of shops and restaurants (attributes that hold, do not or are null, opening
hours by day, reviews) and overviews of them. 90 were written for this by a large language model, 37 faithful and 53
with one to three errors of the kinds that smaller models make, whose places it gave; the rules of
`generation/grounding/attributes.py` and `opening_hours.py` were written with those of writers a and b in view, c was
kept apart. 30 were written by the default model; the large one marked what the records do not carry, and none is
faithful.

Printed for the shared words, for the verifier without its rules (the network and the comparisons), and with them: AUROC
over whole overviews and over sentences, and the share of faithful and other sentences that are taken for supported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from _timing import table

from ragstone.eval.grounding import JudgedAnswer, evaluate, judge_answers
from ragstone.eval.readers.grounding import GroundedAnswer, GroundedSet
from ragstone.eval.stats import Estimate, estimate
from ragstone.generation.grounding.overlap import Overlap
from ragstone.generation.grounding.scoring import Evidence
from ragstone.generation.grounding.verifier import Verifier

OVERVIEWS = Path(__file__).with_name("records") / "overviews.jsonl"
GROUPS = {"a, b (in view)": ("a", "b"), "c (apart)": ("c",), "the default model": ("qwen2.5-coder-1.5b",)}
HEAD = ("written by", "n", "scorer", "AUROC, overviews", "AUROC, sentences", "faithful taken", "others taken")


class WithoutRules(Verifier):
    """The network and the comparisons alone."""

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        return [Evidence(self.combined(read)) for read in self.read(claims, passages, context)]


def main() -> None:
    scorers = {"overlap": Overlap(), "without rules": WithoutRules(), "verifier": Verifier()}
    thresholds = {name: scorer.threshold for name, scorer in scorers.items()}
    rows = []
    for group, writers in GROUPS.items():
        answers = tuple(read_answers(writers))
        judged = {name: judge_answers(answers, scorer) for name, scorer in scorers.items()}
        report = evaluate(GroundedSet(group, answers), judged, thresholds)
        for name in scorers:
            whole = report.estimates["all"][name].get("AUROC")
            rows.append(
                [group, len(answers), name, str(whole or ""), *sentences(answers, judged[name], thresholds[name])]
            )
    print(table(HEAD, rows))


def read_answers(writers: Sequence[str]) -> Iterator[GroundedAnswer]:
    """The overviews of these writers."""
    with OVERVIEWS.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["writer"] in writers:
                starts = [row["text"].index(span) for span in row["spans"]]
                spans = sorted((start, start + len(span)) for start, span in zip(starts, row["spans"], strict=True))
                passage = json.dumps(row["record"], ensure_ascii=False, indent=1)
                told = {"grounded": not spans, "spans": tuple(spans), "generator": row["writer"], "source": row["id"]}
                yield GroundedAnswer(row["id"], row["text"], (passage,), **told)


def sentences(answers: Sequence[GroundedAnswer], judged: Sequence[JudgedAnswer], threshold: float) -> Iterator[str]:
    """AUROC over sentences, and the shares of faithful and of other ones that are taken for supported."""
    supports: Mapping[bool, list[float]] = {True: [], False: []}
    for answer, of in zip(answers, judged, strict=True):
        for one in of.sentences:
            if one.support is not None:
                wrong = any(start < one.end and one.start < end for start, end in answer.spans or ())
                supports[not wrong].append(one.support)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in supports[True] for b in supports[False]]
    yield f"{sum(pairs) / len(pairs):.3f}" if pairs else ""
    for kind in (True, False):
        yield str(taken(supports[kind], threshold))


def taken(supports: Sequence[float], threshold: float) -> Estimate:
    return estimate([float(support >= threshold) for support in supports])


if __name__ == "__main__":
    main()
