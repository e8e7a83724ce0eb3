"""LoRA adapters, made for the real weights of the tiny model."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from ragstone.errors import ModelLoadError
from ragstone.generation.llama import LlamaModel
from ragstone.generation.sampling import Message, Sampling

ASK: list[Message] = [{"role": "user", "content": "Write about the sea."}]
WIDTH, RANK = 576, 4  # of SmolLM2-135M; of the adapter
MakeAdapter = Callable[..., str]


@pytest.fixture
def adapter(tmp_path: Path) -> MakeAdapter:
    """An adapter that turns the queries of attention into something else, by random numbers."""

    def make(architecture: str = "llama", width: int = WIDTH, seed: int = 0) -> str:
        path = tmp_path / f"{architecture}-{width}-{seed}.gguf"
        writer, numbers = gguf.GGUFWriter(path, architecture), np.random.default_rng(seed)
        writer.add_string("general.type", "adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", float(RANK))
        for layer in range(30):
            name = f"blk.{layer}.attn_q.weight"
            writer.add_tensor(f"{name}.lora_a", numbers.normal(0, 0.2, (RANK, width)).astype(np.float32))
            writer.add_tensor(f"{name}.lora_b", numbers.normal(0, 0.2, (WIDTH, RANK)).astype(np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return str(path)

    return make


def answer(model: LlamaModel, *adapters: tuple[str, float]) -> str:
    return "".join(model.generate(ASK, Sampling(max_tokens=16), adapters))


def test_an_adapter_is_switched_on_and_off_by_the_request(tiny_model: LlamaModel, adapter: MakeAdapter) -> None:
    plain, path = answer(tiny_model), adapter()
    adapted = answer(tiny_model, (path, 1.0))
    assert adapted != plain
    assert answer(tiny_model) == plain
    assert answer(tiny_model, (path, 1.0)) == adapted
    assert answer(tiny_model, (path, 0.0)) == plain


def test_adapters_add_up_by_their_scales(tiny_model: LlamaModel, adapter: MakeAdapter) -> None:
    def likelihood(*adapters: tuple[str, float]) -> float:
        completion = tiny_model.generate(ASK, Sampling(max_tokens=1, logprobs=0), adapters)
        assert "".join(completion)
        return completion.logprobs[0].logprob

    one, other = adapter(), adapter(seed=1)
    half, whole, both = likelihood((one, 0.5)), likelihood((one, 1.0)), likelihood((one, 1.0), (other, 1.0))
    assert len({round(value, 3) for value in (likelihood(), half, whole, both)}) == 4
    assert likelihood((one, 0.5), (one, 0.5)) == pytest.approx(whole, abs=0.05)


def test_answers_with_and_without_an_adapter_run_side_by_side(
    tiny_model: LlamaModel, adapter: MakeAdapter, assert_likeliest: Callable[..., None]
) -> None:
    path = adapter()
    adapted = iter(tiny_model.generate(ASK, Sampling(max_tokens=16), ((path, 1.0),)))
    begun = next(adapted)
    plain = answer(tiny_model)
    assert_likeliest(tiny_model, ASK, begun + "".join(adapted), ((path, 1.0),))
    assert_likeliest(tiny_model, ASK, plain)


def test_an_adapter_for_another_model_is_refused(tiny_model: LlamaModel, adapter: MakeAdapter, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"no LoRA adapter for .*\(.*arch"):
        answer(tiny_model, (adapter(architecture="gemma"), 1.0))
    with pytest.raises(ModelLoadError, match="no LoRA adapter for"):
        answer(tiny_model, (adapter(width=512), 1.0))
    with pytest.raises(ModelLoadError, match="no LoRA adapter for"):
        answer(tiny_model, (str(tmp_path / "missing.gguf"), 1.0))
    with pytest.raises(ModelLoadError, match="no LoRA adapter for"):
        answer(tiny_model, (str(tiny_model.path), 1.0))
    assert answer(tiny_model)
