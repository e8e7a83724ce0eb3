"""The verifier's network: a small BERT that reads a claim beside its evidence, with one logit for the claim and one for
each of its tokens.

Marking the words that are not carried, where people or rules marked them, teaches more than the label of the whole
claim does, and shows the user where to look (the idea of LettuceDetect, Kovacs and Recski, 2025, here beside a label).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from ragstone.generation.grounding.verifier import LONGEST, LONGEST_CLAIM

STEP = 32
"""Lengths of batches are multiples of it."""


class Network(nn.Module):
    """Logits that a claim is supported, (batch,), and that each of its tokens is not, (batch, tokens)."""

    def __init__(self, encoder: Path | str) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(encoder, attn_implementation="eager", add_pooling_layer=False)
        for module in self.encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # on a CPU its random numbers cost more than half of the time
        width = self.encoder.config.hidden_size
        self.dense, self.claim, self.tokens = nn.Linear(width, width), nn.Linear(width, 1), nn.Linear(width, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        bias = (1.0 - attention_mask[:, None, None, :].float()) * -1e4  # transformers' own does not trace into ONNX
        states = self.encoder(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids).last_hidden_state
        pooled = torch.tanh(self.dense(states[:, 0]))
        return self.claim(pooled).squeeze(-1), self.tokens(states).squeeze(-1)


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tokens."""

    ids: list[int]
    claim_tokens: int
    """How many of them, with [CLS] and [SEP], come before the evidence."""
    bare: list[float] | None
    """For each token of the claim, whether it stands in an unsupported span; None when nobody marked it."""
    supported: float
    weight: float


class Encoder:
    """Claims and evidence as tokens."""

    def __init__(self, folder: Path | str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(self, row: dict[str, Any], weight: float = 1.0) -> Encoded:
        second = f"{row['question']} {row['evidence']}".strip()
        first = self.tokenizer(row["claim"], truncation=True, max_length=LONGEST_CLAIM, return_offsets_mapping=True)
        rest = self.tokenizer(second, add_special_tokens=False, truncation=True, max_length=LONGEST)["input_ids"]
        head = first["input_ids"]
        ids = [*head, *rest[: LONGEST - len(head) - 1], self.tokenizer.sep_token_id]
        bare = None
        if row["supported"] or row["spans"] is not None:
            spans = [] if row["supported"] else row["spans"]
            bare = [float(any(s < b and a < e for s, e in spans)) for a, b in first["offset_mapping"]]
        return Encoded(ids, len(head), bare, float(row["supported"]), weight)


def batches(encoded: Sequence[Encoded], tokens: int, rng: random.Random | None = None) -> Iterator[list[int]]:
    """Places of examples of like length, of about so many tokens together.

    There are few shapes of batches: oneDNN compiles its kernels anew for each.
    """
    by_length: dict[int, list[int]] = {}
    for place, example in enumerate(encoded):
        by_length.setdefault(_padded(len(example.ids)), []).append(place)
    groups = []
    for length, places in sorted(by_length.items()):
        if rng:
            rng.shuffle(places)
        size = tokens // length
        groups += [places[at : at + size] for at in range(0, len(places), size)]
    if rng:
        rng.shuffle(groups)
    yield from groups


def _padded(length: int) -> int:
    return -(-length // STEP) * STEP


def tensors(examples: Sequence[Encoded], pad: int = 0) -> dict[str, Tensor]:
    """A batch for the network."""
    ids = torch.full((len(examples), _padded(max(len(e.ids) for e in examples))), pad)
    mask, kinds = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, e in enumerate(examples):
        ids[row, : len(e.ids)] = torch.tensor(e.ids)
        mask[row, : len(e.ids)] = 1
        kinds[row, e.claim_tokens : len(e.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}


def loss_of(logits: tuple[Tensor, Tensor], examples: Sequence[Encoded]) -> Tensor:
    """Cross-entropy of the claims, and of their tokens where these are marked."""
    claims, tokens = logits[0].float(), logits[1].float()
    weights = torch.tensor([e.weight for e in examples])
    wanted = torch.tensor([e.supported for e in examples]) * 0.96 + 0.02  # labels of people are not certain
    claim_loss = (nn.functional.binary_cross_entropy_with_logits(claims, wanted, reduction="none") * weights).sum()
    marked, held = torch.zeros_like(tokens), torch.zeros_like(tokens)
    for row, e in enumerate(examples):
        if e.bare is not None:
            held[row, 1 : len(e.bare) - 1] = e.weight / max(len(e.bare) - 2, 1)
            marked[row, : len(e.bare)] = torch.tensor(e.bare)
    token_loss = (nn.functional.binary_cross_entropy_with_logits(tokens, marked, reduction="none") * held).sum()
    return (claim_loss + 1.5 * token_loss) / weights.sum()
