"""Exact BM25 over segments, against the formula applied to every row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.retrieval.index import _postings
from ragstone.retrieval.index._postings import K1, B, Postings, Segment, bm25, bm25_of, holding
from ragstone.retrieval.telling import idf

Row = dict[int, int]
TERMS = 12


@dataclass
class Model:
    """Rows with their terms, and which of them live and are searched."""

    rows: list[Row]
    alive: list[bool] | None = None
    among: list[bool] | None = None
    postings: Postings = field(init=False)

    def __post_init__(self) -> None:
        self.postings = build(self.rows)

    @property
    def segment(self) -> Segment:
        return self.postings, mask(self.alive), mask(self.among)

    def lives(self, place: int) -> bool:
        return self.alive is None or self.alive[place]

    def wanted(self, place: int) -> bool:
        return self.lives(place) and (self.among is None or self.among[place])


def mask(values: list[bool] | None) -> npt.NDArray[np.bool_] | None:
    return None if values is None else np.array(values, np.bool_)


def build(rows: Sequence[Row]) -> Postings:
    pairs = [pair for row in rows for pair in sorted(row.items())]
    return Postings.build(
        np.array([len(row) for row in rows], np.int64),
        np.array([term for term, _ in pairs], np.uint32),
        np.array([often for _, often in pairs], np.uint8),
    )


def naive(models: Sequence[Model], terms: Sequence[int]) -> dict[tuple[int, int], float]:
    """The score of every wanted row that holds a term, written down from the papers."""
    live = [row for model in models for place, row in enumerate(model.rows) if model.lives(place)]
    average = sum(sum(row.values()) for row in live) / max(len(live), 1)
    weights = {term: naive_idf(live, term) for term in terms}
    scores = {}
    for number, model in enumerate(models):
        for place, row in enumerate(model.rows):
            if model.wanted(place) and any(term in row for term in terms):
                norm = K1 * (1 - B + B * sum(row.values()) / average)
                scores[number, place] = sum(
                    weights[term] * row[term] * (K1 + 1) / (row[term] + norm) for term in terms if term in row
                )
    return scores


def naive_idf(live: Sequence[Row], term: int) -> float:
    df = sum(term in row for row in live)
    return math.log(1 + (len(live) - df + 0.5) / (df + 0.5))


rows = st.lists(
    st.dictionaries(st.integers(0, TERMS - 1), st.one_of(st.integers(1, 3), st.just(255)), max_size=TERMS), max_size=40
)


@st.composite
def models(draw: st.DrawFn) -> list[Model]:
    made = []
    for some in draw(st.lists(rows, max_size=3)):
        masks = st.one_of(st.none(), st.lists(st.booleans(), min_size=len(some), max_size=len(some)))
        made.append(Model(some, draw(masks), draw(masks)))
    return made


queries = st.lists(st.integers(0, TERMS + 2), max_size=8, unique=True)


@given(models(), queries, st.integers(1, 12))
@settings(max_examples=400, deadline=None)
def test_the_best_rows_are_those_of_the_formula(models: list[Model], terms: list[int], k: int):
    scores = naive(models, terms)
    hits = bm25([model.segment for model in models], terms, k)
    assert len(hits) == min(k, len(scores))
    assert [(segment, place) for segment, place, _ in hits] == [
        row for row, _ in sorted(scores.items(), key=lambda item: (-round(item[1], 9), item[0]))[:k]
    ]
    for segment, place, score in hits:
        assert score == pytest.approx(scores[segment, place], rel=1e-9)


@given(models(), queries)
@settings(max_examples=100, deadline=None)
def test_the_scores_of_given_rows_are_those_of_a_search(models: list[Model], terms: list[int]):
    segments = [model.segment for model in models]
    hits = bm25(segments, terms, 1000)
    assert bm25_of(segments, terms, [(segment, place) for segment, place, _ in hits]) == [score for *_, score in hits]


@given(models(), queries)
@settings(max_examples=100, deadline=None)
def test_live_rows_only_hold_a_term(models: list[Model], terms: list[int]):
    live = [row for model in models for place, row in enumerate(model.rows) if model.lives(place)]
    segments = [model.segment for model in models]
    held = holding(segments, terms)
    assert held == [sum(term in row for row in live) for term in terms]
    assert [idf(len(live), n) for n in held] == pytest.approx([naive_idf(live, term) for term in terms])


@given(models(), queries, st.sampled_from([1, 2, 7, 1 << 22]))
@settings(max_examples=200, deadline=None)
def test_merged_segments_are_as_if_built_of_the_live_rows(models: list[Model], terms: list[int], block: int):
    live = [row for model in models for place, row in enumerate(model.rows) if model.lives(place)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_postings, "_BLOCK", block)
        merged = Postings.merged([(model.postings, mask(model.alive)) for model in models])
        built_in_blocks = build(live)
    built = build(live)
    for name in ("offsets", "places", "frequencies", "lengths"):
        assert getattr(built_in_blocks, name).tolist() == getattr(built, name).tolist()
    for name in ("places", "frequencies", "lengths"):
        assert getattr(merged, name).tolist() == getattr(built, name).tolist()
    ends = min(len(merged.offsets), len(built.offsets))  # a term of dead rows only keeps its empty place
    assert merged.offsets[:ends].tolist() == built.offsets[:ends].tolist()
    assert set(merged.offsets[ends:].tolist()) <= {len(merged.places)}
    whole = bm25([(merged, None, None)], terms, 5)
    for model in models:
        model.among = None
    parts = bm25([model.segment for model in models], terms, 5)
    assert [score for *_, score in whole] == pytest.approx([score for *_, score in parts], rel=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.1, 0.002])
def test_a_large_segment_is_pruned_without_loss(share: float):
    random = np.random.default_rng(7)
    size, vocabulary = 20_000, 300
    weights = 1 / np.arange(1, vocabulary + 1)
    drawn = random.choice(vocabulary, (size, 12), p=weights / weights.sum())
    some = [dict(zip(*np.unique(row, return_counts=True), strict=True)) for row in drawn]
    model = Model([{int(t): int(f) for t, f in row.items()} for row in some])
    model.alive = (random.random(size) < 0.9).tolist()
    model.among = (random.random(size) < share).tolist()
    for terms in ([0, 1, 2, 40, 200], [3, 299], [0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]):
        scores = naive([model], terms)
        for k in (1, 10, 200):
            hits = bm25([model.segment], terms, k)
            best = sorted(scores.items(), key=lambda item: (-round(item[1], 9), item[0]))[:k]
            assert [(segment, place) for segment, place, _ in hits] == [row for row, _ in best]


def test_equal_rows_come_in_their_order():
    model = Model([{1: 1, 2: 1}] * 50)
    assert [place for _, place, _ in bm25([model.segment, model.segment], [1, 2], 60)] == [*range(50), *range(10)]


def test_a_term_given_twice_counts_once():
    model = Model([{1: 1, 2: 1}, {1: 2}])
    assert bm25([model.segment], [1, 1], 5) == bm25([model.segment], [1], 5)


def test_nothing_is_found_where_nothing_is():
    empty = Model([])
    assert bm25([], [1], 5) == bm25([empty.segment], [1], 5) == bm25([Model([{}, {}]).segment], [1], 5) == []
    dead = Model([{1: 1}], [False])
    assert bm25([dead.segment], [1], 5) == []
    assert bm25_of([dead.segment], [1], []) == []
    assert len(Postings.merged([])) == 0


def test_postings_mapped_from_files_are_searched_and_merged(tmp_path):
    model = Model([{1: 2, 3: 1}, {3: 4}, {0: 1, 1: 1}])
    stored = []
    for name in ("offsets", "places", "frequencies", "lengths"):
        np.save(tmp_path / f"{name}.npy", getattr(model.postings, name))
        stored.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    mapped = Postings(*stored)
    assert bm25([(mapped, None, None)], [1, 3], 5) == bm25([model.segment], [1, 3], 5)

    def allocate(name: str, length: int, dtype: np.dtype) -> np.memmap:
        return np.lib.format.open_memmap(tmp_path / f"new-{name}.npy", "w+", dtype, (length,))

    merged = Postings.merged([(mapped, None), (mapped, None)], allocate)
    assert isinstance(merged.places.base, np.memmap)
    assert [place for _, place, _ in bm25([(merged, None, None)], [3], 9)] == [1, 4, 0, 3]
