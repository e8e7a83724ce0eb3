import pytest

from ragstone import verify
from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.verifier import REFUTED

REVOKED = "I revoke the appointment of Horace Quill as executor, and appoint Philippa Adeyemi instead."


@pytest.mark.parametrize(
    ("claim", "passage", "words"),
    [
        ("The tenant may sublet.", "The tenant may not sublet.", "sublet"),
        ("Smoking is allowed in the office.", "Smoking is not allowed in the office.", "allowed"),
        ("Pets are allowed in the garden.", "No pets are allowed in the garden.", "Pets"),
        ("The seller is liable.", "The seller isn't liable.", "liable"),
        ("It may be terminated before 1 April 2024.", "It may not be terminated before 1 April 2024.", "terminated"),
        ("The court accepted the appeal.", "The court rejected the appeal.", "accepted"),
        ("Der Mieter darf untervermieten.", "Der Mieter darf nicht untervermieten.", "untervermieten"),
        (
            "The minimum royalty is USD 40,000.",
            "Clause 3 (minimum royalty of USD 40,000) no longer holds.",
            "royalty",
        ),
        ("The executor is Horace Quill.", REVOKED, "Horace"),
    ],
)
def test_what_the_only_sentence_about_it_denies_is_unsupported(claim: str, passage: str, words: str) -> None:
    (sentence,) = verify(claim, [passage]).sentences
    assert sentence.support is not None and sentence.support <= REFUTED
    assert words in " ".join(claim[start:end] for start, end in sentence.unsupported)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The tenant may not sublet.", "The tenant may not sublet."),
        ("Smoking is prohibited in the office.", "Smoking is not allowed in the office."),
        ("The committee failed to reach agreement.", "The committee did not reach agreement."),
        ("The warranty covers defects.", "The warranty does not cover wear, but covers defects."),
        ("The pump was replaced in June.", "The pump was not replaced in May, but in June."),
        ("Revenue increased by 5% in 2023.", "Revenue rose by 5% in 2023, while costs fell by 3%."),
        ("Consent can be withdrawn at any time.", "You may revoke your consent at any time."),
        ("The tenant remains liable.", "Whether or not the tenant sublets, he remains liable."),
        ("Regulation 1215/2012 applies to civil matters.", "Regulation (EU) No 1215/2012 applies to civil matters."),
        ("Der Vermieter zahlt die Reparatur.", "Nicht der Mieter, sondern der Vermieter zahlt die Reparatur."),
        ("The pump weighs 38 kg.", "The pump, which was not new, weighs 38 kg."),
        ("It may be terminated from 1 April 2024.", "It may not be terminated before 1 April 2024."),
        ("The tenant may sublet with consent.", "The tenant may not sublet without consent."),
        ("The tenant may sublet.", "The tenant may not sublet. Since the amendment the tenant may sublet."),
        ("Not only the pump was replaced.", "Not only the pump was replaced, but also the valve."),
        ("The pump was replaced.", "Not only the pump was replaced, but also the valve."),
        ("Philippa Adeyemi is the executor.", REVOKED),
        ("The offer was accepted and the appeal rejected.", "The offer was accepted and the appeal rejected."),
    ],
)
def test_what_is_denied_of_something_else_or_within_limits_is_left_to_the_network(claim: str, passage: str) -> None:
    support = verify(claim, [passage]).sentences[0].support
    assert support is not None and support > REFUTED


@pytest.mark.parametrize(
    ("claim", "passage", "supported"),
    [
        ("The notice period is nine months.", "The notice period is six months.", False),
        ("The notice period is six months.", "The notice period is 6 months.", True),
        ("The lease runs for ten years.", "The lease runs for twelve years.", False),
        ("It weighs twenty-five pounds.", "It weighs thirty-five pounds.", False),
        ("The notice period is one week.", "The notice period is a week.", True),
        ("Two passengers were ill.", "The passengers Ann Lee and Bo Ray were ill.", True),
    ],
)
def test_a_spelled_number_that_measures_something_must_stand_in_the_passages(
    claim: str, passage: str, supported: bool
) -> None:
    assert (verify(claim, [passage]).sentences[0].verdict == "supported") is supported


def test_a_german_date_is_not_cut_in_two() -> None:
    text = "Bis zum 14. Oktober 2024 ist zu zahlen. Danach fallen Zinsen an."
    assert [span.text for span in split_sentences(text)] == text.replace(". D", ".|D").split("|")
