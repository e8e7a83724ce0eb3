import json
from pathlib import Path
from typing import Any, Protocol

import pytest


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    """A few responses in RAGTruth's format, made up for this test: model `b` says what nobody wrote."""
    folder = tmp_path / "answers"
    folder.mkdir()
    told = "passage 1:The pump in hall {n} weighs 3{n} kg.\n\npassage 2:It was replaced in 201{n}."
    sources = [
        {
            "source_id": str(n),
            "task_type": "QA",
            "source_info": {"question": f"How heavy is the pump in hall {n}?", "passages": told.format(n=n)},
        }
        for n in range(6)
    ] + [{"source_id": "9", "task_type": "Summary", "source_info": "The harbour was closed by a storm."}]
    right = [(str(n), "a", f"The pump in hall {n} weighs 3{n} kg.", []) for n in range(6)]
    wrong = [(str(n), "b", f"Elephants juggle 77{n} marbles.", [{"start": 0, "end": 9}]) for n in range(6)]
    more = [("9", "a", "A storm closed the harbour.", []), ("9", "b", "Is that so?", [])]
    names = ("source_id", "model", "response", "labels")
    rows = [
        dict(zip(names, row, strict=True)) | {"id": str(place), "split": "test", "quality": "good"}
        for place, row in enumerate([*right, *wrong, *more])
    ]
    for name, lines in (("source_info.jsonl", sources), ("response.jsonl", rows)):
        (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return folder


def test_a_run_judges_answers_beside_controls(ragstone_cli: Cli, responses: Path, tmp_path: Path):
    arguments = ("--data", responses, "--scorer", "overlap", "--out", "new/values.json")
    done = ragstone_cli("eval", "run", "grounding", *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    whole = done.json()
    assert (whole["suite"], whole["seed"]) == ("grounding", 0)
    (found,) = whole["sets"]
    assert (found["name"], found["answers"], found["ungrounded"]) == ("ragtruth", 14, 6)
    assert list(found["groups"]) == ["all", "mean of the groups", "QA", "Summary", "a", "b"]
    assert list(found["groups"]["all"]) == ["overlap", "always-flag", "sentence count", "generator"]
    judged = found["groups"]["all"]["overlap"]
    assert (judged["F1"]["mean"], judged["AUROC"]["mean"]) == (1, 1)
    assert (judged["F1"]["n"], judged["F1"]["n_unscored"]) == (13, 1)  # a question claims nothing
    assert found["groups"]["Summary"]["overlap"]["F1"]["mean"] is None
    assert found["times"]["overlap"]["ms a response"]["mean"] > 0

    (kept,) = json.loads((tmp_path / "new" / "values.json").read_text("utf-8"))["sets"]
    assert len(kept["per_answer"]) == 14
    wrong = kept["per_answer"][6]
    assert (wrong["grounded"], wrong["generator"], wrong["judged"]["overlap"]["flagged"]) == (False, "b", True)
    assert kept["per_answer"][13]["judged"]["overlap"]["support"] is None
    del kept["per_answer"]
    assert kept == found


def test_a_run_is_repeatable_to_the_digit(new_python_cli: Cli, responses: Path):
    arguments = ("--data", responses, "--scorer", "overlap", "--limit", "9", "--seed", "4", "--json")
    first, again, other = (
        new_python_cli("eval", "run", "grounding", *arguments, *more).json()["sets"][0]
        for more in ((), (), ("--seed", "5"))
    )
    assert (first["sha256"], first["groups"]) == (again["sha256"], again["groups"])
    assert first["sha256"] != other["sha256"]
    assert first["answers"] == 9


def test_scorers_are_compared_with_the_first_one(ragstone_cli: Cli, responses: Path):
    scorers = "overlap,judge:smollm2-135m"
    done = ragstone_cli("eval", "run", "grounding", "--data", responses, "--scorer", scorers, "--limit", "4")
    assert (done.code, done.stderr) == (0, "")
    head, columns, *lines = done.stdout.splitlines()
    assert head.startswith("ragtruth  4 answers on ")
    assert [name for name in scorers.split(",") if name in columns] == scorers.split(",")
    assert any(line.startswith("judge:smollm2-135m less overlap") for line in lines)
    assert any(line.startswith("ms a sentence") for line in lines)


def test_without_a_choice_the_default_scorer_judges(ragstone_cli: Cli, responses: Path):
    done = ragstone_cli("eval", "run", "grounding", "--data", responses, "--json")
    assert (done.code, done.stderr) == (0, "")
    (found,) = done.json()["sets"]
    assert list(found["thresholds"]) == ["default"]
    assert found["groups"]["all"]["default"]["AUROC"]["mean"] > 0.9  # elephants are in no passage


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_values_for_which_there_is_no_room_are_told(ragstone_cli: Cli, responses: Path):
    done = ragstone_cli("eval", "run", "grounding", "--data", responses, "--scorer", "overlap", "--out", "/dev/full")
    assert done.code == 1
    assert done.error.startswith("Error: /dev/full: the results cannot be written (No space left on device).")


def test_published_figures_stand_beside(ragstone_cli: Cli, bench_data: Path):
    arguments = ("--data", bench_data, "--set", "wice", "--limit", "40", "--scorer", "overlap")
    done = ragstone_cli("eval", "run", "grounding", *arguments)
    assert (done.code, done.stderr) == (0, "")
    assert "published: F1 of grounded 68.8  T5-3B on ANLI" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--scorer", "guess"), "'guess' is not one of default, overlap, judge, judge:MODEL, hub:MODEL."),
        (("--scorer", "overlap,hub:"), "'hub:' is not one of"),
        (("--set", "ragtruths"), "'ragtruths' is not one of ragtruth-summary, ragtruth,"),
        (("--limit", "0"), "0 is not in the range"),
        (("--out", "answers/response.jsonl/x.json"), "cannot be made"),
        (("--out", "x" * 300), "cannot be written (File name too long)."),
    ],
)
def test_wrong_arguments_are_bad_usage(ragstone_cli: Cli, responses: Path, arguments: tuple[str, ...], complaint: str):
    done = ragstone_cli("eval", "run", "grounding", "--data", responses, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert complaint in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--data", "."), "Error: source_info.jsonl: there is no such file."),
        (("--data", ".", "--set", "wice"), "Error: test.jsonl: there is no such file."),
        (("--data", "answers", "--split", "dev"), "Error: answers/response.jsonl: no response is of the split 'dev'."),
        (("--data", "answers", "--scorer", "hub:none/such"), "Error: there is no folder none/such with a config.json"),
    ],
)
def test_what_is_missing_is_named(ragstone_cli: Cli, responses: Path, arguments: tuple[str, ...], error: str):
    done = ragstone_cli("eval", "run", "grounding", *arguments)
    assert (done.code, done.stdout) == (1, "")
    assert done.error.startswith(error)


@pytest.mark.parametrize(
    "line", ['{"id": 1, "source_id": "gone", "model": "m", "response": "x", "labels": []}', '{"id": ', "[1]"]
)
def test_a_folder_of_another_form_is_told_in_one_line(ragstone_cli: Cli, responses: Path, line: str):
    (responses / "response.jsonl").write_text(line + "\n", "utf-8")
    done = ragstone_cli("eval", "run", "grounding", "--data", responses, "--scorer", "overlap")
    assert (done.code, done.stdout) == (1, "")
    assert "answers is not in the form in which it was published" in done.error and "Traceback" not in done.stderr
