"""The shipped network as one to train on: what `export.py` wrote, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor


def state_of(path: Path) -> dict[str, Tensor]:
    """The state of a `Network`: `state.pt` as train.py wrote it, or `model.onnx` with its weights multiplied out."""
    if path.suffix == ".pt":
        state: dict[str, Tensor] = torch.load(path)
        return state
    graph = onnx.load(path).graph
    stored = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    whole = {name: values for name, values in stored.items() if values.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            values, scale, _ = (stored[name] for name in node.input)
            axis = next(attribute.i for attribute in node.attribute if attribute.name == "axis")
            whole[node.output[0]] = values.astype(np.float32) * np.expand_dims(scale, 1 - axis)
    state = {name: values for name, values in whole.items() if "::" not in name and not name.endswith(".scale")}
    sums = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in whole:
            # The name of its weight is lost, so it goes by the bias that is added to the product.
            bias = next(name for name in sums[node.output[0]].input if name.endswith(".bias"))
            state[bias.removesuffix("bias") + "weight"] = whole[node.input[1]].T
    return {name: torch.tensor(values) for name, values in state.items()}
