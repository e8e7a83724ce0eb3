"""A chat model in the layout that this processor reads fastest, without a change of its answers that could be told."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ModelError
from ..generation.models import Layout, ModelStore, find
from .machine import processor
from .model_settings import as_llama_options, as_sampling
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.llama import LlamaModel

LAYOUT: Final = "q8_0"
"""Eight bits hold what four to six held: `benchmarks/layouts.py` measures the answers."""
FASTER, NO_SLOWER = 1.1, 0.95
"""Times as fast, at which a layout is worth its place on the disk: in reading prompts, and in writing answers."""
ROUNDS = 3
PREFILL, DECODE = 256, 32
"""Tokens; those of a usual question."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What trying a layout came to."""

    layout: Layout
    used: bool
    """Whether it is used from now on."""


def chat_model_file(settings: Settings) -> Path:
    """The file of the chat model on this machine: in the layout that was found faster on this processor, if any.

    Raises:
        ModelNotFoundError: The model is not on this machine.
    """
    store = ModelStore(settings.models_dir, settings.offline)
    path = store.path(settings.model, "chat")
    model = store.catalogue.get(settings.model)
    if model is None or not settings.fast_layout:
        return path
    layout = store.layout(model, this_processor)
    return store.layout_file(model, layout.name) if layout else path


def tune(settings: Settings, tell: Callable[[str], None]) -> Tuned:
    """Write the settings' chat model in another layout, and keep it if it is faster here.

    Raises:
        ModelError: The model is not of the catalogue or not on this machine, or the layout cannot be written or read.
    """
    from ..generation.llama import LlamaModel, physical_cores
    from ..generation.llama.requantize import requantize

    store = ModelStore(settings.models_dir, settings.offline)
    source = store.path(settings.model, "chat")
    model = store.catalogue.get(settings.model)
    if model is None:
        raise ModelError(
            "a file of your own is not replaced by another",
            path=source,
            remedy=f"Run `ragstone models requantize {source} TARGET.gguf --to {LAYOUT}`, and compare the two with "
            "`ragstone models bench`",
        )
    store.remove_layout(model)
    target = store.layout_file(model, LAYOUT)
    used = False
    try:
        tell(f"writing it as {LAYOUT}")
        requantize(source, target, LAYOUT, physical_cores())
        options = as_llama_options(settings, None)
        with LlamaModel(source, **options) as pulled, LlamaModel(target, **options) as other:
            prefill, decode = _times_as_fast(pulled, other, settings, tell)
        layout = Layout(LAYOUT, this_processor(), prefill, decode, target.stat().st_size)
        if used := prefill >= FASTER and decode >= NO_SLOWER:
            store.use_layout(model, layout)
        return Tuned(layout, used)
    finally:
        if not used:
            target.unlink(missing_ok=True)


def untune(settings: Settings) -> bool:
    """Delete the layout that `tune` made of the settings' model. Returns whether there was one.

    Raises:
        ModelNotFoundError: The model is not of the catalogue.
    """
    store = ModelStore(settings.models_dir, settings.offline)
    return store.remove_layout(find(settings.model, store.catalogue, "chat"))


def this_processor() -> str:
    """This machine's processor, with what llama.cpp uses of it."""
    import llama_cpp

    return f"{processor()}; {llama_cpp.llama_print_system_info().decode('utf-8', 'replace')}"


def _times_as_fast(
    pulled: LlamaModel, other: LlamaModel, settings: Settings, tell: Callable[[str], None]
) -> tuple[float, float]:
    """How many times as fast the other one reads and writes: the median of rounds in which both take turns."""
    from ..generation.llama.speed import measure

    ratios = []
    for number in range(1, ROUNDS + 1):
        tell(f"measuring, {number} of {ROUNDS}")
        one, two = (measure(model, as_sampling(settings), PREFILL, DECODE) for model in (pulled, other))
        ratios.append((two.prefill / one.prefill, two.decode / one.decode))
    prefill, decode = zip(*ratios, strict=True)
    return statistics.median(prefill), statistics.median(decode)
