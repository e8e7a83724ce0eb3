"""Settings as the chat model takes them."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..generation.context import Asking
from ..generation.prompts import Prompts, Style
from ..generation.sampling import Sampling
from .settings import Settings, expanded

if TYPE_CHECKING:
    from ..generation.llama import GpuLayers, LlamaOptions


def as_sampling(settings: Settings) -> Sampling:
    """How the settings have tokens drawn."""
    return Sampling(**{f.name: getattr(settings, f.name) for f in fields(Sampling) if hasattr(settings, f.name)})


def as_gpu_layers(setting: str) -> GpuLayers:
    """The setting `gpu_layers` as llama.cpp takes it."""
    return int(setting) if setting.isdecimal() else setting  # type: ignore[return-value]  # checked by Settings


def as_adapters(setting: str) -> tuple[tuple[str, float], ...]:
    """The setting `adapters` as paths and scales.

    Raises:
        SettingsError: A scale is no number.
    """
    named = []
    for part in filter(None, (part.strip() for part in setting.split(","))):
        path, _, scale = part.rpartition("=") if "=" in part else (part, "", "1")
        try:
            named.append((str(expanded(path)), float(scale)))
        except ValueError as error:
            raise SettingsError(
                f"the scale of an adapter is {scale!r}", remedy="Write adapters as PATH or PATH=SCALE, with commas"
            ) from error
    return tuple(named)


def as_llama_options(settings: Settings, prefixes: Path | None) -> LlamaOptions:
    """What a model on this machine is loaded with.

    Args:
        settings: They say how.
        prefixes: Where is kept what was read of prompts.

    Raises:
        SettingsError: The scale of an adapter is no number.
    """
    from ..generation.llama import PrefixCache

    s: Any = settings  # its choices are plain strings, checked by Settings
    return {
        "context_tokens": s.context_tokens,
        "gpu_layers": as_gpu_layers(s.gpu_layers),
        "threads": s.threads,
        "parallel": s.parallel,
        "kv_type": s.kv_type,
        "flash_attention": s.flash_attention,
        "rope": s.rope,
        "prefix_cache": PrefixCache(prefixes, s.prefix_cache_mb) if prefixes and s.prefix_cache_mb else None,
        "prompt_lookup": s.prompt_lookup,
        "timeout_s": s.answer_seconds or math.inf,
        "adapters": as_adapters(s.adapters),
    }


def as_prompts(settings: Settings) -> Prompts:
    """The prompts of the settings: the user's own before ours.

    Raises:
        SettingsError: There is no such folder, or it holds a prompt of a name that nothing asks for.
    """
    return Prompts(_path(settings.prompts_dir))


def as_asking(settings: Settings) -> Asking:
    """How the settings have the model asked.

    Raises:
        SettingsError: A prompt or an example cannot be used.
    """
    prompts = as_prompts(settings)
    style: Style = settings.prompt_style  # type: ignore[assignment]  # checked by Settings
    return Asking.of(prompts, style, prompts.examples(_path(settings.few_shot)))


def _path(setting: str) -> Path | None:
    return expanded(setting) if setting else None
