from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.app.encoders import Encoders
from ragstone.app.settings import Settings
from ragstone.generation.models import ModelStore
from ragstone.retrieval import embedding
from ragstone.retrieval.library import Library


@pytest.fixture
def encoders(second_model: Path, tmp_path: Path) -> Iterator[Encoders]:
    models = second_model.parent
    settings = Settings(models_dir=models, embedding_model=str(second_model))
    with Library(tmp_path / "library", create=True) as library:
        yield Encoders(library, settings, ModelStore(models, offline=True))


@pytest.mark.parametrize("ingested_first", [True, False])
def test_an_ingest_runs_on_a_gpu_and_a_search_does_not_whichever_comes_first(
    encoders: Encoders, ingested_first: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "_has_gpu", lambda: True)
    opened = {ingesting: encoders.embedder(ingesting=ingesting) for ingesting in (ingested_first, not ingested_first)}
    runtimes = {ingesting: embedder.identity.runtime.partition("-")[0] for ingesting, embedder in opened.items()}
    assert runtimes == {True: "torch", False: "openvino"}
    assert opened == {ingesting: encoders.embedder(ingesting=ingesting) for ingesting in (True, False)}


def test_without_a_gpu_an_ingest_and_a_search_share_a_model(encoders: Encoders, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding, "_has_gpu", lambda: False)
    assert encoders.embedder() is encoders.embedder(ingesting=True)
