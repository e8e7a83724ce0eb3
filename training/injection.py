"""Train the detector of instructions hidden in documents, and write its weights.

    python training/injection.py [--measure]

A logistic regression over the features of `ingest/instructions/features.py`. Instructions come from BIPIA's training
attacks and `training/injection.toml`, harmless sentences from documents and question sets (see `_injection_data.py`).
With `--measure` nothing is written: every kind of attack is left out in turn and found by what the others teach, and
harmless sentences likewise. Neither BIPIA's test part nor NotInject is read here.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from _injection_data import ROOT, Example, attacks, harmless, made
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from ragstone.ingest.instructions.features import features, tokens
from ragstone.ingest.instructions.sentences import plain

WEIGHTS = ROOT / "ingest" / "instructions" / "weights.json"
SEED, WAYS, MOST = 0, 40, 60_000
SMALL = 0.03
RARE = 3
"""A feature of fewer examples is left out."""
C, RATIO = 1.0, 0.0


def main() -> None:
    """Read the data, then measure or write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", action="store_true")
    asked = parser.parse_args()
    examples = [*attacks(), *made(SEED, WAYS), *harmless(SEED, MOST)]
    groups = Counter((example.instruction, example.group) for example in examples)
    print({f"{'+' if told else '-'} {group}": n for (told, group), n in sorted(groups.items())})
    found = [features(tokens(plain(example.text))) for example in examples]
    if asked.measure:
        measure(examples, found)
        return
    weights, intercept = fit(examples, found)
    WEIGHTS.write_text(json.dumps({"intercept": intercept, "weights": weights}, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(weights)} weights, {WEIGHTS.stat().st_size} bytes")


def fit(examples: Sequence[Example], found: Sequence[set[str]]) -> tuple[dict[str, float], float]:
    """Weight of each feature, and the intercept."""
    counts = Counter(name for names in found for name in names)
    names = sorted(name for name, count in counts.items() if count >= RARE)
    matrix = _matrix(found, {name: place for place, name in enumerate(names)})
    model = LogisticRegression(C=C, solver="liblinear", max_iter=200, l1_ratio=RATIO, random_state=SEED)
    truth = [example.instruction for example in examples]
    model.fit(matrix, truth, sample_weight=[example.weight for example in examples])
    weights = {name: round(float(w), 3) for name, w in zip(names, model.coef_[0], strict=True) if abs(w) >= SMALL}
    return weights, round(float(model.intercept_[0]), 3)


def measure(examples: Sequence[Example], found: Sequence[set[str]]) -> None:
    """Each group judged by what the others teach: the share found at several thresholds."""
    groups = sorted({example.group for example in examples if example.instruction})
    thresholds = (-1.0, 0.0, 1.0, 2.0, 3.0)
    print("left out".ljust(45), *(f"{t:>6}" for t in thresholds))
    caught: list[npt.NDArray[np.float64]] = []
    for fold in range(5):
        out = {group for n, group in enumerate(groups) if n % 5 == fold}
        kept = [n for n, e in enumerate(examples) if e.group not in out and (e.instruction or n % 5 != fold)]
        weights, intercept = fit([examples[n] for n in kept], [found[n] for n in kept])
        score = [intercept + sum(weights.get(name, 0.0) for name in names) for names in found]
        for group in sorted(out):
            scores = np.array([score[n] for n, e in enumerate(examples) if e.group == group and e.instruction])
            print(group.ljust(45), *(f"{np.mean(scores > t):6.2f}" for t in thresholds))
            if group.startswith("bipia"):
                caught.append(np.array([np.mean(scores > t) for t in thresholds]))
        rest = np.array([score[n] for n, e in enumerate(examples) if not e.instruction and n % 5 == fold])
        print("harmless".ljust(45), *(f"{np.mean(rest > t):6.4f}" for t in thresholds))
        worst = sorted((-score[n], n) for n, e in enumerate(examples) if not e.instruction and n % 5 == fold)[:8]
        for value, n in worst:
            print(f"    {-value:5.1f} {examples[n].group}: {examples[n].text[:100]!r}")
    print("mean of BIPIA's kinds".ljust(45), *(f"{t:6.2f}" for t in np.mean(caught, axis=0)))


def _matrix(found: Sequence[set[str]], place: dict[str, int]) -> csr_matrix:
    columns = [sorted(place[name] for name in names if name in place) for names in found]
    ends = np.cumsum([0, *map(len, columns)])
    return csr_matrix((np.ones(ends[-1]), np.concatenate(columns).astype(int), ends), shape=(len(found), len(place)))


if __name__ == "__main__":
    main()
