"""Measuring in a process of its own, and what goes wrong there."""

import os
from pathlib import Path

import numpy as np
import pytest

from ragstone.app.benching import ModelBench, Plan, _alone, _run_tool
from ragstone.app.machine import peak_bytes
from ragstone.app.settings import Settings
from ragstone.errors import ModelLoadError
from ragstone.generation.llama.speed import LlamaBench


def test_the_peak_is_that_of_the_process_itself() -> None:
    held = np.ones(50_000_000)  # 400 MB
    own = peak_bytes()
    assert own >= held.nbytes
    assert 5e6 < _alone(peak_bytes) < own - 0.5 * held.nbytes


def test_a_process_that_ends_without_a_word_is_an_error_that_tells_what_to_do() -> None:
    with pytest.raises(ModelLoadError, match="no memory left"):
        _alone(os._exit, 9)


def test_a_tool_that_fails_leaves_the_ratio_unmeasured_and_is_not_asked_again(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    tool = tmp_path / "llama-bench"
    tool.write_text(f"#!/bin/sh\necho . >>{tmp_path / 'calls'}\necho it is ill >&2\nexit 1\n")
    tool.chmod(0o755)
    result = ModelBench("model", tmp_path / "model.gguf")
    for _ in range(2):
        _run_tool(result, Plan(), Settings(), LlamaBench(tool))
    assert "it is ill" in result.no_ratio
    assert (result.ratio("prefill"), (tmp_path / "calls").read_text()) == (None, ".\n")
