from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings, table
from ragstone.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(flags: dict[str, Any] | None = None, file: str | None = None, **environment: str) -> Settings:
    if file is not None:
        Path("ragstone.toml").write_text(file, "utf-8")
    return Settings.load(flags, environment=environment)


def refused(*, flags: dict[str, Any] | None = None, file: str | None = None, **environment: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load(flags, file, **environment)
    return str(raised.value)


def test_without_any_setting_the_defaults_hold():
    assert load() == Settings()


def test_the_command_line_beats_the_environment_and_that_beats_the_file():
    file = "hits = 1\nseed = 1\ntop_k = 1\n"
    settings = load({"hits": 3, "seed": None}, file, RAGSTONE_HITS="2", RAGSTONE_SEED="2", HITS="9")
    assert (settings.hits, settings.seed, settings.top_k) == (3, 2, 1)


def test_a_file_named_by_ragstone_config_stands_in_for_the_one_in_the_folder(tmp_path: Path):
    (tmp_path / "other.toml").write_text("hits = 7")
    assert load(file="seed = 1\n", RAGSTONE_CONFIG=str(tmp_path / "other.toml")) == Settings(hits=7)
    assert Settings.load(environment={}, config=tmp_path / "other.toml") == Settings(hits=7)
    assert "none.toml: cannot be read" in refused(RAGSTONE_CONFIG="none.toml")


def test_values_are_converted_to_their_types():
    file = 'library = "~/books"\noffline = true\ntemperature = 1\ngpu_layers = 20\n'
    settings = load(None, file, RAGSTONE_MODELS_DIR="models", RAGSTONE_TOP_P="0.5", RAGSTONE_SEED="4294967294")
    assert settings.library == Path.home() / "books"
    assert settings.models_dir == Path("models")
    assert (settings.offline, settings.temperature, settings.gpu_layers) == (True, 1.0, "20")
    assert (settings.top_p, settings.seed) == (0.5, 4294967294)
    for word, value in (("1", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("off", False)):
        assert load(RAGSTONE_OFFLINE=word).offline is value


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ({"file": "temprature = 1"}, "ragstone.toml"),
        ({"RAGSTONE_TEMPRATURE": "1"}, "the environment"),
        ({"flags": {"temprature": 1}}, "the command line"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_name(source: dict[str, Any], where: str):
    message = refused(**source)
    assert where in message
    assert "'temprature', which is no setting. Did you mean 'temperature'?" in message


def test_an_unknown_setting_near_to_none_points_to_the_list():
    assert "docs/settings.md" in refused(file="xyzzy = 1")
    assert "docs/settings.md" in refused(file="[box]\nhits = 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hits", "many"),
        ("hits", 2.5),
        ("hits", True),
        ("hits", "2.5"),
        ("hits", ""),
        ("hits", [1]),
        ("hits", {"a": 1}),
        ("offline", "maybe"),
        ("offline", ""),
        ("temperature", "warm"),
        ("temperature", []),
        ("model", True),
        ("model", ["a", "b"]),
        ("model", {}),
        ("library", ""),
        ("library", 5),
        ("library", ["a"]),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(name: str, value: Any):
    message = refused(flags={name: value})
    assert f"sets {name} to {value!r}. Give it " in message
    assert not any(kind in message for kind in ("type", "int", "bool", "str ", "float"))


def test_a_value_of_the_wrong_type_is_told_what_it_should_be():
    wanted = {"hits": "a whole number", "temperature": "a number", "strict": "true or false", "library": "a path"}
    for name, kind in wanted.items():
        value = "" if name == "library" else "four"
        assert refused(flags={name: value}).endswith(f"sets {name} to {value!r}. Give it {kind}.")
    assert refused(flags={"model": True}).endswith("Give it a text.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hits", 0),
        ("hits", 51),
        ("chunk_tokens", 31),
        ("chunk_tokens", 8193),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("top_p", 1.01),
        ("seed", -1),
        ("seed", 2**32 - 1),
        ("threads", -1),
        ("max_tokens", 0),
        ("context_tokens", 511),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: float):
    assert f"sets {name} to {value}. Choose a value from" in refused(flags={name: value})


@pytest.mark.parametrize("name", ["hits", "chunk_tokens", "temperature", "top_p", "seed", "max_tokens"])
def test_the_ends_of_a_range_belong_to_it(name: str):
    about = next(f for f in fields(Settings) if f.name == name).metadata
    for end in (about["low"], about["high"]):
        assert getattr(load({name: end, "chunk_overlap": 0}), name) == end


def test_a_value_that_is_none_of_the_choices_is_refused():
    assert "Choose one of hybrid, dense, lexical" in refused(RAGSTONE_SEARCH_MODE="fuzzy")
    assert "Choose one of auto, openvino, torch" in refused(RAGSTONE_EMBEDDING_RUNTIME="onnx")
    for value in ("some", "²"):
        assert "auto, all or a number" in refused(RAGSTONE_GPU_LAYERS=value)
    for value in ("auto", "all", "0", "33"):
        assert load(RAGSTONE_GPU_LAYERS=value).gpu_layers == value


def test_an_overlap_of_more_than_a_quarter_is_refused():
    assert load({"chunk_tokens": 100, "chunk_overlap": 25}).chunk_overlap == 25
    message = refused(flags={"chunk_tokens": 100}, RAGSTONE_CHUNK_OVERLAP="26")
    assert "chunk_overlap is 26 and chunk_tokens 100. Set chunk_overlap to at most a quarter, 25." in message


@pytest.mark.parametrize("content", [b"hits = ", b"hits = 1\nhits = 2", b"\xff\xfe\x00"])
def test_a_file_that_is_not_toml_is_refused(content: bytes):
    Path("ragstone.toml").write_bytes(content)
    assert "ragstone.toml: cannot be read" in refused()


def test_the_documentation_holds_the_table_of_all_settings():
    rows = table().splitlines()
    assert len(rows) == 2 + len(fields(Settings))
    documented = ROOT.joinpath("docs", "settings.md").read_text("utf-8").splitlines()
    assert [line for line in documented if line.startswith("|")] == rows


def test_every_default_passes_its_own_check(tmp_path: Path):
    for field in fields(Settings):
        assert getattr(load({field.name: getattr(Settings(), field.name)}), field.name) is not None


def test_settings_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAGSTONE_HITS", "7")
    monkeypatch.setenv("RAGSTONE_LIBRARY", str(tmp_path / "from-environment"))
    with Ragstone.open(seed=3) as rag:
        assert (rag.settings.hits, rag.settings.seed) == (7, 3)
        assert rag.library.folder == tmp_path / "from-environment"
    with Ragstone.open(tmp_path / "given") as rag:
        assert rag.library.folder == tmp_path / "given"
    with pytest.raises(SettingsError, match="'chunk_token', which is no setting"):
        Ragstone.open(tmp_path / "other", chunk_token=3)
    assert not (tmp_path / "other").exists()


def test_settings_and_single_ones_reach_the_engine_together(tmp_path: Path):
    given = Settings(hits=7, seed=3)
    with Ragstone.open(tmp_path / "given", settings=given, hits=9, model=None) as rag:
        assert rag.settings == Settings(hits=9, seed=3)
    for flag, what in (({"hitz": 3}, "'hitz', which is no setting"), ({"hits": 99}, "hits to 99")):
        with pytest.raises(SettingsError, match=f"Ragstone.open sets {what}"):
            Ragstone.open(tmp_path / "other", settings=given, **flag)
    assert not (tmp_path / "other").exists()


def test_a_misspelled_setting_names_who_gave_it_and_its_question_has_one_mark(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        Ragstone.open(tmp_path / "library", hitz=3)
    assert str(raised.value) == "Ragstone.open sets 'hitz', which is no setting. Did you mean 'hits'?"
