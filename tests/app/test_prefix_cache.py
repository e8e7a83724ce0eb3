"""What was read of prompts stays with the library, until its documents change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ragstone import Ragstone
from ragstone.app.model_settings import as_adapters
from ragstone.app.settings import Settings
from ragstone.errors import SettingsError
from ragstone.generation.models import ModelStore

QUESTION = "When does the lease end?"


@pytest.fixture
def open_library(tmp_path: Path, shallow_model_path: Path, model_store: ModelStore) -> Callable[..., Ragstone]:
    (tmp_path / "docs").mkdir()
    for name, text in {"lease.txt": "The lease ends on 31 May 2031.", "menu.txt": "Today there is soup."}.items():
        (tmp_path / "docs" / name).write_text(text)

    def open_one(**flags: object) -> Ragstone:
        settings = Settings.load(
            {
                "models_dir": model_store.folder,
                "model": str(shallow_model_path),
                "threads": 1,
                "min_confidence": 0.0,
                "max_tokens": 16,
            }
            | flags
        )
        return Ragstone.open(tmp_path / "library", settings=settings)

    return open_one


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "library" / "prefixes").rglob("*.kv"))


def test_a_new_process_does_not_read_the_same_passages_again(
    open_library: Callable[..., Ragstone], tmp_path: Path
) -> None:
    with open_library() as rag:
        rag.ingest(tmp_path / "docs")
        first = rag.ask(QUESTION)
    assert len(kept(tmp_path)) == 1
    with open_library() as rag:
        assert rag.ask(QUESTION).text == first.text


@pytest.mark.parametrize("change", ["remove", "edit", "delete"])
def test_what_was_read_of_documents_that_change_is_forgotten(
    change: str, open_library: Callable[..., Ragstone], tmp_path: Path
) -> None:
    lease = tmp_path / "docs" / "lease.txt"
    with open_library() as rag:
        rag.ingest(tmp_path / "docs")
        rag.ask(QUESTION)
    assert kept(tmp_path)
    with open_library() as rag:
        rag.ask(QUESTION)  # it is in memory as well
        if change == "remove":
            rag.remove(*(document.id for document in rag.documents() if document.path.endswith("lease.txt")))
        elif change == "edit":
            lease.write_text("The lease ends on 1 June 2040.")
            rag.ingest(tmp_path / "docs")
        else:
            lease.unlink()
            rag.ingest(tmp_path / "docs")
        assert not kept(tmp_path)
    assert not kept(tmp_path)


def test_of_a_folder_called_prefixes_only_what_was_written_there_by_us_goes(
    open_library: Callable[..., Ragstone], tmp_path: Path
) -> None:
    prefixes = tmp_path / "library" / "prefixes"
    own = [prefixes / "thesis.md", prefixes / "greek" / "pro.kv", prefixes / "0123456789abcdef" / "notes.kv"]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("My own.")
    with open_library() as rag:
        rag.ingest(tmp_path / "docs")
        rag.ask(QUESTION)
    (ours,) = set(kept(tmp_path)) - set(own)
    with open_library() as rag:
        ours.with_suffix(".4711.new").write_text("left by a process that was killed")
        rag.remove(*(document.id for document in rag.documents()))
    assert sorted(path for path in prefixes.rglob("*") if path.is_file()) == sorted(own)
    assert not ours.parent.exists()


def test_where_all_was_ours_the_folder_goes_too(open_library: Callable[..., Ragstone], tmp_path: Path) -> None:
    with open_library() as rag:
        rag.ingest(tmp_path / "docs")
        rag.ask(QUESTION)
    assert kept(tmp_path)
    with open_library() as rag:
        rag.remove(*(document.id for document in rag.documents()))
    assert not (tmp_path / "library" / "prefixes").exists()


def test_without_room_nothing_is_kept(open_library: Callable[..., Ragstone], tmp_path: Path) -> None:
    with open_library(prefix_cache_mb=0) as rag:
        rag.ingest(tmp_path / "docs")
        rag.ask(QUESTION)
    assert not kept(tmp_path)


def test_adapters_are_written_with_their_scales() -> None:
    assert as_adapters("") == ()
    assert as_adapters("law.gguf, /a=b/style.gguf=0.5,") == (("law.gguf", 1.0), ("/a=b/style.gguf", 0.5))
    with pytest.raises(SettingsError, match="the scale of an adapter is 'much'"):
        as_adapters("law.gguf=much")
