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


def test_a_figure_of_another_sentence_is_told():
    assert told("My house in Harbour Lane is worth GBP 5,000 by the last valuation.") == ["GBP 5,000"]


def test_a_date_of_another_event_is_told():
    minutes = (
        "The auditors of Brandt inspect the cold store on 12 June 2024. Nothing was found. The canteen of the north "
        "wing reopens on 3 July 2024 with a new menu."
    )
    assert told("The auditors of Brandt inspect the cold store on 3 July 2024.", minutes) == []  # "new" may amend
    plain = minutes.replace(" with a new menu", "")
    assert told("The auditors of Brandt inspect the cold store on 2024-07-03.", plain) == ["2024-07-03"]
    assert told("The auditors of Brandt inspect the cold store in June 2024.", plain) == []


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


@pytest.mark.parametrize(
    ("passage", "claim"),
    [  # what a first version told
        (
            "The rent of flat 2A was EUR 1,000. All agreed. It was set to EUR 1,150 in May.",
            "The rent of flat 2A was EUR 1,150.",
        ),
        (
            "The rent of the office is $4,200. It is dry. In part 2 this is replaced by $4,650.",
            "The rent of the office is $4,650.",
        ),
        (
            "Nordlys Bakery was founded in Bergen in 1985. The sisters ran it. The flotation in London came in 1999.",
            "Nordlys Bakery, founded in Bergen in 1985, went public in 1999.",
        ),
        (
            "The table Lund measures 45 x 75 cm. It is white. A drawer of solid oak below it measures 45 cm.",
            "The table Lund measures 45 cm by 75 cm.",
        ),
        (
            "The Tarn bridge was planned to open in 2014. It is long. The ribbon over the river was cut in 2017.",
            "The Tarn bridge opened in 2017.",
        ),
    ],
)
def test_what_is_amended_joined_or_planned_is_not_told(passage: str, claim: str):
    assert told(claim, passage) == []


def test_a_sentence_with_the_figure_of_another_thing_is_unsupported():
    verifier = Verifier()
    (checked,) = verifier.score(["My house in Harbour Lane is worth GBP 5,000 by the last valuation."], [WILL])
    assert checked.support is not None and checked.support <= REFUTED
