"""Measures on sets that nothing is trained on: `python training/grounding/validate.py --sources S ...`.

RAGTruth's test summaries, and LFQA-Verification (Chen et al., "Understanding Retrieval Augmentation for Long-Form
Question Answering", 2023; its licence is not stated, so it only measures): long answers of GPT-3, WebGPT and Alpaca to
questions, with the documents that they were given, each sentence judged by three people. An answer is unsupported when
for one of its sentences half of them or more do not say "supported", a partial support counting half.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from ragstone.eval.grounding import evaluate, judge_answers
from ragstone.eval.readers.grounding import GroundedAnswer, GroundedSet
from ragstone.eval.suites.grounding import GROUNDING
from ragstone.generation.grounding.overlap import Overlap
from ragstone.generation.grounding.verifier import Verifier

_GIVEN = (("gpt3_wdoc", "webgpt"), ("alpaca_wdoc", "webgpt"), ("webgpt", "webgpt"), ("gpt3_whudoc", "human"))
_BARE = {"supported": 0.0, "partially": 0.5}
_SHOWN = ("AUROC", "F1", "precision", "recall", "balanced accuracy", "sentence F1", "span F1", "ECE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="the folder with LFQA-Verification")
    parser.add_argument("--data", type=Path, required=True, help="the folder of benchmark data")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="only so many answers of each set")
    arguments = parser.parse_args()
    lfqa = GroundedSet("lfqa-verification", tuple(read_lfqa(arguments.sources / "LFQA-Verification/data")))
    summaries = GROUNDING.set("ragtruth-summary").load(arguments.data)
    scorers = {"overlap": Overlap(), "verifier": Verifier(arguments.weights)}
    for one in (lfqa.sample(arguments.limit), summaries.sample(arguments.limit)):
        judged = {name: judge_answers(one.answers, scorer) for name, scorer in scorers.items()}
        report = evaluate(one, judged, {name: scorer.threshold for name, scorer in scorers.items()})
        print(one.name, len(one.answers))
        for name in (*scorers, "sentence count", "generator"):
            for metric in _SHOWN:
                found = report.estimates["all"][name].get(metric)
                if found and found.mean is not None:
                    print(f"  {name:16} {metric:18} {found}")
            if name in report.times:
                print(f"  {name:16} " + ", ".join(f"{k} {v.mean:.1f}" for k, v in report.times[name].items()))


def read_lfqa(folder: Path) -> Iterator[GroundedAnswer]:
    """The answers of models to which documents were given."""
    for name, kind in _GIVEN:
        rows = json.loads((folder / f"docs/docs-{kind}.json").read_text("utf-8"))
        documents = {row["question_id"]: tuple(doc["text"] for doc in row["docs"]) for row in rows}
        for row in json.loads((folder / f"annotations/annotations-{name}.json").read_text("utf-8")):
            if row["question_id"] not in documents:
                continue
            text, spans = "", []
            for one in row["annotations"]:
                sentence = one["answer"].strip()
                start = len(text) + bool(text)
                text = f"{text} {sentence}".strip()
                if sum(_BARE.get(label, 1.0) for label in one["labels"]) >= len(one["labels"]) / 2:
                    spans.append((start, start + len(sentence)))
            yield GroundedAnswer(
                id=f"{name}-{row['question_id']}",
                answer=text,
                passages=documents[row["question_id"]],
                question=row["question"],
                grounded=not spans,
                spans=tuple(spans),
                generator=name,
                source=str(row["question_id"]),
            )


if __name__ == "__main__":
    main()
