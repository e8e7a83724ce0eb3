"""How a model is loaded: what `LlamaModel` takes, and what llama.cpp makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import llama_cpp

from ...errors import GenerationError
from ._context import BATCH
from ._offload import GpuLayers, physical_cores, supports_gpu
from ._scheduler import Adapters

KvType = Literal["f16", "q8_0", "q4_0"]
Rope = Literal["none", "linear", "yarn"]
FlashAttention = Literal["auto", "on", "off"]

KV_BYTES: Mapping[KvType, float] = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}  # of blocks of 32 numbers
_KV_TYPES: Mapping[KvType, int] = {"f16": 1, "q8_0": 8, "q4_0": 2}  # enum ggml_type of ggml.h
_FLASH: Mapping[FlashAttention, int] = {"auto": -1, "off": 0, "on": 1}  # enum llama_flash_attn_type


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """Where to keep what was read of prompts. It holds what documents say: keep it with the library."""

    folder: Path
    most_mb: float = 256.0
    """MiB on disk."""


class LlamaOptions(TypedDict, total=False):
    """What a model is loaded with besides its file; see `LlamaModel`."""

    context_tokens: int
    gpu_layers: GpuLayers
    threads: int
    parallel: int
    kv_type: KvType
    flash_attention: FlashAttention
    rope: Rope
    prefix_cache: PrefixCache | None
    prompt_lookup: bool
    timeout_s: float
    adapters: Adapters


def resolved(flash_attention: FlashAttention, kv_type: KvType) -> FlashAttention:
    """Whether flash attention is used; `auto` where llama.cpp is to decide.

    Raises:
        GenerationError: It is off, and the memory is quantized.
    """
    if flash_attention == "auto" and kv_type == "f16" and not supports_gpu():
        return "off"  # on a CPU it rounds by how much is read at a time
    if kv_type != "f16" and flash_attention == "off":
        raise GenerationError(
            f"kv_type {kv_type} needs flash attention, and flash_attention is off", remedy="Set one of them to auto"
        )
    return flash_attention


def context_params(
    context_tokens: int = 4096,
    parallel: int = 2,
    threads: int = 0,
    kv_type: KvType = "f16",
    flash_attention: FlashAttention = "auto",
) -> llama_cpp.llama_context_params:
    """The context that answers are written in, positions unscaled.

    Raises:
        GenerationError: See `resolved`.
    """
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = context_tokens * parallel, BATCH, BATCH
    params.n_threads = params.n_threads_batch = threads or physical_cores()
    # Each answer has a memory of its own: where others stand in it changes how sums are rounded.
    params.n_seq_max, params.kv_unified = parallel, False
    params.type_k = params.type_v = _KV_TYPES[kv_type]
    params.flash_attn_type = _FLASH[resolved(flash_attention, kv_type)]
    return params
