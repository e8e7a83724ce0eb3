"""The same model in another layout, which this processor may read faster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import llama_cpp

from ...errors import ModelLoadError
from ._log import Collected

Layout = Literal["f32", "q4_0", "q8_0", "q4_k_m"]
LAYOUTS: dict[Layout, int] = {"f32": 0, "q4_0": 2, "q8_0": 7, "q4_k_m": 15}  # enum llama_ftype of llama.h


def requantize(source: Path, target: Path, layout: Layout, threads: int) -> Path:
    """Writes a model's weights anew. What was rounded once is rounded again: measure the answers before you use it.

    Args:
        source: A GGUF file.
        target: The file to write; it appears when it is whole.
        layout: Of the weights.
        threads: CPU threads.

    Raises:
        ModelLoadError: The source is no model, or the target cannot be written.
    """
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = LAYOUTS[layout], True, threads
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.new")
    with Collected() as said:
        failed = llama_cpp.llama_model_quantize(str(source).encode(), str(partial).encode(), params)
    if failed:
        partial.unlink(missing_ok=True)
        wrong = [line for line in said.text.splitlines() if "fail" in line or "error" in line]
        raise ModelLoadError(
            f"llama.cpp cannot write it as {layout} ({wrong[-1].strip() if wrong else 'it gives no reason'})",
            path=source,
            remedy="Check that it is a whole GGUF file, and that the target's disk has room",
        )
    partial.replace(target)
    return target
