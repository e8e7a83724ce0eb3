"""By how much a logit changes with how a prompt is read, though it is the same prompt.

    python benchmarks/rounding.py [--model M] [--tokens N]

The logits of the token after a prompt, read whole, are compared with those when its last tokens are read apart, when
another sequence stands in the same memory, and with one thread: the largest difference of any, with flash attention and
without. Where it is 0, what was read of a prompt can be kept without changing an answer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import llama_cpp
import numpy as np
import numpy.typing as npt
from _timing import table

from ragstone.app.settings import Settings
from ragstone.generation.llama import FlashAttention, physical_cores
from ragstone.generation.llama._context import Context
from ragstone.generation.llama._weights import Weights
from ragstone.generation.models import ModelStore

ROOT = Path(__file__).resolve().parents[1]
APART = (1, 2, 3, 5, 12, 40, 63, 64, 100)
FLASH: dict[FlashAttention, int] = {"on": 1, "off": 0}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--tokens", type=int, default=203, help="of the prompt")
    args = parser.parse_args()
    settings = Settings.load({"model": args.model})
    path = ModelStore(settings.models_dir, settings.offline).path(settings.model)
    text = (ROOT / "docs" / "ingestion.md").read_text("utf-8")
    columns = [differences(path, text, args.tokens, flash) for flash in FLASH]
    rows = [[name, *(f"{column[name]:.3f}" for column in columns)] for name in columns[0]]
    print(table([path.stem, *(f"flash attention {flash}" for flash in FLASH)], rows))


def differences(path: Path, text: str, count: int, flash: FlashAttention) -> dict[str, float]:
    """The largest difference of a logit to reading the prompt whole, for each way to read it."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = 2048, 512, 512, 2
    params.kv_unified, params.flash_attn_type = True, FLASH[flash]
    params.n_threads = params.n_threads_batch = physical_cores()
    weights = Weights(path, 0, params)
    tokens = weights.tokenize(text)
    prompt, other = tokens[:count], tokens[count : 2 * count]
    context = Context(weights, params)
    whole = read(context, [prompt])
    found = {f"the last {n} apart": gap(whole, read(context, [prompt[:-n], prompt[-n:]])) for n in APART if n < count}
    found["beside another in one memory"] = gap(whole, read(context, [prompt], other))
    context.close()
    params.n_threads = params.n_threads_batch = 1
    alone = Context(weights, params)
    found["with one thread"] = gap(whole, read(alone, [prompt]))
    alone.close()
    weights.close()
    return found


def read(context: Context, parts: list[list[int]], beside: list[int] | None = None) -> npt.NDArray[np.float32]:
    """The logits after a prompt, read in parts; with another sequence read before."""
    context.clear()
    if beside:
        list(context.read([(1, 0, beside, 1)]))
    at, last = 0, np.empty(0, np.float32)
    for part in parts:
        ((logits,),) = context.read([(0, at, part, 1)])
        at, last = at + len(part), logits.copy()
    return last


def gap(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """The largest difference."""
    return float(np.abs(one - other).max())


if __name__ == "__main__":
    main()
