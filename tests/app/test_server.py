"""A chat model behind llama-cpp-python's server, with real weights, as the engine, the commands and doctor use it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ragstone.app.doctor import Check, examine
from ragstone.app.engine import Ragstone
from ragstone.errors import OfflineError, SettingsError
from ragstone.generation.models import ModelStore
from ragstone.tests.conftest import Cli, ModelServer

QUESTION = "How many kilometres long is the inter-array cable?"
SMALL = {"context_tokens": 1024, "max_tokens": 40, "hits": 1, "min_confidence": 0.0, "threads": 1}


@pytest.fixture(autouse=True)
def surroundings(
    model_server: ModelServer, model_store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("RAGSTONE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    monkeypatch.setenv("RAGSTONE_API_KEY", model_server.key)
    monkeypatch.setenv("RAGSTONE_SERVER", model_server.url)
    monkeypatch.setenv("RAGSTONE_MODEL", model_server.model)
    monkeypatch.chdir(tmp_path)


def test_a_question_is_answered_by_the_server_as_sure_as_the_same_weights_are_here(
    sample_library: Path, model_server: ModelServer, tiny_model_path: Path
) -> None:
    with Ragstone.open(sample_library, create=False, server=model_server.url, model=model_server.model, **SMALL) as rag:
        there = rag.ask(QUESTION)
    with Ragstone.open(sample_library, create=False, server="", model=str(tiny_model_path), **SMALL) as rag:
        here = rag.ask(QUESTION)
    assert there.model == model_server.model
    assert not there.abstained and there.citations
    # Not to the last digit: how llama.cpp adds up depends on attention, batches and what it has in its cache.
    assert there.signals.holds == pytest.approx(here.signals.holds, abs=0.2)
    assert there.tokens["completion"] > 0


def test_the_command_asks_the_server(sample_library: Path, model_server: ModelServer, ragstone_cli: Cli) -> None:
    env = {f"RAGSTONE_{name.upper()}": str(value) for name, value in SMALL.items()}
    env |= {"RAGSTONE_SERVER": model_server.url, "RAGSTONE_MODEL": model_server.model, "RAGSTONE_OFFLINE": "1"}
    asked = ("ask", QUESTION, "--json", "--library", sample_library)
    done = ragstone_cli(*asked, env=env | {"RAGSTONE_API_KEY": model_server.key})
    assert (done.code, done.stderr, done.json()["model"]) == (0, "", model_server.model)
    refused = ragstone_cli(*asked, env=env | {"RAGSTONE_API_KEY": "sk-wrong"})
    assert refused.code != 0 and "HTTP 401" in refused.error and "sk-wrong" not in refused.error


def test_what_answers_behind_a_server_is_evaluated_and_the_key_is_not_kept(
    sample_library: Path, model_server: ModelServer, ragstone_cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").write_text(f"question\n{QUESTION}\n")
    env = {f"RAGSTONE_{name.upper()}": str(value) for name, value in SMALL.items()}
    env |= {"RAGSTONE_SERVER": model_server.url, "RAGSTONE_MODEL": model_server.model, "RAGSTONE_OFFLINE": "1"}
    asked = ("eval", "run", "--questions", "mine.csv", "--library", sample_library, "--cache", "cache", "--out", "run")
    done = ragstone_cli(*asked, "--json", env=env | {"RAGSTONE_API_KEY": model_server.key})
    assert (done.code, done.stderr) == (0, "")
    assert done.json()["subject"]["name"] == f"smollm2-135m by {model_server.url}"
    (unit,) = done.json()["units"]
    assert (unit["n"], unit["failed"], unit["metrics"]["cited"]["n"]) == (1, 0, 1)
    row = json.loads((tmp_path / "run" / "items" / "own.mine.jsonl").read_text())
    assert row["output"]["text"] and row["output"]["tokens"]["completion"] > 0
    kept = [path.read_bytes() for folder in ("run", "cache") for path in (tmp_path / folder).rglob("*.*")]
    assert len(kept) > 3 and not [data for data in kept if model_server.key.encode() in data]


def test_offline_no_server_elsewhere_is_asked(sample_library: Path) -> None:
    rag = Ragstone.open(sample_library, create=False, server="https://models.example/v1", offline=True)
    with rag, pytest.raises(OfflineError, match="not on this machine"):
        rag.load_model()


def test_a_key_in_the_settings_file_is_refused_and_not_shown() -> None:
    Path("ragstone.toml").write_text('api_key = "sk-secret"\n')
    with pytest.raises(SettingsError, match="'api_key', which is no setting") as raised:
        Ragstone.open()
    assert "sk-secret" not in str(raised.value)


def checks(*, load: bool = True) -> dict[str, Check]:
    return {check.name: check for check in examine(load=load)}


def test_doctor_finds_the_server_its_model_and_that_it_answers(model_server: ModelServer) -> None:
    found = checks()
    assert (found["server"].status, found["server"].found) == ("ok", f"{model_server.url} lists smollm2-135m")
    assert found["answers"].status == "ok" and "smollm2-135m made a token in" in found["answers"].found
    assert "layers" not in found and "needs about" not in found["memory"].found
    assert not [check for check in found.values() if "(the chat model)" in check.found]
    assert model_server.key not in str(found)
    assert "answers" not in checks(load=False)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RAGSTONE_API_KEY", "sk-wrong", "HTTP 401: Invalid API key"),
        ("RAGSTONE_MODEL", "llama-9", "the server has no model 'llama-9'"),
        ("RAGSTONE_SERVER", "http://127.0.0.1:9", "it cannot be reached"),
        ("RAGSTONE_SERVER", "http://user:sk-wrong@127.0.0.1", "the setting server is no plain address"),
    ],
)
def test_doctor_names_what_is_wrong_with_the_server_once(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    found = checks()
    assert found["server"].status == "problem" and found["server"].remedy
    assert said in found["server"].found
    assert "answers" not in found and "sk-wrong" not in str(found)
