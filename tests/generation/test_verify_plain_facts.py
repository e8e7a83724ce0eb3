"""Plain facts, written otherwise than in their passages, and plain errors: found by readers who tried to err it."""

import threading
import unicodedata

import pytest

from ragstone import verify
from ragstone.errors import GenerationError
from ragstone.generation import grounding
from ragstone.generation.grounding import default_scorer

PUMP = "The pump weighs 38 kg. The hall has 12 windows. The rent is 500 EUR."
TABLE = "||2018|2019|2020|\n|-|-|-|-|\n|Revenue|503.6|600.1|712.4|\n|Costs|303.2|410.9|520.5|\n"


def verdict(claim: str, passage: str, question: str = "") -> str:
    return verify(claim, [passage], question).sentences[0].verdict


@pytest.mark.parametrize(
    ("question", "claim", "passage"),
    [
        ("Does the pump weigh 99 kg?", "The pump weighs 99 kg.", PUMP),
        ("Does the pump weigh 99 kg?", "99 kg", PUMP),
        ("Is the rent 700 EUR?", "The rent is 700 EUR.", PUMP),
        ("Does the meeting start at 10:30?", "The meeting starts at 10:30.", "The meeting starts at 14:00."),
        ("Was the pump replaced in 2021?", "The pump was replaced in 2021.", "The pump was replaced in 2019."),
        (
            "Was the lease signed by Karl Zander?",
            "The lease was signed by Karl Zander.",
            "The lease was signed by Anna Berg in May.",
        ),
    ],
)
def test_what_only_the_question_says_is_not_supported_by_it(question: str, claim: str, passage: str) -> None:
    assert verdict(claim, passage, question) == "unsupported"


@pytest.mark.parametrize("before", ["Yes, the", "However, the", "Indeed, the", "The"])
def test_words_that_join_sentences_do_not_make_one_unsupported(before: str) -> None:
    assert verdict(f"{before} pump weighs 38 kg.", PUMP, "Does the pump weigh 38 kg?") == "supported"


@pytest.mark.parametrize("word", ["Yes.", "No."])
def test_yes_and_no_alone_are_not_scored(word: str) -> None:
    (sentence,) = verify(word, [PUMP], "Does the pump weigh 38 kg?").sentences
    assert (sentence.verdict, sentence.support) == ("unscored", None)


@pytest.mark.parametrize("claim", ["In May.", "The final.", "IT."])
def test_a_short_answer_is_scored(claim: str) -> None:
    passage = "The lease ends in May. She reached the final. Ask IT about it."
    assert verdict(claim, passage, "What is it?") != "unscored"


@pytest.mark.parametrize(
    ("question", "claim", "passage"),
    [
        ("Does the pump weigh 99 kg?", "No, the pump weighs 38 kg, not 99 kg.", PUMP),
        ("Is it open on Sunday?", "No, it is not open on Sunday.", "It is open from Monday to Friday."),
    ],
)
def test_a_true_answer_may_deny_what_the_question_says(question: str, claim: str, passage: str) -> None:
    assert verdict(claim, passage, question) == "supported"


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The lease ends on 31 December 2025.", "The lease ends on 31.12.2025."),
        ("The contract was signed on 3 April 2021.", "The contract was signed on 03.04.2021."),
        ("He'll start on Jan. 6.", "He starts on January 6."),
        ("The line runs from Monday to Friday.", "The line runs Mon–Fri."),
        ("The exam is on Friday.", "The exam is on Fri., Dec. 13."),
        ("It is closed on Sunday.", "Closed: Sun"),
        ("The rent is EUR 1,250.", "Rent: 1.250 € per month."),
        ("It is 1.5 to 5.5 cm thick.", "It is 15 to 55 mm thick."),
        ("It fits tops between 1.5 and 5.5 cm thick.", "It fits tops of 15 to 55 mm."),
        ("It takes 2 h 25 min.", "It takes 2:25 h and holds 2 kg."),
        ("Beer and wine are served.", '{"name": "X", "Alcohol": "beer_and_wine", "OutdoorSeating": true}'),
        ("The café in Orléans serves crêpes.", unicodedata.normalize("NFD", "The café in Orléans serves crêpes.")),
        ("The official office files 12 forms.", "The o\ufb03cial o\ufb03ce \ufb01les 12 forms."),
        ("Revenue in 2019 was 600.1.", TABLE),
        ("Lunch costs 5 EUR.", "| Meal | EUR |\n|-|-|\n| Lunch | 5 |\n\n5. Drinks cost 3 EUR."),
        ("Adults take it every 4 hours.", "Adults take it every 4 or 6 hours.\n\n4. Storage\n\nKeep it dry."),
        ("The application was accepted.", "The application was first rejected. On appeal it was accepted."),
        ("Team A won the final.", "Team B lost the final to Team A."),
        ("He passed the exam.", "He failed the exam in May. He passed in June."),
    ],
)
def test_the_same_in_another_writing_is_supported(claim: str, passage: str) -> None:
    assert verdict(claim, passage) == "supported"


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It is closed on Monday.", "Closed: Sun"),
        ("Revenue in 2019 was 503.6.", TABLE),
        ("The budget was approved.", "The committee rejected the budget."),
        ("Pets are allowed.", "The landlord prohibits pets."),
        ("Smoking is allowed in the hall.", "Smoking is prohibited in the hall. Dogs are allowed in the garden."),
        ("It is closed on Sunday.", "The Sun is hot. It is closed on Monday."),
        ("The pump weighs 51 kg.", "The pump weighs 5½ kg."),
        ("It closes at 18:00 hours.", "It closes 18 hours later."),
        ("Team A won the final.", "Team A lost the final to Team B."),
        ("The committee approved the budget.", "The budget was rejected by the committee."),
        ("The place is wheelchair accessible.", '{"name": "X", "WheelchairAccessible": false}'),
        ("K3:\n- Belt tension: 440 N", "## K2\n\n- Belt tension: 440 N\n\n## K3\n\n- Direct drive, no belt\n"),
    ],
)
def test_what_passages_have_otherwise_is_unsupported(claim: str, passage: str) -> None:
    assert verify(claim, [passage]).sentences[-1].verdict == "unsupported"


@pytest.mark.parametrize(
    ("claim", "passage", "told"),
    [
        (
            "Use `items[10]` to read the Zanzibar frobnicator of 1987.",
            "Use items[10] to read the counter value.",
            "Zanzibar frobnicator of 1987",
        ),
        ("The pump **[1]** weighs 97 kg in the hall.", "The pump weighs 38 kg in the hall.", "97"),
    ],
)
def test_spans_stand_in_the_sentence_as_it_was_written(claim: str, passage: str, told: str) -> None:
    (sentence,) = verify(claim, [passage]).sentences
    assert [sentence.text[start:end] for start, end in sentence.unsupported] == [told]


def test_sentences_say_where_they_stand_in_the_answer() -> None:
    answer = "# Pump\r\n\r\nIt weighs 38 kg. [1] 🚰 It is red.\n- one\n- two\n"
    checked = verify(answer, [PUMP])
    assert len(checked.sentences) == 5
    assert all(answer[one.start : one.end] == one.text for one in checked.sentences)


def test_passages_can_come_one_by_one_and_none_at_all_is_refused() -> None:
    assert verify("The pump weighs 38 kg.", (text for text in [PUMP])).sentences[0].verdict == "supported"
    with pytest.raises(GenerationError, match="takes texts"):
        verify("The pump weighs 38 kg.", None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "passage", ["{'x': ({(1,2): 3},)}", "{'a': 0x" + "f" * 5000 + "}", '[{"a":1},' * 987 + "1" + "]" * 987]
)
def test_no_record_is_too_odd_to_be_a_passage(passage: str) -> None:
    assert verdict("The pump weighs 38 kg.", passage) == "unsupported"


def test_threads_share_one_verifier() -> None:
    grounding._verifier.cache_clear()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(default_scorer())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1
