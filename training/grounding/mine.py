"""Which errors does a network overlook? `python training/grounding/mine.py --pairs P --state S --encoder E [--out O]`.

Each supported claim of the held-out part, or with `--out` of the training part, is spoiled in every way that rules
know; it is told how often the network takes the spoiled claim for less supported. Of each claim the error is kept that
looks most like the truth, if it does not look clearly worse than the claim itself. O has these, the claims that they
were made of, and as many examples again, drawn from all of P, so that `train.py --start S` forgets nothing.

A spoiled claim of which the network is as good as certain is left out: it is often true after all.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import _synthetic as synthetic
from _examples import seeded
from _network import Encoder, Network
from _restored import state_of
from train import predict

SPOILED = ("expertqa", "fetaqa", "summedits", "wice", "bump", "quintd", "sentence", "fool-me-twice")
"""Sets whose supported claims are sentences."""
CLAIMS = 3500
"""Claims that are spoiled."""
MARGIN = 2.0
"""An error is overlooked when the network's logit for it is no more than this below the claim's own."""
CERTAIN = 3.0
"""The logit above which a spoiled claim is more probably true than overlooked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="what build.py wrote")
    parser.add_argument("--state", type=Path, required=True, help="state.pt of train.py, or the shipped model.onnx")
    parser.add_argument("--encoder", type=Path, required=True, help="as for train.py")
    parser.add_argument("--out", type=Path, help="the examples to train on next")
    arguments = parser.parse_args()
    network, encoder = Network(arguments.encoder), Encoder(arguments.encoder)
    network.load_state_dict(state_of(arguments.state))
    with arguments.pairs.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    train, held = [r for r in rows if not r["held_out"]], [r for r in rows if r["held_out"]]
    if arguments.out is None:
        mined(held, network, encoder)
        return
    hard = mined(train, network, encoder)
    rng = seeded("mine")
    again = rng.sample(train, len(hard))
    kept = [*hard, *again, *held]
    rng.shuffle(kept)
    with arguments.out.open("w", encoding="utf-8") as out:
        for row in kept:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(hard)} rows mined, {len(again)} drawn again, {len(held)} held out")


def mined(rows: list[dict[str, Any]], network: Network, encoder: Encoder) -> list[dict[str, Any]]:
    """Overlooked errors, each with the claim that it was made of; prints how often each kind is overlooked."""
    good = [r for r in rows if r["supported"] and r["source"].startswith(SPOILED) and len(r["claim"].split()) > 5]
    good = list({(r["claim"], r["evidence"]): r for r in good}.values())
    good = seeded("claims", len(good)).sample(good, min(CLAIMS, len(good)))
    made = [(kind, row, spoiled) for row in good for kind, spoiled in errors(row)]
    originals = predict(network, [encoder.encode(row) for row in good])[0]
    own = {id(row): float(logit) for row, logit in zip(good, originals, strict=True)}
    logits = predict(network, [encoder.encode(spoiled) for _, _, spoiled in made])[0]
    hardest: dict[int, tuple[float, str, dict[str, Any], dict[str, Any]]] = {}
    counts: dict[str, list[bool]] = {}
    for (kind, row, spoiled), logit in zip(made, map(float, logits), strict=True):
        counts.setdefault(kind, []).append(logit < own[id(row)])
        overlooked = own[id(row)] - MARGIN < logit < CERTAIN
        if overlooked and logit > hardest.get(id(row), (-99.0,))[0]:
            hardest[id(row)] = (logit, kind, row, spoiled)
    for kind, worse in sorted(counts.items()):
        kept = sum(found[1] == kind for found in hardest.values())
        print(f"{kind:10} {len(worse):6} made, {sum(worse) / len(worse):.3f} seen as worse than the claim, {kept} kept")
    return [r for _, _, row, spoiled in hardest.values() for r in (row, spoiled)]


def errors(row: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The row's claim with one error of each kind that can be made."""
    found = []
    for kind in synthetic.MINED:
        rng: random.Random = seeded("mined", kind.__name__, row["claim"])
        made = kind(row["claim"], row["evidence"], rng)
        if made and made[0].lower() != row["claim"].lower() and made[0] not in row["evidence"]:
            spoiled = {**row, "source": "mined", "claim": made[0], "spans": made[1], "supported": False, "human": False}
            found.append((kind.__name__, spoiled))
    return found


if __name__ == "__main__":
    main()
