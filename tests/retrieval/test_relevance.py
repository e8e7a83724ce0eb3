import math
from collections.abc import Callable
from dataclasses import astuple, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.retrieval.diversity import NEAR_IDENTICAL, copies, near_identical, spread
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import Chunk, Hit, NewFile
from ragstone.retrieval.relevance import QUESTION, STATEMENT, Features, Lead, Relevance, is_statement, relevance_to
from ragstone.retrieval.widening import SECTION_TOKENS, widen
from ragstone.retrieval.wording import QueryWords, Wording

ALIKE = {"pump": 1.0, "seal": 1.0, "shaft": 1.0, "cost": 1.0}


def compared(query: str, passage: str, label: str = "", idf: dict[str, float] = ALIKE) -> Wording:
    return QueryWords(query, idf, rarest=1.0).wording(label, passage)


KINDS = pytest.mark.parametrize("kind", [QUESTION, STATEMENT], ids=["question", "statement"])


@KINDS
@pytest.mark.parametrize("name", ["cosine", "lexical", "exact", "near", "around"])
def test_the_probability_rises_with_each_feature_that_counts_and_falls_with_none(kind: Relevance, name: str):
    base = Features(0.4, 0.3, 0.3, 0.2, 0.3)
    rising = [kind.probability(replace(base, **{name: value})) for value in (0.1, 0.5, 0.9)]
    if getattr(kind.weights, name):
        assert all(a < b for a, b in pairwise(rising))
    else:
        assert len(set(rising)) == 1


def test_all_features_count_for_a_question():
    assert min(astuple(QUESTION.weights)) > 0


def test_the_nearest_leads_by_what_it_is_ahead_of_the_ten_that_follow():
    crowd = [0.3] * 6 + [0.2] * 4  # .26 on average
    lead = Lead.of([0.1, *crowd, 0.8, 0.0])
    assert (lead.best, lead.ahead) == (0.8, pytest.approx(0.8 - 0.26 - 0.05))
    assert lead.behind(0.8) == lead.behind(0.9) == 0.0
    assert lead.behind(0.3) == pytest.approx(-0.5 * lead.ahead)


def test_none_is_behind_where_the_nearest_does_not_stand_out_or_few_follow():
    assert Lead.of([0.8] + [0.76] * 10).behind(0.1) == 0.0
    assert Lead.of([0.8] + [0.1] * 9).behind(0.1) == 0.0
    assert Lead.of([]).behind(0.1) == 0.0


@KINDS
def test_the_probability_is_the_logistic_function_of_the_weighted_sum(kind: Relevance):
    values = (0.5, 0.25, 0.75, 0.125, 0.625, -0.0625)
    features = Features(*values)
    weights = astuple(kind.weights)
    odds = kind.intercept + sum(w * x for w, x in zip(weights, values, strict=True))
    assert kind.log_odds(features) == pytest.approx(odds)
    assert kind.probability(features) == pytest.approx(math.exp(odds) / (1 + math.exp(odds)))


@KINDS
def test_a_chunk_that_shares_nothing_with_the_query_is_unlikely_and_one_that_shares_all_is_likely(kind: Relevance):
    assert kind.probability(Features(0.0, 0.0)) < 0.01
    assert kind.probability(Features(1.0, 1.0, 1.0, 1.0, 1.0)) > 0.9


@KINDS
def test_the_probability_stays_between_0_and_1_at_the_ends_of_the_features(kind: Relevance):
    ends = kind.probability(Features(-1.0, 0.0)), kind.probability(Features(1.0, 1.0, 1.0, 1.0, 1.0))
    assert 0 < ends[0] < ends[1] < 1


@pytest.mark.parametrize(
    "query",
    [
        "How much does the battery hold?",
        "who got the first nobel prize in physics",
        "the cuban revolt against spain was led by who",
        "The pump holds how many litres of water?",
        "电池能容纳多少电量？",
        "battery capacity",
        "pump shaft seal cost",
        "",
    ],
)
def test_what_asks_and_key_words_are_taken_for_a_question(query: str):
    assert not is_statement(query)
    assert relevance_to(query) is QUESTION


@pytest.mark.parametrize(
    "query",
    ["The pump is sealed by two rings.", "Statins do not decrease the risk of stroke", "One pump in five leaks."],
)
def test_what_states_something_is_a_statement(query: str):
    assert is_statement(query)
    assert relevance_to(query) is STATEMENT


def test_a_word_in_the_same_form_counts_and_another_form_does_not():
    assert compared("pump seals", "The pump has two seals.").exact == 1.0
    assert compared("pump seals", "The pump has one seal.").exact == 0.5


def test_case_accents_and_stop_words_make_no_difference():
    assert compared("What is the PUMP of the café?", "a pump, a CAFE").exact == 1.0


def test_words_of_the_title_count():
    assert compared("pump seal", "The seal leaks.", label="Pump manual").exact == 1.0


def test_a_telling_word_counts_more_than_a_common_one():
    idf = {"pump": 1.0, "seal": 3.0}
    assert compared("pump seal", "a pump", idf=idf).exact == pytest.approx(0.25)
    assert compared("pump seal", "a seal", idf=idf).exact == pytest.approx(0.75)


def test_a_word_that_no_chunk_holds_counts_as_the_most_telling():
    words = QueryWords("pump zyzzyva", {"pump": 1.0}, rarest=3.0)
    assert words.wording("", "a pump").exact == pytest.approx(0.25)


def test_a_chinese_word_is_found_inside_a_line_without_spaces():
    assert compared("电池容量", "这个电池容量很大。").exact == 1.0
    assert compared("电池容量", "这个发动机很大。").exact == 0.0


def test_neighbours_of_the_query_that_stand_side_by_side_give_1():
    assert compared("shaft seal cost", "shaft seals cost much").near == 1.0


def test_the_further_apart_they_stand_the_less_it_is():
    near = [compared("shaft seal", f"shaft {'x ' * gap}seal").near for gap in range(5)]
    assert near == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


def test_the_nearest_of_several_places_counts_in_either_order():
    passage = "shaft one two three four five six seal shaft nine"
    assert compared("shaft seal", passage).near == 1.0


def test_stop_words_between_the_words_of_a_query_do_not_part_them():
    assert compared("the cost of the seal", "seal cost").near == 1.0


def test_words_are_compared_by_their_stems():
    assert compared("sealing costs", "sealed cost").near == 1.0


def test_a_query_of_one_word_has_no_neighbours():
    assert compared("seal", "seal seal").near == 0.0
    assert compared("seal seal", "seal seal").near == 0.0


def test_a_pair_of_which_one_word_is_missing_gives_nothing():
    assert compared("pump seal cost", "pump seal").near == pytest.approx(0.5)


def test_a_pair_of_telling_words_counts_more():
    idf = {"pump": 1.0, "seal": 1.0, "cost": 4.0}
    assert compared("pump seal cost", "pump seal", idf=idf).near == pytest.approx(2 / 7)
    assert compared("pump seal cost", "seal cost", idf=idf).near == pytest.approx(5 / 7)


def test_a_query_without_words_is_compared_with_nothing():
    found = compared("?!", "pump")
    assert (found.exact, found.near) == (0.0, 0.0)


def test_an_empty_passage_holds_nothing():
    assert compared("pump seal", "") == Wording(0.0, 0.0)


@pytest.mark.parametrize("passage", ["spumps", "pumpseal", "pump1", "1pump"])
def test_a_word_inside_another_one_is_not_it(passage: str):
    assert compared("pump", passage).exact == 0.0
    assert compared("pump shaft", f"{passage} shaft").near == 0.0


@pytest.mark.parametrize("passage", ["-pump.", "(pump)", "pump", "_pump_", "anti-pump\n", "x pump"])
def test_a_word_is_found_between_any_signs(passage: str):
    assert compared("pump", passage).exact == 1.0


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("battery shaft", "batteries shaft"),
        ("batteries shaft", "battery shaft"),
        ("hoping shaft", "hope shaft"),
        ("hope shaft", "hopes shafts"),
        ("tied shaft", "ties shaft"),
        ("relational shaft", "related shaft"),
        ("déjà shaft", "DEJA shaft"),
    ],
)
def test_a_word_is_near_in_any_form_of_its_stem(query: str, passage: str):
    assert compared(query, passage).near == 1.0


@given(st.text(max_size=60), st.text(max_size=200))
def test_no_text_breaks_the_comparison(query: str, passage: str):
    found = compared(query, passage, idf={})
    assert 0.0 <= found.exact <= 1.0 + 1e-9
    assert 0.0 <= found.near <= 1.0 + 1e-9


WORDS = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)]


def swapped(count: int, by: str = "other") -> frozenset[str]:
    return frozenset(WORDS[count:] + [f"{by}{chr(97 + n)}" for n in range(count)])


def test_passages_of_nearly_the_same_words_are_copies():
    assert near_identical(swapped(0), swapped(0))
    assert near_identical(swapped(0), swapped(2))


def test_the_bar_is_the_overlap_of_the_vocabularies():
    for count in range(10):
        overlap = (60 - count) / (60 + count)
        assert near_identical(swapped(0), swapped(count)) == (overlap >= NEAR_IDENTICAL)


def test_passages_that_differ_in_a_number_are_no_copies():
    assert not near_identical(swapped(0) | {"2023"}, swapped(0) | {"2024"})
    assert near_identical(swapped(0) | {"2023"}, swapped(0) | {"2023"})


def test_a_passage_inside_a_longer_one_is_no_copy():
    assert not near_identical(swapped(0), frozenset(WORDS[:40]))


def passages(**vocabularies: frozenset[str]) -> dict[int, str]:
    return {int(name[1:]): " ".join(sorted(words)) for name, words in vocabularies.items()}


def test_each_copy_is_told_with_the_first_of_its_kind():
    texts = passages(_1=swapped(0), _2=swapped(30), _3=swapped(1), _4=swapped(30), _5=swapped(0))
    assert copies(texts, [2, 5, 4, 3, 1], 9) == {4: 2, 3: 5, 1: 5}


def test_when_there_are_enough_that_are_no_copies_the_rest_is_not_compared():
    texts = passages(_1=swapped(0), _2=swapped(30), _3=swapped(1), _4=swapped(30), _5=swapped(0))
    assert copies(texts, [2, 4, 5, 3, 1], 2) == {4: 2}


def test_a_chain_of_small_changes_does_not_reach_to_its_far_end():
    assert near_identical(swapped(3), swapped(6))
    assert copies(passages(_1=swapped(0), _2=swapped(3), _3=swapped(6)), [1, 2, 3], 9) == {2: 1}


def unit(*values: float) -> np.ndarray:
    return np.array(values, np.float32) / np.float32(np.linalg.norm(values))


SCORES = {1: 0.9, 2: 0.8, 3: 0.5, 4: 0.1}
VECTORS = {1: unit(1, 0), 2: unit(1, 0.05), 3: unit(0, 1), 4: unit(-1, 0)}


def test_without_diversity_the_order_of_hits_stays():
    assert spread([1, 2, 3, 4], SCORES, VECTORS, 4, 0.0) == [1, 2, 3, 4]


def test_a_hit_like_an_earlier_one_comes_after_a_different_one():
    assert spread([1, 2, 3, 4], SCORES, VECTORS, 4, 0.4) == [1, 3, 2, 4]


def test_diversity_chooses_no_more_hits_than_asked_for():
    assert spread([1, 2, 3], SCORES, VECTORS, 2, 0.1) == [1, 2]
    assert spread([1, 2], SCORES, VECTORS, 5, 0.1) == [1, 2]


def test_a_chunk_without_a_vector_is_like_no_other():
    scores = {1: 0.9, 2: 0.8, 5: 0.6}
    assert spread([1, 2, 5], scores, {1: unit(1, 0), 2: unit(1, 0.05)}, 3, 0.5) == [1, 5, 2]


def test_for_diversity_a_hit_is_compared_with_the_nearest_of_those_chosen_not_with_the_last():
    vectors = {1: unit(1, 0, 0), 2: unit(0, 1, 0), 3: unit(1, 0.1, 0), 4: unit(0, 0, 1)}
    scores = {1: 0.9, 2: 0.85, 3: 0.8, 4: 0.5}
    assert spread([1, 2, 3, 4], scores, vectors, 4, 0.5) == [1, 2, 4, 3]


@pytest.fixture
def chapters(tmp_path: Path, file: Callable[..., NewFile]):
    """A document of six chunks of 300 tokens in two chapters, and another of one chunk."""
    texts = [f"{n} ".ljust(300, "abcdef"[n]) for n in range(6)]
    with Library(tmp_path / "chapters", create=True) as library:
        library.store(file("book.txt", *texts, headings=("One",) * 4 + ("Two",) * 2))
        library.store(file("note.txt", "a note"))
        yield library


def hits(library: Library, *places: tuple[str, int]) -> list[Hit]:
    ids = {document.path: document.id for document in library.documents()}
    chunks = [library.chunks_of(ids[path])[ordinal] for path, ordinal in places]
    return [Hit(rank=rank, score=1 / rank, chunk=chunk) for rank, chunk in enumerate(chunks, 1)]


def reach(library: Library, chunk: Chunk) -> str:
    """Which chunks of its document a wide one holds, by the number that each begins with."""
    assert chunk.text == library.text(chunk.document_id)[chunk.char_start : chunk.char_end]
    return "".join(character for character in chunk.text if character.isdigit())


def test_neighbours_are_the_chunks_before_and_after(chapters: Library):
    found = widen(chapters, hits(chapters, ("book.txt", 3)), "neighbours")
    assert [reach(chapters, hit.chunk) for hit in found] == ["234"]
    assert found[0].chunk.tokens == 900


def test_a_chunk_at_an_end_has_one_neighbour_and_a_lone_one_stays(chapters: Library):
    alone = hits(chapters, ("note.txt", 0))
    found = widen(chapters, [*hits(chapters, ("book.txt", 0)), *alone], "neighbours")
    assert reach(chapters, found[0].chunk) == "01"
    assert found[1].chunk == alone[0].chunk


def test_a_section_ends_where_its_heading_does(chapters: Library):
    found = widen(chapters, hits(chapters, ("book.txt", 5)), "section")
    assert [reach(chapters, hit.chunk) for hit in found] == ["45"]


def test_of_a_long_section_as_much_is_taken_as_fits(chapters: Library):
    wide = widen(chapters, hits(chapters, ("book.txt", 2)), "section")[0].chunk
    assert reach(chapters, wide) == "12"
    assert wide.tokens <= SECTION_TOKENS


@pytest.mark.parametrize("how", ["neighbours", "section"])
def test_a_hit_inside_an_earlier_one_is_left_out_and_the_rest_move_up(chapters: Library, how: str):
    given = hits(chapters, ("book.txt", 2), ("book.txt", 1), ("note.txt", 0))
    found = widen(chapters, given, how)
    assert [hit.chunk.id for hit in found] == [given[0].chunk.id, given[2].chunk.id]
    assert [(hit.rank, hit.score) for hit in found] == [(1, 1.0), (2, 1 / 3)]


def test_hits_are_not_widened_unless_it_is_asked_for(chapters: Library):
    given = hits(chapters, ("book.txt", 2), ("book.txt", 1))
    assert widen(chapters, given, "none") == given
