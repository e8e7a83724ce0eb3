"""Speed, measured through the path of an answer and by llama.cpp's own tool."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import ModelLoadError, SettingsError
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama.speed import (
    LlamaBench,
    Speed,
    facts_of,
    find_llama_bench,
    library_folder,
    measure,
    read_llama_bench,
)
from ragstone.generation.sampling import Sampling

RECORDED = (Path(__file__).parents[1] / "data" / "llama_bench.json").read_text("utf-8")
"""What llama-bench wrote for -p 32 -n 8 -r 2."""


@pytest.fixture
def tool() -> LlamaBench:
    found = find_llama_bench()
    if found is None:
        pytest.skip("there is no llama-bench; `make llama-bench` builds it")
    return found


@pytest.fixture
def model(tiny_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(tiny_model_path, context_tokens=512, threads=1) as model:
        yield model


def test_what_is_timed_is_what_llama_bench_times(model: LlamaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    read, sizes = model._context.read, []

    def seen(pieces: Any) -> Any:
        sizes.append(sum(len(tokens) for _, _, tokens, _ in pieces))
        return read(pieces)

    monkeypatch.setattr(model._context, "read", seen)
    speed = measure(model, Sampling(), prefill=40, decode=6)
    assert sizes == [40, 40, *[1] * 6]
    assert speed.prefill > speed.decode > 0


def test_an_answer_that_would_end_goes_on_until_all_tokens_are_written(
    model: LlamaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def ends(token: int) -> bool:
        looked.append(token)
        return True

    monkeypatch.setattr(model._weights, "ends", ends)
    measure(model, Sampling(), prefill=8, decode=5)
    assert len(looked) == 1 + 1 + 5


def test_a_model_in_use_answers_as_before_when_it_was_measured(model: LlamaModel) -> None:
    asked = [{"role": "user", "content": "Name three colours."}]
    before = "".join(model.generate(asked, Sampling(max_tokens=6)))  # type: ignore[arg-type]
    measure(model, Sampling(), prefill=16, decode=2)
    assert "".join(model.generate(asked, Sampling(max_tokens=6))) == before  # type: ignore[arg-type]


def test_the_facts_are_those_of_the_file(model: LlamaModel) -> None:
    facts = facts_of(model)
    assert (facts.trained_tokens, facts.vocabulary, facts.layers) == (8192, 49152, 31)
    assert facts.licence == "apache-2.0"
    assert len(facts.devices) == (1 if facts.gpu_layers else 0)


def test_llama_bench_itself_measures_with_our_library(tool: LlamaBench, tiny_model_path: Path) -> None:
    speed = tool.measure(tiny_model_path, threads=1, gpu_layers=0, prefill=32, decode=4)
    assert speed.prefill > speed.decode > 0
    if sys.platform == "linux":
        assert tool.shares_library


def test_a_file_that_llama_bench_cannot_load_is_an_error_that_says_so(tool: LlamaBench, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and no more")
    with pytest.raises(ModelLoadError, match=r"broken\.gguf"):
        tool.measure(tmp_path / "broken.gguf", threads=1, gpu_layers=0, prefill=1, decode=1)


def test_a_tool_that_is_none_is_an_error(tmp_path: Path, tiny_model_path: Path) -> None:
    other = tmp_path / "llama-bench"
    other.write_text("#!/bin/sh\necho usage\n")
    other.chmod(0o755)
    with pytest.raises(ModelLoadError, match="cannot be read"):
        LlamaBench(other).measure(tiny_model_path, threads=1, gpu_layers=0)
    assert not LlamaBench(other).shares_library
    other.write_text("no program")
    with pytest.raises(ModelLoadError, match="cannot be run"):
        LlamaBench(other).measure(tiny_model_path, threads=1, gpu_layers=0)
    assert LlamaBench(other).shares_library is None


def test_the_output_of_llama_bench_is_read() -> None:
    reading, writing = json.loads(RECORDED)
    assert read_llama_bench(RECORDED, 32, 8) == Speed(reading["avg_ts"], writing["avg_ts"])
    assert reading["avg_ts"] > writing["avg_ts"] > 0


@pytest.mark.parametrize(("text", "prefill"), [(RECORDED, 33), (RECORDED[:-20], 32), ("{}", 32), ("[1]", 32)])
def test_output_of_another_run_or_none_is_refused(text: str, prefill: int) -> None:
    with pytest.raises(ModelLoadError, match="llama-bench"):
        read_llama_bench(text, prefill, 8)


def test_the_tool_is_looked_for_at_the_path_given_then_in_the_cache_then_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / name / "llama-bench" for name in ("given", "cache", "path")]
    for place in places:
        place.parent.mkdir()
        place.touch(0o755)
    monkeypatch.setenv("PATH", str(places[2].parent))
    assert find_llama_bench(places[0], [places[1].parent]) == LlamaBench(places[0])
    assert find_llama_bench(None, [places[1].parent]) == LlamaBench(places[1])
    assert find_llama_bench(None, [tmp_path]) == LlamaBench(places[2])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_llama_bench(None, [tmp_path]) is None
    with pytest.raises(SettingsError, match="no llama-bench"):
        find_llama_bench(tmp_path / "absent")


def test_the_library_is_where_it_is_looked_for() -> None:
    assert list(library_folder().glob("libllama.*"))
