import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.errors import ModelLoadError, ModelNotFoundError
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import Hit
from ragstone.retrieval.rerank import Reranker, rerank
from ragstone.retrieval.retriever import Retriever

QUERY = "How large is the battery of the ferry?"
MakeCrossEncoder = Callable[[int], Path]

WATCHED = """
import sys
from pathlib import Path
used = []
sys.addaudithook(lambda name, args: used.append(name) if name in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg") else None)
from ragstone.retrieval.rerank import Reranker
assert not {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
print(*Reranker(Path(sys.argv[1])).scores("a query", ["a passage", "another"]))
assert not used, used
"""


@pytest.fixture(scope="module")
def make_cross_encoder(model_store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> MakeCrossEncoder:
    """The transformer of all-MiniLM-L6-v2 under a head that was drawn once: a cross-encoder of real weights and size.

    It was not taught what answers a query: these tests ask whether the scores are its own, not whether they are good.
    """

    def make(outputs: int) -> Path:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        source = model_store.pull("all-minilm-l6-v2")
        model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=outputs)
        torch.nn.init.normal_(model.classifier.weight, generator=torch.Generator().manual_seed(4))
        torch.nn.init.zeros_(model.classifier.bias)
        folder = tmp_path_factory.mktemp("cross-encoder")
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="module")
def folder(make_cross_encoder: MakeCrossEncoder) -> Path:
    return make_cross_encoder(1)


@pytest.fixture(scope="module")
def reranker(folder: Path) -> Reranker:
    return Reranker(folder)


@pytest.fixture(scope="module")
def hits(sample_library: Path, embedder: Embedder) -> list[Hit]:
    with Library(sample_library) as library:
        return Retriever(library, lambda: embedder).search(QUERY, 12)


@pytest.fixture(scope="module")
def theirs(folder: Path, hits: list[Hit]) -> list[float]:
    """The outputs of the transformer itself, before the logistic function, each pair alone."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        return [
            model(**tokenizer(QUERY, hit.chunk.passage, truncation=True, return_tensors="pt")).logits.item()
            for hit in hits
        ]


def test_scores_are_those_of_the_model_between_0_and_1(reranker: Reranker, hits: list[Hit], theirs: list[float]):
    scores = reranker.scores(QUERY, [hit.chunk.passage for hit in hits])
    assert scores.shape == (12,)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(1 / (1 + np.exp(-np.array(theirs))), abs=1e-5)
    assert np.ptp(scores) > 0.01
    assert reranker.scores(QUERY, []).shape == (0,)


def test_sentence_transformers_itself_gives_the_same_scores(reranker: Reranker, folder: Path, hits: list[Hit]):
    from sentence_transformers import CrossEncoder

    pairs = [(QUERY, hit.chunk.passage) for hit in hits]
    assert reranker.scores(QUERY, [text for _, text in pairs]) == pytest.approx(
        CrossEncoder(str(folder), device="cpu").predict(pairs), abs=1e-5
    )


def test_a_passage_keeps_its_score_wherever_it_stands(reranker: Reranker, hits: list[Hit]):
    passages = [hit.chunk.passage for hit in hits]
    scores = reranker.scores(QUERY, passages)
    assert np.array_equal(reranker.scores(QUERY, passages), scores)
    assert reranker.scores(QUERY, passages[::-1])[::-1] == pytest.approx(scores, abs=1e-5)
    assert reranker.scores(QUERY, passages[3:4])[0] == pytest.approx(scores[3], abs=1e-5)


def test_hits_come_in_the_order_of_the_models_own_scores(reranker: Reranker, hits: list[Hit], theirs: list[float]):
    found = rerank(QUERY, hits, reranker, 12)
    expected = sorted(range(12), key=lambda place: -theirs[place])
    assert [hit.chunk.id for hit in found] == [hits[place].chunk.id for place in expected]
    assert expected != list(range(12)), "this proves nothing when the order was the same before"
    assert [hit.rank for hit in found] == list(range(1, 13))
    for hit, place in zip(found, expected, strict=True):
        assert hit.ranks == hits[place].ranks | {"fused": place + 1, "rerank": hit.rank}
        assert hit.score == pytest.approx(1 / (1 + np.exp(-theirs[place])), abs=1e-5)
        assert hit == replace(hits[place], rank=hit.rank, score=hit.score, ranks=hit.ranks)


@pytest.mark.parametrize("depth", [1, 5, 11])
def test_hits_below_the_depth_stay_below_in_their_order(
    reranker: Reranker, hits: list[Hit], theirs: list[float], depth: int
):
    found = rerank(QUERY, hits, reranker, depth)
    expected = sorted(range(depth), key=lambda place: -theirs[place])
    assert [hit.chunk.id for hit in found] == [hits[place].chunk.id for place in [*expected, *range(depth, 12)]]
    assert [hit.rank for hit in found] == list(range(1, 13))
    scores = [hit.score for hit in found]
    assert all(above > below for above, below in pairwise(scores))
    assert ["rerank" in hit.ranks for hit in found] == [True] * depth + [False] * (12 - depth)
    assert all(hit.ranks["fused"] == hit.rank for hit in found[depth:])
    gaps = [hits[depth].score - hit.score for hit in hits[depth:]]
    assert [found[depth].score - hit.score for hit in found[depth:]] == pytest.approx(gaps, abs=1e-9)


def test_equal_scores_keep_their_order_and_no_hits_stay_none(reranker: Reranker, hits: list[Hit]):
    same = [replace(hit, chunk=replace(hits[0].chunk, id=hit.chunk.id)) for hit in hits[:4]]
    assert [hit.chunk.id for hit in rerank(QUERY, same, reranker, 4)] == [hit.chunk.id for hit in same]
    assert rerank(QUERY, [], reranker, 4) == []


def test_threads_get_the_scores_of_their_own_queries(reranker: Reranker, hits: list[Hit]):
    passages = [hit.chunk.passage for hit in hits[:3]]
    queries = [f"{QUERY} {word}" for word in ("fast", "heavy", "old", "blue")]
    alone = [reranker.scores(query, passages) for query in queries]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda query: reranker.scores(query, passages), queries))
    assert np.array_equal(alone, together)
    assert len(np.unique(alone)) == len(queries) * len(passages)


def test_what_is_too_long_is_told_once_aloud_and_never_with_its_text(folder: Path, caplog: pytest.LogCaptureFixture):
    reranker = Reranker(folder)
    caplog.set_level(logging.DEBUG, logger="ragstone.retrieval.rerank")
    reranker.scores("query", ["walrus " * 100])
    assert not caplog.records
    for _ in range(2):
        reranker.scores("query", ["walrus " * 100, "walrus " * 600])
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]
    assert caplog.records[0].getMessage() == "the reranker reads 512 tokens; 1 of 2 passages are longer"
    assert "walrus" not in caplog.text


def test_a_model_that_is_no_cross_encoder_is_refused(model_store: ModelStore):
    with pytest.raises(ModelLoadError, match=r"no cross-encoder but BertModel.*Set `reranker` to a cross-encoder"):
        Reranker(model_store.path("all-minilm-l6-v2"))


def test_a_model_of_several_classes_is_refused(make_cross_encoder: MakeCrossEncoder):
    with pytest.raises(ModelLoadError, match="sorts pairs into 3 classes"):
        Reranker(make_cross_encoder(3))


def test_a_folder_without_a_model_or_with_half_of_one_is_refused(folder: Path, tmp_path: Path):
    with pytest.raises(ModelLoadError, match="there is no model in it"):
        Reranker(tmp_path)
    half = shutil.copytree(folder, tmp_path / "half")
    (half / "model.safetensors").write_bytes((half / "model.safetensors").read_bytes()[:1_000_000])
    with pytest.raises(ModelLoadError, match="cannot load this cross-encoder"):
        Reranker(half)
    (half / "model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match="cannot load this cross-encoder"):
        Reranker(half)
    (half / "config.json").write_text("{")
    with pytest.raises(ModelLoadError, match="there is no model in it"):
        Reranker(half)


def test_a_head_that_is_not_in_the_file_is_not_made_up(folder: Path, model_store: ModelStore, tmp_path: Path):
    headless = shutil.copytree(model_store.path("all-minilm-l6-v2"), tmp_path / "headless")
    (headless / "modules.json").unlink()
    shutil.copy(folder / "config.json", headless)
    with pytest.raises(ModelLoadError, match=r"weights lack classifier.bias, classifier.weight"):
        Reranker(headless)


def test_loading_and_scoring_uses_no_network_and_says_nothing(folder: Path):
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(folder)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) == 2


def test_a_name_of_the_hub_is_never_brought_by_a_search(tmp_path: Path, folder: Path):
    store = ModelStore(tmp_path, offline=True)
    with pytest.raises(ModelNotFoundError, match="models pull cross-encoder/ms-marco-MiniLM-L6-v2"):
        store.path("cross-encoder/ms-marco-MiniLM-L6-v2")
    shutil.copytree(folder, tmp_path / "cross-encoder--ms-marco-MiniLM-L6-v2")
    assert json.loads((store.path("cross-encoder/ms-marco-MiniLM-L6-v2") / "config.json").read_text())
    assert store.is_present("cross-encoder/ms-marco-MiniLM-L6-v2")
    assert store.pull("cross-encoder/ms-marco-MiniLM-L6-v2") == store.path("cross-encoder/ms-marco-MiniLM-L6-v2")


def test_the_setting_reranks_the_searches_of_a_library(
    sample_library: Path, model_store: ModelStore, folder: Path, hits: list[Hit], theirs: list[float]
):
    def found(k: int, **settings: str | int) -> list[Hit]:
        chosen = Settings(models_dir=model_store.folder, **settings)
        with Ragstone.open(sample_library, create=False, settings=chosen) as rag:
            assert rag.search(" ", k) == []
            return rag.search(QUERY, k)

    expected = [hits[place].chunk.id for place in sorted(range(12), key=lambda place: -theirs[place])]
    plain = [hit.chunk.id for hit in hits]
    assert [hit.chunk.id for hit in found(4)] == plain[:4]
    reranked = found(4, reranker=str(folder), rerank_depth=12)
    assert [hit.chunk.id for hit in reranked] == expected[:4] != plain[:4]
    assert [hit.rank for hit in reranked] == [1, 2, 3, 4]
    assert {hit.chunk.id for hit in found(12, reranker=str(folder), rerank_depth=2)[:2]} == set(plain[:2])
    with pytest.raises(ModelNotFoundError, match="models pull somebody/cross"):
        found(4, reranker="somebody/cross")
