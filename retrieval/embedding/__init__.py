"""Embeddings: which model made a vector, and how text becomes one."""

from __future__ import annotations

import logging
from pathlib import Path

from ...errors import ModelLoadError
from ._embedder import Embedder
from ._export import ExportError

__all__ = ["Embedder", "load_embedder"]

log = logging.getLogger(__name__)


def load_embedder(folder: Path, cache: Path, *, runtime: str = "openvino", threads: int = 0) -> Embedder:
    """Load the embedding model in a sentence-transformers folder.

    Args:
        folder: A folder with `modules.json`, `tokenizer.json` and safetensors weights.
        cache: Where exported models are kept; made when missing.
        runtime: `openvino` (CPU; a model that cannot be exported falls back, with a warning, to the other) or `torch`
            (sentence-transformers, on the GPU when torch sees one).
        threads: CPU threads; 0 leaves the choice to the runtime.

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
    if runtime == "openvino":
        from ._openvino import OpenVinoRuntime

        try:
            return Embedder(folder, OpenVinoRuntime(folder, cache, threads=threads))
        except ExportError as error:
            log.warning("%s: cannot be exported (%s); running it through sentence-transformers", folder, error)
    from ._torch import TorchRuntime

    return Embedder(folder, TorchRuntime(folder))
