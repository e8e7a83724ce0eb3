import gzip
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ragstone.errors import DataError
from ragstone.eval.readers.beir import read_beir
from ragstone.eval.suites.registry import SUITES
from ragstone.eval.suites.retrieval import RETRIEVAL

HEADER = "query-id\tcorpus-id\tscore\n"
Write = Callable[..., Path]


def jsonl(rows: Iterable[object]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small set in BEIR's layout."""
    tiny = tmp_path / "tiny"
    (tiny / "qrels").mkdir(parents=True)
    documents = [{"_id": "d1", "title": "Tide", "text": "The tide rises."}, {"_id": 2, "text": "Rain falls."}]
    (tiny / "corpus.jsonl").write_text(jsonl(documents), "utf-8")
    queries = [{"_id": "q1", "text": "tide?"}, {"_id": "q2", "text": "rain?"}, {"_id": "q3", "text": "wind?"}]
    (tiny / "queries.jsonl").write_text(jsonl(queries), "utf-8")
    (tiny / "qrels" / "test.tsv").write_text(f"{HEADER}q1\td1\t2\nq2\t2\t1\nq2\tlost\t1\nq9\td1\t1\n", "utf-8")
    return tiny


def test_beirs_layout_is_read(folder: Path) -> None:
    found = read_beir(folder)
    assert found.name == "tiny"
    assert [(d.id, d.title, d.text) for d in found.corpus] == [
        ("d1", "Tide", "The tide rises."),
        ("2", "", "Rain falls."),
    ]
    assert found.queries == {"q1": "tide?", "q2": "rain?"}  # q3 is not judged
    assert found.qrels == {"q1": {"d1": 2}, "q2": {"2": 1, "lost": 1}}


def test_ids_that_lead_nowhere_are_counted(folder: Path) -> None:
    found = read_beir(folder)
    assert (found.judgements, found.absent, found.queries_absent) == (3, 1, 1)


def test_qrels_may_be_json_lines(folder: Path) -> None:
    shutil.rmtree(folder / "qrels")
    (folder / "qrels.jsonl").write_text(jsonl([{"query-id": "q1", "corpus-id": "d1", "score": 1}]), "utf-8")
    assert read_beir(folder).qrels == {"q1": {"d1": 1}}


def test_a_split_can_be_chosen_and_a_single_one_needs_no_choice(folder: Path) -> None:
    dev = folder / "qrels" / "dev.tsv"
    dev.write_text(f"{HEADER}q3\td1\t1\n", "utf-8")
    assert list(read_beir(folder).queries) == ["q1", "q2"]
    assert list(read_beir(folder, "dev").queries) == ["q3"]
    (folder / "qrels" / "test.tsv").unlink()
    assert list(read_beir(folder).queries) == ["q3"]
    dev.rename(dev.with_name("train.tsv"))
    dev.with_name("other.tsv").write_text(HEADER, "utf-8")
    with pytest.raises(DataError, match=r"qrels.test\.tsv: there is no such file\. The splits here are other, train\."):
        read_beir(folder)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match="there is no such file") as caught:
        read_beir(folder)
    assert caught.value.path == str(folder / name)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("corpus.jsonl", '{"_id": "d1", "text": "a"}\n\n{"_id": ', "line 3 is no JSON"),
        ("corpus.jsonl", '["d1", "a"]\n', "line 1 is no JSON object with _id, text"),
        ("corpus.jsonl", '{"_id": "d1"}\n', "line 1 is no JSON object with _id, text"),
        ("corpus.jsonl", '{"_id": "d1", "text": "a"}\n' * 2, "line 2 repeats the document 'd1'"),
        ("queries.jsonl", b'{"_id": "q1", "text": "\xff"}\n', "cannot be read"),
        ("qrels/test.tsv", "q1\td1\t1\n", "its first line does not name the columns query-id, corpus-id, score"),
        ("qrels/test.tsv", f"{HEADER}q1\td1\n", "line 2 has too few columns"),
        ("qrels/test.tsv", f"{HEADER}q1\td1\tyes\n", "line 2 has the score 'yes'"),
        ("qrels/test.tsv", f"{HEADER}q1\td1\t1\nq1\td1\t0\n", "line 3 judges a document of a query again"),
    ],
)
def test_what_is_broken_is_named_with_its_line(folder: Path, name: str, text: str | bytes, what: str) -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=what) as caught:
        read_beir(folder)
    assert caught.value.path == str(folder / name)


def test_qrels_of_other_queries_are_refused(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").write_text(f"{HEADER}9\td1\t1\n", "utf-8")
    with pytest.raises(DataError, match=r"judge no query of queries\.jsonl"):
        read_beir(folder)


def test_a_set_that_is_not_in_its_published_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dev-v2\.0\.json: there is no such file"):
        RETRIEVAL.set("squad2").load(tmp_path)
    (tmp_path / "dev-v2.0.json").write_text('{"data": [{"title": "no paragraphs"}]}', "utf-8")
    with pytest.raises(DataError, match=r"squad2 is not in the form .* \(KeyError: 'paragraphs'\)"):
        RETRIEVAL.set("squad2").load(tmp_path)


@pytest.mark.parametrize(("at", "bytes_there"), [(-30, b""), (40, b"no deflate at all")])
def test_a_compressed_file_that_is_cut_off_or_damaged_is_refused(tmp_path: Path, at: int, bytes_there: bytes) -> None:
    passage = {"title": "Tide", "text": "The tide rises."}
    rows = [{"question": f"{7**n:x}", "answers": ["the tide"], "ctxs": [passage]} for n in range(100)]
    whole = gzip.compress(jsonl(rows).encode())
    (tmp_path / "nq-open-oracle.jsonl.gz").write_bytes(whole[:at] + bytes_there)
    with pytest.raises(DataError, match="nq-open is not in the form in which it was published"):
        SUITES["questions"].set("nq-open").load(tmp_path)


def test_a_table_with_a_field_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crows_pairs_anonymized.csv").write_text(f"sent_more,sent_less\n{'a' * 200_000},b\n", "utf-8")
    (of,) = SUITES["crows-pairs"].sets
    with pytest.raises(DataError, match="field larger than field limit"):
        of.load(tmp_path)


@pytest.mark.parametrize("name", [one.name for one in RETRIEVAL.sets])
def test_the_sets_are_as_listed_and_every_query_can_be_answered(bench_data: Path, name: str) -> None:
    one = RETRIEVAL.set(name)
    found = one.load(bench_data)
    assert (found.name, len(found.queries)) == (name, one.items)
    assert (found.absent, found.queries_absent) == (0, 0)
    assert set(found.qrels) == set(found.queries)
    assert all(any(grade > 0 for grade in grades.values()) for grades in found.qrels.values())
    assert all(text.strip() for text in found.queries.values())
    ids = [document.id for document in found.corpus]
    assert len(ids) == len(set(ids))
    assert found.fingerprint() == one.load(bench_data / one.folder).fingerprint()


def test_the_relevant_passage_holds_the_answer(bench_data: Path) -> None:
    rows = json.loads((bench_data / "qa/covid_qa/question-answering/200423_covidQA.json").read_text("utf-8"))["data"]
    answers = {str(q["id"]): q["answers"][0]["text"] for r in rows for p in r["paragraphs"] for q in p["qas"]}
    found = RETRIEVAL.set("covid-qa").load(bench_data)
    texts = {document.id: document.text for document in found.corpus}
    holding = 0
    for query, grades in found.qrels.items():
        whole = "\n".join(texts[document] for document in texts if document in grades)
        holding += all(word in whole for word in answers[query].split())
    assert holding >= 0.99 * len(found.queries)
