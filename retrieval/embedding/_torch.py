"""The embedding network through sentence-transformers: any model it can load, on a GPU too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from ...errors import ModelLoadError
from ..disk import sha256_of
from ._identity import weights_of

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
        # A GPU wants much at once; a CPU does best with little, for its caches hold it and less of it is padding.
        self._batch = 8 if self._model.device.type == "cpu" else 128
        self.name = f"torch-{self._model.device.type}"
        self.dimension = int(self._model.get_embedding_dimension())
        self.sha256 = sha256_of(*weights_of(folder))

    def forward(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Map the token ids of texts to sentence embeddings (texts, dimension), batches of like length at a time."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(texts), self._batch):
            rows = by_length[start : start + self._batch]
            vectors[rows] = self._forward([texts[row] for row in rows])
        return vectors

    def begin_query(self, text: Sequence[int], most: int) -> Callable[[], npt.NDArray[np.float32]]:
        """See `Runtime`. It begins when it is asked for."""
        return lambda: self._forward([text])[0]

    def _forward(self, batch: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        ids = torch.zeros((len(batch), max(map(len, batch))), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        device = self._model.device
        with torch.inference_mode():
            features = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
            return np.asarray(self._model(features)["sentence_embedding"].float().cpu().numpy(), dtype=np.float32)
