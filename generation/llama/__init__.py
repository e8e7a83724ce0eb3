"""A quantized model on this machine, run by llama.cpp."""

from ._log import quiet
from ._offload import GpuLayers, Offload, physical_cores, supports_gpu
from .model import FlashAttention, KvType, LlamaModel, PrefixCache, Rope

__all__ = [
    "FlashAttention",
    "GpuLayers",
    "KvType",
    "LlamaModel",
    "Offload",
    "PrefixCache",
    "Rope",
    "physical_cores",
    "supports_gpu",
]

quiet()
