import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from ragstone.generation.prompts import Prompts

FUNCTION = '''
def answer(question, passages):
    """Knows one thing, makes one thing up, and breaks down once."""
    if "Dagny produce" in question:
        report = {"document": "report.pdf", "text": "In 2023 Dagny produced 5,246 MWh, less than the year before."}
        return {"answer": "Dagny produced 5,246 MWh in 2023.", "passages": [report]}
    if "expire" in question:
        return "It expires on 31 October 2035, and Norway paid 800 dollars for it."
    if "broken" in question:
        return 42
    return None

def silent(question, passages):
    return None
'''
QUESTIONS = [
    {"question": "How many megawatt-hours did Dagny produce in 2023?", "answer": "5,246", "group": "numeric"},
    {"question": "When does the subsea cable agreement expire?", "answer": "31 October 2035", "group": "fact"},
    {"question": "Which company manufactured the subsea cable?", "answerable": "false", "group": "fact"},
]


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of questions, and the function that answers them."""

    def write(*more: dict[str, str]) -> Path:
        (tmp_path / "mine.py").write_text(FUNCTION)
        with (tmp_path / "mine.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, ["question", "answer", "answerable", "group"])
            table.writeheader()
            table.writerows([*QUESTIONS, *more])
        return tmp_path / "mine.csv"

    return write


def test_own_questions_are_put_to_a_function_and_two_runs_are_compared(
    ragstone_cli: Cli, sample_library: Path, mine: Callable[..., Path], tmp_path: Path
):
    asked = ("eval", "run", "--questions", mine(), "--library", sample_library, "--cache", tmp_path / "cache")
    done = ragstone_cli(*asked, "--subject", "mine.py:answer", "--judge", "verifier", "--out", "first", "--json")
    assert (done.code, done.stderr) == (0, "")
    found = done.json()
    assert found["run"] == "first"
    assert found["subject"]["name"] == "mine.py:answer"
    assert found["corpus"]["documents"] == 19 and len(found["corpus"]["fingerprint"]) == 64
    (unit,) = found["units"]
    metrics = unit["metrics"]
    assert (unit["name"], unit["n"], unit["failed"], set(unit["groups"])) == ("own/mine", 3, 0, {"numeric", "fact"})
    assert (metrics["right"]["mean"], metrics["right"]["n"]) == (1.0, 3)
    assert (metrics["wrongly answered"]["mean"], metrics["wrongly answered"]["n"]) == (0.0, 1)
    assert metrics["hallucination rate"]["mean"] == 0.5  # Norway's dollars stand in no document
    judged = unit["judged"]["verifier"]
    assert (judged["faithfulness"]["mean"], judged["faithfulness"]["n"]) == (0.5, 2)  # as the subject's own checks say
    assert found["judges"][0]["identity"]["code"] == found["code"]
    assert metrics["ROUGE-L"]["n"] == 2 and 0 < metrics["ROUGE-L"]["mean"] < 1
    rows = [json.loads(line) for line in (tmp_path / "first" / "items" / "own.mine.jsonl").read_text().splitlines()]
    assert [row["output"]["abstained"] for row in rows] == [False, False, True]
    assert [one["verdict"] for one in rows[1]["output"]["sentences"]] == ["unsupported"]

    ragstone_cli(*asked, "--subject", "mine.py:silent", "--out", "second")
    compared = ragstone_cli("eval", "compare", "second", "first", "--json").json()
    changes = {change["metric"]: change for change in compared["changes"]}
    assert changes["right"]["difference"]["mean"]["mean"] == pytest.approx(-2 / 3)
    assert changes["wrongly refused"]["verdict"] == "unscored"  # by three questions nothing can be told
    shown = ragstone_cli("eval", "compare", "second", "first", "--all")
    assert "-0.667 [unknown]" in shown.stdout and "worse" not in shown.stdout
    assert "the 3 items come from 3 sources, and no difference can be told from chance by fewer than 6" in shown.stderr


def test_after_an_edit_of_the_prompt_the_model_is_asked_again_and_no_run_mixes_the_two(
    ragstone_cli: Cli, sample_library: Path, shallow_model_path: Path, tmp_path: Path
):
    (tmp_path / "mine.csv").write_text("question\nWhat did Dagny produce?\n")
    (tmp_path / "prompts").mkdir()
    ours = Prompts().get("answer").source
    env = {"RAGSTONE_MODEL": str(shallow_model_path), "RAGSTONE_PROMPTS_DIR": "prompts"}
    env |= {"RAGSTONE_MIN_CONFIDENCE": "0", "RAGSTONE_MAX_TOKENS": "4", "RAGSTONE_CONTEXT_TOKENS": "2048"}
    asked = ("eval", "run", "--questions", "mine.csv", "--library", sample_library, "--cache", "cache")

    def run(prompt: str, out: str, *more: str) -> Any:
        (tmp_path / "prompts" / "answer.jinja").write_text(prompt)
        return ragstone_cli(*asked, "--out", out, *more, env=env)

    def cached(out: str) -> bool:
        (line,) = (tmp_path / out / "items" / "own.mine.jsonl").read_text().splitlines()
        return bool(json.loads(line)["cached"])

    edited = ours.replace("Answer the", "In one word, answer the")
    assert edited != ours
    assert [run(prompt, out).code for prompt, out in ((ours, "a"), (ours, "b"), (edited, "c"))] == [0, 0, 0]
    assert [cached(out) for out in ("a", "b", "c")] == [False, True, False]
    resumed = run(edited, "a", "--resume")
    assert resumed.code == 1 and "the run in this folder has another subject" in resumed.error


def test_a_function_is_asked_again_after_a_change_of_what_our_search_finds_for_it(
    ragstone_cli: Cli, sample_library: Path, mine: Callable[..., Path], tmp_path: Path
):
    asked = ("eval", "run", "--questions", mine(), "--library", sample_library, "--cache", "cache")

    def run(hits: int, out: str, *more: str) -> Any:
        return ragstone_cli(
            *asked, "--subject", "mine.py:silent", "--out", out, *more, env={"RAGSTONE_HITS": f"{hits}"}
        )

    def made(out: str) -> list[tuple[bool, int]]:
        lines = (tmp_path / out / "items" / "own.mine.jsonl").read_text().splitlines()
        return [(row["cached"], len(row["output"]["passages"])) for row in map(json.loads, lines)]

    assert [run(hits, out).code for hits, out in ((3, "a"), (3, "b"), (1, "c"))] == [0, 0, 0]
    assert [made(out) for out in ("a", "b", "c")] == [[(False, 3)] * 3, [(True, 3)] * 3, [(False, 1)] * 3]
    resumed = run(1, "a", "--resume")
    assert resumed.code == 1 and "the run in this folder has another subject" in resumed.error


BREAKING = """
def answer(question, passages):
    if "expire" in question:
        raise ConnectionError("no route to the model")
    if "manufactured" in question:
        return {"answer": "Holm", "passages": [{"text": "without its document"}]}
    return "5,246"
"""


def test_a_question_at_which_a_function_breaks_is_recorded_and_the_run_goes_on(
    ragstone_cli: Cli, sample_library: Path, mine: Callable[..., Path], tmp_path: Path
):
    asked = ("eval", "run", "--questions", mine(), "--library", sample_library, "--no-cache", "--out", "run", "--json")
    (tmp_path / "breaking.py").write_text(BREAKING)
    done = ragstone_cli(*asked, "--subject", "breaking.py:answer")
    assert done.code == 3 and "Traceback" not in done.stderr
    (unit,) = done.json()["units"]
    assert (unit["n"], unit["failed"]) == (3, 2)
    rows = [json.loads(line) for line in (tmp_path / "run" / "items" / "own.mine.jsonl").read_text().splitlines()]
    raised = "breaking.py:answer raised ConnectionError at line 4: no route to the model."
    assert rows[0]["output"]["text"] == "5,246" and not rows[0]["error"]
    assert rows[1]["error"].startswith(raised)
    assert "breaking.py:answer returned passages that cannot be read (KeyError: 'document')" in rows[2]["error"]


def test_what_cannot_be_run_is_told_before_anything_is_run(
    ragstone_cli: Cli, sample_library: Path, mine: Callable[..., Path], tmp_path: Path
):
    asked = ("eval", "run", "--questions", mine({"question": "Is it broken?"}), "--library", sample_library)
    done = ragstone_cli(*asked, "--subject", "mine.py:answer", "--out", "run", "--cache", "cache")
    assert (done.code, done.error) == (
        1,
        "Error: mine.py:answer returned int. Let it return a text, None or a dictionary.",
    )
    for arguments, complaint in (
        (("--subject", "mine.py:nothing"), "the function 'mine.py:nothing' cannot be loaded"),
        (("--subject", "mine.py:answer", "--out", "run"), "there is a run already. Add --resume"),
        (("--model", "qwen9"), "qwen9"),
    ):
        done = ragstone_cli(*asked, *arguments)
        assert done.code == 1 and complaint in done.error
    assert ragstone_cli("eval", "run").code == 2


def test_what_was_named_wrongly_is_bad_usage(
    ragstone_cli: Cli, sample_library: Path, mine: Callable[..., Path], tmp_path: Path
):
    done = ragstone_cli("eval", "run", "exposures")
    assert (done.code, done.error) == (2, "Error: there is no suite 'exposures'. Did you mean 'exposure'?")
    done = ragstone_cli("eval", "run", "questions/squad2")
    assert done.code == 2 and "Name the folder of sets with --data" in done.error
    asked = ("eval", "run", "--questions", mine(), "--library", sample_library, "--subject", "mine.py:answer")
    done = ragstone_cli(*asked, "--judge", "jury")
    assert done.code == 2 and "there is no judge 'jury'. There are verifier, local" in done.error
    for option in ("--judge=jury", "--model=none", "--subject=mine.py:none"):  # not of the command for scorers alone
        done = ragstone_cli("eval", "run", "grounding", option, "--data", tmp_path)
        assert "No such option" not in done.stderr


def test_of_several_judges_only_the_first_is_held_against_people_and_a_warning_says_so(
    ragstone_cli: Cli, bench_data: Path, tiny_model_path: Path
):
    asked = (
        "eval",
        "run",
        "judges/wice",
        "--data",
        bench_data,
        "--limit",
        "2",
        "--no-cache",
        "--model",
        tiny_model_path,
    )
    done = ragstone_cli(*asked, "--judge", "verifier", "--judge", "verifier")
    assert done.code == 0, done.stderr
    assert "`judges` holds verifier against people, and not verifier: only the first --judge." in done.stderr
