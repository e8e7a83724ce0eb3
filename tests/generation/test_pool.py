"""Models that share a budget of memory, with real weights."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from ragstone.errors import GenerationError, ModelLoadError
from ragstone.generation.llama import LlamaModel, LlamaOptions, ModelPool, PooledModel
from ragstone.generation.llama._memory import machine_memory
from ragstone.generation.sampling import Message, Sampling

MIB = 1 << 20
MESSAGES: list[Message] = [{"role": "user", "content": "Count from one to five."}]
FEW = Sampling(max_tokens=4)
SMALL: LlamaOptions = {"context_tokens": 512, "threads": 1, "parallel": 1}
"""About 250 MiB."""
OTHER: LlamaOptions = {**SMALL, "context_tokens": 640}
THIRD: LlamaOptions = {**SMALL, "kv_type": "q8_0"}
LEFT = 24 * MIB
"""That may stay resident when a model of a few hundred MiB was closed."""

OpenPool = Callable[..., ModelPool]


@pytest.fixture
def open_pool() -> Iterator[OpenPool]:
    opened: list[ModelPool] = []

    def open_one(mib: int, wait_seconds: float = 60.0) -> ModelPool:
        opened.append(ModelPool(mib * MIB, wait_seconds))
        return opened[-1]

    yield open_one
    for pool in opened:
        pool.close()


def text_of(pool: ModelPool, path: Path, options: LlamaOptions) -> str:
    return "".join(PooledModel(pool, path, **options).generate(MESSAGES, FEW))


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def test_a_model_that_is_loaded_is_not_loaded_again(open_pool: OpenPool, tiny_model_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    os.link(tiny_model_path, file)
    pool = open_pool(2000)
    with pool.use(file, **SMALL) as first:
        pass
    with pool.use(file, **SMALL) as again, pool.use(file, **OTHER) as other:
        assert again is first
        assert other is not first
        assert pool.held_bytes == first.needed.total + other.needed.total
    file.unlink()
    file.write_bytes(tiny_model_path.read_bytes())
    with pool.use(file, **SMALL) as changed:
        assert changed is not first


def test_the_memory_of_a_model_is_returned_when_another_takes_its_place(
    open_pool: OpenPool, tiny_model_path: Path
) -> None:
    large, larger = ({**SMALL, "context_tokens": tokens} for tokens in (4096, 5120))
    pool = open_pool(400)
    text_of(pool, tiny_model_path, SMALL)  # what stays from the first use of anything
    pool.close()
    before = resident()
    pool = open_pool(400)
    text_of(pool, tiny_model_path, large)
    one = resident()
    assert one - before > 150 * MIB
    text_of(pool, tiny_model_path, larger)
    other = resident()
    assert pool.loaded(tiny_model_path, **large) is None
    more = 1024 * 2 * 2 * 192 * 30  # keys and values of the additional tokens
    assert other - one < more + LEFT
    pool.close()
    assert resident() - before < LEFT


def test_the_unused_model_of_the_longest_time_ago_goes_first(open_pool: OpenPool, tiny_model_path: Path) -> None:
    pool = open_pool(500)  # for two
    for options in (SMALL, OTHER, SMALL, THIRD):
        text_of(pool, tiny_model_path, options)
    assert pool.loaded(tiny_model_path, **OTHER) is None
    with pool.use(tiny_model_path, **SMALL):
        text_of(pool, tiny_model_path, OTHER)
        assert pool.loaded(tiny_model_path, **SMALL) is not None
        assert pool.loaded(tiny_model_path, **THIRD) is None
    assert pool.held_bytes <= pool.most_bytes


def test_an_answer_keeps_its_model_and_others_wait_for_it_so_long(open_pool: OpenPool, tiny_model_path: Path) -> None:
    pool = open_pool(330, wait_seconds=0.2)
    answer = iter(PooledModel(pool, tiny_model_path, **SMALL).generate(MESSAGES, Sampling(max_tokens=20)))
    first = next(answer)
    with pytest.raises(ModelLoadError, match=r"no room .* answered\. Ask again later, or raise models_memory_mb"):
        text_of(pool, tiny_model_path, OTHER)
    whole = first + "".join(answer)
    assert text_of(pool, tiny_model_path, OTHER)
    with pool.use(tiny_model_path, **SMALL) as model:
        assert "".join(model.generate(MESSAGES, Sampling(max_tokens=20))) == whole


def test_who_waits_gets_the_place_of_an_answer_that_is_dropped(open_pool: OpenPool, tiny_model_path: Path) -> None:
    pool = open_pool(330)
    answer = iter(PooledModel(pool, tiny_model_path, **SMALL).generate(MESSAGES, Sampling(max_tokens=400)))
    next(answer)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(text_of, pool, tiny_model_path, OTHER)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        del answer
        assert waiting.result(60)


@pytest.mark.parametrize("first", [True, False])
def test_a_model_beyond_the_budget_is_refused_before_it_is_loaded(
    first: bool, open_pool: OpenPool, tiny_model_path: Path
) -> None:
    pool = open_pool(300)
    if not first:
        text_of(pool, tiny_model_path, SMALL)
    held = pool.held_bytes
    with (
        pytest.raises(
            ModelLoadError, match=r"takes \d+ MiB, 360 of them .* 300\. Lower context_tokens .* raise models"
        ),
        pool.use(tiny_model_path, **{**SMALL, "context_tokens": 8192, "parallel": 2}),
    ):
        pass
    assert pool.held_bytes == held


def test_threads_that_use_more_models_than_fit_get_the_answers_of_each(
    open_pool: OpenPool, tiny_model_path: Path
) -> None:
    kinds = [SMALL, OTHER, THIRD]
    expected = []
    for options in kinds:
        with LlamaModel(tiny_model_path, **options) as model:
            expected.append("".join(model.generate(MESSAGES, FEW)))
    pool, held = open_pool(500), list[int]()
    start = threading.Barrier(3)

    def ask(number: int) -> list[bool]:
        start.wait()
        right = []
        for turn in range(3):
            which = (number + turn) % 3
            right.append(text_of(pool, tiny_model_path, kinds[which]) == expected[which])
            held.append(pool.held_bytes)
        return right

    with ThreadPoolExecutor(3) as threads:
        assert all(all(right) for right in threads.map(ask, range(3)))
    assert max(held) <= pool.most_bytes


def test_all_models_forget_what_they_read(open_pool: OpenPool, tiny_model_path: Path) -> None:
    pool = open_pool(2000)
    models = [PooledModel(pool, tiny_model_path, **options) for options in (SMALL, OTHER)]

    def read_tokens(model: PooledModel) -> int | None:
        completion = model.generate(MESSAGES, FEW)
        assert "".join(completion)
        return completion.read_tokens

    new = [read_tokens(model) for model in models]
    assert [read_tokens(model) for model in models] == [2, 2]
    pool.forget()
    assert [read_tokens(model) for model in models] == new


def test_a_file_that_is_no_model_and_a_closed_pool_are_refused(
    open_pool: OpenPool, tiny_model_path: Path, tmp_path: Path
) -> None:
    pool = open_pool(2000)
    broken = tmp_path / "broken.gguf"
    for content in (b"", b"GGUF" + bytes(100)):
        broken.write_bytes(content)
        with pytest.raises(ModelLoadError, match=r"broken\.gguf"):
            text_of(pool, broken, SMALL)
    with pytest.raises(ModelLoadError, match="cannot be read"):
        text_of(pool, tmp_path / "missing.gguf", SMALL)
    pool.close()
    with pytest.raises(GenerationError, match="closed"):
        text_of(pool, tiny_model_path, SMALL)


def test_the_memory_of_a_container_is_what_it_may_use(tmp_path: Path) -> None:
    whole = psutil.virtual_memory().total
    limit = tmp_path / "memory.max"
    assert machine_memory((limit,)) == whole
    for told, bytes_ in (("max\n", whole), ("1048576\n", MIB), (f"{1 << 62}\n", whole)):
        limit.write_text(told)
        assert machine_memory((limit,)) == bytes_
