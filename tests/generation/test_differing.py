from collections.abc import Callable
from dataclasses import replace

import pytest

from ragstone.generation.citations import CitedText, Sentence
from ragstone.generation.context import Passage
from ragstone.generation.grounding import default_scorer

MakePassages = Callable[..., list[Passage]]

OLD = "The recovery time objective of the file server is 8 hours."
NEW = "Since September the recovery time objective of the file server is 4 hours."


def answered(question: str, answer: str, found: list[Passage], given: int = 1) -> Sentence:
    """The first sentence of an answer from the first passages found, each of a document of its own."""
    found = [
        replace(p, hit=replace(p.hit, chunk=replace(p.hit.chunk, document_id=p.n, document=f"{p.n}.txt")))
        for p in found
    ]
    cited = CitedText(question, found[:given], default_scorer(), beside=found)
    cited.feed(answer)
    cited.finish()
    return cited.sentences[0]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the recovery time objective?", "The recovery time objective of the file server is 8 hours."),
        ("What is the recovery time objective of the file server?", "8 hours [1]."),
    ],
)
def test_another_document_with_another_figure_is_named_with_its_words(
    passages: MakePassages, question: str, answer: str
) -> None:
    sentence = answered(question, answer, passages(OLD, f"Nothing else. {NEW} So it stays."))
    assert sentence.verdict == "supported"
    (other,) = sentence.differing
    assert (other.n, other.document, other.quote) == (2, "2.txt", NEW)


def test_what_a_sentence_speaks_of_may_stand_around_it(passages: MakePassages) -> None:
    lease = "The annual rent of Unit 7 is GBP 42,600."
    amendment = "# Second amendment to the lease of Unit 7\n\nThe annual rent is increased to GBP 45,000."
    (other,) = answered("What is the annual rent of Unit 7?", "GBP 42,600 [1].", passages(lease, amendment)).differing
    assert other.quote == "The annual rent is increased to GBP 45,000."


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("The fee for late returns is 40 euros.", "The fee for late returns is €55."),
        ("The pump weighs 38 kg.", "The pump weighs 41 kilograms."),
        ("The discount is 5 percent.", "The discount is 7%."),
    ],
)
def test_a_unit_may_be_spelled_otherwise(passages: MakePassages, first: str, other: str) -> None:
    assert [of.quote for of in answered("What is it?", first, passages(first, other)).differing] == [other]


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("The rent of flat 4B is 900 euros.", "The rent of flat 4B is €900.00."),  # the same
        ("The deposit for Unit 7 is GBP 7,200.", "Our client refuses an annual rent of GBP 48,000 for Unit 7."),
        ("The rent of flat 4B is 900 euros.", "The deposit and the keys of flat 4B were returned after 3 weeks."),
        ("Hall B used 340 kWh in 2023.", "Hall B used 310 kWh in 2022."),  # another year
        ("The belt tension of pump K2 is 440 N.", "The belt tension of pump K3 is 380 N."),  # another code
        ("The salary of Ngozi Okafor is 480 pounds.", "The salary of Jonas Brandt is 520 pounds."),  # another name
        ("The notice period is 3 months.", "The notice period is long."),
        ("The notice period is 3 months.", "A notice of 14 pages hangs in the corridor of the office for a period."),
    ],
)
def test_what_speaks_of_something_else_or_says_the_same_is_not_named(
    passages: MakePassages, first: str, other: str
) -> None:
    assert answered("What do the documents say?", first, passages(first, other)).differing == ()
    assert answered(f"Is it true that {first[0].lower()}{first[1:-1]}?", first, passages(first, other)).differing == ()


def test_the_document_that_is_cited_does_not_differ_from_itself(passages: MakePassages) -> None:
    found = passages(OLD, NEW)
    cited = CitedText("What is the objective?", found, default_scorer(), beside=found)
    cited.feed(OLD)
    cited.finish()
    assert cited.sentences[0].differing == ()


def test_a_sentence_that_nothing_supports_is_not_held_against_others(passages: MakePassages) -> None:
    sentence = answered("What is it?", "The recovery time objective is 12 hours.", passages(OLD, NEW))
    assert (sentence.verdict, sentence.differing) == ("unsupported", ())
