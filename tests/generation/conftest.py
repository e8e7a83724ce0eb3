from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.generation.context import Passage
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama._scheduler import Adapters, Job
from ragstone.generation.sampling import Message
from ragstone.retrieval.records import Chunk, Hit

MakePassages = Callable[..., list[Passage]]


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(tiny_model_path, context_tokens=1024, threads=1) as model:
        yield model


NEAR = 1.0
"""Of two logits: rounding depends on what is read beside, and a tie within it can go either way."""


@pytest.fixture
def assert_likeliest() -> Callable[..., None]:
    """Checks that each token of an answer is the likeliest after those before it, when nothing else is read beside."""

    def check(model: LlamaModel, messages: list[Message], answer: str, adapters: Adapters = ()) -> None:
        tokens = model._weights.tokenize(answer.rstrip("\ufffd"))
        missed: list[float] = []

        def see(logits: npt.NDArray[np.float32]) -> int | None:
            token = tokens[len(missed)]
            missed.append(float(logits.max() - logits[token]))
            return token if len(missed) < len(tokens) else None

        model._run(Job(model.render(messages), see, len(tokens), adapters=adapters))
        assert len(missed) == len(tokens)
        assert max(missed) < NEAR

    return check


@pytest.fixture
def rewritten(tiny_model_path: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny model's file anew, with some of what it says of itself changed."""
    import gguf

    def write(name: str, changed: dict[str, Callable[[Any], Any]], **numbers: int) -> Path:
        reader, path = gguf.GGUFReader(tiny_model_path), tmp_path / name
        writer = gguf.GGUFWriter(path, "llama")
        for key, field in reader.fields.items():
            if not key.startswith("GGUF.") and key != "general.architecture":
                value = changed.get(key, lambda kept: kept)(field.contents())
                writer.add_key_value(key, value, field.types[0], *field.types[1:])
        for key, number in numbers.items():
            writer.add_uint32(f"llama.{key}", number)
        for tensor in reader.tensors:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


@pytest.fixture
def passages() -> MakePassages:
    """Passages of these texts, as if they had been found."""

    def make(*texts: str) -> list[Passage]:
        made = []
        for n, text in enumerate(texts, 1):
            chunk = Chunk(
                id=n,
                document_id=1,
                document="manual.txt",
                title="Manual",
                ordinal=n,
                char_start=0,
                char_end=len(text),
                text=text,
                tokens=len(text.split()),
            )
            made.append(Passage(n, Hit(rank=n, score=1 / n, chunk=chunk, similarity=0.5)))
        return made

    return make
