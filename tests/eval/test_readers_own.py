from pathlib import Path

import pytest

from ragstone.errors import DataError
from ragstone.eval.readers.own import read_own

HEAD = "question,answer,document,answerable,group\n"


def own(tmp_path: Path, text: str, name: str = "own.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_table_is_read(tmp_path: Path) -> None:
    text = f'{HEAD}"How long, at most?",two months,lease.pdf,,lease\nWho signed?,,,no,\n"Wind | rain?",a | b,,true,\n'
    found = read_own(own(tmp_path, text))
    assert found.name == "own"
    assert found.corpus == ()
    lease, nobody, both = found.questions
    assert (lease.id, lease.question, lease.references) == ("2", "How long, at most?", ("two months",))
    assert (lease.relevant, lease.answerable, lease.group) == (("lease.pdf",), True, "lease")
    assert (nobody.references, nobody.answerable, nobody.gold) == ((), False, ("",))
    assert both.references == ("a | b",)  # `answer` is one


def test_json_lines_are_read(tmp_path: Path) -> None:
    text = (
        '{"question": "How long?", "answers": ["two months", "60 days"], "documents": ["a.pdf", "b.pdf"], "id": 7}\n'
        '\n{"Question": "Who?", "answerable": false, "source": "lease", "language": "de"}\n'
    )
    one, other = read_own(own(tmp_path, text, "own.jsonl")).questions
    assert (one.id, one.references, one.relevant) == ("7", ("two months", "60 days"), ("a.pdf", "b.pdf"))
    assert (other.id, other.answerable, other.source, other.language) == ("3", False, "lease", "de")


@pytest.mark.parametrize("cell", ["two months | 60 days", '"[""two months"", ""60 days""]"'])
def test_several_answers_stand_in_one_cell(tmp_path: Path, cell: str) -> None:
    (one,) = read_own(own(tmp_path, f"question,references\nHow long?,{cell}\n")).questions
    assert one.references == ("two months", "60 days")


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_table_may_come_from_a_spreadsheet(tmp_path: Path, mark: str) -> None:
    path = own(tmp_path, f"\ufeffquestion{mark}answer{mark}remark\r\nHow long?{mark}two, or three{mark}x\r\n")
    (one,) = read_own(path).questions
    assert (one.question, one.references) == ("How long?", ("two, or three",))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.csv", "answer\nx\n", "line 1 does not name question"),
        ("a.csv", f"{HEAD}Why?,,,,\n,x,,,\n", "line 3 has no question"),
        ("a.csv", f'{HEAD}"Why\nso?",,,,\nWho?,,,perhaps,\n', "line 4 has 'perhaps' for answerable"),
        ("a.csv", f"{HEAD}Why?,x,,no,\n", "line 2 is not answerable, and has an answer"),
        ("a.csv", f"{HEAD}Why?,x,,,,,\n", "line 2 has more cells than there are columns"),
        ("a.csv", "question,id\nWhy?,1\nWho?,1\n", "line 3 repeats the id '1'"),
        ("a.csv", "question,anwser\nWhy?,x\n", "line 1 names 'anwser', which is not heeded. Did you mean 'answer'"),
        ("a.csv", 'question\n"Why?\n', "cannot be read"),
        ("a.csv", HEAD, "it holds no question"),
        ("a.jsonl", '{"question": "Why?"}\n{"question": \n', "line 2 is no JSON"),
        ("a.jsonl", '["Why?"]\n', "line 1 is no JSON object"),
        ("a.jsonl", '{"question": "Why?", "answers": [{"text": "x"}]}\n', "line 1 has no text for answers"),
        ("a.jsonl", '{"question": ["Why?"]}\n', "line 1 has no text for question"),
    ],
)
def test_what_is_broken_is_named_with_its_line(tmp_path: Path, name: str, text: str, what: str) -> None:
    path = own(tmp_path, text, name)
    with pytest.raises(DataError, match=what) as caught:
        read_own(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_own(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes("question\nWo ist der Fluß?\n".encode("latin-1"))
    with pytest.raises(DataError, match="Save it as UTF-8"):
        read_own(path)
