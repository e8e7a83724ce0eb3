"""Every search of a library that changes, against brute force: by random steps, and by those that once went wrong."""

import os
import random
import time
from collections.abc import Callable, Iterator

import faiss
import pytest

from ragstone.benchmarks._brute_force import Chosen, Model, check_figures, made_file, unit
from ragstone.benchmarks._victim import many_from
from ragstone.benchmarks.changing_library import Told, run
from ragstone.retrieval.index import FLAT_BELOW, Index
from ragstone.retrieval.library import Library

MINUTES = float(os.environ.get("RAGSTONE_SOAK_MINUTES") or 0)
"""How long the random steps go on; by default once with the first seed."""
EXAMPLES, STEPS = 30, 50


@pytest.fixture
def few_are_many() -> Iterator[None]:
    """Inverted files are made from 130 rows."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    many_from(130)
    yield
    many_from(FLAT_BELOW)
    faiss.omp_set_num_threads(threads)


def test_whatever_happens_to_a_library_its_searches_are_those_of_brute_force(
    record_property: Callable[[str, object], None],
):
    begun, told, seed = time.monotonic(), Told(), 1
    while seed == 1 or time.monotonic() < begun + 60 * MINUTES:
        told.add(run(seed, EXAMPLES, STEPS))
        seed += 1
    record_property("steps", told.steps.total())
    assert told.steps.total() > 0.5 * EXAMPLES * STEPS
    assert told.died > 50
    assert {kind.split()[0][:3] for kind in told.kinds} == {"fla", "ivf"}
    assert told.found.total() >= 0.99 * told.wanted.total()


@pytest.mark.parametrize("dimension", [8, 16])
@pytest.mark.parametrize("rows", [100, 200])
def test_an_emptied_library_takes_vectors_of_another_model(
    library: Callable[..., Library], few_are_many: None, dimension: int, rows: int
):
    """So many that the old inverted file would suit them, and more."""
    one, model = library(), Model()
    one.use_embedder(Chosen(1, 16).identity)
    one.store(made_file(0, 1, 200, 1, "a", 16))
    assert Index.load(one).kind == "ivf128 f32"
    one.remove([document.id for document in one.documents()])
    one.use_embedder(Chosen(2, dimension).identity)
    new = made_file(0, 2, rows, 1, "a", dimension)
    one.store(new)
    model.stored(one, new)
    index = Index.load(one)
    assert index.kind.startswith("ivf" if rows > 130 else "flat")
    vector = unit(random.Random(1), dimension)
    check_figures(model, one, index, ["river", "stone"], vector)
    model.check_dense(index.dense(vector, rows), vector, set(model.rows), rows, approximate=False)
