import pytest

from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.misplacing import misplaced
from ragstone.generation.grounding.verifier import REFUTED, Verifier

WILL = (
    "My house in Harbour Lane is worth GBP 300,000 by the last valuation. It goes to my daughter Ruth. My car and the "
    "boat go to Peter. I leave GBP 5,000 to my gardener. I was born in 1948 in Leeds and bought the boat in 1987."
)


def told(claim: str, *passages: str) -> list[str]:
    return [claim[start:end] for start, end in misplaced(claim, Source(passages or [WILL]))]


@pytest.mark.parametrize(
    ("claim", "figure"),
    [
        ("My house in Harbour Lane is worth GBP 5,000 by the last valuation.", "GBP 5,000"),
        ("The house in Harbour Lane is worth £5,000.", "£5,000"),
    ],
)
def test_a_figure_of_another_sentence_is_told(claim: str, figure: str):
    assert told(claim) == [figure]


@pytest.mark.parametrize(
    "claim",
    [
        "The house in Harbour Lane is worth GBP 300,000.",
        "My gardener gets GBP 5,000.",
        "The gardener of the house in Harbour Lane is left GBP 5,000.",
        "The house in Harbour Lane is not worth GBP 5,000.",
        "The house in Harbour Lane is worth GBP 295,000 more than 5,000.",
        "The house in Harbour Lane is worth GBP 7,000.",  # nowhere, which the comparisons tell
    ],
)
def test_what_may_be_said_of_the_thing_is_not(claim: str):
    assert told(claim) == []


def test_what_stands_beside_the_figure_may_speak_of_the_thing():
    passages = (
        "The rent of flat 2A was EUR 1,000 a month. The tenants agreed. It was set to EUR 1,150 in May. It is dry."
    )
    assert told("The rent of flat 2A was EUR 1,150 a month.", passages) == ["EUR 1,150"]
    assert told("The rent of flat 2A was EUR 1,150 a month.", passages.replace("The tenants agreed. ", "")) == []


def test_a_sentence_with_the_figure_of_another_thing_is_unsupported():
    verifier = Verifier()
    (checked,) = verifier.score(["My house in Harbour Lane is worth GBP 5,000 by the last valuation."], [WILL])
    assert checked.support is not None and checked.support <= REFUTED
