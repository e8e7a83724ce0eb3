"""What questions are made from, what they must not be, and the file that they are reviewed in."""

import json
import random
from pathlib import Path

import pytest

from ragstone.errors import DataError
from ragstone.eval.making import checks
from ragstone.eval.making.drafts import (
    Draft,
    EvidencePlace,
    decide,
    evidence_of,
    read_rows,
    table_of,
    write_rows,
)
from ragstone.eval.making.facts import facts_of, names_in
from ragstone.eval.making.premises import falsified
from ragstone.eval.readers.own import read_own
from ragstone.generation.grounding import default_scorer
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.records import Chunk

TEXT = (
    "The pump house was built in 1987 by Hanne Vik. A spare pump costs EUR 1,250 and weighs 62 kg. "
    "It was closed on 3 May 2021 because the cellar was flooded by the river Terna."
)
LINE = "A spare pump costs EUR 1,250 and weighs 62 kg."


def chunk(text: str, start: int = 0, header: str = "") -> Chunk:
    end = start + len(text)
    return Chunk(
        id=1,
        document_id=1,
        document="pump.md",
        title="Pump",
        ordinal=0,
        char_start=start,
        char_end=end,
        text=text,
        tokens=9,
        table_header=header,
    )


def test_facts_are_figures_names_dates_and_causes_and_know_their_place() -> None:
    facts = facts_of(chunk(TEXT, 100))
    found = {fact.answer: (fact.value, fact.unit) for fact in facts}
    assert found["EUR 1,250"] == (1250.0, "eur")
    assert found["62 kg"] == (62.0, "kg")
    assert {"1987", "3 May 2021", "Hanne Vik", "Terna"} <= found.keys()
    assert "the cellar was flooded by the river Terna" in found
    assert "It" not in found
    for fact in facts:
        assert f"{' ' * 100}{TEXT}"[fact.char_start : fact.char_end] == fact.quote
        assert fact.answer in fact.line


def test_a_row_is_asked_about_with_its_columns() -> None:
    header = "| item | supplier | lead_time_days |\n| --- | --- | --- |"
    facts = facts_of(chunk("| pump seal | Hald Works | 45 |\n| grinding disc | Oster | 3.5 |", 0, header))
    lead_time = next(fact for fact in facts if fact.answer == "45")
    assert (lead_time.value, lead_time.unit) == (45.0, "lead_time_days")
    assert lead_time.line == "item: pump seal; supplier: Hald Works; lead_time_days: 45"
    assert lead_time.quote == "| pump seal | Hald Works | 45 |"


@pytest.mark.parametrize(
    "text", ["Under clause 7.2 nothing is owed to the members of it.", "Call the office on 555 0142."]
)
def test_numbers_of_clauses_and_telephones_are_no_figures(text: str) -> None:
    assert [fact for fact in facts_of(chunk(text)) if fact.value is not None] == []


def test_a_name_is_no_word_that_only_begins_a_sentence() -> None:
    assert names_in("Power comes from the Battery House. The Grid Company pays.") == ["Battery House", "Grid Company"]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What does a spare pump for the pump house cost?", ""),
        ("A spare pump costs money.", checks.NO_QUESTION),
        ("Cost of pump?", checks.NO_QUESTION),
        ("What is the price mentioned in the passage?", checks.POINTS),
        ("When was it closed by the owner?", checks.POINTS),
        ("What happened to the pump house this year?", checks.POINTS),
    ],
)
def test_a_question_has_to_stand_by_itself(question: str, reason: str) -> None:
    assert checks.form(question) == reason


def test_a_question_must_not_hold_its_answer_or_copy_its_line() -> None:
    assert checks.not_trivial("What does a pump for EUR 1,250 weigh?", "EUR 1,250", LINE) == checks.GIVEN
    copied = "A spare pump costs EUR 1,250 and weighs what?"
    assert checks.not_trivial(copied, "62 kg", LINE) == checks.COPIED
    assert checks.not_trivial("How heavy is a spare pump?", "62 kg", LINE) == ""


@pytest.mark.parametrize(
    ("said", "reference", "right"),
    [
        ("A spare pump weighs 62 kilograms [1].", "62 kg", True),
        ("It weighs 620 kg.", "62 kg", False),
        ("The charge is 3.5 cents.", "3.5 cents", True),
        ("The charge is 35 cents.", "3.5 cents", False),
        ("I don't know.", "62 kg", False),
        ("It was flooded by the Terna, the cellar.", "the cellar was flooded by the river Terna", True),
    ],
)
def test_an_answer_is_right_by_its_words_or_its_figure(said: str, reference: str, right: bool) -> None:
    assert checks.answers(said, reference) is right


def test_the_verifier_tells_the_passage_that_answers_from_one_that_only_has_the_words() -> None:
    question, scorer = "What does a spare pump cost?", default_scorer()
    assert checks.supported(question, "EUR 1,250", [TEXT], scorer)
    other = "The board granted the choir EUR 1,250 for new music stands."
    assert not checks.answered_elsewhere(question, "EUR 1,250", [other, "Pumps are painted blue."], scorer)
    assert checks.answered_elsewhere(question, "EUR 1,250", [other, "For a spare pump we paid EUR 1,250."], scorer)


def test_a_question_in_other_words_is_nearly_the_same(embedder: Embedder) -> None:
    kept = embedder.embed_query("How much does a spare pump cost?")
    again, other = (
        embedder.embed_query(q) for q in ("How much does the spare pump cost?", "Who built the pump house?")
    )
    assert checks.nearly_same([float(kept @ again)])
    assert not checks.nearly_same([float(kept @ other)])
    assert not checks.nearly_same([])


def test_a_false_premise_changes_one_thing_into_what_its_passage_does_not_name() -> None:
    def change(question: str) -> tuple[str, str]:
        made = falsified(question, ["Hanne Vik", "Olav Brekke", "Terna"], TEXT, random.Random(1))
        assert made is not None
        assert made.question == question.replace(made.before, made.after)
        return made.before, made.after

    before, after = change("Why was the pump house closed in 2021?")
    assert before == "2021" and after not in TEXT and after.startswith("20")
    assert change("What did Hanne Vik build?") == ("Hanne Vik", "Olav Brekke")
    assert falsified("What was built?", [], TEXT, random.Random(1)) is None


PLACE = EvidencePlace("docs/a|b.md", 5, 9, 'say "no"\nnow', 2)
DRAFTS = [
    Draft("fact-1", "What is it, then?", "fact", "a; b, “c”", evidence=(PLACE,), remark="look"),
    Draft("none-1", "Who knows it?", "unanswerable", answerable=False, evidence=(PLACE,)),
]


@pytest.mark.parametrize("name", ["set.csv", "set.tsv", "set.jsonl"])
def test_a_set_is_read_as_own_questions_and_reviewed_in_its_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_rows(path, [draft.row() for draft in DRAFTS])
    first, second = read_own(path).questions
    assert (first.id, first.question, first.references, first.group) == (
        "fact-1",
        "What is it, then?",
        ("a; b, “c”",),
        "fact",
    )
    assert first.relevant == ("docs/a|b.md",) and first.source == "docs/a|b.md"
    assert (second.answerable, second.references, second.relevant) == (False, (), ())
    rows = read_rows(path)
    assert evidence_of(rows[0]) == [PLACE] and rows[0]["remark"] == "look"

    decide(path, "fact-1", keep="false")
    decide(path, "none-1", keep="true", question="Who knows that?")
    assert [one.question for one in read_own(path).questions] == ["Who knows that?"]
    assert evidence_of(read_rows(path)[0]) == [PLACE]
    decide(path, "none-1", keep="false")
    with pytest.raises(DataError, match="all of its questions are dropped"):
        read_own(path)
    with pytest.raises(DataError, match="no question 'gone' any more"):
        decide(path, "gone", keep="true")
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_table_of_somebody_else_keeps_its_columns_and_its_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("question;answer;mood\nWhy?;because;good\nWhen?;1987;\n", "utf-8")
    decide(path, "3", keep="false")
    assert path.read_text("utf-8").splitlines() == [
        "question;answer;mood;id;keep",
        "Why?;because;good;2;",
        "When?;1987;;3;false",
    ]
    assert [one.id for one in read_own(path).questions] == ["2"]


def test_what_keep_says_must_be_true_or_false(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"question": "Why?", "keep": "perhaps"}), "utf-8")
    with pytest.raises(DataError, match="line 1 has 'perhaps' for keep"):
        read_own(path)


def test_evidence_that_somebody_broke_is_none(tmp_path: Path) -> None:
    assert evidence_of({"evidence": "page 3"}) == [] == evidence_of({"evidence": [{"document": "a"}]})
    assert table_of([]).strip() == ""
