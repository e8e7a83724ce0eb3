import itertools
import random
import time
from typing import Any

import numpy as np
import pytest

from ragstone.ingest.duplicates import SIMILARITY, DuplicateFinder
from ragstone.ingest.likeness import near_duplicates
from ragstone.ingest.signatures import PERMUTATIONS, signature

WORDS = [f"{first}{last}" for first in "ba be bi bo bu da de di do du".split() for last in "l m n r s t".split()]


def text(words: int = 400, seed: int = 1) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def jaccard(first: str, second: str) -> float:
    a, b = ({tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (first.split(), second.split()))
    return len(a & b) / len(a | b)


def edited(original: str, places: int) -> str:
    words = original.split()
    for place in range(places):
        words[10 + place * len(words) // (places + 1)] = f"new{place}"
    return " ".join(words)


def test_a_text_has_the_signature_that_it_always_had():
    fixed = " ".join(f"word{number}" for number in range(60))
    assert len(signature(fixed)) == 512
    assert signature(fixed)[:16].hex() == "e6dd0000c4c1c20996e8ab00cb294607"


def test_layout_case_punctuation_and_ligatures_make_no_difference():
    plain = "the first of the fine files " + text()
    laid_out = "# The FIRST of the \ufb01ne \ufb01les:\n\n" + text().replace(" ", ",\n")
    assert signature(plain) == signature(laid_out)


def test_a_text_under_fifty_words_resembles_only_itself():
    short = "Balance on 1 May: -5 EUR."
    finder = DuplicateFinder({4: signature(short), 2: signature(short), 3: signature(text())})
    assert finder.find(signature("Balance on\n1 May:  -5 EUR.\n")) == (2, 1.0)
    for other in ("Balance on 1 May: 5 EUR.", "balance on 1 May: -5 EUR.", "Balance on 1 May: -5 EUR. Paid.", text(49)):
        assert finder.find(signature(other)) is None
    finder.discard(2)
    assert finder.find(signature(short)) == (4, 1.0)
    finder.add(4, signature(text(seed=2)))
    assert finder.find(signature(short)) is None
    assert (len(signature(text(49))), len(signature(text(50)))) == (16, 512)
    assert signature("") == signature(" \n--\n") == b""


def test_copies_of_short_documents_are_groups_among_the_others():
    short, other, long = signature("Gone fishing."), signature("Gone for good."), signature(text())
    groups = near_duplicates({1: other, 2: long, 3: short, 4: b"", 5: short, 6: b"", 7: long})
    assert [[(one.id, one.similarity) for one in group] for group in groups] == [
        [(2, 1.0), (7, 1.0)],
        [(3, 1.0), (5, 1.0)],
    ]


def test_a_script_without_spaces_is_compared_by_its_characters():
    chinese = "".join(random.Random(1).choices("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏", k=300))
    finder = DuplicateFinder({1: signature(chinese)})
    assert finder.find(signature(chinese[:150] + "。" + chinese[150:])) == (1, 1.0)
    assert finder.find(signature(chinese[::-1])) is None


@pytest.mark.parametrize(("words", "places"), [(3000, 6), (3000, 20), (3000, 60)])
def test_the_estimate_is_near_the_similarity_of_the_texts(words: int, places: int):
    original = text(words)
    changed = edited(original, places)
    real = jaccard(original, changed)
    found = DuplicateFinder({7: signature(original)}).find(signature(changed))
    if found is None:
        assert real < 0.9 + 3 * 0.027
    else:
        assert found[0] == 7
        assert abs(found[1] - real) < 3 * 0.027


def test_the_most_similar_document_is_found_and_of_equals_the_first():
    original = text(2000)
    near, other = edited(original, 10), text(2000, seed=2)
    finder = DuplicateFinder({5: signature(near), 3: signature(original), 9: signature(original), 4: signature(other)})
    assert finder.find(signature(original)) == (3, 1.0)
    assert finder.find(signature(near)) == (5, 1.0)
    assert finder.find(signature(text(2000, seed=3))) is None


@pytest.mark.parametrize("words", [10, 400])
def test_what_an_ingest_adds_comes_after_what_was_stored_and_in_its_order(words: int):
    same = signature(text(words))
    finder = DuplicateFinder({})
    for document in (-1, -2, 8, 7):
        finder.add(document, same)
    for first in (7, 8, -1, -2):
        assert finder.find(same) == (first, 1.0)
        finder.discard(first)
    assert finder.find(same) is None


def test_texts_without_words_resemble_nothing():
    finder = DuplicateFinder({1: b""})
    assert finder.find(b"") is None
    assert finder.find(signature(text())) is None
    finder.add(2, b"")
    assert finder.find(b"") is None


def test_documents_can_be_added_replaced_and_discarded():
    finder = DuplicateFinder({})
    signatures = {number: signature(text(60, seed=number)) for number in range(1, 131)}
    for number, value in signatures.items():
        finder.add(number, value)
    assert all(finder.find(value) == (number, 1.0) for number, value in signatures.items())
    finder.discard(1)
    finder.discard(1)
    finder.add(2, signatures[1])
    assert finder.find(signatures[1]) == (2, 1.0)
    assert finder.find(signatures[2]) is None
    assert finder.find(signatures[130]) == (130, 1.0)
    finder.add(2, b"")
    assert finder.find(signatures[1]) is None


def test_a_finder_of_stored_signatures_can_be_added_to():
    first, second = signature(text(seed=1)), signature(text(seed=2))
    finder = DuplicateFinder({1: first})
    finder.add(1, second)
    assert finder.find(first) is None
    assert finder.find(second) == (1, 1.0)


def test_the_groups_are_those_of_all_pairs_compared():
    draw = np.random.default_rng(1)
    base = draw.integers(0, 2**32, (6, PERMUTATIONS), dtype=np.uint32)
    rows = np.repeat(base, 8, axis=0)
    for row in rows[1:]:
        row[draw.permutation(PERMUTATIONS)[: draw.integers(0, 15)]] += 1  # up to 14 of 128 differ: some pairs are alike
    signatures = {int(i): row.tobytes() for i, row in zip(draw.permutation(len(rows)) + 1, rows, strict=True)} | {
        99: b""
    }
    alike = {
        (one, other)
        for one, other in itertools.permutations(signatures.keys() - {99}, 2)
        if np.mean(column(signatures[one]) == column(signatures[other])) >= SIMILARITY
    }
    groups = near_duplicates(signatures)
    found = [{one.id for one in group} for group in groups]
    assert sum(map(len, found)) == len(set().union(*found)) == len({one for one, _ in alike})
    assert all(any({one, other} <= group for group in found) for one, other in alike)
    for group, ids in zip(groups, found, strict=True):
        first, reached = group[0], {group[0].id}
        while more := {other for one, other in alike if one in reached} - reached:
            reached |= more
        assert reached == ids  # nobody is in a group without a chain of likenesses
        assert [one.id for one in group] == sorted(ids)
        assert (first.id, first.similarity) == (min(ids), 1.0)
        for one in group:
            assert one.similarity == np.mean(column(signatures[one.id]) == column(signatures[first.id]))
    assert groups == sorted(groups, key=lambda group: group[0].id)


def test_thousands_of_variants_of_one_text_are_grouped_in_time_that_does_not_grow_with_their_square():
    draw = np.random.default_rng(1)
    base = draw.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    rows = np.repeat(base[None], 3000, axis=0)
    for row in rows:
        row[draw.permutation(PERMUTATIONS)[:6]] = draw.integers(0, 2**32, 6)
    signatures = {number: row.tobytes() for number, row in enumerate(rows)}
    started = time.process_time()
    (group,) = near_duplicates(signatures)
    assert time.process_time() - started < 1
    assert len(group) == 3000


def column(stored: bytes) -> Any:
    return np.frombuffer(stored, "<u4")


def test_nothing_is_like_nothing():
    assert near_duplicates({}) == near_duplicates({1: b"", 2: b"", 3: signature(text())}) == []
