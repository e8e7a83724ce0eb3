"""Weighs the network's answer and the exact comparisons: `python training/grounding/combine.py --pairs P --weights W`.

For records the weights are fitted on the tenth of people's labels about records and tables that train.py held out; each
set counts alike, and sentences are weighted so that `PRIOR` of them are supported. For prose the held-out sets mislead:
their errors were made to look right, so that words tell nothing there, while in answers of models what is unsupported
mostly is new. Its few constants were chosen, in round numbers, on the sets of validate.py.
"""

from __future__ import annotations

import argparse
import collections
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ragstone.generation.grounding.combination import Combination
from ragstone.generation.grounding.verifier import NAMES, Verifier

SETS = ("expertqa", "quintd", "summedits", "wice", "bump", "fool-me-twice", "infotabs", "tabfact")
PRIOR = 0.8
PROSE = {
    "network": 0.5,
    "contradicted": -3.0,
    "missing": -1.5,
    "beyond_evidence": -1.4,
    "best_sentence": 1.1,
    "missing_number": -3.5,
    "missing_name": -1.0,
}
OFFSET = 2.9
SEVERAL = 1.0
"""Log-odds taken off the whole of several claims."""
THRESHOLD = 0.6
Values = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="what build.py wrote")
    parser.add_argument("--weights", type=Path, required=True, help="what export.py wrote; combination.json comes here")
    arguments = parser.parse_args()
    write(arguments.weights, neutral())
    rows = held_out(arguments.pairs)
    values = read(rows, Verifier(arguments.weights))
    labels = np.array([row["supported"] for row in rows])
    sets = np.array([family(row) for row in rows])
    weights = balanced(sets, labels)
    fitted = fit(values, labels, weights, values[:, -1] == 1.0)
    write(arguments.weights, fitted)
    show(np.array([Combination(**fitted).support(row) for row in values]), values[:, 0], labels, sets, weights)


def held_out(pairs: Path) -> list[dict[str, Any]]:
    """People's labels that nothing was trained on, each once."""
    rows = {}
    with pairs.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["held_out"] and row["human"] and row["source"].startswith(SETS):
                rows[row["claim"], row["evidence"], row["answer"]] = row
    return list(rows.values())


def family(row: dict[str, Any]) -> str:
    """The set without its part."""
    return next(name for name in SETS if row["source"].startswith(name))


def read(rows: list[dict[str, Any]], verifier: Verifier) -> Values:
    """What the combination weighs, (claims, names)."""
    return np.array([verifier.read([row["claim"]], row["passages"], row["question"])[0].values for row in rows])


def balanced(sets: npt.NDArray[np.str_], labels: npt.NDArray[np.bool_]) -> Values:
    """Weights with which each set counts alike and `PRIOR` of its claims are supported."""
    weights = np.zeros(len(labels))
    for name in set(sets):
        for label, share in ((True, PRIOR), (False, 1 - PRIOR)):
            chosen = (sets == name) & (labels == label)
            weights[chosen] = share / max(chosen.sum(), 1)
    return weights / weights.mean()


def neutral() -> dict[str, Any]:
    """A combination that lets everything through, so that the verifier can be loaded."""
    n = len(NAMES)
    zeros = [0.0] * n
    return {
        "names": NAMES,
        "weights": [1.0, *zeros[1:]],
        "intercept": 0.0,
        "record_weights": zeros,
        "record_intercept": 0.0,
        "several": SEVERAL,
        "threshold": THRESHOLD,
    }


def fit(
    values: Values, labels: npt.NDArray[np.bool_], weights: Values, record: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """The combination as `Combination` takes it."""
    plain = np.array([PROSE.get(name, 0.0) for name in NAMES])
    records = LogisticRegression(C=1.0, max_iter=5000)
    records.fit(values[record][:, :-1], labels[record], sample_weight=weights[record])
    other = np.append(records.coef_[0], 0.0)
    for name, one, two in zip(NAMES, plain, other, strict=True):
        print(f"{name:18} {one:7.3f}  records {two:7.3f}")
    return {
        "names": NAMES,
        "weights": _rounded(plain),
        "intercept": OFFSET,
        "record_weights": _rounded(other - plain),
        "record_intercept": round(float(records.intercept_[0]) - OFFSET, 5),
        "several": SEVERAL,
        "threshold": THRESHOLD,
    }


def _rounded(numbers: Values) -> list[float]:
    return [round(float(number), 5) for number in numbers]


def write(folder: Path, combination: dict[str, Any]) -> None:
    """`combination.json`."""
    (folder / "combination.json").write_text(json.dumps(combination, indent=1) + "\n", "utf-8")


def show(
    support: Values, network: Values, labels: npt.NDArray[np.bool_], sets: npt.NDArray[np.str_], weights: Values
) -> None:
    """AUROC by set of the network alone and of the combination, and the calibration error.

    The weights for records were fitted on these claims, so their error is a little too small.
    """
    print(f"{'':16} {'n':>5} {'network':>8} {'combined':>8}")
    for name, n in collections.Counter(sets).items():
        chosen = sets == name
        alone, both = (roc_auc_score(labels[chosen], score[chosen]) for score in (network, support))
        print(f"{name:16} {n:5} {alone:8.3f} {both:8.3f}")
    bins = np.clip((support * 10).astype(int), 0, 9)
    error = 0.0
    for place in range(10):
        chosen = bins == place
        if chosen.any():
            said = np.average(support[chosen], weights=weights[chosen])
            true = np.average(labels[chosen], weights=weights[chosen])
            error += weights[chosen].sum() / weights.sum() * abs(said - true)
            print(f"said {said:.2f} is {true:.2f} ({chosen.sum()})")
    print(f"expected calibration error {error:.3f}")


if __name__ == "__main__":
    main()
