"""How fast a model reads and writes through all that an answer goes through, and by llama.cpp's own llama-bench."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy as np
import platformdirs

from ...errors import ModelLoadError, SettingsError
from ..sampling import Sampling
from ._context import BATCH
from ._drawing import Drawing, Logits
from ._scheduler import Job
from ._text import StreamedText
from .model import LlamaModel
from .options import FlashAttention, KvType

PREFILL, DECODE = 512, 128
"""Tokens, by default; those of llama-bench."""
TOOL = "llama-bench"
BUILD = "Build it with `make llama-bench`, or name one with --llama-bench"


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second."""

    prefill: float
    """Of a prompt that is read."""
    decode: float
    """Of an answer that is written."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model and llama.cpp say of themselves."""

    trained_tokens: int
    """The longest context that the model was trained on."""
    licence: str | None
    """`general.license` of the file."""
    vocabulary: int
    layers: int
    gpu_layers: int
    """Those of them that really are on a GPU."""
    devices: tuple[str, ...]
    """Names and descriptions of these GPUs."""


def facts_of(model: LlamaModel) -> Facts:
    """What is known of a model once it is loaded."""
    from ._offload import devices

    weights, offload = model._weights, model.offload
    described = {device.name: f"{device.name} ({device.description})" for device in devices()}
    return Facts(
        trained_tokens=weights.trained_tokens,
        licence=weights.metadata("general.license"),
        vocabulary=weights.vocabulary_size,
        layers=offload.total,
        gpu_layers=offload.layers,
        devices=tuple(described.get(name, name) for name in offload.devices),
    )


def measure(
    model: LlamaModel, sampling: Sampling, prefill: int = PREFILL, decode: int = DECODE, seed: int = 0
) -> Speed:
    """A model's speed as an answer has it: in the scheduler's turn, with tokens drawn and made text.

    As by llama-bench, each is measured from an empty memory, after a run that is not counted: `prefill` random tokens
    are read until the first token is drawn; `decode` tokens are written after one token. The end of an answer is
    looked for and not heeded. What the model remembers of earlier prompts, on disk too, is forgotten.

    Args:
        model: Used by nobody else in the meantime.
        sampling: How tokens are drawn.
        prefill: Tokens, at least 1.
        decode: Tokens, at least 1.
        seed: Of the random tokens.
    """
    drawn = np.random.default_rng(seed).integers(model._weights.vocabulary_size, size=prefill)
    prompt: list[int] = drawn.tolist()
    _seconds(model, prompt, 1, sampling)
    return Speed(
        prefill=prefill / _seconds(model, prompt, 1, sampling),
        decode=decode / _seconds(model, prompt[:1], decode, sampling),
    )


def _seconds(model: LlamaModel, prompt: list[int], most: int, sampling: Sampling) -> float:
    weights, scheduler = model._weights, model._scheduler
    drawing, text = Drawing(weights, sampling), StreamedText(sampling.stop)

    def draw(logits: Logits) -> int:
        token = drawing.draw(logits)
        weights.ends(token)  # what it costs counts
        return token

    model.forget()
    job = Job(prompt, draw, most, drawing.close)
    started = time.perf_counter()
    scheduler.submit(job)
    try:
        while (token := scheduler.take(job)) is not None:
            text.add(weights.piece(token))
    finally:
        scheduler.cancel(job)
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class LlamaBench:
    """llama.cpp's own tool, run with the very library that Ragstone runs on.

    It has to be of the same version; `scripts/build-llama-bench.sh` builds it from the same source.
    """

    path: Path

    @property
    def shares_library(self) -> bool | None:
        """Whether it loads Ragstone's own llama.cpp; None where the system does not tell."""
        try:
            listed = subprocess.run(
                [self.path, "--help"],
                env=self._environment | {"LD_TRACE_LOADED_OBJECTS": "1"},  # glibc's loader lists the libraries, no more
                capture_output=True,
                text=True,
            )
        except OSError:  # it cannot be run, which `measure` tells
            return None
        if "=>" not in listed.stdout:
            return None
        return f"{library_folder()}{os.sep}" in listed.stdout

    def measure(
        self,
        model: Path,
        *,
        threads: int,
        gpu_layers: int,
        kv_type: KvType = "f16",
        flash_attention: FlashAttention = "auto",
        prefill: int = PREFILL,
        decode: int = DECODE,
    ) -> Speed:
        """A model's speed; for the arguments see `LlamaModel` and `measure`.

        Raises:
            ModelLoadError: It failed, or its output cannot be read.
        """
        options = {"-m": model, "-t": threads, "-ngl": gpu_layers, "-fa": flash_attention, "-ctk": kv_type}
        options |= {"-ctv": kv_type, "-b": BATCH, "-ub": BATCH, "-p": prefill, "-n": decode, "-r": 1, "-o": "json"}
        words = [str(word) for option in options.items() for word in option]
        try:
            done = subprocess.run([self.path, *words], env=self._environment, capture_output=True, text=True)
        except OSError as error:
            raise ModelLoadError(f"it cannot be run ({error.strerror})", path=self.path, remedy=BUILD) from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise ModelLoadError(f"{TOOL} failed ({last})", path=self.path, remedy=BUILD)
        return read_llama_bench(done.stdout, prefill, decode)

    @property
    def _environment(self) -> dict[str, str]:
        folders = os.pathsep.join((str(library_folder()), str(self.path.absolute().parent)))
        return dict(os.environ) | {"LD_LIBRARY_PATH": folders, "DYLD_LIBRARY_PATH": folders}


def read_llama_bench(text: str, prefill: int, decode: int) -> Speed:
    """The speeds in what `llama-bench -o json` wrote for a prompt and an answer of so many tokens.

    Raises:
        ModelLoadError: It is not that.
    """
    try:
        rates = {(run["n_prompt"], run["n_gen"]): float(run["avg_ts"]) for run in json.loads(text)}
        return Speed(rates[prefill, 0], rates[0, decode])
    except (LookupError, TypeError, ValueError) as error:
        raise ModelLoadError(f"the output of {TOOL} cannot be read ({error!r})", remedy=BUILD) from error


def library_folder() -> Path:
    """Where the llama.cpp lies that Ragstone runs on."""
    return Path(llama_cpp.__file__).parent / "lib"


def find_llama_bench(given: Path | None = None, folders: Sequence[Path] | None = None) -> LlamaBench | None:
    """The tool at a path, else the one that was built for this version, else the one on PATH; None if there is none.

    Args:
        given: The user's own.
        folders: Where to look before PATH, by default in the cache.

    Raises:
        SettingsError: There is none at the given path.
    """
    if given is not None:
        if not (given.is_file() and os.access(given, os.X_OK)):
            raise SettingsError(f"there is no {TOOL} that could be run", path=given, remedy=BUILD)
        return LlamaBench(given)
    if folders is None:
        folders = [platformdirs.user_cache_path("ragstone") / TOOL / llama_cpp.__version__]
    found = next((path for folder in folders if (path := shutil.which(TOOL, path=str(folder)))), shutil.which(TOOL))
    return LlamaBench(Path(found)) if found else None
