"""Follow-ups made to stand alone by rules, and the conversations that they are measured on."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.generation.conversation import Turn, carried, standalone

CONVERSATIONS = tomllib.loads(Path(__file__).parents[1].joinpath("data/conversations.toml").read_text("utf-8"))
KINDS = "first pronoun ellipsis definite answer comparison correction return alone switch chat".split()

LEASE = Turn("When was the lease of the warehouse signed?", "Anna Berg signed the lease on 3 May 2019.", (7, 8))
SALES = Turn("How much did Cora sell for in 2021?", "Cora sold for EUR 90,000 in 2021.", (3,))
FEES = Turn("What does a parking permit cost for a resident in 2023?", "It costs EUR 40.", (5,))


def query(question: str, *history: Turn) -> str:
    return standalone(question, history).query


@pytest.fixture(scope="module")
def rag(sample_library: Path) -> Iterator[Ragstone]:
    with Ragstone.open(sample_library, create=False) as opened:
        yield opened


def test_a_pronoun_becomes_the_thing_asked_about() -> None:
    assert query("When does it end?", LEASE) == "When does the lease of the warehouse end?"


def test_a_possessive_becomes_the_owner() -> None:
    assert query("What is its length?", LEASE) == "What is the lease of the warehouse's length?"


def test_he_or_she_is_the_person_named_last() -> None:
    assert query("Who is she?", LEASE) == "Who is Anna Berg?"


def test_her_office_is_somebodys() -> None:
    assert query("Her office is where?", LEASE) == "Anna Berg's office is where?"


def test_a_year_takes_the_place_of_the_year() -> None:
    assert query("And in 2022?", SALES) == "How much did Cora sell for in 2022?"


def test_a_name_takes_the_place_of_the_name() -> None:
    assert query("What about Dora?", SALES) == "How much did Dora sell for in 2021?"


def test_a_phrase_takes_the_place_of_the_phrase_with_its_preposition() -> None:
    assert query("and for a visitor?", FEES) == "What does a parking permit cost for a visitor in 2023?"


def test_a_code_takes_the_place_of_a_code() -> None:
    assert (
        query("and M10?", Turn("Which torque do the M8 bolts need?", "20 Nm.")) == "Which torque do the M10 bolts need?"
    )


RENT = Turn("What is the monthly rent of flat 4B?", "EUR 780.", (4,))
HALL = Turn("Who has booked hall B in August?", "The rowing club.")
OIL = Turn("Which oil does compressor K3 need?", "VDL 46.")


@pytest.mark.parametrize(
    ("last", "follow_up", "whole"),
    [
        (RENT, "and for 2A?", "What is the monthly rent of flat 2A?"),
        (RENT, "and for 2a?", "What is the monthly rent of flat 2A?"),
        (RENT, "What about flat 2A?", "What is the monthly rent of flat 2A?"),
        (Turn("What is the rent of 4B?", "EUR 780."), "and 2A?", "What is the rent of 2A?"),
        (Turn("What is the RTO in version 1?", "8 hours."), "and in version 2?", "What is the RTO in version 2?"),
        (
            Turn("What is the RTO in Version 1 of the concept?", "8 hours."),
            "version 2?",
            "What is the RTO in Version 2 of the concept?",
        ),
        (HALL, "and hall C?", "Who has booked hall C in August?"),
        (HALL, "And C?", "Who has booked hall C in August?"),
        (HALL, "and in June?", "Who has booked hall B in June?"),
        (OIL, "and K2?", "Which oil does compressor K2 need?"),
        (Turn("What is the limit in March?", "4 kg."), "What about May?", "What is the limit in May?"),
        (Turn("What is the limit in March?", "4 kg."), "And in May?", "What is the limit in May?"),
    ],
)
def test_a_thing_told_by_a_letter_or_a_number_takes_the_place_of_its_like(last: Turn, follow_up: str, whole: str):
    assert query(follow_up, last) == whole


def test_a_number_that_counts_is_not_replaced_by_one_that_names() -> None:
    last = Turn("What does a household receive after 12 hours without electricity?", "EUR 50.")
    assert query("and in version 2?", last).startswith("What does a household receive after 12 hours")


def test_it_may_be_what_was_asked_for_or_what_it_was_asked_of() -> None:
    assert query("how often is it changed?", OIL) == (
        "How often is it changed? (about: Which oil does compressor K3 need)"
    )
    used = Turn("Which oil is used in compressor K3?", "VDL 46.")
    assert query("How often is it changed?", used).endswith("(about: Which oil is used in compressor K3)")
    assert query("What does it weigh?", Turn("Where is compressor K3?", "In hall B.")) == (
        "What does compressor K3 weigh?"
    )


def test_it_keeps_the_letter_of_what_it_belongs_to() -> None:
    last = Turn("What is the notice period in contract A?", "Three months.")
    assert "contract A" in query("Can it be extended?", last)


def test_a_bare_yes_or_no_leans_on_the_last_question() -> None:
    assert query("are pets allowed?", RENT) == "Are pets allowed? (about: What is the monthly rent of flat 4B)"
    assert carried("are pets allowed?", [RENT]) == (4,)


@pytest.mark.parametrize("text", ["Is there a discount?", "Is the canteen open?", "Does Dora sell fish?"])
def test_a_yes_or_no_that_names_something_stands_alone(text: str) -> None:
    assert query(text, RENT) == text


def test_a_year_is_added_where_there_was_none() -> None:
    assert query("And in 2022?", LEASE) == "When was the lease of the warehouse signed in 2022?"


def test_what_has_no_like_part_is_asked_about_the_last_question() -> None:
    assert query("And the garage?", LEASE) == (
        "What about the garage? (about: When was the lease of the warehouse signed)"
    )


def test_a_bare_why_asks_about_the_last_answer_too() -> None:
    assert query("Why?", SALES) == "Why? (about: How much did Cora sell for in 2021; Cora sold for EUR 90,000 in 2021.)"


def test_a_bare_why_does_not_repeat_a_refusal() -> None:
    refused = Turn(SALES.question, "I don't know.")
    assert query("Why?", refused) == "Why? (about: How much did Cora sell for in 2021)"


def test_a_correction_goes_on_with_the_last_question() -> None:
    assert query("No, I meant in 2020", SALES) == "How much did Cora sell for in 2020?"


def test_a_known_thing_is_told_with_its_topic() -> None:
    history = Turn("Why was Dagny repaired?", "Lightning struck it; the repair took a month.")
    assert (
        query("How much did the repair cost?", history)
        == "How much did the repair cost? (about: Why was Dagny repaired)"
    )


def test_a_demonstrative_is_told_with_its_topic() -> None:
    assert query("Why are those limits different?", LEASE).endswith(
        "(about: When was the lease of the warehouse signed)"
    )


def test_a_return_finds_the_earlier_topic() -> None:
    asked = query("Back to the lease: when does it end?", LEASE, SALES)
    assert asked == "When does the lease of the warehouse end?"


def test_a_follow_up_of_a_follow_up_keeps_the_topic() -> None:
    history = [LEASE, Turn("Who signed it?", "Anna Berg."), Turn("thanks", "You are welcome.")]
    assert query("When does it end?", *history) == "When does the lease of the warehouse end?"


def test_a_history_of_whole_questions_gives_the_same_as_one_of_typed_ones() -> None:
    for conversation in CONVERSATIONS["conversation"]:
        typed: list[Turn] = []
        whole: list[Turn] = []
        for turn in conversation["turn"]:
            asked = standalone(turn["question"], typed).query
            assert standalone(turn["question"], whole).query == asked
            typed.append(Turn(turn["question"], turn["answer"]))
            whole.append(Turn(asked, turn["answer"]))


@pytest.mark.parametrize(
    "question",
    [
        "What does a guided tour cost?",
        "Which firm audited the accounts for 2023?",
        "How do I reset my password?",
        "VAT rate 2023",
    ],
)
def test_a_topic_switch_inherits_nothing(question: str) -> None:
    assert standalone(question, [LEASE]) == standalone(question, [])
    assert standalone(question, [LEASE]).method == "as it is"
    assert carried(question, [LEASE]) == ()


@pytest.mark.parametrize(
    "question",
    [
        "Is it true that a member may be excluded?",
        "How long does it take to get a permit?",
        "Is there a discount at night?",
        "What must employees sign when they join?",
        "Who maintains the pump that failed?",
        "Does the policy say that smoking is allowed?",
    ],
)
def test_a_whole_question_is_left_alone_though_it_holds_a_pronoun(question: str) -> None:
    assert query(question, LEASE) == question


@pytest.mark.parametrize("text", ["thanks", "ok, thank you very much!", "great", "?", ""])
def test_small_talk_is_left_alone_and_carries_nothing(text: str) -> None:
    assert query(text, LEASE) == text
    assert carried(text, [LEASE]) == ()


def test_thanks_before_a_question_are_no_part_of_it() -> None:
    assert query("Thanks. And when does it end?", LEASE) == "When does the lease of the warehouse end?"


def test_a_first_question_is_left_alone() -> None:
    assert query("When does it end?") == "When does it end?"


def test_a_follow_up_carries_the_passages_cited_last() -> None:
    assert carried("When does it end?", [SALES, LEASE]) == (7, 8)


def test_small_talk_between_does_not_lose_the_cited_passages() -> None:
    assert carried("When does it end?", [LEASE, Turn("ok thanks", "You are welcome.")]) == (7, 8)


def test_there_are_enough_conversations_of_every_kind() -> None:
    turns = [turn for conversation in CONVERSATIONS["conversation"] for turn in conversation["turn"]]
    assert len(CONVERSATIONS["conversation"]) >= 12
    assert len(turns) >= 45
    assert {turn["kind"] for turn in turns} == set(KINDS)
    assert {conversation["part"] for conversation in CONVERSATIONS["conversation"]} == {"tune", "report"}


@pytest.mark.parametrize("conversation", CONVERSATIONS["conversation"], ids=lambda c: c["name"])
def test_all_evidence_stands_in_a_passage_of_its_document_and_page(rag: Ragstone, conversation: dict[str, Any]) -> None:
    documents = {document.path.partition("samples/")[2]: document for document in rag.documents()}
    for turn in conversation["turn"]:
        if turn["kind"] == "chat":
            assert not turn["document"]
            continue
        document = documents[turn["document"]]
        evidence = " ".join(turn["evidence"].split())
        assert any(evidence in " ".join(c.passage.split()) for c in rag.library.chunks_of(document.id)), turn
        text = rag.library.text(document.id)
        for page in rag.library.pages(document.id):
            if page.number == turn.get("page"):
                assert evidence in " ".join(text[page.char_start : page.char_end].split()), turn
        assert ("page" in turn) == document.path.endswith(".pdf"), turn


@pytest.mark.parametrize("text", ["and in 2020?", "Why?", "Who wrote it?", "What about Cora?", "How heavy are they?"])
def test_follow_ups_are_recognized(text: str) -> None:
    asked = standalone(text, [SALES])
    assert asked.method == "rules"
    assert len(asked.query) > len(text)
