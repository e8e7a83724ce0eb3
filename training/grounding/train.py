"""Trains the verifier: `python training/grounding/train.py --pairs pairs.jsonl --encoder FOLDER --out FOLDER`.

With `--start` it goes on from an earlier training, for example with what mine.py wrote.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _network import Encoded, Encoder, Network, batches, loss_of, tensors
from _restored import state_of
from sklearn.metrics import roc_auc_score

SEED = 7
BATCH_TOKENS = 6144
WARM_UP = 0.06
SYNTHETIC_WEIGHT = 0.7
BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether this processor computes in 16 bits; one that does not was seen to take 35 times as long so."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="what build.py wrote")
    parser.add_argument("--encoder", type=Path, required=True, help="a folder with all-MiniLM-L6-v2 or the like")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="state.pt of an earlier training, or a model.onnx, to go on from")
    parser.add_argument("--epochs", type=float, default=1.6)
    parser.add_argument("--rate", type=float, default=1.2e-4, help="the highest learning rate")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(arguments.threads)
    encoder = Encoder(arguments.encoder)
    rows = [json.loads(line) for line in arguments.pairs.open(encoding="utf-8")]
    train = [encoder.encode(r, 1.0 if r["human"] else SYNTHETIC_WEIGHT) for r in rows if not r["held_out"]]
    held = [r for r in rows if r["held_out"]]
    print(
        f"{len(train)} examples to train on, {len(held)} held out; epochs {arguments.epochs}, rate {arguments.rate}",
        flush=True,
    )
    network = Network(arguments.encoder)
    if arguments.start:
        network.load_state_dict(state_of(arguments.start))
        show(network, encoder, held[:1500])
    fit(network, train, encoder, held, arguments)
    save(network, encoder, arguments.out)


def fit(
    network: Network, train: list[Encoded], encoder: Encoder, held: list[dict[str, Any]], arguments: argparse.Namespace
) -> None:
    """Train in place; every 500 steps the state is saved and the held-out examples are scored."""
    for part in (network.encoder.embeddings.word_embeddings, network.encoder.embeddings.position_embeddings):
        part.requires_grad_(False)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, arguments.rate, weight_decay=0.01, fused=True)
    rng = random.Random(SEED)
    plan = [group for _ in range(int(arguments.epochs)) for group in batches(train, BATCH_TOKENS, rng)]
    last = list(batches(train, BATCH_TOKENS, rng))
    plan += last[: round(len(last) * (arguments.epochs % 1))]
    warm = max(1, round(WARM_UP * len(plan)))
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / warm, max(0.0, (len(plan) - step) / (len(plan) - warm)))
    )
    started, losses = time.monotonic(), []
    network.train()
    for step, group in enumerate(plan, 1):
        examples = [train[place] for place in group]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
            logits = network(**tensors(examples))
        loss = loss_of(logits, examples)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if step % 50 == 0:
            passed = time.monotonic() - started
            print(f"step {step}/{len(plan)} loss {np.mean(losses[-50:]):.4f} {passed:.0f} s", flush=True)
        if step % 500 == 0 or step == len(plan):
            torch.save(network.state_dict(), arguments.out / "state.pt")
            show(network, encoder, held[:1500])
            network.train()


def show(network: Network, encoder: Encoder, rows: list[dict[str, Any]]) -> None:
    """AUROC on held-out examples by set."""
    scores = predict(network, [encoder.encode(row) for row in rows])[0]
    labels = np.array([row["supported"] for row in rows])
    told = [f"all {roc_auc_score(labels, scores):.3f}"]
    for source in sorted({row["source"] for row in rows}):
        chosen = np.array([row["source"] == source for row in rows])
        if 0 < labels[chosen].sum() < chosen.sum():
            told.append(f"{source} {roc_auc_score(labels[chosen], scores[chosen]):.3f} ({chosen.sum()})")
    print("  held out: " + ", ".join(told), flush=True)


@torch.no_grad()
def predict(network: Network, encoded: list[Encoded]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The claims' logits (n,), and those of each claim's tokens without [CLS] and [SEP]."""
    network.eval()
    scores = np.zeros(len(encoded), dtype=np.float32)
    tokens: list[np.ndarray] = [np.zeros(0)] * len(encoded)
    for group in batches(encoded, 2 * BATCH_TOKENS):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
            claims, marks = network(**tensors([encoded[place] for place in group]))
        for row, place in enumerate(group):
            scores[place] = float(claims[row])
            tokens[place] = marks[row, 1 : encoded[place].claim_tokens - 1].float().numpy()
    return scores, tokens


def save(network: Network, encoder: Encoder, out: Path) -> None:
    """For `export.py`."""
    torch.save(network.state_dict(), out / "state.pt")
    network.encoder.config.save_pretrained(out)
    encoder.tokenizer.save_pretrained(out)


if __name__ == "__main__":
    main()
