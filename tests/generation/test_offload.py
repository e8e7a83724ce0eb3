"""How many layers go to a GPU, by what llama.cpp says of the model; where there is a GPU, whether they are there."""

from pathlib import Path

import llama_cpp
import pytest

from ragstone.generation.llama import LlamaModel, devices, supports_gpu
from ragstone.generation.llama._log import Collected
from ragstone.generation.llama._offload import MARGIN, Needed, Offload, assigned, fitting, needed_by

MIB = 1 << 20
NEEDED = Needed(weights=1000 * MIB, context=200 * MIB, computing=300 * MIB, layers=30)


@pytest.mark.parametrize(
    ("free", "layers"),
    [
        (0, 0),
        (MARGIN + 300 * MIB, 0),
        (MARGIN + 340 * MIB, 1),
        (MARGIN + 1499 * MIB, 29),
        (MARGIN + 1500 * MIB, 30),
        (1 << 40, 30),
    ],
)
def test_as_many_layers_fit_as_leave_room_for_their_context_and_for_others(free: int, layers: int) -> None:
    assert fitting(NEEDED, free) == layers


def test_what_a_model_needs_is_read_from_a_trial_that_allocates_nothing(tiny_model_path: Path) -> None:
    params, context = llama_cpp.llama_model_default_params(), llama_cpp.llama_context_default_params()
    params.no_alloc, params.load_mode, context.n_ctx = True, 0, 4096
    with Collected() as said:
        model = llama_cpp.llama_model_load_from_file(str(tiny_model_path).encode(), params)
        trial = llama_cpp.llama_init_from_model(model, context)
        llama_cpp.llama_free(trial)
        llama_cpp.llama_model_free(model)
    needed = needed_by(said.text, 92 * MIB, 31)
    keys_and_values = 2 * 4096 * 192 * 30 * 2  # both, tokens, width of three heads, layers, bytes of f16
    assert needed.context == keys_and_values
    assert 10 * MIB < needed.computing < 400 * MIB


def test_the_layers_on_a_gpu_are_counted_by_what_llama_cpp_says() -> None:
    said = "".join(
        f"load_tensors: layer  {n:2} assigned to device {'CUDA0' if n > 9 else 'CPU'}, is_swa = 0\n" for n in range(29)
    )
    assert assigned(said) == Offload(19, 29, ("CUDA0",))
    assert assigned("") == Offload(0, 0, ())


def test_a_build_without_gpu_support_names_no_device() -> None:
    assert bool(devices()) == supports_gpu()


@pytest.mark.skipif(not supports_gpu(), reason="llama.cpp was not built for a GPU")
def test_all_layers_of_a_small_model_go_to_the_gpu_by_themselves(tiny_model_path: Path) -> None:
    with LlamaModel(tiny_model_path, context_tokens=512) as model:
        assert model.offload.layers == model.offload.total
        assert set(model.offload.devices) <= {device.name for device in devices()}
