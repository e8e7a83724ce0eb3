import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import DataError
from ragstone.eval.readers.grounding import GroundedAnswer, GroundedSet, read_ragtruth, read_wice
from ragstone.eval.suites.grounding import GROUNDING

HERE = [one for one in GROUNDING.sets if one.name not in ("ragtruth", "halueval")]  # which tests have no data of


def jsonl(rows: Iterable[object]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def mark(text: str, part: str, kind: str = "Evident Conflict", **told: Any) -> dict[str, Any]:
    start = text.index(part)
    label = {"start": start, "end": start + len(part), "text": part, "meta": "", "label_type": kind}
    return label | {"implicit_true": False, "due_to_null": False} | told


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """RAGTruth's two files, with sources and responses made up for this test."""
    record = {"name": "Café Ebb", "hours": {"Monday": "9:0-17:0"}, "attributes": {"WiFi": None}, "stars": 4.5}
    passages = "passage 1:The pump weighs 38 kg.\nIt is green.\n\npassage 2:Pumps of passage 1:1 scale.\n\n"
    sources = [
        {
            "source_id": "11",
            "task_type": "QA",
            "source": "MARCO",
            "source_info": {"question": "How heavy?", "passages": passages},
            "prompt": "",
        },
        {"source_id": "12", "task_type": "Data2txt", "source": "Yelp", "source_info": record, "prompt": ""},
        {
            "source_id": "13",
            "task_type": "Summary",
            "source": "CNN/DM",
            "source_info": "A tide. It rose.",
            "prompt": "",
        },
    ]
    heavy, cafe = "It weighs 83 kg.", "Café Ebb has free WiFi and opens at nine."
    rows = [
        ("0", "11", "a", heavy, [mark(heavy, "83 kg")], "test"),
        ("1", "11", "b", "It weighs 38 kg.", [], "test"),
        ("2", "12", "a", cafe, [mark(cafe, "free WiFi", "Subtle Baseless Info", due_to_null=True)], "test"),
        ("3", "13", "a", "A tide rose.", [], "test"),
        ("4", "13", "b", "A tide fell.", [mark("A tide fell.", "fell", implicit_true=True)], "train"),
    ]
    names = ("id", "source_id", "model", "response", "labels", "split")
    responses = [dict(zip(names, row, strict=True)) | {"temperature": 0.7, "quality": "good"} for row in rows]
    (tmp_path / "source_info.jsonl").write_text(jsonl(sources), "utf-8")
    (tmp_path / "response.jsonl").write_text(jsonl(responses), "utf-8")
    return tmp_path


def by_id(found: GroundedSet) -> dict[str, GroundedAnswer]:
    return {one.id: one for one in found.answers}


def test_ragtruths_two_files_are_joined(published: Path) -> None:
    found = by_id(read_ragtruth(published))
    assert list(found) == ["0", "1", "2", "3"]
    wrong = found["0"]
    assert (wrong.group, wrong.generator, wrong.source, wrong.question) == ("QA", "a", "11", "How heavy?")
    assert wrong.grounded is False
    assert wrong.spans is not None
    assert [wrong.answer[start:end] for start, end in wrong.spans] == ["83 kg"]
    assert (found["1"].grounded, found["1"].spans) == (True, ())
    assert found["3"].passages == ("A tide. It rose.",)
    assert found["3"].question is None


def test_the_passages_of_a_question_are_taken_apart(published: Path) -> None:
    assert by_id(read_ragtruth(published))["0"].passages == (
        "The pump weighs 38 kg.\nIt is green.",
        "Pumps of passage 1:1 scale.",
    )


def test_a_record_is_given_as_json(published: Path) -> None:
    (text,) = by_id(read_ragtruth(published))["2"].passages
    assert json.loads(text)["attributes"] == {"WiFi": None}
    assert "Café" in text and "\n" in text


def test_every_mark_makes_a_response_ungrounded(published: Path) -> None:
    """As in the published figures, also what is true of the world or due to a null."""
    assert by_id(read_ragtruth(published))["2"].grounded is False
    (other,) = read_ragtruth(published, "train").answers
    assert (other.id, other.grounded) == ("4", False)


def test_the_split_is_the_test_split_or_all_there_is(published: Path) -> None:
    with pytest.raises(DataError, match=r"no response is of the split 'dev'\. The splits here are test, train\."):
        read_ragtruth(published, "dev")
    file = published / "response.jsonl"
    file.write_text(file.read_text("utf-8").replace('"split": "test"', '"split": "dev"'), "utf-8")
    assert len(read_ragtruth(published).answers) == 5


@pytest.mark.parametrize("name", ["response.jsonl", "source_info.jsonl"])
def test_a_missing_file_is_named(published: Path, name: str) -> None:
    (published / name).unlink()
    with pytest.raises(DataError, match="there is no such file") as caught:
        GROUNDING.set("ragtruth").load(published)
    assert caught.value.path == str(published / name)


def test_a_response_without_its_source_is_refused(published: Path) -> None:
    (published / "source_info.jsonl").write_text("", "utf-8")
    with pytest.raises(DataError, match=r"ragtruth is not in the form .* \(KeyError: '11'\)"):
        GROUNDING.set("ragtruth").load(published)


def test_a_line_that_is_no_object_is_refused(published: Path) -> None:
    (published / "response.jsonl").write_text("[1]\n", "utf-8")
    with pytest.raises(DataError, match=r"ragtruth is not in the form .* \(AttributeError"):
        GROUNDING.set("ragtruth").load(published)


@pytest.mark.parametrize("name", [one.name for one in HERE])
def test_the_sets_are_as_listed(bench_data: Path, name: str) -> None:
    one = GROUNDING.set(name)
    found = one.load(bench_data)
    assert (found.name, len(found.answers)) == (name, one.items)
    assert len(by_id(found)) == one.items
    assert all(a.answer.strip() and a.source and any(p.strip() for p in a.passages) for a in found.answers)
    assert {a.grounded for a in found.answers} == {True, False}
    assert found.fingerprint() == one.load(bench_data / one.folder).fingerprint()


def test_a_source_has_its_own_document(bench_data: Path) -> None:
    for name in ("summedits", "ragtruth-summary"):
        answers = GROUNDING.set(name).load(bench_data).answers
        assert len({(a.source, a.passages) for a in answers}) == len({a.source for a in answers}) < len(answers)


def test_the_marks_of_summaries_are_where_they_say(bench_data: Path) -> None:
    folder = bench_data / "grounding/ragtruth_dev"
    rows = [json.loads(line) for line in (folder / "ragtruth_summary.jsonl").read_text("utf-8").splitlines()]
    texts = {
        f"{row['source_id']}-{one['model']}": sorted((label["start"], label["text"]) for label in one["labels"])
        for row in rows
        for one in row["responses"]
    }
    for answer in GROUNDING.set("ragtruth-summary").load(bench_data).answers:
        assert answer.spans is not None
        assert answer.grounded == (not answer.spans)
        marked = sorted((start, answer.answer[start:end]) for start, end in answer.spans)
        assert marked == texts[answer.id]


def test_a_claim_of_wice_is_judged_by_the_best_of_its_chunks(bench_data: Path) -> None:
    """354 claims of the test split have three, 4 have two."""
    found = GROUNDING.set("wice").load(bench_data)
    assert Counter(1 + len(one.alternatives) for one in found.answers) == {3: 354, 2: 4}
    assert sum(one.grounded or False for one in found.answers) == 110  # supported; 248 are partially or not
    assert not {a.id for a in found.answers} & {
        a.id for a in read_wice(bench_data / "grounding/wice/oracle_chunks", "dev").answers
    }


def test_only_complete_support_is_support(bench_data: Path) -> None:
    found = GROUNDING.set("factcheckgpt").load(bench_data)
    assert sum(one.grounded or False for one in found.answers) == 696
    assert len({one.source for one in found.answers}) == 661


def test_a_sample_is_repeatable_and_in_order(bench_data: Path) -> None:
    whole = GROUNDING.set("wice").load(bench_data)
    drawn = whole.sample(20, 1)
    assert drawn == whole.sample(20, 1) != whole.sample(20, 2)
    places = [whole.answers.index(one) for one in drawn.answers]
    assert places == sorted(places)
    assert whole.sample(None) == whole.sample(10_000) == whole


def test_published_figures_name_a_metric_of_the_suite() -> None:
    figures = [figure for one in GROUNDING.sets for figure in one.published]
    assert {figure.metric for figure in figures} <= set(GROUNDING.metrics)
    assert all(0 < figure.value < 100 for figure in figures)
