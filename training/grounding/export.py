"""Writes the network as ONNX with weights of 8 bits: `python training/grounding/export.py --trained A --out B`.

Each row of a weight has a scale of its own and is multiplied out again when the model runs, so that arithmetic stays in
floating point and a score does not depend on what else is in the batch.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from _network import Network
from onnx import helper, numpy_helper

SMALLEST = 4096
"""Numbers of a weight that is made smaller; others keep 32 bits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="what train.py wrote")
    parser.add_argument("--encoder", type=Path, required=True, help="as for train.py")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    network = Network(arguments.encoder)
    network.load_state_dict(torch.load(arguments.trained / "state.pt"))
    network.eval()
    target = arguments.out / "model.onnx"
    example = torch.ones(2, 16, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "tokens"} for name in (*names, "tokens")} | {"claim": {0: "batch"}}
    torch.onnx.export(
        network,
        (example, example, torch.zeros_like(example)),
        str(target),
        input_names=names,
        output_names=["claim", "tokens"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    model = shrink(onnx.load(target))
    onnx.checker.check_model(model)
    onnx.save(model, target)
    shutil.copy(arguments.trained / "tokenizer.json", arguments.out / "tokenizer.json")
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


def shrink(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large weights as int8 and a scale for each row (embeddings) or column (the rest)."""
    gathered = {node.input[0] for node in model.graph.node if node.op_type == "Gather"}
    kept, nodes = [], []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.ndim != 2 or values.size < SMALLEST or values.dtype != np.float32:
            kept.append(weight)
            continue
        axis = 0 if weight.name in gathered else 1
        scale = np.maximum(np.abs(values).max(axis=1 - axis), 1e-12).astype(np.float32) / 127
        whole = np.round(values / np.expand_dims(scale, 1 - axis)).clip(-127, 127).astype(np.int8)
        name = weight.name
        kept += [
            numpy_helper.from_array(whole, f"{name}.int8"),
            numpy_helper.from_array(scale, f"{name}.scale"),
            numpy_helper.from_array(np.zeros_like(scale, dtype=np.int8), f"{name}.zero"),
        ]
        inputs = [f"{name}.int8", f"{name}.scale", f"{name}.zero"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], f"{name}.dequantize", axis=axis))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    old = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *old])
    return model


if __name__ == "__main__":
    main()
