"""`ragstone models tune`: the chat model in another layout, used only where it is faster."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone import Ragstone
from ragstone.app.identity import model_identity
from ragstone.app.settings import Settings
from ragstone.app.tuning import FASTER, LAYOUT, NO_SLOWER, chat_model_file, this_processor, tune, untune
from ragstone.errors import ModelError, ModelNotFoundError
from ragstone.generation.models import Layout, ModelStore

NAME = "smollm2-135m"


@pytest.fixture
def settings(model_store: ModelStore, tmp_path: Path) -> Settings:
    """A folder of models of its own, with the tiny model as it was pulled."""
    pulled = model_store.pull(NAME)
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    (folder / pulled.name).symlink_to(pulled)
    for beside in ("all-minilm-l6-v2", "exported"):
        (folder.parent / beside).symlink_to(model_store.folder / beside)
    return Settings(models_dir=tmp_path / "models", model=NAME, context_tokens=1024, library=tmp_path / "library")


@pytest.fixture
def laid_out(settings: Settings, tiny_model_path: Path) -> Callable[..., Path]:
    """Puts the model's file in another layout beside it, as if it had been found faster."""

    def lay_out(**changes: Any) -> Path:
        store = ModelStore(settings.models_dir, offline=True)
        model = store.catalogue[NAME]
        file = store.layout_file(model, LAYOUT)
        file.write_bytes(tiny_model_path.read_bytes())
        layout = Layout(LAYOUT, this_processor(), 2.0, 1.5, file.stat().st_size)
        store.use_layout(model, replace(layout, **changes))
        return file

    return lay_out


def test_what_was_found_faster_answers(settings: Settings, laid_out: Callable[..., Path], tmp_path: Path) -> None:
    pulled = model_identity(settings)
    file = laid_out()
    assert chat_model_file(settings) == file
    assert model_identity(settings)["sha256"] != pulled["sha256"]  # what was asked of the other weights is asked anew
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pump.txt").write_text("The pump weighs 83 kg.")
    with Ragstone.open(settings=settings) as rag:
        rag.ingest(tmp_path / "docs")
        answer = rag.ask("What does the pump weigh?")
    assert answer.model == file.stem


def test_a_layout_of_another_processor_is_not_used(settings: Settings, laid_out: Callable[..., Path]) -> None:
    file = laid_out(processor="another")
    assert chat_model_file(settings) != file


def test_a_layout_that_is_not_whole_is_not_used(settings: Settings, laid_out: Callable[..., Path]) -> None:
    file = laid_out()
    with file.open("ab") as end:
        end.write(b"more")
    assert chat_model_file(settings) != file


def test_the_setting_goes_back_to_the_weights_as_pulled(settings: Settings, laid_out: Callable[..., Path]) -> None:
    file = laid_out()
    assert chat_model_file(replace(settings, fast_layout=False)) != file


def test_a_layout_is_removed(settings: Settings, laid_out: Callable[..., Path]) -> None:
    file = laid_out()
    assert untune(settings)
    assert not file.exists() and chat_model_file(settings).exists()
    assert not untune(settings)


def test_a_file_of_the_users_own_is_not_replaced(settings: Settings, tiny_model_path: Path) -> None:
    own = replace(settings, model=str(tiny_model_path))
    assert chat_model_file(own) == tiny_model_path
    with pytest.raises(ModelError, match="of your own") as caught:
        tune(own, print)
    assert "requantize" in caught.value.remedy


def test_a_model_that_is_not_here_is_said_to_be(settings: Settings) -> None:
    with pytest.raises(ModelNotFoundError, match="not on this machine"):
        tune(replace(settings, model="qwen2.5-coder-0.5b"), print)


def test_a_layout_is_kept_just_where_it_was_found_faster(ragstone_cli: Any, settings: Settings) -> None:
    models, pulled = {"RAGSTONE_MODELS_DIR": str(settings.models_dir)}, chat_model_file(settings)
    made = ragstone_cli("models", "tune", NAME, "--json", env=models)
    assert made.code == 0, made.stderr
    assert f"writing it as {LAYOUT}" in made.stderr
    told = made.json()
    assert told["model"] == NAME and told["name"] == LAYOUT and told["processor"] == this_processor()
    assert told["bytes"] > pulled.stat().st_size
    assert told["used"] == (told["prefill"] >= FASTER and told["decode"] >= NO_SLOWER)
    files = sorted(path.name for path in pulled.parent.glob("*.gguf") if path != pulled)
    assert files == ([f"{pulled.stem}.{LAYOUT}.gguf"] if told["used"] else [])
    assert (chat_model_file(settings) != pulled) == told["used"]
    removed = ragstone_cli("models", "tune", NAME, "--remove", env=models)
    assert ("nothing to remove" in removed.stdout) != told["used"]
    assert chat_model_file(settings) == pulled
    again = ragstone_cli("models", "tune", NAME, "--remove", "--json", env=models)
    assert again.json() == {"model": NAME, "removed": False}
