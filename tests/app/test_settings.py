import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.model_settings import as_adapters, as_asking
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
    assert settings.models_dir == Path("models").absolute()
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


def test_a_file_may_begin_with_the_mark_that_windows_puts_before_utf_8():
    Path("ragstone.toml").write_text("hits = 7\n", "utf-8-sig")
    assert Settings.load(environment={}) == Settings(hits=7)


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


def test_paths_stay_where_they_are_when_the_current_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("own.gguf", "encoder/config.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    paths = {"prompts_dir": "prompts", "few_shot": "fs.json", "models_dir": "models", "embedding_model": "encoder"}
    given = paths | {"model": "./own.gguf", "adapters": "law.gguf, style=b.gguf=0.5"}
    whole = {name: tmp_path / path for name, path in (paths | {"model": "own.gguf"}).items()}
    for settings in (load(given), Settings().with_values(given)):
        assert {name: Path(getattr(settings, name)) for name in whole} == whole
        assert settings.adapters == f"{tmp_path}/law.gguf,{tmp_path}/style=b.gguf=0.5"
        assert settings.with_values({}) == settings
    assert load({"model": "./later.gguf"}).model == str(tmp_path / "later.gguf")
    assert load(file='few_shot = "fs.json"\n').few_shot == str(tmp_path / "fs.json")
    for name in ("smollm2-135m", "owner/encoder"):
        assert load({"embedding_model": name}).embedding_model == name
    assert load({"model": "./own.gguf", "server": "http://localhost:8080/v1"}).model == "./own.gguf"
    (tmp_path / "a=1,b").mkdir()
    monkeypatch.chdir(tmp_path / "a=1,b")
    assert load({"adapters": "law.gguf"}, "").adapters == "law.gguf"
    (tmp_path / "a=1").mkdir()
    monkeypatch.chdir(tmp_path / "a=1")
    assert as_adapters(load({"adapters": "law.gguf"}, "").adapters) == ((f"{tmp_path}/a=1/law.gguf", 1.0),)


def test_the_examples_of_an_open_library_are_found_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    example = {"question": "Why?", "passages": ["For love."], "answer": "For love."}
    Path("fs.jsonl").write_text(json.dumps(example))
    with Ragstone.open("library", few_shot="fs.jsonl", create=True) as rag:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert as_asking(rag.settings).identities[-1].name == "few_shot"


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


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"min_confidence": float("nan")}, "sets min_confidence to nan. Choose a value from 0 to 1."),
        ({"hits": -5}, "sets hits to -5. Choose a value from 1 to 50."),
        ({"hits": "three"}, "sets hits to 'three'. Give it a whole number."),
        ({"hits": None}, "sets hits to None. Give it a whole number."),
        ({"model": None}, "sets model to None. Give it a text."),
        ({"model": b"a"}, "sets model to b'a'. Give it a text."),
        ({"temperature": 10**400}, "sets temperature to inf. Choose a value from 0 to 2."),
        ({"temperature": -(10**400)}, "sets temperature to -inf. Choose a value from 0 to 2."),
        ({"hits": 10**5000}, "sets hits to inf. Choose a value from 1 to 50."),
        ({"search_mode": "fuzzy"}, "sets search_mode to 'fuzzy'. Choose one of hybrid, dense, lexical."),
        ({"chunk_overlap": 60}, "chunk_overlap is 60 and chunk_tokens 200."),
    ],
)
def test_settings_are_checked_however_they_are_made(values: dict[str, Any], what: str):
    for make in (lambda: Settings(**values), lambda: replace(Settings(), **values)):
        with pytest.raises(SettingsError) as raised:
            make()
        assert what in str(raised.value)
    if None not in values.values():  # a flag that is not given
        assert what in refused(flags=values)


def test_settings_made_in_python_have_the_types_of_those_that_are_read():
    made = Settings(library="~/books", hits="7", temperature=1, gpu_layers=20, offline="yes")  # type: ignore[arg-type]
    assert made == load({"library": "~/books", "hits": 7, "temperature": 1, "gpu_layers": "20", "offline": True})
    assert made.library == Path.home() / "books"
    assert hash(made) == hash(replace(made))


def test_settings_that_are_none_are_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"settings is a dict\. Give `ragstone\.Settings\(\.\.\.\)`"):
        Ragstone.open(tmp_path / "library", settings={"hits": 3})  # type: ignore[arg-type]
    with Ragstone.open(tmp_path / "library") as rag:
        for ask in (rag.ask, rag.ask_stream):
            with pytest.raises(SettingsError, match="settings is a dict"):
                ask("What?", settings={"hits": 3})  # type: ignore[operator]
