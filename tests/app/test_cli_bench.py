"""`ragstone models bench` as a process, with real weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.generation.llama.speed import find_llama_bench

SHORT = ("--rounds", "1", "--prefill", "32", "--decode", "8")


@pytest.fixture
def ragstone_cli(ragstone_cli: Any, second_model: Path) -> Callable[..., Any]:
    """Commands that have both embedding models."""
    both: Callable[..., Any] = replace(ragstone_cli, models_dir=second_model.parent)
    return both


@pytest.fixture
def few(second_model: Path) -> dict[str, str]:
    """Settings with which little is read, and that fast."""
    sizes = {"HITS": "1", "MAX_TOKENS": "8", "CHUNK_TOKENS": "64", "CHUNK_OVERLAP": "0"}
    return {f"RAGSTONE_{name}": value for name, value in sizes.items()} | {
        "RAGSTONE_EMBEDDING_MODEL": str(second_model)
    }


@pytest.fixture
def broken(tmp_path: Path, tiny_model_path: Path) -> Path:
    """The first megabyte of a model."""
    with tiny_model_path.open("rb") as file:
        (tmp_path / "broken.gguf").write_bytes(file.read(1 << 20))
    return tmp_path / "broken.gguf"


@pytest.fixture
def own_library(ragstone_cli: Callable[..., Any], few: dict[str, str], samples: Path) -> None:
    guide = samples / "handbook" / "new-employee-guide.md"
    Path(ragstone_cli.folder / "guide.md").write_text(guide.read_text("utf-8")[:3000], "utf-8")
    assert ragstone_cli("ingest", "guide.md", env=few).code == 0


@pytest.mark.usefixtures("own_library")
def test_a_model_is_measured_in_every_way_and_a_broken_one_named(
    ragstone_cli: Callable[..., Any], few: dict[str, str], broken: Path, shallow_model_path: Path
) -> None:
    options = (*SHORT, "--questions", "2", "--perplexity", "--carbon-intensity", "400", "--json")
    done = ragstone_cli("models", "bench", shallow_model_path, broken.name, *options, env=few)
    assert done.code == 3, done.stderr
    told = done.json()
    model, failed = told["models"]
    assert model["name"] == "shallow.gguf"
    assert model["prefill_tps"] > model["decode_tps"] > 0
    assert model["first_token_ms"] > 0
    assert len(model["first_tokens_ms"]) == len(model["prompt_tokens"]) == 5
    assert model["bytes"] == shallow_model_path.stat().st_size
    assert 0.5 * model["bytes"] / 1e6 < model["peak_mb"] < 2000
    assert (model["context"], model["licence"], model["layers"]) == (8192, "apache-2.0", 5)
    assert 0 <= model["gpu_layers"] <= 5
    assert model["threads"] == 1
    assert model["quality"]["all"]["n"] == 2
    assert model["quality"]["answer_ms"] > 0
    joules = model["energy"]["joules_per_answer"]["mean"]
    assert (joules is None) == (model["energy"]["gco2e_per_answer"] is None) == bool(model["energy"]["reason"])
    assert model["perplexity"]["value"] > 1
    assert model["perplexity"]["tokens"] >= 256
    assert (failed["name"], failed["decode_tps"], failed["quality"]) == ("broken.gguf", None, None)
    assert "broken.gguf" in failed["error"]
    assert "broken.gguf" in done.stderr
    assert told["choice"]["model"] == "shallow.gguf"
    assert "bias" in told["choice"]["unscored"]
    if find_llama_bench() is None:
        assert model["prefill_ratio"] is model["decode_ratio"] is told["llama_bench"] is None
        assert model["ratio_reason"] == "no llama-bench"
        pytest.skip("all but the ratio is checked: there is no llama-bench; `make llama-bench` builds it")
    assert 0.1 < model["prefill_ratio"] < 10
    assert 0.1 < model["decode_ratio"] < 10


def test_people_get_a_table_and_what_is_not_measured_is_said(
    ragstone_cli: Callable[..., Any], few: dict[str, str], shallow_model_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "weights.toml").write_text("speed = 1.0\n")
    # Neither the cache nor PATH has a llama-bench then.
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(tmp_path)}
    options = (*SHORT, "--no-quality", "--weights", "weights.toml")
    done = ragstone_cli("models", "bench", shallow_model_path, *options, env=few | nowhere)
    assert done.code == 0, done.stderr
    assert "not measured: no llama-bench" in done.stdout
    assert "of llama-bench" not in done.stdout
    assert "not asked" in done.stdout
    assert "accuracy is unscored, and its weight spread over the others: no questions were answered" in done.stdout
    assert "For this machine: shallow.gguf" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no-such-model"], 1, "no model named"),
        (["all-minilm-l6-v2"], 2, "is no chat model"),
        (["absent.gguf"], 1, "no model at this path"),
        (["smollm2-135m", "--llama-bench", "absent"], 2, "no llama-bench that could be run"),
        (["smollm2-135m", "--weights", "absent.toml"], 2, "weights cannot be read"),
        (["smollm2-135m", "--perplexity"], 1, "library"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_runs(
    words: list[str], code: int, said: str, ragstone_cli: Callable[..., Any]
) -> None:
    done = ragstone_cli("models", "bench", *words)
    assert (done.code, said in done.stderr) == (code, True), done.stderr
    assert "ingested" not in done.stderr
