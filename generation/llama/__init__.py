"""A quantized model on this machine, run by llama.cpp."""

from ._likelihood import LogLikelihood, TokenRequest
from ._log import quiet
from ._offload import Device, GpuLayers, Offload, devices, physical_cores, supports_gpu
from ._perplexity import Perplexity
from .model import LlamaModel
from .options import FlashAttention, KvType, LlamaOptions, PrefixCache, Rope
from .pool import ModelPool, PooledModel

__all__ = [
    "Device",
    "FlashAttention",
    "GpuLayers",
    "KvType",
    "LlamaModel",
    "LlamaOptions",
    "LogLikelihood",
    "ModelPool",
    "Offload",
    "Perplexity",
    "PooledModel",
    "PrefixCache",
    "Rope",
    "TokenRequest",
    "devices",
    "physical_cores",
    "supports_gpu",
]

quiet()
