"""Among answers with a support of 0.8, are 80 % right? Fits what `Answer.support` says, and shows it on others.

    python benchmarks/support_calibration.py [--nq 90] [--squad2 60] [--model M] [--work FOLDER] [--svg FILE]

Two parts of as many questions each: NQ-open (its two halves) and SQuAD 2.0 (every second article), two thirds with a
passage that answers in the library; NQ-open's other third had it taken out, SQuAD's was written to have none. Right is
the sub-span exact match; an answer to a question that nothing answers is wrong. Every question is asked at
`min_confidence` 0, and those count whose confidence is at least the default's. On the first part the slope and the
constant of `generation/abstention.py` are fitted (Platt, 1999), the second is what the diagram shows.

At last each threshold of the confidence, over both parts: what is answered, refused and kept.

Answers are appended to --work as they come, and a second run with the same --work goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from _answering import DATA, Question, Result, answer_all, read_nq, write_passages
from abstention_curve import Asked, show_thresholds
from fit_abstention import squad2 as fitted_squad2
from sklearn.linear_model import LogisticRegression

from ragstone import Ragstone
from ragstone.eval.metrics.abstention import Outcome, bins, measure
from ragstone.eval.stats import estimate
from ragstone.generation.abstention import Signals, answerable, right

POOL = 1000
"""Passages of a library of NQ-open's."""
KINDS: dict[str, Callable[[Signals], float]] = {
    "support": lambda signals: min(signals.support, right(answerable(signals))),  # by today's constants
    "confidence": answerable,
    "support by the verifier alone": lambda signals: signals.support,
}
PARTS = ("fitted on", "held out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nq", type=int, default=90, help="questions of NQ-open in each part")
    parser.add_argument("--squad2", type=int, default=60, help="questions of SQuAD 2.0 in each part")
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--work", type=Path, help="a folder where the answers are kept")
    parser.add_argument("--svg", type=Path, help="where the reliability diagram is drawn")
    args = parser.parse_args()
    if args.work:
        args.work.mkdir(parents=True, exist_ok=True)
    both: dict[str, list[Result]] = {}
    for part in (0, 1):
        results: dict[str, list[Result]] = {}
        for name, (passages, questions) in {"nq": nq(part, args.nq), "squad2": squad2(part, args.squad2)}.items():
            out = args.work / f"{name}-{part}.jsonl" if args.work else None
            results[name] = answers(passages, questions, args.model, out)
        results["together"] = [one for of in results.values() for one in of]
        for name, of in results.items():
            show(f"{name}, {PARTS[part]}", of)
        both = {name: [*both.get(name, ()), *of] for name, of in results.items()}
        if part == 0:
            fit(results["together"])
        elif args.svg:
            args.svg.write_text(drawn(list(bins(outcomes(results["together"], "support")))), "utf-8")

    for name, of in both.items():
        show_thresholds(f"{name}, both parts", [asked(one) for one in of])


def asked(result: Result) -> Asked:
    """As the risk-coverage curve takes it."""
    confidence = answerable(Signals(**result.signals))
    told = Outcome(result.question, result.gold is not None, not result.abstained, is_right(result), confidence)
    return Asked(told, result.support)


def nq(part: int, n: int) -> tuple[list[tuple[str, str]], list[Question]]:
    """Passages and questions of the half that `nq_open.py` does not report on, or of the other one."""
    rows = read_nq()[1 - part]
    pool, outside = rows[:POOL], rows[POOL:][100 : 100 + n // 3]  # 100: the first were fitted on for the confidence
    held = list(enumerate(pool))[100 : 100 + n - n // 3]
    questions = [Question(row["question"], row["answers"], f"{i:04}.txt") for i, row in held]
    questions += [Question(row["question"], row["answers"], None) for row in outside]
    return [(row["ctxs"][0]["title"], row["ctxs"][0]["text"]) for row in pool], questions


def squad2(part: int, n: int) -> tuple[list[tuple[str, str]], list[Question]]:
    """Paragraphs and questions of every second article, without those that the confidence was fitted on."""
    articles = json.loads((DATA / "qa" / "squad2" / "dev-v2.0.json").read_text("utf-8"))["data"][part::2]
    known = {question.text for question in fitted_squad2(argparse.Namespace(squad2=30))[1]}
    passages: list[tuple[str, str]] = []
    yes, no = list[Question](), list[Question]()
    for article in articles:
        for paragraph in article["paragraphs"]:
            name = f"{len(passages):04}.txt"
            passages.append((article["title"].replace("_", " "), paragraph["context"]))
            for qa in (qa for qa in paragraph["qas"] if qa["question"] not in known):
                references = sorted({answer["text"] for answer in qa["answers"]})
                if qa["is_impossible"]:
                    no.append(Question(qa["question"], references, None))
                else:
                    yes.append(Question(qa["question"], references, name))
    draw = random.Random(part)
    return passages, draw.sample(yes, n - n // 3) + draw.sample(no, n // 3)


def answers(
    passages: list[tuple[str, str]], questions: list[Question], model: str | None, out: Path | None
) -> list[Result]:
    with tempfile.TemporaryDirectory() as work:
        write_passages(Path(work, "passages"), passages)
        options = {"model": model, "min_confidence": 0.0, "max_tokens": 96, "prefix_cache_mb": 0}
        with Ragstone.open(Path(work, "library"), **options) as rag:
            rag.ingest(Path(work, "passages"))
            return list(answer_all(rag, questions, out))


def given(results: Sequence[Result]) -> list[Result]:
    """Those that are answered by default."""
    return [r for r in results if not r.abstained and answerable(Signals(**r.signals)) >= 0.5]


def is_right(result: Result) -> bool:
    return result.gold is not None and bool(result.correct)


def fit(results: Sequence[Result]) -> None:
    """Print the slope and the constant."""
    told = given(results)
    x = np.array([[log_odds(answerable(Signals(**r.signals)))] for r in told])
    model = LogisticRegression(C=1e3).fit(x, [is_right(r) for r in told])
    print(f"\nslope {model.coef_[0][0]:.2f}, constant {model.intercept_[0]:.2f} ({len(told)} answers)")


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1.0 - probability)))


def outcomes(results: Sequence[Result], kind: str) -> list[Outcome]:
    told = [(r, Signals(**r.signals)) for r in given(results) if r.support is not None]
    stated = KINDS[kind]
    return [Outcome(r.question, r.gold is not None, True, is_right(r), stated(signals)) for r, signals in told]


def show(name: str, results: Sequence[Result]) -> None:
    told = given(results)
    share = estimate([float(is_right(r)) for r in told])
    print(f"\n{name}: {len(results)} questions, {len(told)} answered, of these right {share}")
    for kind in KINDS:
        of = outcomes(results, kind)
        print(f"\n| mean {kind} | n | right |\n| ---: | ---: | ---: |")
        for mean, of_them, n in bins(of):
            print(f"| {mean:.3f} | {n} | {of_them:.3f} |")
        told_by = measure(of)
        print(f"\nexpected calibration error {told_by['ECE']}, Brier score {told_by['Brier']}")


def drawn(points: Sequence[tuple[float, float, int]]) -> str:
    """The share of right answers over the support that was stated, as an SVG; areas grow with the number of answers."""
    circles = "".join(
        f'<circle cx="{40 + 200 * stated:.1f}" cy="{220 - 200 * share:.1f}" r="{1.5 * n**0.5:.1f}" fill="#1b6ca8"/>'
        f'<text x="{43 + 200 * stated + 1.5 * n**0.5:.1f}" y="{224 - 200 * share:.1f}">{n}</text>'
        for stated, share, n in points
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="280" height="260" font-family="sans-serif" font-size="11">'
        '<rect width="280" height="260" fill="#fff"/><path d="M40 20V220H240" fill="none" stroke="#000"/>'
        '<path d="M40 220L240 20" stroke="#999" stroke-dasharray="4"/><text x="90" y="245">support, 0 to 1</text>'
        f'<text x="16" y="170" transform="rotate(-90 16 170)">right, 0 to 1</text>{circles}</svg>\n'
    )


if __name__ == "__main__":
    main()
