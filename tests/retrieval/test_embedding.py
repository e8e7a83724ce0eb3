import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.errors import ModelLoadError
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder, load_embedder
from ragstone.retrieval.library import Library
from ragstone.tests.smaller_models import cut_into_two_files

WATCH = """
import json, sys
events = []
sys.addaudithook(lambda name, args: events.append([name, repr(args)]) if name in (
    "socket.connect", "socket.connect_ex", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
    "socket.sendmsg", "subprocess.Popen", "os.fork", "os.posix_spawn") else None)
try:
    {code}
except SystemExit as stop:
    assert not stop.code, stop.code
with open({out!r}, "w") as file:
    json.dump({{"events": events, "modules": sorted(sys.modules)}}, file)
"""


def watched(code: str, folder: Path) -> dict[str, Any]:
    """Runs code in a process of its own, with what it imported and what it did with the network and other processes."""
    out = folder / "watched.json"
    program = WATCH.format(code=code, out=str(out))
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(out.read_text())
    return result


TWO_MODELS = """
import os, signal, sys
from pathlib import Path
from ragstone.retrieval.embedding import load_embedder
model = Path(sys.argv[1])
first, second = (load_embedder(model, model.parent / "exported") for _ in range(2))
first.embed_query("a"), second.embed_query("b")
del first
del second
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def command(*words: str) -> str:
    return f"sys.argv = {['ragstone', *words]!r}; from ragstone.app.cli import main; main()"


@pytest.fixture(scope="session")
def texts(sample_library: Path) -> list[str]:
    """Twenty real passages of different lengths."""
    with Library(sample_library) as library:
        chunks = [chunk for document in library.documents() for chunk in library.chunks_of(document.id)]
    chosen = [chunk.text for chunk in chunks[:: len(chunks) // 20]][:20]
    assert len(set(map(len, chosen))) > 10
    return chosen


@pytest.fixture(scope="session")
def vectors(embedder: Embedder, texts: list[str]) -> npt.NDArray[np.float32]:
    return embedder.embed_passages(texts)


def test_vectors_agree_with_those_of_sentence_transformers_itself(
    embedder: Embedder, model_store: ModelStore, texts: list[str], vectors: npt.NDArray[np.float32]
):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(model_store.path("all-minilm-l6-v2")), device="cpu").encode(
        texts, normalize_embeddings=True
    )
    assert np.sum(vectors * theirs, axis=1).min() > 0.999
    query = "How much does the battery hold?"
    model = load_embedder(model_store.path("all-minilm-l6-v2"), model_store.folder / "exported", runtime="torch")
    assert model.identity.runtime.startswith("torch")
    assert model.identity != embedder.identity
    assert model.identity.same_vectors(embedder.identity)
    assert np.sum(model.embed_passages(texts) * theirs, axis=1).min() > 0.99999
    assert model.embed_query(query) @ embedder.embed_query(query) > 0.999


def test_vectors_are_float32_of_length_1_in_the_order_of_the_texts(
    embedder: Embedder, texts: list[str], vectors: npt.NDArray[np.float32]
):
    assert vectors.dtype == np.float32
    assert vectors.shape == (20, 384) == (20, embedder.identity.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    turned = embedder.embed_passages(texts[::-1])[::-1]
    assert (turned @ vectors.T).argmax(axis=1).tolist() == list(range(20))
    assert embedder.embed_passages([]).shape == (0, 384)


def test_a_vector_is_the_same_to_the_bit_whatever_is_embedded_beside_it(
    embedder: Embedder, texts: list[str], vectors: npt.NDArray[np.float32]
):
    alone = np.vstack([embedder.embed_passages([text]) for text in texts])
    beside_a_longer_one = np.vstack([embedder.embed_passages([text, max(texts, key=len)])[0] for text in texts])
    among_its_like = np.vstack([embedder.embed_passages([text] * 11)[10] for text in texts[::3]])
    assert np.array_equal(alone, vectors)
    assert np.array_equal(alone, beside_a_longer_one)
    assert np.array_equal(alone[::3], among_its_like)


def test_a_passage_longer_than_the_models_window_is_refused_and_never_cut(embedder: Embedder):
    longest = " ".join(["word"] * embedder.passage_tokens)
    assert embedder.passage_tokens == 254
    assert embedder.embed_passages([longest]).shape == (1, 384)
    with pytest.raises(ValueError, match="257 tokens exceeds the model's 256"):
        embedder.embed_passages(["short", longest + " word"])


def test_a_query_longer_than_the_models_window_is_cut_with_a_warning(
    embedder: Embedder, caplog: pytest.LogCaptureFixture
):
    vector = embedder.embed_query("tidal " * 1000)
    assert vector @ embedder.embed_query("tidal " * 254) == pytest.approx(1, abs=1e-3)
    assert "1002 tokens" in caplog.text


def test_tokens_are_counted_whole_and_point_into_the_text(embedder: Embedder):
    text = "Größe: 12 kWh, 電池"
    (offsets,) = embedder.token_offsets([text])
    assert "".join(text[a:b] for a, b in offsets) == text.replace(" ", "")
    (long,) = embedder.token_offsets(["word " * 5000])
    assert len(long) == 5000


def test_the_identity_tells_model_weights_and_runtime(embedder: Embedder, model_store: ModelStore):
    identity = embedder.identity
    weights = next(file for file in model_store.catalogue["all-minilm-l6-v2"].files if "safetensors" in file.name)
    assert identity.sha256 == weights.sha256
    assert (identity.model, identity.dimension, identity.max_tokens) == ("all-minilm-l6-v2", 384, 256)
    assert (identity.pooling, identity.normalized, identity.quantization) == ("mean", True, "none")
    assert identity.runtime.startswith("openvino-")
    assert type(identity).from_json(identity.to_json()) == identity


def test_a_model_of_several_files_is_known_by_all_of_them_whatever_runs_it(second_model: Path, tmp_path: Path):
    model, exported = tmp_path / "model", tmp_path / "exported"
    last = cut_into_two_files(second_model, model)
    found = load_embedder(model, exported).identity
    assert found.same_vectors(load_embedder(model, exported, runtime="torch").identity)
    last.write_bytes(last.read_bytes()[:-4] + bytes(4))
    assert not found.same_vectors(load_embedder(model, exported).identity)


def test_a_folder_that_is_no_embedding_model_is_refused(tmp_path: Path, model_store: ModelStore):
    with pytest.raises(ModelLoadError, match=r"modules\.json"):
        load_embedder(tmp_path, tmp_path / "cache")
    for name in ("modules.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((model_store.path("all-minilm-l6-v2") / name).read_bytes())
    with pytest.raises(ModelLoadError, match="no safetensors"):
        load_embedder(tmp_path, tmp_path / "cache")


def test_the_export_uses_no_network_and_gives_the_same_vectors(
    tmp_path: Path,
    model_store: ModelStore,
    embedder: Embedder,
    texts: list[str],
    vectors: npt.NDArray[np.float32],
):
    model, made = model_store.path("all-minilm-l6-v2"), tmp_path / "made"
    made.mkdir()
    code = f"from ragstone.retrieval.embedding._export import _main; _main({str(model)!r}, {str(made)!r})"
    seen = watched(code, tmp_path)
    # A socket of a forked process would not be seen here, so no process may be forked either.
    assert [event for event in seen["events"] if event[0] != "subprocess.Popen"] == []
    assert "openvino_telemetry" not in seen["modules"]
    (used,) = (model_store.folder / "exported").glob("all-minilm-l6-v2-*")
    for name in ("model.xml", "model.bin"):
        assert (made / name).is_file()
    assert (made / "model.bin").read_bytes() == (used / "model.bin").read_bytes()


def test_what_was_compiled_is_found_by_every_path_that_leads_to_it(second_model: Path, tmp_path: Path):
    exported = second_model.parent / "exported"
    (made,) = exported.glob("one-layer-*")
    load_embedder(second_model, exported).embed_query("battery")
    before = sorted((made / "compiled").iterdir())
    (tmp_path / "linked").symlink_to(exported)
    load_embedder(second_model, tmp_path / "linked").embed_query("battery")
    assert before and sorted((made / "compiled").iterdir()) == before


def test_a_search_imports_no_deep_learning_framework_and_uses_no_network(
    sample_library: Path, tmp_path: Path, model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    seen = watched(command("search", "battery", "--library", str(sample_library)), tmp_path)
    assert {"openvino", "faiss", "tokenizers"} <= set(seen["modules"])
    for heavy in ("torch", "transformers", "sentence_transformers", "llama_cpp", "openvino_telemetry"):
        assert heavy not in seen["modules"]
    assert seen["events"] == []


def test_an_ingest_uses_no_network(
    samples: Path, tmp_path: Path, model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    paths = [str(samples / name) for name in ("reports/board-minutes-2024-06-11.md", "website/outages.html")]
    seen = watched(command("ingest", *paths, "--library", str(tmp_path / "library")), tmp_path)
    assert "torch" not in seen["modules"]
    (started,) = seen["events"]  # the child that parses, which itself refuses networks and programs (`ingest.worker`)
    assert started[0] == "subprocess.Popen"
    assert f"[{sys.executable!r}, '-P', '-m', 'ragstone.ingest.worker']" in started[1]


@pytest.mark.parametrize("length", [3, 15, 16, 17, 100, 255, 256])
def test_a_query_has_the_vector_of_the_same_passage(embedder: Embedder, length: int):
    runtime, ids = embedder._runtime, list(range(2000, 2000 + length))
    alone, padded = runtime.forward([ids])[0], runtime.begin_query(ids, 256)()
    assert alone @ padded / np.linalg.norm(alone) / np.linalg.norm(padded) > 0.999
    assert np.array_equal(padded, runtime.begin_query(ids, 256)())


def test_ctrl_c_after_models_were_dropped_interrupts_and_does_no_more(model_store: ModelStore):
    program = [sys.executable, "-c", TWO_MODELS, str(model_store.path("all-minilm-l6-v2"))]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
