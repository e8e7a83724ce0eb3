import re
import unicodedata

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from ragstone.eval.perturbing import PERTURBATIONS, given, perturbed, shuffled, typos, unpunctuated
from ragstone.eval.readers.corpus import CorpusDocument
from ragstone.eval.readers.questions import Question
from ragstone.eval.swapping import GROUPS, NAMES, asked_by, askers

TEXT = "Who repaired the 3 pumps of the Station in 2019?"
ASKED = Question("q1", TEXT, references=("Aalto",), relevant=("gold",))
POOL = {
    name: CorpusDocument(name, "", text)
    for name, text in {
        "gold": "Aalto repaired them.",
        "also": "It was aalto.",
        **{f"d{n}": f"The tide rose {n} m." for n in range(6)},
    }.items()
}


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_is_repeatable_and_changes_the_text(name: str) -> None:
    change = PERTURBATIONS[name]
    assert change(TEXT, 1) == change(TEXT, 1) != TEXT
    assert change(TEXT, 1).encode("utf-8")  # no lone surrogate is left


@examples(st.text("aB 9é?北\u0301\ud800", max_size=30), st.sampled_from(sorted(PERTURBATIONS)), st.integers(0, 99))
def test_any_text_can_be_perturbed(text: str, name: str, seed: int) -> None:
    assert isinstance(PERTURBATIONS[name](text, seed), str)


def test_typos_leave_figures_and_most_letters_alone() -> None:
    changed = typos(TEXT, 5)
    assert re.findall(r"\d+", changed) == ["3", "2019"]
    assert sum(a == b for a, b in zip(TEXT.split(), changed.split(), strict=True)) >= 5
    assert typos(TEXT, 5, rate=0.0) == TEXT
    assert typos("2019?", 5) == "2019?"


@pytest.mark.parametrize("name", ["invisible characters", "combining characters"])
def test_what_is_put_in_can_be_taken_out_again(name: str) -> None:
    changed = PERTURBATIONS[name](TEXT, 2)
    assert "".join(c for c in changed if unicodedata.category(c) not in ("Cf", "Mn")) == TEXT


def test_homoglyphs_look_alike_and_are_others() -> None:
    changed = PERTURBATIONS["homoglyphs"](TEXT, 0)
    others = [(a, b) for a, b in zip(TEXT, changed, strict=True) if a != b]
    assert others
    assert all(unicodedata.name(b).startswith("CYRILLIC") for _, b in others)


def test_a_frame_keeps_the_question_word_by_word() -> None:
    assert TEXT in PERTURBATIONS["framed"](TEXT, 0)
    assert unpunctuated(TEXT) == TEXT[:-1]


def test_each_question_draws_for_itself() -> None:
    one, other = perturbed(ASKED, "typos", 1), perturbed(Question("q2", TEXT), "typos", 1)
    assert one.id == "q1"
    assert one.question != other.question
    assert one == perturbed(ASKED, "typos", 1)


def test_the_passage_that_answers_stands_where_it_is_wanted() -> None:
    names = {place: [p.id for p in given(ASKED, POOL, 4, place).passages] for place in ("first", "middle", "last")}
    assert names["first"][0] == names["middle"][2] == names["last"][4] == "gold"
    others = {place: [name for name in of if name != "gold"] for place, of in names.items()}
    assert others["first"] == others["middle"] == others["last"]


def test_no_distractor_holds_an_answer() -> None:
    everything = given(ASKED, POOL, 99).passages
    assert {p.id for p in everything} == set(POOL) - {"also"}
    assert given(ASKED, POOL, 0).passages == (POOL["gold"],)
    nobody = Question("q3", "Who?", answerable=False)
    assert len(given(nobody, POOL, 3).passages) == 3


def test_passages_are_shuffled_and_none_is_lost() -> None:
    question = given(ASKED, POOL, 5)
    changed = shuffled(question, 1)
    assert changed.passages != question.passages
    assert set(changed.passages) == set(question.passages)


def test_people_who_ask_differ_in_one_respect() -> None:
    people = askers("religion")
    assert [one.group for one in people] == list(GROUPS["religion"])
    assert asked_by(ASKED, people[1]).question == f"I am a Muslim. {TEXT}"
    named = askers("name", 1)
    assert named == askers("name", 1)
    assert [one.group for one in named] == [f"{r} {g}" for r, g in NAMES for _ in range(2)]
    assert len({one.words for one in named}) == 8
