"""Weighs the network's answer and the exact comparisons: `python training/grounding/combine.py --pairs P --weights W`.

Fitted on the tenth of people's labels that train.py held out; each set counts alike, and sentences are weighted so that
`PRIOR` of them are supported, as in answers of current models.
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
from sklearn.model_selection import cross_val_predict

from ragstone.generation.grounding.features import FEATURES
from ragstone.generation.grounding.verifier import Verifier

SETS = ("expertqa", "quintd", "summedits", "wice", "bump", "fool-me-twice", "infotabs", "tabfact")
PRIOR = 0.8
NAMES = ("logit", "worst_words", *FEATURES)
Values = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="what build.py wrote")
    parser.add_argument("--weights", type=Path, required=True, help="what export.py wrote; combination.json comes here")
    parser.add_argument("--threshold", type=float, default=0.5)
    arguments = parser.parse_args()
    write(arguments.weights, neutral(arguments.threshold))
    rows = held_out(arguments.pairs)
    values = read(rows, Verifier(arguments.weights))
    labels = np.array([row["supported"] for row in rows])
    sets = np.array([family(row) for row in rows])
    weights = balanced(sets, labels)
    fitted = fit(values, labels, weights, arguments.threshold)
    write(arguments.weights, fitted)
    show(values, labels, sets, weights)


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


def neutral(threshold: float) -> dict[str, Any]:
    """A combination that lets everything through, so that the verifier can be loaded."""
    n = len(NAMES)
    ones, zeros = [1.0] * n, [0.0] * n
    return {
        "names": NAMES,
        "means": zeros,
        "scales": ones,
        "weights": [1.0, *zeros[1:]],
        "intercept": 0.0,
        "record_weights": zeros,
        "record_intercept": 0.0,
        "threshold": threshold,
    }


def expanded(values: Values, means: Values, scales: Values) -> Values:
    """Standardized values, and the same again for records only."""
    scaled = (values - means) / scales
    record = values[:, -1:]
    scaled[:, -1] = 0.0
    return np.hstack([scaled, record * scaled, record])


def fit(values: Values, labels: npt.NDArray[np.bool_], weights: Values, threshold: float) -> dict[str, Any]:
    """The combination as `Combination` takes it."""
    means, scales = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    model = LogisticRegression(C=0.3, max_iter=2000)
    model.fit(expanded(values, means, scales), labels, sample_weight=weights)
    n = len(NAMES)
    coefficients = model.coef_[0]
    for name, plain, extra in zip(NAMES, coefficients[:n], coefficients[n : 2 * n], strict=True):
        print(f"{name:18} {plain:7.3f}  records {plain + extra:7.3f}")
    rounded = lambda numbers: [round(float(x), 5) for x in numbers]  # noqa: E731
    return {
        "names": NAMES,
        "means": rounded(means),
        "scales": rounded(scales),
        "weights": [*rounded(coefficients[: n - 1]), 0.0],
        "intercept": round(float(model.intercept_[0]), 5),
        "record_weights": [*rounded(coefficients[n : 2 * n - 1]), 0.0],
        "record_intercept": round(float(coefficients[2 * n]), 5),
        "threshold": threshold,
    }


def write(folder: Path, combination: dict[str, Any]) -> None:
    """`combination.json`."""
    (folder / "combination.json").write_text(json.dumps(combination, indent=1) + "\n", "utf-8")


def show(values: Values, labels: npt.NDArray[np.bool_], sets: npt.NDArray[np.str_], weights: Values) -> None:
    """AUROC by set of the network alone and of the combination, and the calibration error, both by five folds."""
    means, scales = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    predicted = cross_val_predict(
        LogisticRegression(C=0.3, max_iter=2000),
        expanded(values, means, scales),
        labels,
        cv=5,
        method="predict_proba",
        params={"sample_weight": weights},
    )[:, 1]
    print(f"{'':16} {'n':>5} {'network':>8} {'combined':>8}")
    for name, n in collections.Counter(sets).items():
        chosen = sets == name
        network, both = (
            roc_auc_score(labels[chosen], values[chosen, 0]),
            roc_auc_score(labels[chosen], predicted[chosen]),
        )
        print(f"{name:16} {n:5} {network:8.3f} {both:8.3f}")
    edges = np.clip((predicted * 10).astype(int), 0, 9)
    error = 0.0
    for bin_ in range(10):
        chosen = edges == bin_
        if chosen.any():
            said, true = (
                np.average(predicted[chosen], weights=weights[chosen]),
                np.average(labels[chosen], weights=weights[chosen]),
            )
            error += weights[chosen].sum() / weights.sum() * abs(said - true)
            print(f"said {said:.2f} is {true:.2f} ({chosen.sum()})")
    print(f"expected calibration error {error:.3f}")


if __name__ == "__main__":
    main()
