"""Embeddings: which model made a vector, and how text becomes one."""

from __future__ import annotations

import logging
from pathlib import Path

from ...errors import ModelLoadError
from ._embedder import Embedder
from ._export import ExportError

__all__ = ["Embedder", "chosen_runtime", "load_embedder"]

log = logging.getLogger(__name__)


def load_embedder(
    folder: Path, cache: Path, *, runtime: str = "openvino", threads: int = 0, precision: str = "", source: str = ""
) -> Embedder:
    """Load the embedding model in a sentence-transformers folder.

    Args:
        folder: A folder with `modules.json`, `tokenizer.json` and safetensors weights.
        cache: Where exported models are kept; made when missing.
        runtime: `openvino` (CPU; a model that cannot be exported falls back, with a warning, to the other) or `torch`
            (sentence-transformers, on the GPU when torch sees one); `auto` is `torch` on a GPU, else `openvino`.
        threads: CPU threads; 0 for one a physical core.
        precision: `f32` or `bf16` of OpenVINO's arithmetic; by default bf16 where the CPU has it.
        source: By what the application loads it again; by default the absolute folder.

    Raises:
        ModelLoadError: The folder is not an embedding model that can be used.
    """
    for needed in ("modules.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise ModelLoadError(
                f"there is no {needed}, so this is not a sentence-transformers model with a fast tokenizer",
                path=folder,
                remedy="Name a model of `ragstone models list` or a folder saved by SentenceTransformer.save",
            )
    if chosen_runtime(runtime) == "openvino":
        from ._openvino import OpenVinoRuntime

        try:
            return Embedder(folder, OpenVinoRuntime(folder, cache, threads=threads, precision=precision), source)
        except ExportError as error:
            log.warning("%s: cannot be exported (%s); running it through sentence-transformers", folder, error)
    from ._torch import TorchRuntime

    return Embedder(folder, TorchRuntime(folder), source)


def chosen_runtime(runtime: str) -> str:
    """A runtime, with `auto` settled: `torch` on a GPU, else `openvino`."""
    if runtime != "auto":
        return runtime
    return "torch" if _has_gpu() else "openvino"


def _has_gpu() -> bool:
    """Whether torch can use a GPU; it is asked, which takes seconds, only where the system shows one."""
    if not any(Path("/proc/driver/nvidia/gpus").glob("*")):
        return False
    import torch

    return torch.cuda.is_available()
