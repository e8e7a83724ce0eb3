import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragstone import verify
from ragstone.errors import ModelLoadError
from ragstone.generation.grounding.verifier import NAMES, WEIGHTS, Verifier

PUMP = "The pump in hall B was replaced in March 2019. The new pump costs EUR 1,950 and weighs 38 kg."
NOISE = "The cafeteria opens at noon. Lunch is free on Fridays. " * 30


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier()


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("The new pump weighs 83 kg.", "83"),
        ("The pump was replaced in July 2019.", "July"),
        ("The pump in hall B was not replaced.", "not"),
        ("Ghent is a city in Belgium.", "Belgium"),
    ],
)
def test_what_the_passages_do_not_say_is_unsupported_and_its_words_are_marked(
    verifier: Verifier, claim: str, words: str
) -> None:
    (found,) = verifier.score([claim], [NOISE, PUMP])
    assert found.support is not None and found.support < verifier.threshold
    assert any(words in claim[start:end] for start, end in found.unsupported)


@pytest.mark.parametrize(
    "claim",
    ["The new pump weighs 38 kg.", "In March 2019 the pump in hall B was replaced.", "The pump cost 1,950 EUR [2]."],
)
def test_what_the_passages_say_is_supported_in_the_sentence_that_carries_it(verifier: Verifier, claim: str) -> None:
    (found,) = verifier.score([claim], [NOISE, PUMP])
    assert found.support is not None and found.support >= verifier.threshold
    assert found.passage == 1 and found.unsupported == ()
    assert ("replaced" in PUMP[found.start : found.end]) == ("replaced" in claim)


def test_whole_words_are_marked(verifier: Verifier) -> None:
    claim = "The Zwentendorf turbogenerator weighs 38 kg."
    (found,) = verifier.score([claim], [NOISE, PUMP])
    words = {word for start, end in found.unsupported for word in claim[start:end].split()}
    assert "Zwentendorf" in words
    assert words <= {*claim.split(), "kg"}


def test_a_record_carries_what_it_says(verifier: Verifier) -> None:
    record = json.dumps({"name": "Joe's Grill", "attributes": {"WiFi": "free", "BusinessParking": {"garage": False}}})
    free, invented = verifier.score(["Joe's Grill offers free WiFi.", "It has a rooftop bar with live jazz."], [record])
    assert free.support is not None and invented.support is not None
    assert invented.support < free.support


def test_a_claim_scores_the_same_whatever_is_scored_beside_it(verifier: Verifier) -> None:
    claims = ["The new pump weighs 38 kg.", "It has a rooftop bar.", "The pump was replaced. " * 12]
    together = verifier.score(claims, [NOISE, PUMP])
    assert [verifier.score([claim], [NOISE, PUMP])[0] for claim in claims] == together
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: verifier.score(claims, [NOISE, PUMP]), range(8))) == [together] * 8


def test_the_words_of_the_question_are_neither_claimed_nor_marked(verifier: Verifier) -> None:
    claim, question = "The Hollbeck pump was replaced in 2019.", "When was the Hollbeck pump replaced?"
    without, given = verifier.score([claim], [PUMP])[0], verifier.score([claim], [PUMP], question)[0]
    assert without.support is not None and given.support is not None
    assert without.support < given.support


def test_the_more_an_answer_claims_the_less_probable_it_is_that_all_is_carried(verifier: Verifier) -> None:
    one, two = verifier.whole([0.9]), verifier.whole([0.9, None, 0.9])
    assert one == 0.9
    assert two is not None and two < 0.9
    assert verifier.whole([None]) is None
    assert (
        verify("The new pump weighs 38 kg.", [PUMP]).support
        == verifier.score(["The new pump weighs 38 kg."], [PUMP])[0].support
    )


@pytest.mark.parametrize("text", ["", " ", "[" * 300, "x" * 20_000, "\u200b\ud83d\ude00 \u0000", "word " * 5000])
def test_any_passage_and_any_claim_with_words_get_a_score(verifier: Verifier, text: str) -> None:
    for claims, passages in (([text], [PUMP]), ([PUMP], [text]), ([text], []), ([], [text])):
        for claim, found in zip(claims, verifier.score(claims, passages), strict=True):
            assert (found.support is None) == (not re.search(r"\w", claim))
            assert found.support is None or 0 <= found.support <= 1


def test_a_verifier_without_its_files_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"combination\.json"):
        Verifier(tmp_path)
    for name in ("combination.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelLoadError, match="cannot be loaded"):
        Verifier(tmp_path)


def test_the_weights_are_small_and_named_like_the_values() -> None:
    assert (WEIGHTS / "model.onnx").stat().st_size < 30e6
    assert tuple(json.loads((WEIGHTS / "combination.json").read_text("utf-8"))["names"]) == NAMES


@pytest.mark.parametrize(
    ("claim", "passage", "supported"),
    [
        ("The bolt costs 13.90 EUR.", "The bolt costs 13,90 EUR.", True),
        ("The bolt costs 1390 EUR.", "The bolt costs 13,90 EUR.", False),
        ("The rent is £1,150.", "The rent is £1,150.00.", True),
        ("The fee is 1,250 Euro.", "The fee is 1.250 Euro.", True),
        ("It has 12 places.", "It has twelve places.", True),
        ("It began on 2 September 2019.", "It began on 02/09/2019.", True),
        ("It began on 3 September 2019.", "It began on 02/09/2019.", False),
        ("It opens at 2 pm.", "It opens at 14:00.", True),
        ("It opens at 3 pm.", "It opens at 14:00.", False),
    ],
)
def test_numbers_dates_and_hours_are_compared_as_what_they_mean(
    verifier: Verifier, claim: str, passage: str, supported: bool
) -> None:
    (found,) = verifier.score([claim], [passage])
    assert found.support is not None and (found.support >= verifier.threshold) == supported
