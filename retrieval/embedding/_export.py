"""Export a sentence-transformers model to OpenVINO, once.

Runs as a child process (`python -m ragstone.retrieval.embedding._export FOLDER OUT`), so that torch's seconds of import
and its gigabyte of memory never enter the process that ingests or answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino


class ExportError(Exception):
    """The model cannot be exported."""


def export(folder: Path, out: Path) -> None:
    """Write `model.xml` and `model.bin` for the model in `folder` into the folder `out`.

    Raises:
        ExportError: With the last line that the exporter printed.
    """
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(folder), str(out)],
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExportError((done.stderr.strip().splitlines() or ["no reason given"])[-1])


def _main(folder: str, out: str) -> None:
    from ..quiet_openvino import openvino

    openvino.save_model(_graph(folder), str(Path(out) / "model.xml"), compress_to_fp16=False)


def _graph(folder: str) -> openvino.Model:
    import openvino as ov
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
    from sentence_transformers import SentenceTransformer

    class Flat(torch.nn.Module):
        """Transformer, pooling and normalization as one graph of two tensors."""

        def __init__(self, model: SentenceTransformer) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.model(features)["sentence_embedding"]  # type: ignore[no-any-return]

    model = SentenceTransformer(folder, device="cpu", local_files_only=True).eval()
    example = torch.ones(2, 8, dtype=torch.int64)
    with torch.no_grad():
        traced = torch.jit.trace(Flat(model), (example, example), strict=False)  # type: ignore[no-untyped-call]
    # openvino.convert_model does the same, but reports its use over the network.
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # the frontend keeps no reference of its own
    graph = frontend.convert(frontend.load(decoder))
    for tensor, name in zip(graph.inputs, ("input_ids", "attention_mask"), strict=True):
        tensor.get_node().set_partial_shape(ov.PartialShape([-1, -1]))
        tensor.get_node().set_element_type(ov.Type.i64)
        tensor.set_names({name})
    graph.validate_nodes_and_infer_types()
    return graph


if __name__ == "__main__":
    _main(*sys.argv[1:])
