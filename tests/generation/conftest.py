from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragstone.generation.context import Passage
from ragstone.generation.llama import LlamaModel
from ragstone.retrieval.records import Chunk, Hit

MakePassages = Callable[..., list[Passage]]


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(tiny_model_path, context_tokens=1024, threads=1) as model:
        yield model


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
