import subprocess
import sys
from collections.abc import Callable

import pytest

from ragstone import verify
from ragstone.generation.citations import CitedText
from ragstone.generation.context import Passage
from ragstone.generation.grounding import default_scorer
from ragstone.generation.grounding.language import language
from ragstone.generation.grounding.verifier import FOREIGN

LEASE = (
    "§ 2 Miete: Die monatliche Miete beträgt 85 Euro. § 3 Dauer: Das Mietverhältnis begann am 1. April 2021. "
    "Die Kündigungsfrist beträgt drei Monate zum Monatsende. In der Garage dürfen keine giftigen Stoffe lagern."
)
BOILER = "Le corps de chauffe est garanti cinq ans, les autres pièces deux ans. L'entretien annuel est obligatoire."
PUMP = "The pump was replaced in 2019 by Dr. Holm. It weighs 38 kg and stands in the hall."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LEASE, "de"),
        (BOILER, "fr"),
        (PUMP, "en"),
        ("The monthly rent is 85 euros.", "en"),
        ("Reifen dürfen nicht gelagert werden.", "de"),
        ("| Hall A | 3,400 |\n| Hall B | 3,200 |", None),
        ("Alma: 6,118 MWh in 2017", None),
        ("Jonas Brandt, Helga Sommer", None),
        ("38 kg", None),
        ("Der Film The Hunt wurde im Jahr 2012 in Schweden gedreht.", "de"),
        ("Die Not war groß in Hamburg und Bremen.", "de"),
        ("", None),
    ],
)
def test_a_language_is_told_where_it_is_certain(text: str, code: str | None) -> None:
    assert language(text) == code


@pytest.mark.parametrize("claim", ["The notice period is three months.", "No flammable goods may be stored there."])
def test_what_passages_in_another_language_say_is_not_scored(claim: str) -> None:
    (sentence,) = verify(claim, [LEASE, BOILER]).sentences
    assert (sentence.verdict, sentence.support, sentence.why) == ("unscored", None, FOREIGN)


def test_one_passage_in_another_language_excuses_nothing_beside_others() -> None:
    for beside in (LEASE, BOILER, "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor."):
        assert verify("The pump was painted yellow by drunken sailors.", [PUMP, beside]).support is not None


def test_a_number_that_no_passage_has_is_unsupported_in_any_language() -> None:
    sentence = verify("The monthly rent is 97 euros.", [LEASE]).sentences[0]
    assert sentence.verdict == "unsupported"
    assert any("97" in sentence.text[start:end] for start, end in sentence.evidence.unsupported)


def test_what_a_passage_in_the_same_language_says_is_supported_beside_one_in_another() -> None:
    assert verify("The pump was replaced in 2019.", [LEASE, PUMP]).sentences[0].verdict == "supported"
    assert verify("Die monatliche Miete beträgt 85 Euro.", [LEASE]).sentences[0].verdict == "supported"


NOTICE = "The notice period is three months [2]."


def test_a_sentence_that_cites_only_what_could_not_be_read_is_unscored_and_keeps_its_citation(
    passages: Callable[..., list[Passage]],
) -> None:
    cited = CitedText("How long is the notice?", passages(PUMP, LEASE), default_scorer())
    cited.feed(NOTICE)
    cited.finish()
    assert cited.text == NOTICE
    assert [(s.verdict, s.citations, s.why) for s in cited.sentences] == [("unscored", (2,), FOREIGN)]
    assert cited.support is None
    assert cited.carried == default_scorer().threshold


def test_a_strict_answer_leaves_out_what_could_not_be_read(passages: Callable[..., list[Passage]]) -> None:
    cited = CitedText("How long is the notice?", passages(LEASE), default_scorer(), strict=True)
    assert cited.feed(NOTICE) + cited.finish() == ""
    assert [s.why for s in cited.removed] == [FOREIGN]


def test_what_a_strict_answer_left_out_counts_for_whether_it_is_held(passages: Callable[..., list[Passage]]) -> None:
    told = []
    for strict in (False, True):
        cited = CitedText("What happened?", passages(PUMP), default_scorer(), strict=strict)
        cited.feed("The pump was stolen by pirates and thrown into the sea.")
        cited.finish()
        told.append(cited.carried)
    assert told[0] == told[1] < default_scorer().threshold


def test_a_cited_passage_that_says_it_is_enough_beside_one_in_another_language(
    passages: Callable[..., list[Passage]],
) -> None:
    cited = CitedText("What happened?", passages(LEASE, PUMP), default_scorer())
    cited.feed("The pump was replaced in 2019 [2].")
    cited.finish()
    assert [(s.verdict, s.citations) for s in cited.sentences] == [("supported", (2,))]


def test_english_is_told_without_loading_anything() -> None:
    code = (
        "import sys; from ragstone.generation.grounding.language import language\n"
        f"assert language({PUMP!r}) == 'en'; assert 'py3langid' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
