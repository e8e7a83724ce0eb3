"""The hub's own client against a small hub on this machine; in a process, since it reads HF_ENDPOINT when imported."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.tests.small_hub import CROSS, DATA, REVISION, small_hub

PULL = """
import json, sys
from pathlib import Path
from ragstone.errors import ModelError
from ragstone.generation.models import ModelStore, load_catalogue

seen = []
try:
    store = ModelStore(Path(sys.argv[1]), False, load_catalogue(Path(sys.argv[2])))
    path = store.pull(sys.argv[3], lambda *call: seen.append(call))
    print(json.dumps({"path": str(path), "seen": seen}))
except ModelError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


@pytest.fixture
def hub() -> Iterator[str]:
    with small_hub() as address:
        yield address


def pull(
    folder: Path, endpoint: str, repo: str = "somebody/tiny", data: bytes = DATA, name: str = "tiny"
) -> dict[str, object]:
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(
        '[models.tiny]\nkind = "chat"\ntitle = "Tiny"\nlicence = "none"\ncontext = 16\n'
        f'revision = "{REVISION}"\nsources = [{{ kind = "hub", repo = "{repo}" }}]\n'
        f'files = [{{ name = "tiny.gguf", bytes = {len(data)}, sha256 = "{hashlib.sha256(data).hexdigest()}" }}]\n'
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("HF_") and "proxy" not in key.lower()}
    command = [sys.executable, "-c", PULL, str(folder / "models"), str(catalogue), name]
    ran = subprocess.run(command, env={**env, "HF_ENDPOINT": endpoint}, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


def test_the_hub_delivers_a_file_with_progress_and_without_a_word(hub: str, tmp_path: Path) -> None:
    answer = pull(tmp_path, hub)
    assert Path(str(answer["path"])).read_bytes() == DATA
    assert ["tiny.gguf", len(DATA), len(DATA)] in answer["seen"]  # type: ignore[operator]
    assert sorted(path.name for path in (tmp_path / "models/tiny").iterdir()) == [".verified.json", "tiny.gguf"]


def test_other_bytes_from_the_hub_are_refused(hub: str, tmp_path: Path) -> None:
    assert pull(tmp_path, hub, data=DATA[::-1])["error"] == "ChecksumError"
    assert not (tmp_path / "models/.partial/tiny").exists()


def test_a_file_that_the_hub_does_not_have_is_a_reason(hub: str, tmp_path: Path) -> None:
    answer = pull(tmp_path, hub, repo="nobody/tiny")
    assert answer["error"] == "DownloadError"
    assert "hub nobody/tiny: " in str(answer["message"])


def test_no_network_is_found_out_at_once(tmp_path: Path) -> None:
    start = time.monotonic()
    answer = pull(tmp_path, "http://127.0.0.1:9")
    assert "Connection refused" in str(answer["message"])
    assert time.monotonic() - start < 15  # the hub's client alone tries for 23 seconds


def test_a_repository_is_brought_whole_with_safetensors_only(hub: str, tmp_path: Path) -> None:
    answer = pull(tmp_path, hub, name="somebody/cross")
    place = tmp_path / "models/somebody--cross"
    assert answer["path"] == str(place)
    brought = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert brought == {name: CROSS[name] for name in ("config.json", "model.safetensors", "1_Dense/config.json")}
    total = sum(map(len, brought.values()))
    assert [total, total] in [call[1:] for call in answer["seen"]]  # type: ignore[attr-defined]
    assert sorted(path.name for path in (tmp_path / "models/.partial").iterdir()) == ["somebody--cross.lock"]
    assert pull(tmp_path, "http://127.0.0.1:9", name="somebody/cross")["path"] == str(place)


def test_a_repository_that_is_not_there_or_holds_a_pickle_is_refused(hub: str, tmp_path: Path) -> None:
    gone = pull(tmp_path, hub, name="nobody/cross")
    assert gone["error"] == "DownloadError"
    assert "nobody/cross: " in str(gone["message"])
    pickled = pull(tmp_path, hub, name="somebody/pickled")
    assert "somebody/pickled has no config.json with safetensors weights" in str(pickled["message"])
    start = time.monotonic()
    assert "Connection refused" in str(pull(tmp_path, "http://127.0.0.1:9", name="somebody/cross")["message"])
    assert time.monotonic() - start < 15
    assert not [path for path in (tmp_path / "models").iterdir() if path.name != ".partial"]
