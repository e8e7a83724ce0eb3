import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.filters import Filter, as_filter
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import MODES, Mode, Retriever

QUERY = "the zebra's stripes"
MANY = 999
ZOO = as_filter(None, "zoo")


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
    (hit,) = retriever.search(QUERY, 10, mode, as_filter(None, "rare"))
    assert (hit.rank, hit.chunk.document) == (1, "rare.txt")
    assert set(hit.ranks.values()) == {1}
    assert "rare.txt" not in {hit.chunk.document for hit in retriever.search(QUERY, 900, mode)}


@pytest.mark.parametrize("mode", MODES)
def test_a_search_of_a_collection_finds_all_of_it_and_nothing_else(full: Library, embedder: Embedder, mode: Mode):
    retriever = Retriever(full, lambda: embedder, drop_copies=False)
    hits = retriever.search(QUERY, 2000, mode, ZOO)
    assert sorted(hit.chunk.id for hit in hits) == [
        i for n in full.document_ids(ZOO).tolist() for i in (c.id for c in full.chunks_of(n))
    ]
    assert retriever.search(QUERY, 10, mode, as_filter(None, "no such")) == []
    outside = retriever.search("ferry", 10, mode, as_filter(None, ""))
    assert [hit.chunk.document for hit in outside] == ["none.txt"]


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_found_in_the_collection_that_it_was_put_into_last(full: Library, embedder: Embedder, mode: Mode):
    retriever, known = Retriever(full, lambda: embedder), full.files()["/files/rare.txt"]
    retriever.search(QUERY, 1, mode)
    full.refresh([(known.id, known.path, known.mtime_ns, "other")], datetime.now(UTC))
    assert retriever.search(QUERY, 10, mode, as_filter(None, "rare")) == []
    assert [hit.chunk.document for hit in retriever.search(QUERY, 10, mode, as_filter("collection=other"))] == [
        "rare.txt"
    ]


def test_a_filter_that_keeps_one_document_of_a_thousand_finds_what_a_search_of_all_does_in_every_mode(
    library: Callable[..., Library], embedder: Embedder, file
):
    rng = random.Random(5)
    words = "zebra stripe ferry timetable river bridge lamp battery turbine harvest wool letter engine salt".split()
    texts = [" ".join(rng.choices(words, k=rng.randrange(3, 12))) for _ in range(MANY + 1)]
    one = library()
    one.use_embedder(embedder.identity)
    new = file("box.zip", parts={f"{n % 7}/{n}.txt": [text] for n, text in enumerate(texts)})
    vectors = embedder.embed_passages(texts)
    documents = [
        replace(
            document, vectors=vectors[n : n + 1], metadata={"author": f"Author {n % 500}", "created": f"{1000 + n}"}
        )
        for n, document in enumerate(new.documents)
    ]
    one.store(replace(new, documents=documents))
    retriever = Retriever(one, lambda: embedder, drop_copies=False)
    filters = [f"document=box.zip/{n % 7}/{n}.txt" for n in rng.sample(range(MANY), 5)]
    filters += [f"created={rng.randrange(1000, 2000)}", "author=author 7", "folder=box.zip/3", "author!=author 1"]
    for condition in filters:
        where = Filter.parse(condition)
        kept = set(one.document_ids(where).tolist())
        assert kept
        for mode in ("dense", "lexical"):
            every = retriever.search("zebra on the bridge", MANY + 1, mode)
            expected = [(h.chunk.id, h.score) for h in every if h.chunk.document_id in kept][:10]
            found = [(h.chunk.id, h.score) for h in retriever.search("zebra on the bridge", 10, mode, where)]
            assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-6)
            cut = expected[-1][1] + 1e-6 if expected else 0  # of equal scores either may be the tenth
            assert {i for i, score in found if score > cut} == {i for i, score in expected if score > cut}
        hybrid = retriever.search("zebra on the bridge", MANY + 1, "hybrid", where)
        assert {hit.chunk.document_id for hit in hybrid} == kept


def test_what_a_filter_keeps_but_the_words_do_not_hold_is_no_lexical_hit(full: Library, embedder: Embedder):
    retriever = Retriever(full, lambda: embedder)
    assert retriever.search("submarine", 10, "lexical", as_filter("document=rare.txt")) == []
    (hit,) = retriever.search("submarine", 10, "dense", as_filter("document=rare.txt"))
    assert hit.chunk.document == "rare.txt"
