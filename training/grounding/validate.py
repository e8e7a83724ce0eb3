"""Measures on sets that nothing is trained on: `python training/grounding/validate.py --sources S ...`.

WiCE's test part, the domains of SummEdits that are not trained on, RAGTruth's test summaries, and LFQA-Verification
(Chen et al., "Understanding Retrieval Augmentation for Long-Form Question Answering", 2023; its licence is not stated,
so it only measures): long answers of GPT-3, WebGPT and Alpaca to questions, with the documents that they were given,
each sentence judged by three people. An answer is unsupported when for one of its sentences half of them or more do not
say "supported", a partial support counting half.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from _labelled import SUMMEDITS_TRAINED

from ragstone.eval.grounding import GENERATOR, LENGTH, GroundingReport, evaluate, judge_answers
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
    parser.add_argument(
        "--weights", type=Path, required=True, nargs="+", help="folders; the others are compared with the first"
    )
    parser.add_argument("--limit", type=int, help="only so many answers of each set")
    arguments = parser.parse_args()
    lfqa = GroundedSet("lfqa-verification", tuple(read_lfqa(arguments.sources / "LFQA-Verification/data")))
    summaries, wice = (GROUNDING.set(name).load(arguments.data) for name in ("ragtruth-summary", "wice"))
    scorers = {str(folder): Verifier(folder) for folder in arguments.weights} | {"overlap": Overlap()}
    thresholds = {name: scorer.threshold for name, scorer in scorers.items()}
    for one in (lfqa, summaries, wice, unseen(GROUNDING.set("summedits").load(arguments.data))):
        drawn = one.sample(arguments.limit)
        judged = {name: judge_answers(drawn.answers, scorer) for name, scorer in scorers.items()}
        show(drawn, evaluate(drawn, judged, thresholds))


def show(data: GroundedSet, report: GroundingReport) -> None:
    """The metrics of each scorer and control, and the differences from the first."""
    print(data.name, len(data.answers))
    for name in (*report.judged, LENGTH, GENERATOR):
        for metric in _SHOWN:
            found = report.estimates["all"].get(name, {}).get(metric)
            if found and found.mean is not None:
                less = report.differences.get(name, {}).get(metric)
                print(f"  {name:16} {metric:18} {found}" + (f"  less the first: {less}" if less else ""))
        if name in report.times:
            print(f"  {name:16} " + ", ".join(f"{k} {v.mean:.1f}" for k, v in report.times[name].items()), flush=True)


def unseen(summedits: GroundedSet) -> GroundedSet:
    """The answers of the domains that are not trained on."""
    return replace(summedits, answers=tuple(a for a in summedits.answers if a.group not in SUMMEDITS_TRAINED))


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
