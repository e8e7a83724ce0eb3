"""Numbers with their units, held against passages."""

import pytest

from ragstone import verify
from ragstone.generation.grounding.quantities import held_in_units, in_units_of, of_other_units, quantities

SAME = [
    ("24 months", "two years"),
    ("two weeks", "a fortnight"),
    ("three days", "72 hours"),
    ("five years", "sixty (60) months"),
    ("half a year", "six months"),
    ("90 minutes", "1.5 hours"),
    ("1.5 km", "1,500 metres"),
    ("6.118 GWh", "6,118 MWh"),
    ("5 million euros", "EUR 5,000,000"),
    ("USD 500 million", "$500 Million"),
    ("$4m", "4 million dollars"),
    ("18 cents", "€0.18"),
    ("5 per cent", "5%"),
    ("5 million", "5,000 thousand"),
    ("1,200,000", "1.2 million"),
    ("250,000 pounds", "£250,000"),
    ("20 degrees", "20 °C"),
]
OTHER = [
    ("24 months", "24 years"),
    ("38 pounds", "38 kg"),
    ("USD 5,000", "EUR 5,000"),
    ("6,118 kWh", "6,118 MWh"),
    ("$1.8 million", "$1.8 billion"),
    ("5 percent", "EUR 5"),
    ("18.2 euros", "18.2 cents"),
    ("5 million", "5 thousand"),
]
UNTOLD = [
    ("24 months", "months: 24"),  # a table's heading may have the unit
    ("5 minutes", "5 to 10 minutes"),
    ("five days", "five working days"),
    ("two years", "two parties"),
    ("in his 80s", "80 years old"),
    ("14 days", "fourteen (14) days"),
    ("two weeks", "two euros, then 2 of them"),
    ("at 5 p.m.", "5 euros"),
    ("a second opinion", "5 seconds"),
    ("3 m", ""),
    ("5 million", "$5 million"),
    ("$5 million", "5 million"),
    ("€5 million", "€5 Mio."),
    ("$5 million", "$5 to 10 million"),
    ("€5,213 million", "€5,213 (in millions)"),
    ("2 million tonnes", "2m tonnes"),
    ("20 m²", "20 m<sup>2</sup>"),
    ("20 kWh", "20 kilowatt hours"),
    ("10 km", "10 km/h"),
    ("20 days", "20 day-care centres"),
    ("30 days", "retention_days: 30\nhours: 12"),
    ("2 days", "12 EUR 2 days"),
    ("30 minutes", "30 m"),
    ("one year", "another year with one month's notice"),
    ("1.5 t", "1.500 kg"),
    ("€3.2 billion", "€3,214 million, 3.2% more"),
    ("500 metres", "two hundred and five metres, 500 tonnes"),
    ("90 minutes", "an hour and a half for 90 km"),
]
PARTS = [
    ("90 minutes", "1 hour 30 minutes"),
    ("30 months", "2 years and 6 months"),
    ("1 hour 30 minutes", "90 minutes"),
]
NOT_ONE = [
    ("24 hours", "twice a day"),
    ("12 months", "€100 a year"),
    ("60 minutes", "an hour and a half"),
    ("12 inches", "a foot injury"),
    ("120 minutes", "1/2 hours"),
    ("0.5 km", "12 500 m"),
    ("3 seconds", "3 second-hand cars"),
]


@pytest.mark.parametrize(("claimed", "known"), SAME)
def test_a_quantity_is_the_same_in_another_unit(claimed: str, known: str) -> None:
    claim, passage = f"It is {claimed} there.", f"They say it is {known} here."
    assert [claim[one.start : one.end] for one in held_in_units(claim, [passage])] == [claimed]
    assert not of_other_units(claim, [passage])
    assert in_units_of(claim, passage) in (passage, passage.replace(known, claimed))


@pytest.mark.parametrize(("claimed", "known"), OTHER)
def test_a_number_with_another_unit_is_another_quantity(claimed: str, known: str) -> None:
    claim, passage = f"It is {claimed} there.", f"They say it is {known} here."
    assert [claim[start:end] for start, end in of_other_units(claim, [passage])] == [claimed]
    assert not held_in_units(claim, [passage])


@pytest.mark.parametrize(("claimed", "known"), UNTOLD)
def test_what_tells_no_unit_contradicts_none(claimed: str, known: str) -> None:
    assert not of_other_units(f"It is {claimed} there.", [f"They say it is {known} here."])


def test_the_evidence_is_read_in_the_units_of_the_claim() -> None:
    evidence = "It runs for two years, then for 24 weeks, and weighs 1,500 kg."
    assert in_units_of("24 months and 1.5 t", evidence) == "It runs for 24 months, then for 24 weeks, and weighs 1.5 t."


@pytest.mark.parametrize(("claimed", "known"), PARTS)
def test_what_is_said_in_two_units_is_one_quantity(claimed: str, known: str) -> None:
    held = held_in_units(f"It takes {claimed}.", [f"It takes {known}."])
    assert claimed in [f"It takes {claimed}."[one.start : one.end] for one in held]


@pytest.mark.parametrize(("claimed", "known"), NOT_ONE)
def test_rates_fractions_and_other_words_are_no_quantities(claimed: str, known: str) -> None:
    assert not held_in_units(f"It takes {claimed}.", [f"It was {known}."])


def test_a_number_of_thousands_of_digits_has_no_unit() -> None:
    assert not quantities(f"{'9' * 5000} kg")


def test_a_number_that_also_stands_with_its_own_unit_is_held() -> None:
    assert not of_other_units("It lasts 24 months.", ["It costs 24 euros.", "It lasts 24 months."])


@pytest.mark.parametrize(
    ("claim", "passage", "verdict"),
    [
        ("The warranty lasts 24 months.", "The warranty is valid for two years from delivery.", "supported"),
        ("A breach must be reported within three days.", "A breach must be reported within 72 hours.", "supported"),
        ("The warranty lasts 24 months.", "The warranty is valid for 24 years.", "unsupported"),
        ("The pump weighs 38 pounds.", "The new pump weighs 38 kg.", "unsupported"),
        ("Alma produced 6,118 kWh.", "Alma produced 6,118 MWh.", "unsupported"),
    ],
)
def test_the_verifier_heeds_units(claim: str, passage: str, verdict: str) -> None:
    assert verify(claim, [passage]).sentences[0].verdict == verdict


def test_the_quantity_of_another_unit_is_shown() -> None:
    (sentence,) = verify("The pump weighs 38 pounds.", ["The new pump weighs 38 kg."]).sentences
    assert sentence.evidence is not None and sentence.evidence.unsupported == ((16, 25),)
