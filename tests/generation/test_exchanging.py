"""Names in the place of others."""

import pytest

from ragstone import verify
from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.exchanging import exchanged

EXCHANGED = [
    ("Anna", "Anna signed the lease for the warehouse.", "Peter signed the lease for the warehouse. Anna is away."),
    ("Hall C", "Lunch is served in Hall C every Monday.", "Lunch is served in Hall B every Monday. Hall C is locked."),
    (
        "Northwind",
        "Alma was repaired by the crew of Northwind.",
        "Alma was repaired by the crew of Seaward. Northwind sells blades.",
    ),
    ("Lee", "Dr. Lee examined the left knee twice.", "Dr. Holm examined the left knee twice. Dr. Lee was on leave."),
]
TRUE = [
    ("Maria Lopez signed the contract with Acme.", "Maria Lopez is the CFO. The CFO signed the contract with Acme."),
    (
        "Harbour View Ltd shall maintain the roof and gutters.",
        'Harbour View Ltd, registered in Leith (the "Landlord"). The Landlord shall maintain the roof and gutters.',
    ),
    ("Anna Berg reviewed the annual report.", "Peter Holm wrote the annual report. Anna Berg reviewed it."),
    ("Anna Berg approved the annual budget.", "Peter Holm approved the annual budget. Anna Berg did so too."),
    (
        "The UN condemned the attack on the convoy.",
        "The United Nations condemned the attack on the convoy. The UN is old.",
    ),
    ("Robert Smith opened the new office.", "Smith opened the new office. Robert Smith is 40."),
    ("The office opened in Germany with ten people.", "The office opened in Berlin, Germany with ten people."),
    ("Anna did not sign the lease for the hall.", "Peter signed the lease for the hall. Anna was away."),
    (
        "Northwind shall deliver the goods in May.",
        'Northwind Traders GmbH ("Supplier") signs. Supplier shall deliver the goods in May.',
    ),
    (
        "Anna Berg negotiated the lease for the office.",
        "Anna Berg, born 1980. Successfully negotiated the lease for the office.",
    ),
    (
        "Anna signed the lease for the office.",
        "Peter signed the lease for the office. He was in a hurry. Anna did the same.",
    ),
    ("Anna Berg runs the office in Leith today.", "Holm runs the office in Leith today. Anna Berg was born Anna Holm."),
    ("The brewery opened in Bavaria in 2019.", "The brewery opened in Munich in 2019. Munich is in Bavaria."),
    ("Kyiv hosted the final of the cup.", "Kiev hosted the final of the cup. Kyiv has a new stadium."),
    ("The Landlord keeps the roof in repair.", "Northwind Ltd keeps the roof in repair. The Landlord may enter."),
    ("Der Wagen wurde im Mai in Bonn repariert.", "Das Auto wurde im Mai in Bonn repariert. Der Wagen steht hier."),
    ("The US joined the treaty on fishing.", "America joined the treaty on fishing, as the U.S. said."),
]


@pytest.mark.parametrize(("name", "claim", "passage"), EXCHANGED)
def test_a_name_in_the_place_of_another_is_told(name: str, claim: str, passage: str) -> None:
    assert [claim[start:end] for start, end in exchanged(claim, Source([passage]))] == [name]
    (sentence,) = verify(claim, [passage]).sentences
    assert sentence.verdict == "unsupported"
    assert sentence.evidence is not None
    assert any(name in claim[start:end] for start, end in sentence.evidence.unsupported)


@pytest.mark.parametrize(("claim", "passage"), TRUE)
def test_what_may_be_said_of_both_is_left_to_the_network(claim: str, passage: str) -> None:
    assert not exchanged(claim, Source([passage]))


@pytest.mark.parametrize(("_", "claim", "passage"), EXCHANGED)
def test_what_the_passages_say_of_the_name_itself_is_no_exchange(_: str, claim: str, passage: str) -> None:
    assert not exchanged(claim, Source([passage, claim]))
