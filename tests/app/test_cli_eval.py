import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import pytest

MODES = {"hybrid", "dense", "lexical"}


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


def jsonl(rows: Iterable[object]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.fixture
def questions(tmp_path: Path, samples: Path) -> Path:
    """The sample documents that are Markdown and the questions that they answer, in BEIR's layout."""
    folder = tmp_path / "questions"
    (folder / "qrels").mkdir(parents=True)
    files = {file.relative_to(samples).as_posix(): file for file in sorted(samples.rglob("*.md"))}
    documents = [{"_id": name, "title": file.stem, "text": file.read_text("utf-8")} for name, file in files.items()]
    asked = tomllib.loads((samples.parent / "sample_questions.toml").read_text("utf-8"))
    rows = [q for q in asked["question"] if q["kind"] != "unanswerable" and q["document"] in files]
    assert len(rows) >= 10
    queries = [{"_id": f"q{number}", "text": row["text"]} for number, row in enumerate(rows)]
    judged = [f"q{number}\t{row['document']}\t1\n" for number, row in enumerate(rows)]
    (folder / "corpus.jsonl").write_text(jsonl(documents), "utf-8")
    (folder / "queries.jsonl").write_text(jsonl([*queries, {"_id": "none", "text": "Who?"}]), "utf-8")
    lines = ["query-id\tcorpus-id\tscore\n", *judged, "q0\tgone.md\t1\n", "none\tgone.md\t0\n"]
    (folder / "qrels" / "test.tsv").write_text("".join(lines), "utf-8")
    return folder


def test_the_suites_are_listed(ragstone_cli: Cli):
    suites = {one["name"]: one for one in ragstone_cli("eval", "list", "--json").json()["suites"]}
    suite, grounding = suites["retrieval"], suites["grounding"]
    assert suites.keys() >= {"own", "parity", "questions", "robustness", "rgb", "injection", "exposure", "perplexity"}
    assert {"name", "metrics", "licence", "items"} <= set(suite)
    assert suite["items"] == sum(one["items"] for one in suite["sets"])
    assert {"nDCG@10", "MRR@10", "MAP@100", "Recall@5", "Recall@20", "Recall@100"} <= set(suite["metrics"])
    shown = ragstone_cli("eval", "list")
    assert {"F1", "balanced accuracy", "AUROC", "sentence F1", "span F1"} <= set(grounding["metrics"])
    sets = [one for of in suites.values() for one in of["sets"]]
    assert all(one["name"] in shown.stdout and one["licence"] in shown.stdout for one in sets)


def test_a_run_searches_in_every_mode_and_tells_how_sure_it_is(
    ragstone_cli: Cli, new_python_cli: Cli, questions: Path, tmp_path: Path
):
    arguments = ("--data", questions, "--work", "work", "--out", "new/values.json", "--run-dir", "runs")
    done = ragstone_cli("eval", "run", "retrieval", *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    (found,) = done.json()["sets"]
    queries = found["queries"] - 1  # one has no relevant document
    assert (found["name"], found["judgements"], found["judgements_absent"]) == ("questions", queries + 2, 2)
    assert found["embedder"]["model"] == "all-minilm-l6-v2"
    assert found["reranker"] is None
    assert set(found["metrics"]) == MODES
    for of in found["metrics"].values():
        value = of["nDCG@10"]
        assert 0.5 < value["low"] < value["mean"] <= value["high"] <= 1
        assert (value["n"], value["n_unscored"]) == (queries, 1)
    assert {d["configuration"] for d in found["differences"]} == MODES - {found["baseline"]}
    assert all(0 < d["p"] <= d["p_holm"] <= 1 for d in found["differences"])

    (whole,) = json.loads((tmp_path / "new" / "values.json").read_text("utf-8"))["sets"]
    values = [v for v in whole["per_query"]["dense"]["nDCG@10"].values() if v is not None]
    assert sum(values) / len(values) == pytest.approx(found["metrics"]["dense"]["nDCG@10"]["mean"])
    assert {file.name for file in (tmp_path / "runs").iterdir()} == {
        *(f"questions.{mode}.run" for mode in MODES),
        "questions.qrels",
    }

    (library,) = (tmp_path / "work").iterdir()
    built = (library / "library.sqlite3").stat().st_ino
    again = new_python_cli("eval", "run", "retrieval", *arguments, "--json")
    assert again.stdout == done.stdout
    assert [file.stat().st_ino for file in (tmp_path / "work").glob("*/library.sqlite3")] == [built]
    ragstone_cli("eval", "run", "retrieval", *arguments, env={"RAGSTONE_CHUNK_TOKENS": "64"})
    assert len(list((tmp_path / "work").iterdir())) == 2


def test_people_see_means_with_intervals_then_differences(ragstone_cli: Cli, questions: Path):
    done = ragstone_cli("eval", "run", "retrieval", "--data", questions, "--modes", "lexical,dense", "--limit", "8")
    assert (done.code, done.stderr) == (0, "")
    head = done.stdout.splitlines()[0]
    assert head.startswith("questions  ") and " documents in " in head and " 8 queries, " in head
    assert "judgements are of documents that the corpus lacks." in done.stdout
    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert lines["nDCG@10"][1] == "dense"  # the last table compares with the first mode
    assert "less lexical" in done.stdout and "p (Holm)" in done.stdout


def test_the_sample_of_queries_follows_the_seed(ragstone_cli: Cli, questions: Path, tmp_path: Path):
    asked = []
    for seed in ("1", "1", "2"):
        options = ("--modes", "lexical", "--limit", "3", "--seed", seed, "--out", "out.json", "--work", "work")
        assert ragstone_cli("eval", "run", "retrieval", "--data", questions, *options).code == 0
        (found,) = json.loads((tmp_path / "out.json").read_text("utf-8"))["sets"]
        assert found["differences"] == []
        asked.append(list(found["per_query"]["lexical"]["nDCG@10"]))
    assert asked[0] == asked[1] != asked[2]
    assert [len(queries) for queries in asked] == [3, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--modes", "fuzzy"), "'fuzzy' is not one of hybrid, dense, lexical."),
        (("--modes", "dense", "--against", "lexical"), "'lexical' is not among the --modes."),
        (("--set", "scifacts"), "'scifacts' is not one of scifact, limit-small,"),
        (("--limit", "0"), "0 is not in the range"),
        (("--out", "questions/corpus.jsonl/x.json"), "cannot be made"),
        (("--out", "x" * 300), "cannot be written (File name too long)."),
    ],
)
def test_wrong_arguments_are_bad_usage(ragstone_cli: Cli, questions: Path, arguments: tuple[str, ...], complaint: str):
    done = ragstone_cli("eval", "run", "retrieval", "--data", questions, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert complaint in done.stderr.splitlines()[-1]


def test_data_that_is_missing_is_named(ragstone_cli: Cli, tmp_path: Path):
    done = ragstone_cli("eval", "run", "retrieval", "--data", ".", "--set", "nq-open")
    assert (done.code, done.stdout) == (1, "")
    assert done.error.startswith("Error: nq-open-oracle.jsonl.gz: there is no such file.")
    done = ragstone_cli("eval", "run", "retrieval", "--data", ".")
    assert (done.code, done.stdout) == (1, "")
    assert done.error.startswith("Error: corpus.jsonl: there is no such file.")
