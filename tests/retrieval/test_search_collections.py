from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import MODES, Mode, Retriever

QUERY = "the zebra's stripes"
MANY = 999


@pytest.fixture
def full(library: Callable[..., Library], embedder: Embedder, file) -> Library:
    """999 chunks that answer the query well, and one of another collection that answers it worse than any of them."""
    one = library()
    one.use_embedder(embedder.identity)
    texts = ["A zebra is an animal.", "A ferry's timetable", "Which stripes has the zebra? The zebra has its stripes."]
    bad, unlike, good = (embedder.embed_passages([text]) for text in texts)
    vectors = np.repeat(good, MANY // 9, axis=0)
    for n in range(9):
        one.store(file(f"{n}.txt", *[texts[2]] * len(vectors), vectors=vectors, collection="zoo"))
    one.store(file("rare.txt", texts[0], vectors=bad, collection="rare"))
    one.store(file("none.txt", texts[1], vectors=unlike))
    return one


@pytest.mark.parametrize("mode", MODES)
def test_the_one_chunk_of_a_collection_is_found_among_a_thousand(full: Library, embedder: Embedder, mode: Mode):
    retriever = Retriever(full, lambda: embedder)
    (hit,) = retriever.search(QUERY, 10, mode, "rare")
    assert (hit.rank, hit.chunk.document) == (1, "rare.txt")
    assert set(hit.ranks.values()) == {1}
    assert "rare.txt" not in {hit.chunk.document for hit in retriever.search(QUERY, 900, mode)}


@pytest.mark.parametrize("mode", MODES)
def test_a_search_of_a_collection_finds_all_of_it_and_nothing_else(full: Library, embedder: Embedder, mode: Mode):
    retriever = Retriever(full, lambda: embedder)
    hits = retriever.search(QUERY, 2000, mode, "zoo")
    assert sorted(hit.chunk.id for hit in hits) == full.chunk_ids("zoo").tolist()
    assert retriever.search(QUERY, 10, mode, "no such collection") == []
    outside = retriever.search("ferry", 10, mode, "")
    assert [hit.chunk.document for hit in outside] == ["none.txt"]


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_found_in_the_collection_that_it_was_put_into_last(full: Library, embedder: Embedder, mode: Mode):
    retriever, known = Retriever(full, lambda: embedder), full.files()["/files/rare.txt"]
    retriever.search(QUERY, 1, mode)
    full.refresh([(known.id, known.path, known.mtime_ns, "other")], datetime.now(UTC))
    assert retriever.search(QUERY, 10, mode, "rare") == []
    assert [hit.chunk.document for hit in retriever.search(QUERY, 10, mode, "other")] == ["rare.txt"]
