import json

import pytest

from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.verifier import REFUTED, Verifier

SHOP = {
    "name": "Spoke & Chain",
    "attributes": {
        "BusinessParking": {"garage": False, "street": True, "lot": False},
        "OutdoorSeating": False,
        "WiFi": "free",
        "TakeOut": True,
        "accepts_cards": True,
        "delivery": None,
        "Ambience": {"romantic": False, "casual": True},
    },
    "lines": [{"item": "lamp", "flag": None}, {"item": "chair", "flag": "low"}],
    "reviews": ["They fixed my gears in twenty minutes, and there is a real workshop with a toilet for customers."],
    "toilet": False,
}
PRODUCT = {"name": "Dusk R2", "features": {"mop": False, "self_empty": None, "no_go_zones": True}, "auditor": None}


def refuted(claim: str, *records: object) -> list[str]:
    source = Source([json.dumps(record) for record in records or (SHOP,)])
    return [claim[start:end] for start, end in source.attributes.refuted(claim)]


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ("It offers outdoor seating and takeout.", ["outdoor seating"]),
        ("Cards are not accepted.", ["Cards"]),
        ("There is no Wi-Fi, and takeout is available.", ["Wi-Fi"]),
        ("Paid Wi-Fi is provided.", ["Paid Wi-Fi"]),
        ("Neither take-out nor delivery is offered.", ["take-out", "delivery"]),
        ("The shop delivers.", ["delivers"]),
        ("It has a parking garage but no street parking.", ["garage", "street"]),
        ("It is a cozy place with a romantic atmosphere.", ["romantic"]),
    ],
)
def test_an_attribute_that_the_record_has_otherwise_or_leaves_open_is_refuted(claim: str, wrong: list[str]):
    assert sorted(refuted(claim)) == sorted(wrong)


@pytest.mark.parametrize(
    "claim",
    [
        "Takeout is available, but outdoor seating is not.",
        "Takeout and free Wi-Fi are offered, and there is no outdoor seating.",
        "Outdoor seating, a garage and lot parking are all marked as unavailable.",
        "Customers can come without an appointment, pay by card and park on the street.",
        "Whether it delivers is not specified.",
        "No information on delivery is given.",
        "A toilet is there for customers.",  # as a review says
        "One result is flagged.",
        "The atmosphere is casual.",
        "It stands on Garage Street.",
    ],
)
def test_what_the_record_says_is_not_refuted(claim: str):
    assert refuted(claim) == []


def test_a_null_that_may_mean_none_decides_nothing():
    assert refuted("No auditor is known, and it empties itself.", PRODUCT) == []


@pytest.mark.parametrize(
    ("record", "claim"),
    [  # what a first version called refuted
        ({"candles": False, "drones": False}, "Candles are strictly forbidden, with drones left out."),
        ({"beta_search": False, "audit_log": True}, "Beta search has been turned off, and the audit log is kept."),
        ({"smoking": "No", "pacemaker": "No"}, "He denies smoking. Pacemaker: no."),
        ({"wired": False, "featured": False, "mute": True}, "The product features a wireless microphone."),
        (
            {"delivered": False, "paid": False, "gift": True},
            "Delivery is expected in May, and the bill has to be paid.",
        ),
        ({"parking": False, "bike_parking": True}, "There is parking for bikes, but not for cars."),
        ({"sauna": True, "wifi": "free", "pool": False}, "It has no indoor pool, a sauna and free Wi-Fi."),
        ({"cache": True, "cache_compression": False}, "The cache is on, but cache compression is not enabled."),
        ({"pool": True, "gym": True}, "The pool is not heated, and it is a no-frills gym."),
        ({"thesis": True, "internship": True}, "The degree cannot be earned without an internship."),
        ({"fork": False, "wiki": True}, "It is a public repository with 312 stars and 41 forks."),
        ({"Haustiere": False, "Aufzug": False}, "Haustiere sind nicht erlaubt, und der Gasthof hat keinen Aufzug."),
        ({"allergies": "None", "smoker": False, "diabetic": False}, "The patient has no allergies."),
        ({"rate_limit": None, "cache": True, "tls": True}, "Nothing is known about a rate limit."),
    ],
)
def test_true_sentences_in_other_words_are_not_refuted(record: object, claim: str):
    assert refuted(claim, record) == []


def test_of_two_records_only_what_they_agree_on_counts():
    other = {"name": "Dusk R1", "features": {"mop": True, "no_go_zones": True}}
    assert refuted("It can mop and lacks no-go zones.", PRODUCT) == ["mop", "no-go zones"]
    assert refuted("It can mop and lacks no-go zones.", PRODUCT, other) == ["no-go zones"]


def test_a_sentence_that_misstates_a_record_is_unsupported_where_it_does():
    verifier = Verifier()
    (right, wrong) = verifier.score(
        ["The shop offers takeout and free Wi-Fi.", "The shop offers takeout and outdoor seating."], [json.dumps(SHOP)]
    )
    assert right.support is not None and right.support > verifier.threshold
    assert wrong.support is not None and wrong.support <= REFUTED
    assert any(start <= 29 and end >= 43 for start, end in wrong.unsupported)
