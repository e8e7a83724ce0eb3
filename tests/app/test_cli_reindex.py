import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.generation.models.catalogue import load_catalogue
from ragstone.retrieval.library import Library


@pytest.fixture
def cli(ragstone_cli: Any, second_model: Path, tmp_path: Path) -> Any:
    """Commands with a folder of models of their own, so that nothing of the second model stays behind."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "apples.md").write_text("# Apples\n\nApples grow on trees.")
    (docs / "ships.md").write_text("# Ships\n\nShips call at the harbour, where the lighthouse stands.")
    return replace(ragstone_cli, models_dir=second_model.parent)


def test_the_model_is_changed_by_one_command_and_nothing_else_need_be_set(cli: Any, second_model: Path):
    assert cli("ingest", "docs").code == 0
    done = cli("reindex", "--embedder", second_model, "--json")
    assert (done.code, done.stderr) == (0, "")
    report = done.json()
    assert report.pop("seconds") > 0
    assert report == {"chunks": 2, "embedder": str(second_model), "was": "all-minilm-l6-v2"}
    hits = cli("search", "a lighthouse", "--mode", "dense", "--json").json()["hits"]
    assert hits[0]["document"] == "docs/ships.md"
    files = cli("ingest", "docs", "--json").json()["files"]
    assert (files["unchanged"], files["added"], files["updated"]) == (2, 0, 0)
    assert cli("status", "--json").json()["embedder"]["source"] == str(second_model)
    assert f"Embedding  {second_model}, 384 dimensions" in cli("status").stdout
    back = cli("reindex", "--embedder", "all-minilm-l6-v2")
    assert back.stdout.startswith(f"Embedding  all-minilm-l6-v2, before {second_model}\nEmbedded   2 chunks in ")
    files = cli("ingest", "docs", "--json").json()["files"]
    assert (files["unchanged"], files["added"], files["updated"]) == (2, 0, 0)


def test_another_model_is_refused_with_the_command_that_changes_it(cli: Any, second_model: Path):
    assert cli("ingest", "docs").code == 0
    other = {"RAGSTONE_EMBEDDING_MODEL": str(second_model)}
    for words in (("search", "ships"), ("ingest", "docs")):
        refused = cli(*words, env=other)
        assert refused.code == 1
        assert f"come from all-minilm-l6-v2, and the embedding model in use is {second_model}" in refused.error
        assert f"Run `ragstone reindex --embedder {second_model}`, or set embedding_model = " in refused.error
    assert cli("search", "ships").code == 0
    done = cli("reindex", "--embedder", second_model, env={"RAGSTONE_EMBEDDING_MODEL": "all-minilm-l6-v2"})
    assert done.code == 0
    assert done.error == "The setting embedding_model is still all-minilm-l6-v2: remove it."
    assert cli("search", "ships", env=other).code == 0
    assert cli("search", "ships", env={"RAGSTONE_EMBEDDING_MODEL": "all-minilm-l6-v2"}).code == 1


def test_a_model_that_is_unknown_is_told_the_embedding_models(cli: Any):
    assert cli("ingest", "docs").code == 0
    embedders = [model.name for model in load_catalogue().values() if model.kind == "embedding"]
    chat = {model.name for model in load_catalogue().values() if model.kind == "chat"}
    for name in ("nonexist", "qwen", "xyzzy"):
        refused = cli("reindex", "--embedder", name)
        assert refused.code == 1
        assert any(known in refused.error for known in embedders)
        assert not any(known in refused.error for known in chat)


def test_a_relative_folder_is_found_again_from_everywhere(cli: Any, second_model: Path, tmp_path: Path):
    (tmp_path / "own").symlink_to(second_model.parent)
    assert cli("ingest", "docs", env={"RAGSTONE_EMBEDDING_MODEL": "own/one-layer"}).code == 0
    elsewhere = type(cli)(tmp_path / "docs", cli.models_dir)
    hits = elsewhere("search", "a lighthouse", "--library", tmp_path / ".ragstone", "--json")
    assert (hits.code, hits.json()["hits"][0]["document"]) == (0, "docs/ships.md")
    report = cli("ingest", "docs", "--json").json()
    assert (report["files"]["unchanged"], report["chunks"]) == (2, 0)


def test_a_library_of_before_is_opened_by_the_name_of_its_model(cli: Any):
    assert cli("ingest", "docs").code == 0
    with closing(sqlite3.connect(cli.folder / ".ragstone" / "library.sqlite3")) as db, db:
        db.execute("UPDATE settings SET value = json_remove(value, '$.source') WHERE name = 'embedder'")
    assert cli("search", "ships").code == 0
    assert cli("ingest", "docs", "--json").json()["files"]["unchanged"] == 2
    assert "Embedding  all-minilm-l6-v2, 384 dimensions" in cli("status").stdout


def test_without_a_model_the_index_is_made_anew(cli: Any):
    assert cli("ingest", "docs").code == 0
    done = cli("reindex", "--json")
    assert (done.code, done.stderr) == (0, "")
    report = done.json()
    assert (report["chunks"], report["embedder"], report["was"]) == (0, *["all-minilm-l6-v2"] * 2)


def test_what_cannot_be_done_is_told_in_one_line(cli: Any, tmp_path: Path):
    assert "there is no library here yet" in cli("reindex").error
    assert not (tmp_path / ".ragstone").exists()
    assert cli("ingest", "docs").code == 0
    assert "Run `ragstone models pull all-mpnet-base-v2`" in cli("reindex", "--embedder", "all-mpnet-base-v2").error
    assert "there is no model named './none'" in cli("reindex", "--embedder", "./none").error
    with Library(tmp_path / ".ragstone") as library, library.locked():
        refused = cli("reindex")
    assert refused.code == 1
    assert "is writing to this library" in refused.error


def test_an_open_engine_follows_a_model_changed_elsewhere(cli: Any, second_model: Path):
    assert cli("ingest", "docs").code == 0
    settings = Settings(library=cli.folder / ".ragstone", models_dir=cli.models_dir)
    with Ragstone.open(settings=settings) as rag:
        first = rag.search("a lighthouse", 1, "dense")[0]
        assert cli("reindex", "--embedder", second_model).code == 0
        then = rag.search("a lighthouse", 1, "dense")[0]
        assert (then.chunk.id, rag.embedding_model) == (first.chunk.id, str(second_model))
        assert then.similarity != first.similarity
        report = rag.reindex("all-minilm-l6-v2")
        assert (report.chunks, report.was) == (2, str(second_model))
        assert rag.search("a lighthouse", 1, "dense")[0].similarity == first.similarity
