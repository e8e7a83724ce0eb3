"""The errors that the verifier learns to see are errors, and their marks stand where they were made."""

import importlib
import random
from pathlib import Path
from typing import Any

import pytest

GROUNDING = Path(__file__).parents[2] / "training" / "grounding"
CLAIM = "In 2019 the parish sold the old pump to Miller Brothers, and they repaired it for 400 euros in Leeds."
PASSAGE = f"{CLAIM} The council inspected the mill, painted its doors and hired Anna Reed in March 2021."


@pytest.fixture
def synthetic(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The rules, as the training scripts import them."""
    monkeypatch.syspath_prepend(str(GROUNDING))
    return importlib.import_module("_synthetic")


def test_every_mined_error_changes_the_claim_where_it_is_marked(synthetic: Any) -> None:
    tried = [
        (kind.__name__, kind(CLAIM, PASSAGE, random.Random(seed))) for kind in synthetic.MINED for seed in range(9)
    ]
    made = [(name, one) for name, one in tried if one]
    assert {name for name, _ in made} == {"number", "name", "word", "swapped", "opposite", "unit"}
    for _, (spoiled, marked) in made:
        assert spoiled != CLAIM
        # What is not marked is as it was, in its order.
        rest, at = [], 0
        for start, end in marked:
            rest.append(spoiled[at:start])
            at = end
        rest.append(spoiled[at:])
        place = 0
        for part in rest:
            place = CLAIM.index(part, place) + len(part)


def test_a_word_is_exchanged_for_one_that_ends_alike(synthetic: Any) -> None:
    spoiled, ((start, end),) = synthetic.word(CLAIM, PASSAGE, random.Random(1))
    assert spoiled[start:end] in {"inspected", "painted", "hired"}


def test_an_enumeration_is_not_swapped_for_it_stays_true(synthetic: Any) -> None:
    claim = "Here the campaigns against Annam, Champa or Java were lost."
    assert synthetic.names_of(claim) == ["Annam", "Champa", "Java"]
    assert not any(synthetic.swapped(claim, claim, random.Random(seed)) for seed in range(20))
