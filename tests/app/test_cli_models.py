"""`ragstone models requantize` as a real process."""

from pathlib import Path
from typing import Any

from ragstone.generation.models import ModelStore


def test_a_model_is_written_in_another_layout(ragstone_cli: Any, model_store: ModelStore, tmp_path: Path) -> None:
    pulled = model_store.pull("smollm2-135m")
    made = ragstone_cli("models", "requantize", str(pulled), "fast.gguf", "--to", "q8_0")
    assert made.code == 0
    assert made.stdout.strip() == "fast.gguf"
    assert (tmp_path / "fast.gguf").stat().st_size > pulled.stat().st_size


def test_what_is_no_model_is_refused_in_one_line(ragstone_cli: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("no model")
    made = ragstone_cli("models", "requantize", "notes.gguf", "fast.gguf")
    assert made.code == 1
    assert "cannot write it as q4_0" in made.error
    assert not (tmp_path / "fast.gguf").exists()
