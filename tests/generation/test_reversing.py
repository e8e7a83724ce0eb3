import pytest

from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.reversing import reversed_in
from ragstone.generation.grounding.verifier import REFUTED, Verifier

LEASE = (
    "The tenant pays the landlord a deposit of EUR 500 on signing. Brandt GmbH sued Kessler over the roof in May. "
    "The auditor reports to the board. Anna met Peter in Leeds. Leeds beat York in the final."
)


def told(claim: str, passage: str = LEASE) -> list[str]:
    return [claim[start:end] for start, end in reversed_in(claim, Source([passage]))]


@pytest.mark.parametrize(
    ("claim", "places"),
    [
        ("The landlord pays the tenant a deposit of EUR 500.", ["landlord", "tenant"]),
        ("Kessler sued Brandt GmbH over the roof.", ["Kessler", "Brandt GmbH"]),
        ("The board reports to the auditor.", ["board", "auditor"]),
        ("York beat Leeds in the final.", ["York", "Leeds"]),
    ],
)
def test_two_things_that_have_changed_places_are_told(claim: str, places: list[str]):
    assert told(claim) == places


@pytest.mark.parametrize(
    "claim",
    [
        "The tenant pays the landlord a deposit of EUR 500.",
        "The landlord is paid a deposit of EUR 500 by the tenant.",
        "Kessler was sued by Brandt GmbH over the roof.",
        "The board does not report to the auditor.",
        "The deposit of EUR 500 is paid to the landlord.",
        "Peter met Anna in Leeds.",
    ],
)
def test_the_same_said_otherwise_is_not(claim: str):
    assert told(claim) == []


@pytest.mark.parametrize(
    ("passage", "claim"),
    [  # what a first version told
        ("Meeting chair: Kim Larsen, who signs.", "Kim Larsen chaired the meeting."),
        ("The film's producer Nora Ek won a prize.", "Nora Ek produced the film."),
        ("Fire cause: Lightning strike.", "The Lightning strike caused the fire."),
        ("People believed that the Sun orbits the Earth.", "The Earth orbits the Sun."),
        ("Tom Hardy wrote to Lisa Stone. She answered the next day.", "Lisa Stone wrote to Tom Hardy."),
        ("In France the court paid it in June.", "In June the court paid it in France."),
        ("Wolves played Brentford on Sunday.", "Brentford played Wolves on Sunday."),
        ("Leeds 1-3 Everton in the cup.", "Everton 3-1 Leeds in the cup."),
        ("Maria Keller, Head of Research, Novatek", "Novatek Head of Research Maria Keller"),
        ("Lake Mjosa lies north of Oslo.", "North of Oslo lies Lake Mjosa."),
    ],
)
def test_the_same_in_another_order_is_not_told(passage: str, claim: str):
    assert told(claim, passage) == []


def test_what_the_passages_say_both_ways_is_not():
    assert (
        told(
            "Kessler sued Brandt over the roof.",
            "Brandt sued Kessler over the roof. Kessler sued Brandt over the roof, too.",
        )
        == []
    )
    assert told("Kessler sued Brandt over the roof.", "Brandt sued Kessler over the roof, and vice versa.") == []


def test_a_claim_that_turns_round_who_does_what_is_unsupported():
    verifier = Verifier()
    (checked,) = verifier.score(["The landlord pays the tenant a deposit of EUR 500."], [LEASE])
    assert checked.support is not None and checked.support <= REFUTED
