"""The embedding network through sentence-transformers: any model it can load, on a GPU too."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from ...errors import ModelLoadError

if TYPE_CHECKING:
    import numpy.typing as npt


class TorchRuntime:
    """See `Runtime`."""

    def __init__(self, folder: Path) -> None:
        try:
            self._model = SentenceTransformer(str(folder), local_files_only=True).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelLoadError(
                f"sentence-transformers cannot load this model ({str(error).splitlines()[0]})",
                path=folder,
                remedy="Check that the folder was saved by SentenceTransformer.save",
            ) from error
        digest = hashlib.sha256()
        for weights in sorted(folder.glob("*.safetensors")):
            digest.update(weights.read_bytes())
        self.name = f"torch-{self._model.device.type}"
        self.dimension = int(self._model.get_embedding_dimension())
        self.sha256 = digest.hexdigest()

    def forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Map token ids and attention mask, both (batch, length), to sentence embeddings (batch, dimension)."""
        device = self._model.device
        with torch.inference_mode():
            features = {
                "input_ids": torch.from_numpy(ids).to(device),
                "attention_mask": torch.from_numpy(mask).to(device),
            }
            return np.asarray(self._model(features)["sentence_embedding"].float().cpu().numpy(), dtype=np.float32)
