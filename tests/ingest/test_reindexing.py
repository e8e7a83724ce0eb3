"""Another embedding model for a library: a real one, the first layer of all-MiniLM-L6-v2."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import EmbedderMismatchError, LibraryError, LibraryLockedError
from ragstone.ingest.chunking import ChunkPlan
from ragstone.ingest.options import IngestOptions, plan_of, with_model
from ragstone.ingest.pipeline import ingest
from ragstone.ingest.reindexing import reindex
from ragstone.ingest.report import Progress
from ragstone.retrieval.embedding import Embedder, load_embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.index._ivf import Kind
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.retriever import Retriever

OpenLibrary = Callable[..., Library]
QUERY = "Which harbour has a lighthouse?"
FILES = 40
PLAN = ChunkPlan(tokens=32, prefix=True)


def options(embedder: Embedder, plan: ChunkPlan = PLAN) -> IngestOptions:
    return IngestOptions(plan, embedding_model=embedder.identity.name)


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of some chunks, and of words that the second model's tokenizer counts otherwise."""
    folder = tmp_path_factory.mktemp("harbours")
    for n in range(FILES):
        parts = (
            f"## Pier {p}\n\nHarbour {n} has a Lighthouse at pier {p}, and ships call there." for p in range(n % 4)
        )
        (folder / f"{n}.md").write_text(
            f"# Harbour {n}\n\nShips of the Kvernes Line call at {n}.\n\n" + "\n\n".join(parts)
        )
    return folder


@pytest.fixture
def second(second_model: Path) -> Embedder:
    return load_embedder(second_model, second_model.parent / "exported")


def variant(model: Path, folder: Path, max_tokens: int) -> Embedder:
    """The second model, reading other lengths."""
    made = folder / model.name  # of the same name and weights: what is exported of them serves both
    shutil.copytree(model, made, ignore=shutil.ignore_patterns("*.safetensors"))
    (made / "model.safetensors").symlink_to(model / "model.safetensors")
    (made / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_tokens}))
    return load_embedder(made, model.parent / "exported")


@pytest.fixture
def third(second_model: Path, tmp_path: Path) -> Embedder:
    return variant(second_model, tmp_path, 128)


@pytest.fixture
def shorter(second_model: Path, tmp_path: Path) -> Embedder:
    return variant(second_model, tmp_path, 24)


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries of any size have an inverted file of inexact vectors."""
    for module in ("_dense", "_snapshot"):
        monkeypatch.setattr(
            f"ragstone.retrieval.index.{module}.choose", lambda n, *_: Kind(4, "f16") if n else Kind(0, "f32")
        )


@pytest.fixture(scope="module")
def filled(docs: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "library"
    with Library(folder, create=True) as opened:
        ingest(opened, [docs], lambda: embedder, options(embedder))
    return folder


@pytest.fixture
def old(library: OpenLibrary, filled: Path, tmp_path: Path) -> Library:
    """A library of the files with the first model."""
    shutil.copytree(filled, tmp_path / "library")
    return library(create=False)


def contents(library: Library) -> dict[tuple[str, int], tuple[bytes, int]]:
    """Vector and number of tokens of each chunk, by document and ordinal."""
    vectors = library.vectors_of(library.rows().ids.tolist())
    chunks = library.chunks(list(vectors)).values()
    return {(c.document, c.ordinal): (vectors[c.id].tobytes(), c.tokens) for c in chunks}


def tables(library: Library) -> set[str]:
    with closing(sqlite3.connect(library.folder / DATABASE)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def dump(library: Library) -> list[str]:
    with closing(sqlite3.connect(library.folder / DATABASE)) as db:
        return list(db.iterdump())


def check(library: Library) -> None:
    with closing(sqlite3.connect(library.folder / DATABASE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(library.rows().ids) == library.counts()[1]  # raises when a chunk has no vector, or a vector no chunk


def test_every_vector_is_to_the_bit_the_one_of_an_ingest_with_the_new_model(
    old: Library, library: OpenLibrary, docs: Path, embedder: Embedder, second: Embedder, tmp_path: Path
):
    fresh, before, revision = library(tmp_path / "fresh"), contents(old), old.revision
    ingest(fresh, [docs], lambda: second, options(second))
    expected = contents(fresh)
    assert before.keys() == expected.keys()
    assert all(before[key][0] != expected[key][0] for key in before)
    report = reindex(old, second, PLAN)
    assert (report.chunks, report.embedder, report.was) == (len(before), second.identity.name, embedder.identity.name)
    found = contents(old)
    assert {key: vector for key, (vector, _) in found.items()} == {k: vector for k, (vector, _) in expected.items()}
    assert {key: tokens for key, (_, tokens) in found.items()} == {k: tokens for k, (_, tokens) in expected.items()}
    assert any(before[key][1] != expected[key][1] for key in before)  # the two tokenizers differ
    assert old.revision > revision
    assert old.embedder == second.identity
    assert not {"new_vectors", "new_tokens"} & tables(old)
    for mode in ("dense", "hybrid", "lexical"):
        hits = [
            [(hit.chunk.document, hit.chunk.ordinal, hit.score) for hit in found.search(QUERY, 50, mode)]
            for found in (Retriever(one, lambda: second) for one in (old, fresh))
        ]
        assert sorted(hits[0]) == sorted(hits[1])


def test_the_next_ingest_reads_nothing_again(old: Library, docs: Path, second: Embedder):
    reindex(old, second, PLAN)
    report = ingest(old, [docs], lambda: pytest.fail("nothing is to be embedded"), options(second))
    assert (report.unchanged, report.added + report.updated) == (FILES, 0)
    (docs / "new.md").write_text("A new harbour.")
    try:
        assert ingest(old, [docs], lambda: second, options(second)).added == 1
    finally:
        (docs / "new.md").unlink()


def test_the_new_index_is_stored_and_holds_every_chunk(old: Library, second: Embedder):
    name = old.published
    reindex(old, second, PLAN)
    assert old.published not in ("", name)
    index = Index.load(old)
    assert index.state.rows == len(index) == old.counts()[1]
    assert index.embedder == second.identity
    for number, vector in list(old.vectors_of(old.rows().ids.tolist()).items())[:5]:
        assert index.similarities(vector, [number])[number] == pytest.approx(1, abs=1e-5)


KILLED = """
import os, sys
from dataclasses import replace
from pathlib import Path
from ragstone.ingest import reindexing
from ragstone.ingest.chunking import ChunkPlan
from ragstone.retrieval.embedding import load_embedder
from ragstone.retrieval.library import Library

reindexing.BATCH_CHUNKS = 8
folder, model = Path(sys.argv[1]), Path(sys.argv[2])
embedder = load_embedder(model, model.parent / "exported")
left = [int(sys.argv[3])]

def told(progress):
    left[0] -= 1
    if not left[0]:
        os._exit(9)

reindexing.reindex(Library(folder), embedder, ChunkPlan(tokens=32, prefix=True), told)
"""


def killed(library: Library, model: Path, batches: int) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, library.folder, model, str(batches)], check=False)
    assert done.returncode == 9


def test_a_killed_run_leaves_the_old_vectors_in_use_and_the_next_goes_on_from_there(
    old: Library, second: Embedder, second_model: Path, embedder: Embedder, docs: Path
):
    before = contents(old)
    hits = Retriever(old, lambda: embedder).search(QUERY, 5)
    killed(old, second_model, 3)
    assert contents(old) == before
    assert old.embedder == embedder.identity
    assert Retriever(old, lambda: embedder).search(QUERY, 5) == hits
    check(old)
    gone = next(d for d in old.documents() if Path(d.path).name == "3.md")  # some of it is embedded anew already
    old.remove([gone.id])
    ingest(old, [docs], lambda: embedder, options(embedder))  # and read again
    report = reindex(old, second, PLAN)
    assert 0 < report.chunks < len(before)
    assert report.chunks >= len(before) - 3 * 8
    vectors, expected = contents(old), old.chunks(old.rows().ids.tolist()).values()
    texts = {(c.document, c.ordinal): f"{c.heading}\n{c.passage}" for c in expected}
    for key in texts:
        assert vectors[key][0] == second.embed_passages([texts[key]]).tobytes()
    check(old)


def test_what_was_begun_with_a_third_model_is_not_gone_on_with(
    old: Library, second: Embedder, second_model: Path, third: Embedder
):
    killed(old, second_model, 3)
    assert reindex(old, third, PLAN).chunks == old.counts()[1]
    assert old.embedder == third.identity


def test_searches_see_the_old_index_until_all_is_done_and_never_a_mixture(
    old: Library, library: OpenLibrary, embedder: Embedder, second: Embedder, monkeypatch: Any
):
    monkeypatch.setattr("ragstone.ingest.reindexing.BATCH_CHUNKS", 8)
    reader = library(create=False)
    by_identity = {one.identity.sha256: one for one in (embedder, second)}

    def own() -> Embedder:  # as the engine does
        known = reader.embedder
        assert known is not None
        return by_identity[known.sha256]

    shared = Retriever(reader, own)
    expected = [(hit.chunk.id, hit.similarity) for hit in shared.search(QUERY, 20, "dense")]
    found: list[tuple[bool, list[tuple[int, float | None]]]] = []
    errors: list[BaseException] = []
    switched, ended = threading.Event(), threading.Event()

    def search() -> None:
        try:
            while not ended.is_set():
                late = switched.is_set()
                found.append((late, [(h.chunk.id, h.similarity) for h in shared.search(QUERY, 20, "dense")]))
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()

    def told(progress: Progress) -> None:
        with pytest.raises(LibraryLockedError), reader.locked():
            pass
        count = len(found)
        while len(found) < count + 3 and not errors:  # some searches between every two batches
            pass

    try:
        reindex(old, second, PLAN, told)
        switched.set()
        count = len(found)
        while len(found) < count + 5 and not errors:
            pass
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []
    after = [(hit.chunk.id, hit.similarity) for hit in Retriever(reader, own).search(QUERY, 20, "dense")]
    assert after != expected
    assert all(hits in (expected, after) for _, hits in found)
    assert all(hits == after for late, hits in found if late)
    assert sum(hits == expected for _, hits in found) > 10


def test_a_search_that_meets_the_switch_begins_anew(
    old: Library, library: OpenLibrary, embedder: Embedder, second: Embedder
):
    reader, models = library(create=False), iter([embedder, second, second])

    def own() -> Embedder:
        model = next(models)
        if model is second and old.embedder != second.identity:
            reindex(old, second, PLAN)  # between the index and the model of the second search
        return model

    retriever = Retriever(reader, own)
    before = [(hit.chunk.id, hit.similarity) for hit in retriever.search(QUERY, 10, "dense")]
    met = [(hit.chunk.id, hit.similarity) for hit in retriever.search(QUERY, 10, "dense")]
    after = [(hit.chunk.id, hit.similarity) for hit in Retriever(reader, lambda: second).search(QUERY, 10, "dense")]
    assert met == after != before


def test_a_search_that_began_before_the_switch_stays_with_the_old_vectors(
    old: Library, embedder: Embedder, second: Embedder
):
    index, vector = Index.load(old), embedder.embed_query(QUERY)
    ids = [i for i, _ in index.dense(vector, 10)]
    before = index.similarities(vector, ids)
    assert old.vectors_of(ids, embedder.identity).keys() == set(ids)
    reindex(old, second, PLAN)
    assert old.vectors_of(ids, embedder.identity) == {}
    assert index.similarities(vector, ids) == before
    refreshed = index.refreshed(old)
    assert refreshed.embedder == second.identity
    assert Index.load(old).similarities(vector, ids) == refreshed.similarities(vector, ids) != before


def test_a_compressed_index_is_made_anew_with_the_new_model(
    old: Library, embedder: Embedder, second: Embedder, compressed: None
):
    with old.locked():
        old.use_index("")
        index = Index.publish(old)
    assert index.kind.startswith("ivf")
    vector = embedder.embed_query(QUERY)
    best = index.dense(vector, 5)
    reindex(old, second, PLAN)
    for number, cosine in index.dense(vector, 5):  # although the exact vectors are gone
        assert cosine == pytest.approx(dict(best)[number], abs=1e-3)
    now = Index.load(old)
    assert now.kind.startswith("ivf")
    asked = second.embed_query(QUERY)
    exact = old.vectors_of(old.rows().ids.tolist())
    for number, cosine in now.dense(asked, 5):
        assert cosine == pytest.approx(float(exact[number] @ asked), abs=1e-5)


def test_a_search_with_the_old_model_is_refused_with_the_command_that_changes_it(
    old: Library, docs: Path, embedder: Embedder, second: Embedder
):
    retriever = Retriever(old, lambda: second)
    command = f"Run `ragstone reindex --embedder {second.identity.name}`, or set embedding_model = "
    with pytest.raises(EmbedderMismatchError) as raised:
        retriever.search(QUERY)
    assert raised.value.remedy == command + repr(embedder.identity.name)
    with pytest.raises(EmbedderMismatchError):
        ingest(old, [docs], lambda: second, options(second))
    reindex(old, second, PLAN)
    assert retriever.search(QUERY)


def test_chunks_that_are_too_long_are_refused_before_anything_is_changed(
    old: Library, docs: Path, embedder: Embedder, shorter: Embedder
):
    before = dump(old)
    with pytest.raises(LibraryError) as raised:
        reindex(old, shorter, PLAN)
    tokens = {
        (c.document, c.ordinal): len(shorter.token_offsets([f"{c.heading}\n{c.passage}"])[0])
        for document in old.documents()
        for c in old.chunks_of(document.id)
    }
    long = {key: count for key, count in tokens.items() if count > shorter.passage_tokens}
    assert 0 < len(long) < len(tokens)
    assert raised.value.what.startswith(
        f"{len(long)} of its chunks are longer than the {shorter.passage_tokens} tokens"
    )
    assert any(raised.value.what.endswith(f"the first of {key[0]} with {count}") for key, count in long.items())
    assert "new library" in raised.value.remedy
    assert dump(old) == before


def test_another_process_that_writes_is_waited_for_by_nobody(old: Library, library: OpenLibrary, second: Embedder):
    other = library(create=False)
    with old.locked(), pytest.raises(LibraryLockedError):
        reindex(other, second, PLAN)


def test_without_a_new_model_terms_and_index_are_made_anew_from_what_is_stored(
    old: Library, embedder: Embedder, second: Embedder, second_model: Path
):
    before, hits = contents(old), Retriever(old, lambda: embedder).search(QUERY, 5)
    killed(old, second_model, 2)
    with closing(sqlite3.connect(old.folder / DATABASE)) as db, db:
        db.execute("UPDATE postings SET terms = x''")
    for file in (old.folder / "index" / old.published).iterdir():
        file.write_bytes(b"damaged")
    assert old.differing_terms() == len(before)
    report = reindex(old, None, PLAN)
    assert (report.chunks, report.embedder, report.was) == (0, *[embedder.identity.name] * 2)
    assert old.differing_terms() == 0
    assert contents(old) == before
    assert not {"new_vectors", "new_tokens"} & tables(old)
    assert Retriever(old, lambda: embedder).search(QUERY, 5) == hits
    check(old)


def test_a_model_that_has_moved_is_noted_and_nothing_is_embedded(old: Library, docs: Path, embedder: Embedder):
    moved = load_embedder(Path(embedder.identity.source), Path(embedder.identity.source).parent / "exported")
    moved.identity = replace(moved.identity, source="/models/at another place")
    before = contents(old)
    assert reindex(old, moved, PLAN).chunks == 0
    assert contents(old) == before
    assert old.embedder == moved.identity
    report = ingest(old, [docs], lambda: pytest.fail("nothing is to be embedded"), options(moved))
    assert report.unchanged == FILES


def test_an_empty_library_takes_any_model(library: OpenLibrary, embedder: Embedder, second: Embedder):
    empty = library()
    assert (reindex(empty, None, PLAN).embedder, reindex(empty, second, PLAN).was) == ("", "")
    assert empty.embedder == second.identity
    assert reindex(empty, embedder, PLAN).was == second.identity.name
    assert Retriever(empty, lambda: embedder).search(QUERY) == []


def test_a_recipe_tells_its_plan_and_takes_another_model():
    recipe = IngestOptions(ChunkPlan("page", 100, 5, True), embedding_model="/a/b c/1").recipe(Path("a.txt"))
    assert plan_of(recipe) == ChunkPlan("page", 100, 5, True)
    assert plan_of(with_model(recipe, "owner/name")) == ChunkPlan("page", 100, 5, True)
    assert with_model(recipe, "owner/name") == recipe.replace("/a/b c/1", "owner/name")
    assert with_model(recipe + "/auto", "b") == recipe.replace("/a/b c/1", "b") + "/auto"
    assert (plan_of(""), with_model("", "b")) == (None, "")
    assert (plan_of("1/200/0"), with_model("1/200/0", "b")) == (None, "1/200/0")
