"""When it answers, is it right; and when it does not, should it have? Risk and coverage, and what `support` means.

    python benchmarks/abstention_curve.py [--sets nq,squad2,clapnq] [--model M] [--work FOLDER] [--limit N] [--svg FILE]

Every question is asked at `min_confidence` 0, so that each threshold can be read off afterwards: of NQ-open (the half
that nothing was fitted on), SQuAD 2.0 (the half `test-v2.0.json`) and ClapNQ. A third of each set has its gold
passage in the library, a third had it taken out, a third was written to have none (NQ-open has no such questions).

Right is the sub-span exact match, for ClapNQ's long answers that half of a reference's content words appear: a proxy.
An answer to a question without its passage counts as wrong, even if it happens to be true. Answers are appended to
--work as they come, and a second run with the same --work goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _answering import DATA, Question, Result, answer_all, read_nq, write_passages

from ragstone import Ragstone
from ragstone.eval.stats import estimate
from ragstone.generation.grounding.overlap import content_words

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
BINS = 10
POOL = 1000
"""Passages of a library at most."""


@dataclass(frozen=True)
class Asked:
    """A question of a set."""

    text: str
    references: tuple[str, ...]
    passage: tuple[str, str] | None
    """Title and text of its gold passage; None where it was written to have none."""


@dataclass(frozen=True)
class Outcome:
    """What came of a question at threshold 0."""

    answerable: bool
    answered: bool
    right: bool
    confidence: float
    support: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--questions", type=int, default=100, help="of each kind of each set")
    parser.add_argument("--limit", type=int, help="how many questions of each set, in a shuffled order, are asked")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--work", type=Path, help="a folder where the answers are kept")
    parser.add_argument("--svg", type=Path, help="where the curves are drawn")
    args = parser.parse_args()
    if args.work:
        args.work.mkdir(parents=True, exist_ok=True)
    outcomes = {name: outcomes_of(name, args) for name in args.sets.split(",")}
    if len(outcomes) > 1:
        outcomes["together"] = [outcome for of in outcomes.values() for outcome in of]
    for name, of in outcomes.items():
        show_thresholds(name, of)
        show_reliability(name, of)
    if args.svg:
        args.svg.write_text(drawn({name: curve(of) for name, of in outcomes.items()}), "utf-8")


def outcomes_of(name: str, args: argparse.Namespace) -> list[Outcome]:
    """Ask the questions of a set, or read what came of them before."""
    asked, others = SETS[name]()
    draw = random.Random(0)
    draw.shuffle(asked)
    held = [one for one in asked if one.passage]
    kept, removed = held[: args.questions], held[args.questions : 2 * args.questions]
    without = [one for one in asked if not one.passage][: args.questions]
    gone = {one.passage for one in removed}
    passages = list(dict.fromkeys(one.passage for one in kept if one.passage and one.passage not in gone))
    passages += [one for one in dict.fromkeys(others) if one not in gone and one not in passages]
    passages = passages[:POOL]
    place = {passage: f"{number:04}.txt" for number, passage in enumerate(passages)}
    questions = [
        Question(one.text, list(one.references), place.get(one.passage) if one.passage else None)
        for one in (*kept, *removed, *without)
    ]
    draw.shuffle(questions)
    with tempfile.TemporaryDirectory() as work:
        write_passages(Path(work, "passages"), passages)
        options = {"model": args.model, "min_confidence": 0.0, "prefix_cache_mb": 0}
        with Ragstone.open(Path(work, "library"), **options) as rag:
            rag.ingest(Path(work, "passages"))
            out = args.work / f"{name}.jsonl" if args.work else None
            results = list(answer_all(rag, questions[: args.limit], out))
    return [outcome(name, *pair) for pair in zip(questions, results, strict=False)]


def outcome(name: str, question: Question, result: Result) -> Outcome:
    right = held_in(question.references, result.raw) if name == "clapnq" else bool(result.correct)
    answered = not result.abstained
    answerable = question.gold is not None
    return Outcome(answerable, answered, answered and answerable and right, result.confidence, result.support)


def held_in(references: Sequence[str], answer: str) -> bool:
    """Whether half of the content words of a reference appear in a long answer."""
    said = content_words(answer)
    wanted = [words for words in map(content_words, references) if words]
    return any(len(words & said) >= 0.5 * len(words) for words in wanted)


def show_thresholds(name: str, outcomes: Sequence[Outcome]) -> None:
    yes = [one for one in outcomes if one.answerable]
    no = [one for one in outcomes if not one.answerable]
    right = [one for one in outcomes if one.right]
    print(f"\n{name}: {len(yes)} questions with their passage, {len(no)} without; mean [95 % interval]\n")
    print(
        "| from confidence | answered right | answered wrong | wrongly refused | unanswerable answered | right kept |"
    )
    print("| ---: | --- | --- | --- | --- | --- |")
    for threshold in THRESHOLDS:

        def given(one: Outcome, threshold: float = threshold) -> bool:
            return one.answered and one.confidence >= threshold

        columns = [
            [float(given(one) and one.right) for one in outcomes],
            [float(given(one) and not one.right) for one in outcomes],
            [float(not given(one)) for one in yes],
            [float(given(one)) for one in no],
            [float(given(one)) for one in right],
        ]
        print(f"| {threshold} | " + " | ".join(str(estimate(column)) for column in columns) + " |")
    points = curve(outcomes)
    if points:
        print(f"\narea under the risk-coverage curve: {np.mean([risk for _, risk in points]):.3f} (less is better)")


def curve(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """Coverage (share of all questions answered) and risk (share of these that are wrong), the surest first.

    Source: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010.
    """
    given = sorted((one for one in outcomes if one.answered), key=lambda one: -one.confidence)
    wrong = np.cumsum([not one.right for one in given])
    return [(n / len(outcomes), float(wrong[n - 1]) / n) for n in range(1, len(given) + 1)]


def show_reliability(name: str, outcomes: Sequence[Outcome]) -> None:
    """What `support` and `confidence` say beside the share of right answers.

    The expected calibration error is that of ten bins of equal width: Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017.
    """
    given = [one for one in outcomes if one.answered]
    for kind, said in {"support": [o.support for o in given], "confidence": [o.confidence for o in given]}.items():
        pairs = [(p, one.right) for p, one in zip(said, given, strict=True) if p is not None]
        print(f"\n{name}: {kind} beside right answers, n = {len(pairs)}, {len(given) - len(pairs)} unscored\n")
        print(f"| {kind} | n | mean of it | right |\n| --- | ---: | ---: | --- |")
        error = 0.0
        for number in range(BINS):
            inside = [(p, right) for p, right in pairs if min(int(p * BINS), BINS - 1) == number]
            if inside:
                mean, share = np.mean([p for p, _ in inside]), estimate([float(right) for _, right in inside])
                assert share.mean is not None
                error += len(inside) / len(pairs) * abs(mean - share.mean)
                print(f"| {number / BINS:.1f} to {(number + 1) / BINS:.1f} | {len(inside)} | {mean:.3f} | {share} |")
        if pairs:
            print(f"\nexpected calibration error {error:.3f}")


def drawn(curves: dict[str, list[tuple[float, float]]]) -> str:
    """Risk over coverage as an SVG."""
    colours = ("#1b6ca8", "#d1495b", "#2e933c", "#555555")
    lines = []
    for number, ((name, points), colour) in enumerate(zip(curves.items(), colours, strict=False)):
        path = " ".join(f"{40 + 300 * coverage:.1f},{220 - 200 * risk:.1f}" for coverage, risk in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        lines.append(f'<text x="350" y="{40 + 16 * number}" fill="{colour}">{name}</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="440" height="260" font-family="sans-serif" font-size="11">'
        '<path d="M40 20V220H340" fill="none" stroke="#000"/><text x="160" y="250">coverage, 0 to 1</text>'
        '<text x="12" y="150" transform="rotate(-90 12 150)">risk, 0 to 1</text>' + "".join(lines) + "</svg>\n"
    )


Passages = list[tuple[str, str]]


def nq() -> tuple[list[Asked], Passages]:
    rows, _ = read_nq()
    made = [Asked(r["question"], tuple(r["answers"]), (r["ctxs"][0]["title"], r["ctxs"][0]["text"])) for r in rows]
    return made, [one.passage for one in made if one.passage]


def squad2() -> tuple[list[Asked], Passages]:
    data = json.loads((DATA / "qa" / "squad2" / "test-v2.0.json").read_text("utf-8"))["data"]
    made, passages = [], []
    for article in data:
        for paragraph in article["paragraphs"]:
            passage = (article["title"].replace("_", " "), paragraph["context"])
            passages.append(passage)
            for qa in paragraph["qas"]:
                references = tuple(sorted({answer["text"] for answer in qa["answers"]}))
                made.append(Asked(qa["question"], references, None if qa["is_impossible"] else passage))
    return made, passages


def clapnq() -> tuple[list[Asked], Passages]:
    made, passages = [], []
    for kind in ("answerable", "unanswerable"):
        file = DATA / "qa" / "clapnq" / "dev" / f"clapnq_dev_{kind}.jsonl"
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            passage = (row["passages"][0]["title"], row["passages"][0]["text"])
            passages.append(passage)
            references = tuple(output["answer"] for output in row.get("output", ()) if output.get("answer"))
            made.append(Asked(row["input"], references, passage if kind == "answerable" else None))
    return made, passages


SETS: dict[str, Callable[[], tuple[list[Asked], Passages]]] = {"nq": nq, "squad2": squad2, "clapnq": clapnq}


if __name__ == "__main__":
    main()
