"""When it answers, is it right; and when it does not, should it have? Risk and coverage, and what `support` means.

    python benchmarks/abstention_curve.py [--sets nq,squad2,clapnq] [--model M] [--work FOLDER] [--limit N] [--svg FILE]

Every question is asked at `min_confidence` 0, so that each threshold can be read off afterwards: of NQ-open (the half
that nothing was fitted on), SQuAD 2.0 (the half with answers, some of which were fitted on) and ClapNQ. A third of each
set has its gold passage in the library, a third had it taken out, a third was written to have none (NQ-open has no such
questions).

Right is the sub-span exact match, for ClapNQ's long answers that half of a reference's content words appear: a proxy.
An answer to a question without its passage counts as wrong, even if it happens to be true. Answers are appended to
--work as they come, and a second run with the same --work goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from _answering import DATA, Question, Result, answer_all, read_nq, write_passages

from ragstone import Ragstone
from ragstone.eval.metrics.abstention import Outcome, bins, measure, risk_coverage
from ragstone.eval.readers.answering import read_clapnq, read_nq_open, read_squad
from ragstone.eval.readers.questions import QuestionSet
from ragstone.eval.stats import estimate
from ragstone.generation.abstention import Signals, answerable
from ragstone.generation.grounding.overlap import content_words

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
POOL = 1000
"""Passages of a library at most."""


@dataclass(frozen=True)
class Asked:
    """What came of a question at threshold 0."""

    outcome: Outcome
    support: float | None

    def given(self, threshold: float) -> bool:
        """Whether it is answered at another threshold."""
        return bool(self.outcome.answered) and (self.outcome.confidence or 0.0) >= threshold


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
        args.svg.write_text(
            drawn({name: risk_coverage([one.outcome for one in of]) for name, of in outcomes.items()}), "utf-8"
        )


def outcomes_of(name: str, args: argparse.Namespace) -> list[Asked]:
    """Ask the questions of a set, or read what came of them before."""
    known = SETS[name]()
    passages = {document.id: (document.title, document.text) for document in known.corpus}
    asked, draw = list(known.questions), random.Random(0)
    draw.shuffle(asked)
    held = [one for one in asked if one.answerable]
    kept, removed = held[: args.questions], held[args.questions : 2 * args.questions]
    without = [one for one in asked if not one.answerable][: args.questions]
    gone = {one.relevant[0] for one in removed}
    wanted = [one.relevant[0] for one in kept]
    names = [one for one in dict.fromkeys([*wanted, *passages]) if one not in gone][:POOL]
    place = {one: f"{number:04}.txt" for number, one in enumerate(names)}
    questions = [
        Question(one.question, list(one.references), place.get(one.relevant[0]) if one.relevant else None)
        for one in (*kept, *removed, *without)
    ]
    draw.shuffle(questions)
    with tempfile.TemporaryDirectory() as work:
        write_passages(Path(work, "passages"), [passages[one] for one in names])
        options = {"model": args.model, "min_confidence": 0.0, "prefix_cache_mb": 0}
        with Ragstone.open(Path(work, "library"), **options) as rag:
            rag.ingest(Path(work, "passages"))
            out = args.work / f"{name}.jsonl" if args.work else None
            results = list(answer_all(rag, questions[: args.limit], out))
    return [outcome(name, *pair) for pair in zip(questions, results, strict=False)]


def outcome(name: str, question: Question, result: Result) -> Asked:
    right = held_in(question.references, result.raw) if name == "clapnq" else bool(result.correct)
    answered = not result.abstained
    confidence = answerable(Signals(**result.signals))  # by today's weights, whatever they were when it was asked
    told = Outcome(question.text, question.gold is not None, answered, right, confidence)
    return Asked(told, result.support)


def held_in(references: Sequence[str], answer: str) -> bool:
    """Whether half of the content words of a reference appear in a long answer."""
    said = content_words(answer)
    wanted = [words for words in map(content_words, references) if words]
    return any(len(words & said) >= 0.5 * len(words) for words in wanted)


def show_thresholds(name: str, asked: Sequence[Asked]) -> None:
    yes = [one for one in asked if one.outcome.answerable]
    no = [one for one in asked if not one.outcome.answerable]
    right = [one for one in asked if one.outcome.correct]
    print(f"\n{name}: {len(yes)} questions with their passage, {len(no)} without; mean [95 % interval]\n")
    print(
        "| from confidence | answered right | answered wrong | wrongly refused | unanswerable answered | right kept |"
    )
    print("| ---: | --- | --- | --- | --- | --- |")
    for threshold in THRESHOLDS:
        columns = [
            [float(one.given(threshold) and bool(one.outcome.correct)) for one in asked],
            [float(one.given(threshold) and not one.outcome.correct) for one in asked],
            [float(not one.given(threshold)) for one in yes],
            [float(one.given(threshold)) for one in no],
            [float(one.given(threshold)) for one in right],
        ]
        print(f"| {threshold} | " + " | ".join(str(estimate(column)) for column in columns) + " |")
    area = measure([one.outcome for one in asked])["AURC"]
    print(f"\narea under the risk-coverage curve (less is better): {area}")


def show_reliability(name: str, asked: Sequence[Asked]) -> None:
    """What `support` and `confidence` say beside the share of right answers."""
    stated = {
        "support": [replace(one.outcome, confidence=one.support) for one in asked],
        "confidence": [one.outcome for one in asked],
    }
    for kind, outcomes in stated.items():
        print(f"\n{name}: {kind} beside right answers\n\n| mean {kind} | n | right |\n| ---: | ---: | ---: |")
        for mean, share, n in bins(outcomes):
            print(f"| {mean:.3f} | {n} | {share:.3f} |")
        print(f"\nexpected calibration error {measure(outcomes)['ECE']}")


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


def nq() -> QuestionSet:
    """The half of NQ-open that nothing was fitted on."""
    whole, ours = read_nq_open(DATA / "qa" / "nq_open_oracle"), {row["question"] for row in read_nq()[0]}
    return replace(whole, questions=tuple(one for one in whole.questions if one.question in ours))


SETS: dict[str, Callable[[], QuestionSet]] = {
    "nq": nq,
    "squad2": partial(read_squad, DATA / "qa" / "squad2"),
    "clapnq": partial(read_clapnq, DATA / "qa" / "clapnq"),
}


if __name__ == "__main__":
    main()
