"""Every kind of index against brute force, by thresholds so low that a thousand rows are many."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.retrieval.index._dense import Dense, Room, choose

DIMENSION = 32
ROWS = 6_000


def topical(rows: int, seed: int = 0) -> np.ndarray:
    """Vectors that lie in topics, as those of texts do."""
    topics = np.random.default_rng(99).standard_normal((40, DIMENSION))
    rng = np.random.default_rng(seed)
    made = topics[rng.integers(0, 40, rows)] + 0.7 * rng.standard_normal((rows, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


VECTORS, QUERIES = topical(ROWS), topical(50, seed=1)
IDS = 5 + 3 * np.arange(ROWS)


def build(codec: str, vectors: np.ndarray = VECTORS, ids: np.ndarray = IDS) -> Dense:
    """An index of a codec, through the memory it may use; "flat" is exhaustive."""
    if codec == "flat":
        return Dense.build(ids, vectors, flat_below=len(ids) + 1)
    return Dense.build(ids, vectors, memory(codec, len(ids)), flat_below=10)


def memory(codec: str, rows: int) -> float:
    """The MB that so many vectors take in this codec, and no more exact one."""
    width = {"f32": 4 * DIMENSION, "f16": 2 * DIMENSION, "sq8": DIMENSION, "pq8": 8, "pq4": 4}[codec]
    return rows * (width + 8) / (1 << 20)


def brute(query: np.ndarray, k: int, wanted: np.ndarray | None = None, vectors: np.ndarray = VECTORS) -> list[int]:
    """The places of the k nearest; of equal ones the lower."""
    scores = (vectors * query).sum(axis=1)
    scores[np.zeros(len(vectors), bool) if wanted is None else ~wanted] = -np.inf
    order = np.lexsort((np.arange(len(vectors)), -scores))
    return order[: min(k, len(vectors) if wanted is None else int(wanted.sum()))].tolist()


def places(index: Dense, query: np.ndarray, k: int, wanted: np.ndarray | None = None) -> list[int]:
    return [place for place, _ in index.search(query, k, wanted)]


def recall(index: Dense, k: int, wanted: np.ndarray | None = None, vectors: np.ndarray = VECTORS) -> float:
    """Against brute force, when more are asked for and scored anew where the index says so."""
    shares = []
    for query in QUERIES:
        found = places(index, query, k * index.overfetch, wanted)
        truth = brute(query, k, wanted, vectors)
        shares.append(len(set(truth) & set(found)) / len(truth))
    return float(np.mean(shares))


CODECS = ("flat", "f32", "f16", "sq8", "pq8")


@pytest.fixture(scope="module")
def indexes() -> dict[str, Dense]:
    return {codec: build(codec) for codec in CODECS}


@pytest.mark.parametrize("codec", CODECS)
def test_the_memory_decides_the_kind(indexes, codec):
    lists = choose(ROWS, DIMENSION, 1024, 10).lists
    assert indexes[codec].kind == ("flat f32" if codec == "flat" else f"ivf{lists} {codec}")
    assert indexes[codec].exact == (codec in ("flat", "f32"))


def test_more_rows_are_kept_less_exactly_in_the_same_memory():
    kinds = [str(choose(rows, 384, 1024)) for rows in (10_000, 100_000, 1_000_000, 2_500_000, 9_000_000, 20_000_000)]
    assert [kind.split()[1] for kind in kinds] == ["f32", "f32", "f16", "sq8", "pq96", "pq48"]
    assert kinds[0].startswith("flat") and all(kind.startswith("ivf") for kind in kinds[1:])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("k", [10, 100, 1000, ROWS])
def test_the_nearest_are_found(indexes, codec, k):
    assert recall(indexes[codec], k) >= (1 if codec == "flat" else 0.98 if codec == "pq8" else 0.99)


@given(st.integers(1, 300), st.integers(0, 49), st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_flat_index_is_brute_force(k, query, share, seed):
    index = _FLAT
    wanted = np.random.default_rng(seed).random(ROWS) < share
    assert places(index, QUERIES[query], k, wanted) == brute(QUERIES[query], k, wanted)
    assert places(index, QUERIES[query], k) == brute(QUERIES[query], k)


_FLAT = build("flat")


@pytest.mark.parametrize("codec", ["flat", "f32"])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.3])
def test_a_filter_that_keeps_little_is_exact(indexes, codec, share):
    wanted = np.random.default_rng(7).random(ROWS) < share
    for query in QUERIES:
        assert places(indexes[codec], query, 10, wanted) == brute(query, 10, wanted)


@pytest.mark.parametrize("codec", CODECS)
def test_a_filter_never_lets_another_row_through(indexes, codec):
    for share in (0, 0.001, 0.2, 0.5, 0.95):
        wanted = np.random.default_rng(8).random(ROWS) < share
        found = places(indexes[codec], QUERIES[0], 50, wanted)
        assert wanted[found].all()
        assert len(found) == min(50, wanted.sum())


@pytest.mark.parametrize("codec", ["f32", "f16"])
def test_a_filter_that_drops_the_very_topic_of_the_query_loses_no_hits(codec):
    vectors = topical(20_000, seed=3)  # more rows than are compared one by one
    index = build(codec, vectors, np.arange(20_000))
    shares = []
    for query in QUERIES:
        scores = vectors @ query
        wanted = scores < np.quantile(scores, 0.6)
        truth = brute(query, 10, wanted, vectors)
        shares.append(len(set(truth) & set(places(index, query, 10 * index.overfetch, wanted))) / 10)
    assert np.mean(shares) >= 0.99


@pytest.mark.parametrize("codec", ["flat", "f32", "f16", "sq8"])
def test_equal_vectors_come_by_place(codec):
    vectors = VECTORS.copy()
    same = np.arange(100, ROWS, 20)
    vectors[same] = vectors[3]
    index = build(codec, vectors)
    assert places(index, vectors[3], 20) == [3, *same[:19]]
    assert places(index, vectors[3], len(same) + 1) == [3, *same]


@pytest.mark.parametrize("codec", CODECS)
def test_similarities_are_the_very_scores_of_a_search(indexes, codec):
    hits = indexes[codec].search(QUERIES[4], 30)
    again = indexes[codec].similarities(QUERIES[4], [place for place, _ in hits])
    assert again.tolist() == [score for _, score in hits]
    off = {"flat": 1e-6, "f32": 1e-6, "f16": 1e-3, "sq8": 0.02, "pq8": 0.4}[codec]
    assert np.abs(again - VECTORS[[place for place, _ in hits]] @ QUERIES[4]).max() < off


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_gives_the_same_hits(indexes, codec, tmp_path):
    indexes[codec].write(tmp_path / "v")
    opened = Dense.open(tmp_path / "v", IDS)
    assert opened.kind == indexes[codec].kind
    wanted = np.random.default_rng(2).random(ROWS) < 0.5
    for query in QUERIES[:10]:
        assert opened.search(query, 20) == indexes[codec].search(query, 20)
        assert opened.search(query, 20, wanted) == indexes[codec].search(query, 20, wanted)


def test_a_file_that_is_no_index_of_these_ids_is_refused(indexes, tmp_path):
    indexes["f16"].write(tmp_path / "v")
    with pytest.raises(RuntimeError, match=r"6000 vectors, but 10 ids"):
        Dense.open(tmp_path / "v", IDS[:10])
    data = (tmp_path / "v").read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    with pytest.raises(RuntimeError):
        Dense.open(tmp_path / "cut", IDS)
    with pytest.raises(RuntimeError):
        Dense.open(tmp_path / "missing", IDS)


@pytest.mark.parametrize("codec", ["f32", "f16", "pq8"])
def test_building_again_gives_the_same_file(indexes, codec, tmp_path):
    indexes[codec].write(tmp_path / "a")
    build(codec).write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("codec", ["flat", "f32", "f16", "sq8"])
def test_an_update_drops_and_adds_without_training_anew(indexes, codec, tmp_path):
    indexes[codec].write(tmp_path / "v")
    old = Dense.open(tmp_path / "v", IDS)
    before = old.search(QUERIES[0], 20)
    gone = np.arange(0, ROWS, 7)
    new = topical(800, seed=5)
    new_ids = IDS[-1] + 1 + np.arange(len(new))
    keep = np.ones(ROWS, bool)
    keep[gone] = False
    vectors = np.concatenate([VECTORS[keep], new])
    below = len(vectors) + 1 if codec == "flat" else 10
    memory_mb = memory("f32" if codec == "flat" else codec, len(vectors))
    after = old.updated(IDS[gone], new_ids, new, memory_mb, flat_below=below)
    assert after.kind == old.kind
    assert after.ids.tolist() == [*IDS[keep], *new_ids]
    assert recall(after, 10, vectors=vectors) >= 0.99
    exact = (vectors * QUERIES[1]).sum(axis=1)
    assert np.abs(after.similarities(QUERIES[1], np.arange(len(vectors))) - exact).max() < 0.02
    assert old.search(QUERIES[0], 20) == before


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.sampled_from(CODECS[:3]))
@settings(max_examples=25, deadline=None)
def test_any_row_of_updates_holds_what_a_list_of_rows_holds(steps, codec):
    ids, vectors = np.arange(500), VECTORS[:500]
    below = 10_000 if codec == "flat" else 10
    memory_mb = memory(codec, 2_000) if codec == "f16" else 1024
    index = Dense.build(ids, vectors, memory_mb, flat_below=below)
    for step, (removed, added) in enumerate(steps):
        rng = np.random.default_rng(step)
        gone = rng.choice(ids, removed, replace=False) if removed <= len(ids) else ids
        new_ids = np.arange(added) + (ids[-1] + 1 if len(ids) else 10_000)
        new = topical(added, seed=step + 50)
        keep = ~np.isin(ids, gone)
        ids, vectors = np.concatenate([ids[keep], new_ids]), np.concatenate([vectors[keep], new])
        index = index.updated(gone, new_ids, new, memory_mb, lambda vectors=vectors: [vectors], flat_below=below)
    assert index.ids.tolist() == ids.tolist()
    everything = np.ones(len(ids), bool)
    assert np.allclose(index.similarities(QUERIES[0], np.arange(len(ids))), vectors @ QUERIES[0], atol=1e-3)
    if codec != "f16":
        assert places(index, QUERIES[0], 10, everything) == brute(QUERIES[0], 10, None, vectors)


def test_a_flat_index_that_grows_becomes_an_inverted_file():
    small = Dense.build(IDS[:900], VECTORS[:900], flat_below=1000)
    grown = small.updated(IDS[:0], IDS[900:], VECTORS[900:], flat_below=1000)
    assert (small.kind, grown.kind) == ("flat f32", build("f32").kind)
    assert recall(grown, 10) >= 0.99


def test_an_index_that_outgrew_its_training_is_made_anew_from_the_exact_vectors():
    first = build("sq8", VECTORS[:1000], IDS[:1000])
    with pytest.raises(ValueError, match="exact vectors"):
        first.updated(IDS[:0], IDS[1000:], VECTORS[1000:], memory("sq8", ROWS), flat_below=10)
    read = []

    def exact():
        read.append(True)
        return [VECTORS[:4000], VECTORS[4000:]]

    grown = first.updated(IDS[:0], IDS[1000:], VECTORS[1000:], memory("sq8", ROWS), exact, flat_below=10)
    assert read
    assert grown.kind == build("sq8").kind != first.kind
    assert recall(grown, 10) >= 0.99


def test_an_inverted_file_that_lost_most_rows_becomes_flat(indexes):
    less = indexes["f32"].updated(IDS[400:], IDS[:0], VECTORS[:0], flat_below=1000)
    assert less.kind == "flat f32"
    assert places(less, QUERIES[0], 10) == brute(QUERIES[0], 10, None, VECTORS[:400])


def test_ids_that_are_not_higher_are_refused(indexes):
    with pytest.raises(ValueError, match="not higher"):
        indexes["flat"].updated(IDS[:0], IDS[:1], VECTORS[:1])


def test_too_few_vectors_are_refused():
    for below in (10, 10_000):
        with pytest.raises(ValueError, match="100 ids"):
            Dense.build(IDS[:100], VECTORS[:90], flat_below=below)


def test_an_empty_index_finds_nothing_and_can_grow():
    empty = Dense.build(IDS[:0], VECTORS[:0])
    assert empty.search(QUERIES[0], 10) == []
    assert len(empty.similarities(QUERIES[0], [])) == 0
    grown = empty.updated(IDS[:0], IDS[:20], VECTORS[:20])
    assert places(grown, QUERIES[0], 10) == brute(QUERIES[0], 10, None, VECTORS[:20])
    assert grown.updated(IDS[:20], IDS[:0], VECTORS[:0]).search(QUERIES[0], 10) == []


def test_what_is_written_into_a_room_is_found():
    room = Room(50, DIMENSION)
    room.vectors[:] = VECTORS[:50]
    assert places(room.filled(IDS[:50]), QUERIES[0], 10) == brute(QUERIES[0], 10, None, VECTORS[:50])


@pytest.mark.parametrize("codec", ["flat", "f32", "f16"])
def test_threads_find_the_same_and_a_search_uses_one(indexes, codec, tmp_path):
    indexes[codec].write(tmp_path / "v")
    index = Dense.open(tmp_path / "v", IDS)
    alone = [index.search(query, 10) for query in QUERIES]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: index.search(query, 10), list(QUERIES) * 4)) == alone * 4
    started, busy = time.perf_counter(), time.process_time()
    for _ in range(20):
        for query in QUERIES:
            index.search(query, 10)
    assert time.process_time() - busy < 1.2 * (time.perf_counter() - started) + 0.05


def test_opening_does_not_read_the_vectors(tmp_path):
    vectors = topical(150_000, seed=9)
    Dense.build(np.arange(len(vectors)), vectors, flat_below=1 << 20).write(tmp_path / "v")
    before = _resident()
    opened = Dense.open(Path(tmp_path / "v"), np.arange(len(vectors)))
    assert _resident() - before < vectors.nbytes / 4
    assert opened.kind == "flat f32"


def _resident() -> int:
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("no /proc/self/statm")
    return int(status.read_text().split()[1]) * 4096
