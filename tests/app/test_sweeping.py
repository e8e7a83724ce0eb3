import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.app.sweeping import CURRENT, begin_sweep, configurations, read_axes, write_settings
from ragstone.errors import EvaluationError, SettingsError
from ragstone.generation.models import ModelStore

SEALS = "The harbour seal hauls out at low tide. It eats herring and sand eels. " * 6
BOATS = "The ferry Marit leaves Stavanger at seven in the morning and takes forty cars. " * 6


def test_axes_come_from_options_and_a_file_with_their_types(tmp_path: Path):
    file = tmp_path / "axes.toml"
    file.write_text('[vary]\nhits = [2, 4]\nprompts_dir = ["", "a,b"]\n')
    axes = read_axes(["hits=1, 3,1", "strict=yes,no"], file)
    assert axes == {"hits": [1, 3], "prompts_dir": ["", "a,b"], "strict": [True, False]}
    example = Path(__file__).parents[2] / "examples" / "sweep.toml"
    assert read_axes([], example)["chunk_tokens"] == [150, 200]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("hits", "names no values"),
        ("hitz=1", "the sweep sets 'hitz', which is no setting. Did you mean 'hits'"),
        ("hits=0", "Choose a value from 1 to 50"),
        ("threads=1,2", "no answer depends on threads"),
        ("library=a,b", "no answer depends on library"),
    ],
)
def test_an_axis_that_cannot_be_tried_is_refused(given: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint):
        read_axes([given], None)


def test_a_file_that_is_none_of_a_sweep_is_refused(tmp_path: Path):
    for text in ("[vary]\nhits = 2\n", "hits = [2]\n", "[vary\n"):
        (tmp_path / "axes.toml").write_text(text)
        with pytest.raises(SettingsError, match=r"examples/sweep\.toml"):
            read_axes([], tmp_path / "axes.toml")


def test_every_combination_is_tried_once_and_the_current_settings_first():
    settings = Settings(hits=4)
    found = configurations({"hits": [2, 4], "chunk_tokens": [100, 200], "chunk_overlap": [0, 40]}, settings)
    assert [one.name for one in found][:2] == [CURRENT, "hits=2, chunk_tokens=100"]
    assert len(found) == 8  # that of the current values is the current settings
    impossible = [one for one in found if one.settings is None]
    assert len(impossible) == 2 and all("chunk_overlap is 40" in one.error for one in impossible)
    assert len({one.folder for one in found}) == 8
    (again,) = configurations({"hits": [2]}, settings)[1:]
    moved = configurations({"hits": [4]}, Settings(hits=2))[0]
    assert again.folder == moved.folder  # the same settings, whichever are current
    with pytest.raises(SettingsError, match="these are 8 configurations"):
        configurations({"hits": [1, 2, 3, 5, 6, 7, 8]}, settings, most=7)
    with pytest.raises(SettingsError, match="nothing to vary"):
        configurations({"hits": [4]}, settings)


def test_settings_are_written_into_a_file_that_keeps_its_comments(tmp_path: Path):
    file = tmp_path / "ragstone.toml"
    file.write_text('# mine\nhits = 2     # few\nmodel = "a"\n')
    write_settings({"hits": 3, "strict": True, "models_dir": Path("m")}, file)
    assert file.read_text() == '# mine\nhits = 3     # few\nmodel = "a"\nstrict = true\nmodels_dir = "m"\n'
    assert Settings.load(environment={}, config=file).hits == 3
    write_settings({"temperature": 0.5}, tmp_path / "new.toml")
    assert (tmp_path / "new.toml").read_text() == "temperature = 0.5\n"
    file.write_text("hits = = 2")
    with pytest.raises(SettingsError, match="cannot be changed"):
        write_settings({"hits": 3}, file)
    assert file.read_text() == "hits = = 2"


def test_a_folder_that_holds_something_is_only_gone_on_with_where_that_is_said(tmp_path: Path):
    begin_sweep(tmp_path / "out", resume=False)
    with pytest.raises(EvaluationError, match="Add --resume to go on with it, or name another --out"):
        begin_sweep(tmp_path / "out", resume=False)
    begin_sweep(tmp_path / "out", resume=True)
    with pytest.raises(EvaluationError, match="the folder is not empty"):
        begin_sweep(tmp_path, resume=True)  # no sweep's


def test_a_sweep_cuts_the_documents_anew_records_what_fails_goes_on_and_is_written(
    ragstone_cli: Any,
    model_store: ModelStore,
    tiny_model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "seals.md").write_text(SEALS)
    (tmp_path / "docs" / "boats.md").write_text(BOATS)
    (tmp_path / "mine.csv").write_text("question,answerable\nWhat is the mass of Jupiter?,false\nWho is Ada?,false\n")
    config = f'# mine\nmodel = "{tiny_model_path}"\nmin_confidence = 1.0\n'  # so that the model is never asked
    (tmp_path / "ragstone.toml").write_text(config)
    monkeypatch.chdir(tmp_path)
    with Ragstone.open(settings=Settings(models_dir=model_store.folder)) as rag:
        rag.ingest("docs")
    asked = ("eval", "sweep", "--questions", "mine.csv", "--vary", "chunk_tokens=40,200", "--cache", "c", "--work", "w")
    asked += ("--vary", f"model={tiny_model_path},none.gguf", "--weights", "weights.toml", "--out", "out")
    (tmp_path / "weights.toml").write_text("latency = 0\n")
    done = ragstone_cli(*asked, "--write")
    assert done.code == 3 and "Nothing to write: the current settings stay." in done.stderr
    assert "Error: chunk_tokens=40, model=none.gguf" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout.count("failed") == 2 and "Recommended: current settings" in done.stdout
    assert (tmp_path / "ragstone.toml").read_text() == config
    kept = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert [point["name"].split(",")[0] for point in kept["points"]] == [
        CURRENT,
        *["chunk_tokens=40"] * 2,
        "model=none.gguf",
    ]
    assert [point["quality"]["mean"] for point in kept["points"]] == [
        1.0,
        1.0,
        None,
        None,
    ]  # it rightly does not answer
    made = [json.loads(path.read_text())["corpus"] for path in sorted((tmp_path / "out").glob("*/run.json"))]
    assert {one["documents"] for one in made} == {2} and len({one["chunks"] for one in made}) == 2
    for name in ("sweep.html", "pareto.svg", "pareto.png"):
        assert (tmp_path / "out" / name).stat().st_size > 1000

    (tmp_path / "ragstone.toml").write_text(config + "chunk_tokens = 40\n")  # what is current is another by now
    shutil.rmtree(tmp_path / "docs")  # and the libraries are there already
    done = ragstone_cli(*asked, "--resume", "--json")
    assert done.code == 3 and done.json()["points"][0]["name"] == CURRENT
    assert [point["quality"]["mean"] for point in done.json()["points"]] == [1.0, None, 1.0, None]


def test_a_sweep_in_which_items_failed_says_so_and_ends_with_3(
    ragstone_cli: Any,
    sample_library: Path,
    model_store: ModelStore,
    tiny_model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "mine.csv").write_text(
        f"question,answer\nWho pays?,the tenant\n{'Who pays and pays? ' * 2000},nobody\n"
    )
    (tmp_path / "ragstone.toml").write_text(f'model = "{tiny_model_path}"\nmax_tokens = 8\nthreads = 1\nhits = 1\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    asked = ("--questions", "mine.csv", "--library", str(sample_library), "--no-cache", "--out", "out")
    done = ragstone_cli("eval", "sweep", "--vary", "max_tokens=4", *asked)
    assert done.code == 3 and "Traceback" not in done.stderr
    assert "current settings: 1 of 2 items failed." in done.stderr and "max_tokens=4: 1 of 2 items" in done.stderr
    assert "1, 1 unscored" in done.stdout
