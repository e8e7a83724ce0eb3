from collections.abc import Callable, Iterator
from pathlib import Path

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
