import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from ragstone.app.cli import cli
from ragstone.errors import EvaluationError, SettingsError
from ragstone.generation.models import ModelStore

GATES = """
[[suite]]
name = "retrieval"
[[gate]]
suite = "own"
metric = "faithfulness"
at_least = 0.85
[[gate]]
suite = "retrieval"
metric = "nDCG@10"
at_least = 0.9
"""


def ragstone(*arguments: str | Path) -> int:
    """The exit code of a command in this process, which saves the second that a new one takes to start."""
    code: int = cli.main([str(one) for one in arguments], prog_name="ragstone", standalone_mode=False)
    return code


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "nightly.toml"
    path.write_text('questions = "q.csv"\n' + GATES, "utf-8")
    return path


@pytest.fixture
def small_answers(
    sample_library: Path,
    tiny_model_path: Path,
    model_store: ModelStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sample documents and the tiny model, by settings of the environment, with caches of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    values = {"LIBRARY": sample_library, "MODEL": tiny_model_path, "MODELS_DIR": model_store.folder}
    for name, value in (values | {"HITS": 1, "MAX_TOKENS": 8, "THREADS": 1}).items():
        monkeypatch.setenv(f"RAGSTONE_{name}", str(value))


def test_a_gate_that_is_not_met_ends_with_4(
    nights: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    last = nights / "2026-11-24"
    arguments = ("eval", "gate", last, "--config", config, "--baseline", nights / "2026-11-20")
    assert ragstone(*arguments, "--junit", tmp_path / "gates.xml") == 4
    shown = capsys.readouterr().out
    assert "not met: own: faithfulness: 0.789" in shown
    assert shown.endswith("1 of 2 met.\n")
    suites = ElementTree.parse(tmp_path / "gates.xml").getroot()
    assert suites[0].get("failures") == "1"

    assert ragstone(*arguments, "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert [(gate["unit"], gate["state"]) for gate in found["gates"]] == [
        ("own", "not met"),
        ("retrieval/stations", "met"),
    ]
    assert ragstone("eval", "gate", nights / "2026-11-20", "--config", config) == 0


def test_a_report_is_written_in_the_form_that_its_name_tells(
    nights: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = ("eval", "report", nights / "2026-11-24" / "own", "--baseline", nights / "2026-11-20")
    for name, begins in (
        ("r.html", "<!doctype html>"),
        ("r.md", "# ▼ Worse"),
        ("r.json", "{"),
        ("r.xml", "<testsuites"),
    ):
        assert ragstone(*run, "--out", tmp_path / name) == 0
        assert (tmp_path / name).read_text("utf-8").startswith(begins)
    assert "got worse by more than noise" in capsys.readouterr().err
    assert ragstone(*run, "--config", config) == 0
    assert capsys.readouterr().out.startswith("# ✗ Not all right")
    with pytest.raises(EvaluationError, match="there is no finished run here"):
        ragstone("eval", "report", tmp_path)


def test_what_is_installed_can_be_seen_before(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    assert ragstone("nightly", "install", "--cron", "--at", "3:30", "--print") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"30 3 * * * cd {tmp_path} && ")
    assert shown.endswith(f" -m ragstone nightly --config {config}\n")
    with pytest.raises(SettingsError, match="no such file"):
        ragstone("nightly", "install", "--config", "none.toml", "--print")
    for at in ("24:00", "3", "3:60", "²:00", "-1:00"):
        with pytest.raises(click.BadParameter, match="is no time of the day such as 02:00"):
            ragstone("nightly", "install", "--cron", f"--at={at}", "--print")


@pytest.mark.parametrize(
    "given",
    [
        ("--config", "other.toml", "install"),
        ("install", "--config", "other.toml"),
        ("--config", "nightly.toml", "install", "--config", "other.toml"),
    ],
)
def test_the_options_before_a_subcommand_hold_for_it_too(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    given: tuple[str, ...],
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(config, "other.toml")
    assert ragstone("nightly", *given, "--cron", "--print") == 0
    assert capsys.readouterr().out.endswith(f" -m ragstone nightly --config {tmp_path / 'other.toml'}\n")
    with pytest.raises(SettingsError, match="kept: there is no night"):
        ragstone("nightly", "--out", "kept", "baseline", "2026-11-20")


@pytest.mark.usefixtures("small_answers")
def test_a_night_over_ones_own_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "q.csv").write_text("question,answer\nWho pays for curtailment?,the Grid Company\n")
    (tmp_path / "nightly.toml").write_text(
        'questions = "q.csv"\nout = "nights"\njudges = ["verifier"]\n'
        '[[gate]]\nmetric = "abstention accuracy"\nat_least = 0.0\n[[gate]]\nmax_drop = 0.02\n'
        '[notify]\nwhen = "always"\ncommand = "cat > told.md"\n'
    )

    assert ragstone("nightly", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["headline"] == "The gate is met; there is no baseline to compare with."
    assert [(unit["name"], unit["n"]) for unit in found["units"]] == [("own/q", 1)]
    assert (tmp_path / "told.md").read_text("utf-8").startswith("# ✓ All right")
    assert Path(tmp_path, found["report"]).is_file()

    assert ragstone("nightly") == 0
    assert "no difference from the baseline can be told from chance" in capsys.readouterr().out

    assert ragstone("nightly", "--rerun-baseline", "--json") == 0
    third = json.loads(capsys.readouterr().out)
    assert (third["baseline"], third["ran"], third["not_run"]) == (Path(third["night"]).name, ["own/q"], {})

    # A baseline of which nothing could be run again stays what it was.
    monkeypatch.setenv("RAGSTONE_LIBRARY", str(tmp_path / "gone"))
    assert ragstone("nightly", "--rerun-baseline", "--json") == 1
    fourth = json.loads(capsys.readouterr().out)
    assert fourth["baseline"] == third["baseline"] and set(fourth["not_run"]) == {"own/q"}
    shutil.rmtree(tmp_path / fourth["night"])

    assert ragstone("nightly", "baseline") == 0
    nights = capsys.readouterr().out.splitlines()
    assert [name.endswith("  (baseline)") for name in nights] == [False, False, True]


@pytest.mark.usefixtures("small_answers")
def test_a_night_with_items_that_fail_ends_with_3_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "q.csv").write_text(f"question\nWho pays for curtailment?\n{'Who pays and pays? ' * 2000}\n")
    (tmp_path / "nightly.toml").write_text(
        'questions = "q.csv"\nout = "nights"\n[notify]\nwhen = "problem"\ncommand = "cat > told.md"\n'
    )
    assert ragstone("nightly") == 3
    assert "Not all could be run" in capsys.readouterr().out
    assert "1 item failed" in (tmp_path / "told.md").read_text("utf-8")
