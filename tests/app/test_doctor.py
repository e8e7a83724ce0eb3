"""What doctor says of healthy and of broken libraries, models and settings; all of them real."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from click.testing import CliRunner

from ragstone.app.cli.doctor import doctor
from ragstone.app.doctor import Check, examine
from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.generation.llama import supports_gpu
from ragstone.generation.models import ModelStore

CHAT, EMBEDDING = "smollm2-135m", "all-minilm-l6-v2"


@pytest.fixture(scope="module")
def models(model_store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the two small models and no other, so that checksums take no time."""
    folder = tmp_path_factory.mktemp("models")
    for name in (CHAT, EMBEDDING):
        model_store.pull(name)
        (folder / name).symlink_to(model_store.folder / name)
    (model_store.folder / "exported").mkdir(exist_ok=True)
    (folder / "exported").symlink_to(model_store.folder / "exported")
    return folder


@pytest.fixture(autouse=True)
def surroundings(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAGSTONE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(models))
    monkeypatch.setenv("RAGSTONE_MODEL", CHAT)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(sample_library: Path, tmp_path: Path) -> Path:
    """A copy of the samples' library, to be damaged."""
    return Path(shutil.copytree(sample_library, tmp_path / "copy"))


def checks(library: Path | None = None) -> dict[str, Check]:
    return {check.name: check for check in examine(library, load=False)}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(doctor, arguments, standalone_mode=False, catch_exceptions=False)
    return result.return_value, result.stdout


def execute(folder: Path, *statements: str) -> None:
    db = sqlite3.connect(folder / "library.sqlite3", isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


def index_file(folder: Path) -> Path:
    return next(folder.glob("index/*/vectors.faiss"))


def test_a_healthy_library_has_no_problem_and_the_command_exits_with_0(
    folder: Path, models: Path, ragstone_cli: Callable[..., Any]
) -> None:
    env = {"RAGSTONE_MODEL": CHAT, "RAGSTONE_MODELS_DIR": str(models)}
    done = ragstone_cli("doctor", "--json", "--library", folder, env=env)
    found = {check["name"]: check for check in done.json()["checks"]}
    assert (done.code, done.stderr) == (0, "")
    assert not [check for check in found.values() if check["status"] == "problem"]
    assert {"library", "lexical index", "vector index", "documents", "vectors", f"model {CHAT}", "layers"} <= set(found)
    assert "on a GPU" in found["layers"]["found"]


def test_a_library_that_sqlite_may_not_open_is_a_problem_of_permissions(
    folder: Path, models: Path, ragstone_cli: Callable[..., Any], bound_by_permissions: Callable[[], None]
) -> None:
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555)
    env = {"RAGSTONE_MODEL": CHAT, "RAGSTONE_MODELS_DIR": str(models)}
    done = ragstone_cli("doctor", "--no-load", "--json", "--library", folder, env=env, prepare=bound_by_permissions)
    found = {check["name"]: check for check in done.json()["checks"]}
    assert (done.code, found["library"]["status"]) == (1, "problem")
    assert "permissions" in found["library"]["remedy"]


def test_each_json_check_has_the_four_keys_and_each_problem_its_remedy(folder: Path) -> None:
    execute(folder, "DELETE FROM postings WHERE chunk_id = 1")
    code, output = run("--json", "--no-load", "--library", str(folder))
    document = json.loads(output)
    assert code == 1 and list(document) == ["checks"]
    for check in document["checks"]:
        assert list(check) == ["name", "status", "found", "remedy"]
        assert check["status"] in ("ok", "warning", "problem")
        assert bool(check["remedy"]) == (check["status"] != "ok")


def test_the_table_shows_the_remedies_and_counts_the_problems(folder: Path) -> None:
    (folder / "library.sqlite3").write_bytes(b"no database at all " * 100)
    code, output = run("--no-load", "--library", str(folder))
    assert code == 1
    assert "→ Check its permissions; restore it from a backup" in output
    assert output.endswith("Problems: 1, warnings: 0.\n")


def test_no_library_is_a_warning_and_no_problem() -> None:
    assert checks()["library"].status == "warning"
    assert "`ingest FOLDER`" in checks()["library"].remedy
    assert run("--no-load")[0] == 0
    assert not Path(".ragstone").exists()


def test_looking_changes_nothing_in_the_library(folder: Path) -> None:
    def digests() -> dict[str, str]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    examine(folder, load=False)
    assert digests() == before


def test_a_library_of_an_older_version_is_not_changed(folder: Path) -> None:
    execute(folder, "PRAGMA user_version = 0")
    assert checks(folder)["library"].status == "ok"
    assert "at its next use" in checks(folder)["library"].found
    assert sqlite3.connect(folder / "library.sqlite3").execute("PRAGMA user_version").fetchone() == (0,)


def test_a_library_of_a_newer_version_is_a_problem(folder: Path) -> None:
    execute(folder, "PRAGMA user_version = 99")
    found = checks(folder)["library"]
    assert (found.status, "version 99" in found.found, "Upgrade" in found.remedy) == ("problem", True, True)


def test_a_database_with_a_damaged_page_is_a_problem(folder: Path) -> None:
    file = folder / "library.sqlite3"
    with file.open("r+b") as database:
        database.seek(file.stat().st_size // 2 // 4096 * 4096)
        database.write(b"\xff" * 3 * 4096)
    found = checks(folder)
    assert found["library"].status == "problem" and "backup" in found["library"].remedy
    assert "lexical index" not in found


def test_a_damaged_lexical_index_is_a_problem_whose_remedy_repairs_it(
    folder: Path, ragstone_cli: Callable[..., Any]
) -> None:
    execute(folder, "UPDATE postings SET terms = x'' WHERE chunk_id = 2")
    execute(folder, "DELETE FROM terms WHERE term = 'turbin'")
    found = checks(folder)["lexical index"]
    assert found.status == "problem"
    program, *words = shlex.split(found.remedy.split("`")[1])
    assert program == "ragstone"
    assert ragstone_cli(*words).code == 0
    assert checks(folder)["lexical index"].status == "ok"


def test_a_chunk_that_the_lexical_index_does_not_know_is_a_problem(folder: Path) -> None:
    execute(folder, "UPDATE chunks SET text = text || ' zebra' WHERE id = 3")
    assert checks(folder)["lexical index"].status == "problem"


def test_a_library_being_written_to_is_checked_all_the_same(folder: Path) -> None:
    writer = sqlite3.connect(folder / "library.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    found = checks(folder)["lexical index"]
    writer.close()
    assert found.status == "ok"


def test_vectors_that_are_not_those_of_the_chunks_are_a_warning(folder: Path) -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(384))
    index.add_with_ids(np.ones((1, 384), np.float32), np.array([1]))
    faiss.write_index(index, str(index_file(folder)))
    found = checks(folder)["vector index"]
    assert found.status == "warning" and "rebuilds it" in found.remedy
    assert str(index_file(folder).parent) in found.found


def test_a_damaged_vector_index_is_a_warning_and_a_missing_one_is_none(folder: Path) -> None:
    index_file(folder).write_bytes(index_file(folder).read_bytes()[:1000])
    assert checks(folder)["vector index"].status == "warning"
    index_file(folder).with_name("ids.npy").write_bytes(b"")
    assert checks(folder)["vector index"].status == "warning"
    shutil.rmtree(folder / "index")
    assert checks(folder)["vector index"].status == "ok"
    assert "will be rebuilt" in checks(folder)["vector index"].found


def test_vectors_of_another_model_are_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(folder, "UPDATE settings SET value = json_set(value, '$.sha256', 'other') WHERE name = 'embedder'")
    found = checks(folder)["vectors"]
    assert found.status == "problem"
    assert "another version of all-minilm-l6-v2" in found.found
    assert found.remedy == "Run `ragstone reindex --embedder all-minilm-l6-v2`"
    execute(folder, "UPDATE settings SET value = json_set(value, '$.source', 'other-model') WHERE name = 'embedder'")
    monkeypatch.setenv("RAGSTONE_EMBEDDING_MODEL", EMBEDDING)
    found = checks(folder)["vectors"]
    assert found.status == "problem" and found.remedy.endswith(", or set embedding_model = 'other-model'")


def test_files_that_are_gone_or_changed_are_a_warning(models: Path, tmp_path: Path) -> None:
    files = [tmp_path / "files" / f"{name}.txt" for name in ("kept", "gone", "changed")]
    files[0].parent.mkdir()
    for file in files:
        file.write_text(f"The {file.stem} file says that the pump is serviced twice a year.")
    with Ragstone.open(settings=Settings(library=tmp_path / "own", models_dir=models)) as rag:
        rag.ingest(tmp_path / "files")
    files[1].unlink()
    files[2].write_text("Now it says something else.")
    found = checks(tmp_path / "own")["documents"]
    assert (found.status, found.found) == (
        "warning",
        "3 files: 1 cannot be read any more, 1 have changed since",
    )
    assert "`ingest`" in found.remedy


def test_no_text_of_a_document_is_shown(folder: Path) -> None:
    db = sqlite3.connect(folder / "library.sqlite3")
    texts = [row[0] for row in db.execute("SELECT text FROM chunks UNION SELECT heading FROM chunks")]
    db.close()
    execute(folder, "DELETE FROM postings WHERE chunk_id = 1")
    output = run("--no-load", "--library", str(folder))[1]
    lines = {line.strip() for text in texts for line in text.splitlines() if len(line.strip()) > 12}
    assert len(lines) > 50
    assert not [line for line in lines if line in output]


def test_a_flipped_bit_of_a_model_is_a_problem_with_the_command_that_repairs_it(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copytree(models / CHAT, tmp_path / "models" / CHAT)) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    state = file.stat()
    with file.open("r+b") as model:
        model.seek(50_000_000)
        byte = model.read(1)[0]
        model.seek(50_000_000)
        model.write(bytes([byte ^ 1]))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # a failing disk changes no time
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(tmp_path / "models"))
    found = checks()[f"model {CHAT}"]
    assert (found.status, found.remedy) == ("problem", f"Run `ragstone models pull {CHAT}`")


def test_missing_models_are_problems_with_the_command_that_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(tmp_path / "none"))
    found = {check.name: check for check in examine()}
    for name in (CHAT, EMBEDDING):
        assert found[f"model {name}"].status == "problem"
        assert found[f"model {name}"].remedy == f"Run `ragstone models pull {name}`"
    assert "layers" not in found
    assert run()[0] == 1


def test_ones_own_gguf_file_is_only_looked_for(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(models / CHAT / "SmolLM2-135M-Instruct.Q4_1.gguf", "own.gguf")
    for name, status in (("./own.gguf", "ok"), ("./other.gguf", "problem")):
        monkeypatch.setenv("RAGSTONE_MODEL", name)
        assert checks()[f"model {Path(name).absolute()}"].status == status


def test_a_file_that_is_no_model_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own.gguf").write_bytes(b"GGUF and nothing else")
    monkeypatch.setenv("RAGSTONE_MODEL", "./own.gguf")
    found = {check.name: check for check in examine()}["layers"]
    assert found.status == "problem" and found.remedy


def test_settings_that_are_not_valid_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_HITS", "0")
    found = checks()["settings"]
    assert found.status == "problem" and found.remedy == "Choose a value from 1 to 50"
    assert run()[0] == 1


def test_the_file_and_the_variables_that_set_something_are_named() -> None:
    Path("ragstone.toml").write_text("hits = 7\noffline = true\n")
    found = checks()
    assert found["settings"].found == f"{Path('ragstone.toml').absolute()}, RAGSTONE_MODEL, RAGSTONE_MODELS_DIR"
    assert found["offline"].found.startswith("on")


@pytest.mark.skipif(supports_gpu(), reason="llama.cpp was built for a GPU")
def test_a_gpu_that_llama_cpp_was_not_built_for_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bin" / "nvidia-smi"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho 'NVIDIA Test 9000, 24576 MiB'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    found = checks()["gpu"]
    assert (found.status, found.found) == ("warning", "NVIDIA Test 9000, 24576 MiB")
    assert "make install LLAMA_BACKEND=cuda" in found.remedy


def test_more_threads_than_cores_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_THREADS", "1000")
    assert checks()["threads"].status == "warning"
