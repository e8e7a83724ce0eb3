"""How telling the words of a query are, in libraries small and large."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.generation.models import ModelStore
from ragstone.retrieval.analysis import STOP_WORDS, content_words, query_terms, terms
from ragstone.retrieval.telling import RARE, _common, telling

LEASE = "The notice period is three months. The rent is EUR 1,250 a month, payable by the third working day."


@pytest.mark.parametrize("term", ["the", "under", "rent", "zyzzyva"])
def test_in_a_large_library_a_term_is_as_telling_as_its_idf(term: str):
    for holding in (5_000, 200_000):
        idf = math.log((1_000_000 + 1) / (holding + 0.5))
        assert telling(term, 1_000_000, holding) == pytest.approx(idf, abs=0.06)


def test_in_a_small_library_a_common_word_tells_less_than_one_that_is_about_something():
    assert telling("kind", 7, 0) < telling("rent", 7, 3) < telling("garag", 7, 0)
    assert telling("rent", 7, 7) > 1


def test_a_term_tells_the_less_the_more_chunks_hold_it():
    values = [telling("pump", 10, holding) for holding in range(11)]
    assert values == sorted(values, reverse=True)
    assert min(telling(term, chunks, chunks) for term in ("the", "pump") for chunks in (0, 1, 1000)) > 0


def test_the_common_words_are_terms_with_their_shares_in_falling_order():
    shares = list(_common().values())
    assert len(shares) > 2_000
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > RARE
    assert max(shares) <= 1
    assert "the" in _common()
    assert "zyzzyva" not in _common()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("What is Ada's role?", ["ada", "role"]),
        ("Why doesn\N{RIGHT SINGLE QUOTATION MARK}t O'Brien's pump start?", ["o", "brien", "pump", "start"]),
        ("They're what we'd've signed", ["signed"]),
        ("How much rent must I pay, and how many months?", ["rent", "pay", "months"]),
        ("don't", ["don", "t"]),
        ("rock 'n' roll", ["rock", "n", "roll"]),
    ],
)
def test_what_an_apostrophe_shortens_is_no_word_of_a_question(query: str, found: list[str]):
    assert content_words(query) == found
    assert query_terms(query) == [term for word in found for term in terms(word)]


def test_no_stop_word_is_about_something():
    assert STOP_WORDS.isdisjoint({"may", "rent", "number", "name"})


@pytest.fixture
def few(tmp_path: Path, model_store: ModelStore, embedder: object) -> Callable[..., Ragstone]:
    """A library of three short files, and then some more."""

    def made(more: int = 0) -> Ragstone:
        docs = tmp_path / f"docs{more}"
        docs.mkdir()
        (docs / "lease.txt").write_text(LEASE)
        (docs / "lease2.txt").write_text(LEASE.replace("1,250", "900").replace("three", "six"))
        (docs / "mail.txt").write_text("Ada, our engineer, has paid invoice 12. The phone number is 555-0100.")
        for number in range(more):
            (docs / f"{number}.txt").write_text(
                f"Harbour {number} has a lighthouse, and ships of line {number} call there."
            )
        rag = Ragstone.open(tmp_path / f"library{more}", settings=Settings(models_dir=model_store.folder))
        rag.ingest(docs)
        return rag

    return made


@pytest.mark.parametrize(
    "query", ["How much is the rent?", "What sort of rent is due in a month?", "What is Ada's number?"]
)
def test_a_probability_means_the_same_among_three_files_as_among_many(few: Callable[..., Ragstone], query: str):
    chances = []
    for more in (0, 60):
        with few(more) as rag:
            hit = rag.search(query, 1)[0]
            assert hit.chunk.document.endswith(("lease.txt", "lease2.txt", "mail.txt"))
            chances.append(hit.probability)
    few_, many = (math.log(p / (1 - p)) for p in chances)
    assert abs(few_ - many) < 0.5
