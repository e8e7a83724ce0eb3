"""Which of a model's layers go to a GPU, and which really are there."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from typing import Any, Literal

import llama_cpp
import psutil
from llama_cpp._ggml import libggml

from ._pace import allowed_cores

GpuLayers = int | Literal["auto", "all"]

MARGIN = 512 << 20
"""Bytes of a GPU's memory that are left to others, and to what no estimate knows of."""
_MIB = 1 << 20
_GPU, _INTEGRATED_GPU = 1, 2  # enum ggml_backend_dev_type of ggml-backend.h


@dataclass(frozen=True, slots=True)
class Offload:
    """Where the model's layers really are, as llama.cpp reports it."""

    layers: int
    """On a GPU."""
    total: int
    devices: tuple[str, ...]
    """Of the layers on a GPU."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU that llama.cpp can use."""

    name: str
    """As llama.cpp's messages name it, such as CUDA0."""
    description: str
    """Such as "NVIDIA H100"."""
    free: int
    """Bytes."""
    total: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What a model takes when it is loaded, in bytes."""

    weights: int
    context: int
    """The keys and values of a full context."""
    computing: int
    """Scratch space, on every device."""
    layers: int
    """That weights and context are spread over; the output counts as one."""

    @property
    def total(self) -> int:
        """Bytes, wherever they lie."""
        return self.weights + self.context + self.computing


def fitting(needed: Needed, free: int) -> int:
    """How many layers fit `free` bytes together with their part of the context; they are taken to be of one size."""
    a_layer = (needed.weights + needed.context) / needed.layers
    room = free - MARGIN - needed.computing
    return max(0, min(needed.layers, int(room / a_layer)))


def needed_by(text: str, weights: int, layers: int) -> Needed:
    """Read what llama.cpp says while it makes a context.

    Args:
        text: Its messages.
        weights: Bytes of the model.
        layers: That the model has, with the output.
    """
    contexts = re.findall(r"^llama_\w+: size = +([\d.]+) MiB", text, re.MULTILINE)
    computing = re.findall(r"compute buffer size = +([\d.]+) MiB", text)
    return Needed(weights, _bytes(sum(map(float, contexts))), _bytes(max(map(float, computing), default=0.0)), layers)


def assigned(text: str) -> Offload:
    """Read from what llama.cpp says while it loads a model where its layers went."""
    devices = re.findall(r"layer +\d+ assigned to device (\S+?),", text)
    on_gpu = [device for device in devices if device != "CPU"]
    return Offload(len(on_gpu), len(devices), tuple(dict.fromkeys(on_gpu)))


def devices() -> list[Device]:
    """The GPUs that llama.cpp was built for and found."""
    found = []
    for number in range(_call("ggml_backend_dev_count", ctypes.c_size_t)):
        handle = ctypes.c_void_p(_call("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t(number)))
        if _call("ggml_backend_dev_type", ctypes.c_int, handle) in (_GPU, _INTEGRATED_GPU):
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            _call("ggml_backend_dev_memory", None, handle, ctypes.byref(free), ctypes.byref(total))
            name, about = (_call(f"ggml_backend_dev_{w}", ctypes.c_char_p, handle) for w in ("name", "description"))
            found.append(Device(name.decode(), about.decode("utf-8", "replace"), free.value, total.value))
    return found


def supports_gpu() -> bool:
    """Whether llama.cpp was built with a GPU backend that found a device."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def physical_cores() -> int:
    """The number of physical cores this process may use; more threads than that make llama.cpp slower."""
    allowed = allowed_cores(psutil.Process())
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


def _bytes(mib: float) -> int:
    return int(mib * _MIB)


def _call(name: str, gives: object, *arguments: object) -> Any:
    function = getattr(libggml, name)
    function.restype = gives
    return function(*arguments)
