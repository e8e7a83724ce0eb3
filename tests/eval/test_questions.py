import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from ragstone.errors import DataError
from ragstone.eval.readers.answering import (
    read_clapnq,
    read_covid_qa,
    read_nq_open,
    read_squad,
    read_tatqa,
    read_xquad,
)
from ragstone.eval.readers.questions import Question, QuestionSet


def jsonl(rows: Iterable[object]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def squad_like(*paragraphs: tuple[str, list[dict[str, object]]], title: str = "Tide_gauge") -> str:
    return json.dumps({"data": [{"title": title, "paragraphs": [{"context": c, "qas": q} for c, q in paragraphs]}]})


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.fixture
def nq(tmp_path: Path) -> Path:
    rows = [
        {
            "question": f"question {number}?",
            "answers": ["a", "a", "b"],
            "ctxs": [{"title": f"T{number // 2}", "text": f"text {number // 2}"}],
        }
        for number in range(8)
    ]
    with gzip.open(tmp_path / "nq-open-oracle.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(jsonl(rows))
    return tmp_path


def test_passages_of_nq_are_pooled(nq: Path) -> None:
    found = read_nq_open(nq)
    assert len(found.questions) == 8
    assert [document.text for document in found.corpus] == ["text 0", "text 1", "text 2", "text 3"]
    assert found.questions[1].references == ("a", "b")
    assert found.questions[0].relevant == found.questions[1].relevant == (found.corpus[0].id,)
    assert all(one.answerable for one in found.questions)


def test_a_share_of_the_gold_passages_can_be_taken_out_of_the_pool(nq: Path) -> None:
    whole, found = read_nq_open(nq), read_nq_open(nq, unanswerable=0.5, seed=3)
    gone = [one for one in found.questions if not one.answerable]
    assert len(gone) == 4
    assert all(one.references == one.relevant == () for one in gone)
    assert all(one.gold == ("",) for one in gone)
    lost = {one.relevant[0] for one in whole.questions if one.id in {other.id for other in gone}}
    assert {document.id for document in found.corpus} == {document.id for document in whole.corpus} - lost
    assert found == read_nq_open(nq, unanswerable=0.5, seed=3) != read_nq_open(nq, unanswerable=0.5, seed=4)


def test_squads_questions_without_an_answer_are_unanswerable_and_those_whose_answer_is_hidden_are_left_out(
    tmp_path: Path,
) -> None:
    asked = [
        {"id": "1", "question": "What rises?", "answers": [{"text": "tide"}, {"text": "tide"}], "is_impossible": False},
        {"id": "2", "question": "What falls?", "answers": [], "is_impossible": True},
    ]
    write(tmp_path / "dev-v2.0.json", squad_like(("The tide rises.", asked)))
    published = read_squad(tmp_path)  # its authors publish no other file
    assert [one.id for one in published.questions] == ["1", "2"]
    assert [document.title for document in published.corpus] == ["Tide gauge"]
    hidden = [{"id": "3", "question": "Who?", "answers": []}]
    write(tmp_path / "test-v2.0.json", squad_like(("Rain falls.", hidden), title="Rain"))
    found = read_squad(tmp_path)
    assert [(one.id, one.references, one.answerable) for one in found.questions] == [
        ("1", ("tide",), True),
        ("2", (), False),
    ]
    assert [document.title for document in found.corpus] == ["Tide gauge", "Rain"]
    judged = found.judged()
    assert judged.queries == {"1": "What rises?"}
    assert judged.qrels == {"1": {found.corpus[0].id: 1}}
    assert judged.corpus == found.corpus


def test_a_language_of_xquad_is_a_group(tmp_path: Path) -> None:
    asked = [{"id": "1", "question": "Was steigt?", "answers": [{"text": "die Flut", "answer_start": 0}]}]
    write(tmp_path / "xquad.de.json", squad_like(("Die Flut steigt.", asked)))
    (one,) = read_xquad(tmp_path, "de").questions
    assert (one.group, one.language, one.source, one.references) == ("de", "de", "Tide_gauge", ("die Flut",))
    with pytest.raises(DataError, match=r"xquad\.fr\.json: there is no such file"):
        read_xquad(tmp_path, "fr")


def test_clapnq_has_long_answers_and_questions_without(tmp_path: Path) -> None:
    passages = [{"title": "Tide", "text": "The tide rises."}]
    rows = {
        "answerable": {"id": "1", "input": "why", "passages": passages, "output": [{"answer": "It rises."}]},
        "unanswerable": {"id": "2", "input": "who", "passages": passages, "output": [{"answer": ""}]},
    }
    for kind, row in rows.items():
        write(tmp_path / "dev" / f"clapnq_dev_{kind}.jsonl", jsonl([row]))
    yes, no = read_clapnq(tmp_path).questions
    assert (yes.references, yes.answerable) == (("It rises.",), True)
    assert (no.references, no.answerable, no.relevant) == ((), False, ())


def test_an_answer_of_covid_qa_is_in_the_paragraphs_that_it_touches(tmp_path: Path) -> None:
    text = "A title\n\nFirst paragraph.\n\nSecond one.\nStill it.\n\nThird."
    start = text.index("paragraph.")
    answers = [{"text": text[start : text.index(" one")], "answer_start": start}]
    asked = [{"id": 7, "question": "What?", "answers": answers, "is_impossible": False}]
    paper = {"context": text, "document_id": 630, "qas": asked}
    write(tmp_path / "question-answering/200423_covidQA.json", json.dumps({"data": [{"paragraphs": [paper]}]}))
    found = read_covid_qa(tmp_path)
    (one,) = found.questions
    assert one.source == "630"
    assert [d.text for d in found.corpus if d.id in one.relevant] == ["First paragraph.", "Second one.\nStill it."]


def test_tatqa_gives_lists_figures_and_their_scale(tmp_path: Path) -> None:
    def asked(uid: str, kind: str, answer: object, scale: str) -> dict[str, object]:
        return {"uid": uid, "question": f"{uid}?", "answer": answer, "answer_type": kind, "scale": scale}

    report = {
        "table": {"uid": "t1", "table": [["", "2019"], ["Sales | net", "5"]]},
        "paragraphs": [{"order": 2, "text": "Second."}, {"order": 1, "text": "First."}],
        "questions": [
            asked("a", "span", ["in 2019"], ""),
            asked("b", "multi-span", ["1,568.6", "690.5"], "million"),
            asked("c", "arithmetic", 17.7, "percent"),
            asked("d", "count", "3", ""),
        ],
    }
    write(tmp_path / "tatqa_dataset_dev.json", json.dumps([report]))
    write(tmp_path / "tatqa_dataset_test_gold.json", json.dumps([]))
    found = read_tatqa(tmp_path)
    span, several, figure, count = found.questions
    assert span.references == ("in 2019",)
    assert several.parts == (("1,568.6",), ("690.5",))
    assert several.references == ("1,568.6, 690.5",)
    assert (figure.references, figure.scale, figure.group) == (("17.7",), "percent", "arithmetic")
    assert (count.parts, count.source) == ((("3",),), "t1")
    assert found.corpus == figure.passages
    assert found.corpus[0].text == "|  | 2019 |\n| --- | --- |\n| Sales / net | 5 |\n\nFirst.\n\nSecond."


def made(groups: dict[tuple[str, bool], int]) -> QuestionSet:
    keys = [key for key, n in groups.items() for _ in range(n)]
    asked = (Question(str(n), "?", answerable=yes, group=group) for n, (group, yes) in enumerate(keys))
    return QuestionSet("made", tuple(asked))


def test_a_sample_keeps_the_shares_of_groups_and_of_what_can_be_answered() -> None:
    whole = made({("a", True): 50, ("a", False): 30, ("b", True): 20})
    drawn = whole.sample(11, 1)
    assert Counter((one.group, one.answerable) for one in drawn.questions) == {
        ("a", True): 6,  # 5.5
        ("a", False): 3,
        ("b", True): 2,
    }
    places = [int(one.id) for one in drawn.questions]
    assert places == sorted(places)
    assert drawn == whole.sample(11, 1) != whole.sample(11, 2)
    assert whole.sample(None) == whole.sample(100) == whole


def test_the_fingerprint_heeds_questions_and_documents(nq: Path) -> None:
    found = read_nq_open(nq)
    prints = {
        found.fingerprint(),
        QuestionSet(found.name, found.questions[1:], found.corpus).fingerprint(),
        QuestionSet(found.name, found.questions, found.corpus[1:]).fingerprint(),
    }
    assert len(prints) == 3
    assert found.fingerprint() == read_nq_open(nq).fingerprint()


@pytest.mark.parametrize(
    ("name", "yes", "no", "documents", "sources"),
    [
        ("nq", 2655, 0, 2600, 2467),
        ("squad", 2910, 3168, 1216, 16),
        ("clapnq", 300, 300, 597, 584),
        ("covid", 1380, 0, 3074, 98),
        ("tatqa", 3331, 0, 555, 555),
        ("xquad", 1190, 0, 240, 48),
    ],
)
def test_the_sets_are_as_published(
    bench_data: Path, name: str, yes: int, no: int, documents: int, sources: int
) -> None:
    qa = bench_data / "qa"
    found = {
        "nq": lambda: read_nq_open(qa / "nq_open_oracle"),
        "squad": lambda: read_squad(qa / "squad2"),
        "clapnq": lambda: read_clapnq(qa / "clapnq"),
        "covid": lambda: read_covid_qa(qa / "covid_qa"),
        "tatqa": lambda: read_tatqa(qa / "tatqa"),
        "xquad": lambda: read_xquad(qa / "xquad", "ar"),
    }[name]()
    assert Counter(one.answerable for one in found.questions) == Counter({True: yes, False: no})
    assert len({one.id for one in found.questions}) == yes + no
    assert len(found.corpus) == documents
    ids = {document.id for document in found.corpus}
    assert all(one.answerable == bool(one.references) == bool(one.relevant) for one in found.questions)
    assert all(set(one.relevant) <= ids for one in found.questions)
    assert len({one.source for one in found.questions}) == sources
