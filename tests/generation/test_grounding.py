import pytest

from ragstone import verify
from ragstone.errors import GenerationError
from ragstone.generation.grounding import whole_support
from ragstone.generation.grounding.claims import cited_numbers, declines, split_sentences, strip_citations

PUMP = "The pump in hall B was replaced in March 2019. The new pump costs EUR 1,950 and weighs 38 kg."


def test_what_stands_in_the_passages_is_supported_with_its_sentence_as_evidence() -> None:
    checked = verify("The new pump weighs 38 kg.", ["Nothing of the kind.", PUMP])
    (sentence,) = checked.sentences
    assert sentence.verdict == "supported"
    assert checked.support == sentence.support
    assert sentence.evidence.passage == 1
    assert PUMP[sentence.evidence.start : sentence.evidence.end] == "The new pump costs EUR 1,950 and weighs 38 kg."


def test_one_passage_may_be_given_as_it_is_and_without_any_nothing_is_scored() -> None:
    claim = "The new pump weighs 38 kg."
    assert verify(claim, PUMP) == verify(claim, [PUMP])
    for words in (claim, "It is so.", "He did it."):
        checked = verify(words, [])
        assert (checked.support, checked.sentences[0].verdict) == (None, "unscored")


@pytest.mark.parametrize("passages", [[PUMP.encode()], [None], [{"text": PUMP}]])
def test_what_is_no_text_is_refused(passages: list[object]) -> None:
    with pytest.raises(GenerationError, match="takes texts"):
        verify("The new pump weighs 38 kg.", passages)  # type: ignore[arg-type]


def test_a_number_that_no_passage_holds_makes_a_sentence_unsupported() -> None:
    assert verify("The new pump weighs 83 kg.", [PUMP]).sentences[0].verdict == "unsupported"


def test_a_number_is_the_same_with_and_without_thousands_separators() -> None:
    assert verify("It costs 1950 EUR.", [PUMP]).sentences[0].verdict == "supported"


def test_word_forms_do_not_matter() -> None:
    assert verify("They are replacing pumps.", [PUMP]).sentences[0].verdict == "supported"


def test_the_words_of_the_question_are_not_claims_of_the_answer() -> None:
    without = verify("The Hollbeck pump was replaced in 2019.", [PUMP]).support
    given = verify("The Hollbeck pump was replaced in 2019.", [PUMP], "When was the Hollbeck pump replaced?").support
    assert without is not None and given is not None
    assert without < given


def test_what_claims_nothing_is_unscored_and_not_zero() -> None:
    checked = verify("I don't know. Is that all?", [PUMP])
    assert [s.verdict for s in checked.sentences] == ["unscored", "unscored"]
    assert checked.support is None


def test_the_support_of_the_whole_is_the_mean_of_its_two_worst_sentences() -> None:
    assert whole_support([1.0, 0.2, None, 0.6]) == pytest.approx(0.4)
    assert whole_support([None]) is None


def test_sentences_keep_their_place_and_lists_are_split_by_item() -> None:
    text = "Dr. Holm came at 3.30 p.m. today. He left [1].\n- one item\n- another item"
    spans = split_sentences(text)
    assert all(text[s.start : s.end] == s.text for s in spans)
    assert [s.text for s in spans][-3:] == ["He left [1].", "- one item", "- another item"]


def test_citations_are_read_and_removed() -> None:
    assert cited_numbers("a [1] b [2, 3][1]") == [1, 2, 3]
    assert strip_citations("It cost EUR 5 [1][2]. It was late [3]!") == "It cost EUR 5. It was late!"


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I don’t know",
        "I do not know the answer.",
        "The passages do not contain the answer.",
        "The provided passages do not mention a manufacturer [1].",
        "There is no information about this.",
        "Sorry, I cannot answer that.",
    ],
)
def test_refusals_are_recognized(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    "text", ["The cable does not contain copper.", "He said: I don't know.", "The documents arrived."]
)
def test_statements_are_not_taken_for_refusals(text: str) -> None:
    assert not declines(text)
