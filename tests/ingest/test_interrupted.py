"""Ingests that are killed, and searches that go on meanwhile. A full disk: see `tests/app/test_bad_input.py`."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragstone.benchmarks.kill_ingest import Killer
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import Retriever


def test_what_a_killed_ingest_left_is_completed_by_the_next(
    tmp_path: Path, second_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(second_model.parent))
    monkeypatch.setenv("RAGSTONE_EMBEDDING_MODEL", str(second_model))
    kills = list(Killer(tmp_path).run(kills=4, seed=1))
    assert [(kill.kind, kill.faults) for kill in kills] == [("first", [])] * 2 + [("changed", [])] * 2
    assert max(kill.farthest for kill in kills) < 1e-2
    assert any(kill.state in ("reading", "storing") for kill in kills)


def test_an_index_that_was_never_finished_is_no_obstacle(
    one: Library, run: Callable[..., Any], run_without_embedder: Callable[..., Any], tmp_path: Path
):
    (tmp_path / "a.txt").write_text("Apples are red.")
    run(tmp_path / "a.txt")
    half = one.folder / "index" / ".new-killed"
    half.mkdir()
    (half / "vectors.faiss").write_bytes(b"half of it")
    one.use_index("")  # as after a kill between the last file and its index
    run_without_embedder(tmp_path / "a.txt")
    assert len(Index.load(one)) == 1
    assert [path.name for path in (one.folder / "index").iterdir()] == [one.published]


def test_searches_during_an_ingest_always_answer_from_a_whole_library(
    library: Callable[..., Library], run: Callable[..., Any], embedder: Embedder, tmp_path: Path, monkeypatch: Any
):
    monkeypatch.setattr("ragstone.ingest.pipeline.BATCH_CHUNKS", 8)
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(60):
        (docs / f"{number}.txt").write_text(f"Harbour {number} has a lighthouse.\n\nShips of line {number} call there.")
    run(*(docs / f"{number}.txt" for number in range(3)))
    for number in range(0, 60, 3):  # of the three that are stored, two stay
        (docs / f"{number}.txt").write_text(f"Harbour {number} has lost its lighthouse.")
    reader = library(create=False)
    retriever, ended = Retriever(reader, lambda: embedder), threading.Event()
    searches: list[int] = []
    errors: list[BaseException] = []

    def search() -> None:
        while not ended.is_set():
            try:
                hits = retriever.search("Which harbour has a lighthouse?")
                for chunk in (hit.chunk for hit in hits):
                    text = reader.text(chunk.document_id)  # empty when it was replaced since
                    assert text[chunk.char_start : chunk.char_end] in (chunk.text, "")
                searches.append(len(hits))
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)
                return

    thread = threading.Thread(target=search)
    thread.start()
    try:
        assert (report := run(docs)).added == 57
        assert report.failed == []
    finally:
        ended.set()
        thread.join()
    assert errors == []
    assert len(searches) > 2
    assert min(searches) >= 2
    assert max(searches) == len(retriever.search("Which harbour has a lighthouse?"))
