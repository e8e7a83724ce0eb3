"""What the tests share: the real models, the sample documents, and Ragstone's commands as real processes."""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama.requantize import requantize
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder, load_embedder
from ragstone.retrieval.library import Library
from ragstone.tests.forking import Forge, ForkedCommand
from ragstone.tests.smaller_models import cut_to_one_layer, rewrite

# The tests start hundreds of Pythons: told to keep no bytecode, as images of Docker often are, each would compile
# Ragstone anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# They run side by side: OpenMP's threads wait for each other by spinning, on cores that another test needs.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
OpenLibrary = Callable[..., Library]


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore SIGINT; here and in the commands it is to be heeded."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """Where the application keeps its models, so that a second run of the tests downloads nothing."""
    folder = os.environ.get("RAGSTONE_MODELS_DIR") or platformdirs.user_cache_path("ragstone") / "models"
    return ModelStore(Path(folder), offline=False)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A new folder of this name that the first of the workers who wants it fills, for all of them to read."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, fill: Callable[[Path], object]) -> Path:
        folder, filled = shared / "once" / name, shared / "once" / f"{name}.filled"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(shared / "once" / f"{name}.lock"):
            if not filled.exists():
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def embedder(model_store: ModelStore, once: Callable[..., Path]) -> Embedder:
    """all-MiniLM-L6-v2 as the application runs it."""
    model, exported = model_store.pull("all-minilm-l6-v2"), model_store.folder / "exported"
    once("embedder", lambda _: load_embedder(model, exported))  # its export takes a machine's first run long
    return load_embedder(model, exported)


@pytest.fixture(scope="session")
def second_model(model_store: ModelStore, embedder: Embedder, once: Callable[..., Path]) -> Path:
    """Another embedding model: the first layer of all-MiniLM-L6-v2, with a tokenizer that knows no capitals.

    It is several times as fast. Its folder lies in one of models, which has both, ready to run, and SmolLM2-135M.
    """

    def fill(models: Path) -> None:
        for name in ("all-minilm-l6-v2", "smollm2-135m"):
            model_store.pull(name)
            (models / name).symlink_to(model_store.folder / name)
        (models / "exported").mkdir()
        for known in (model_store.folder / "exported").glob("all-minilm-l6-v2-*"):
            (models / "exported" / known.name).symlink_to(known)
        cut_to_one_layer(model_store.path("all-minilm-l6-v2"), models / "one-layer")
        load_embedder(models / "one-layer", models / "exported")

    return once("models", fill) / "one-layer"


@pytest.fixture(scope="session")
def tiny_model_path(model_store: ModelStore, once: Callable[..., Path]) -> Path:
    """SmolLM2-135M: it runs fast and knows little. In a layout that llama.cpp reads twice as fast as the one pulled."""
    pulled, name = model_store.pull("smollm2-135m"), "SmolLM2-135M-Instruct.Q8_0.gguf"
    return once("tiny", lambda folder: requantize(pulled, folder / name, "q8_0", 1)) / name


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model_path: Path) -> Any:
    """What gguf reads of the tiny model's file; it takes it seconds."""
    import gguf

    return gguf.GGUFReader(tiny_model_path)


@pytest.fixture(scope="session")
def shallow_model_path(request: pytest.FixtureRequest, once: Callable[..., Path]) -> Path:
    """The first four of SmolLM2-135M's thirty layers: they read several times as fast, and write nonsense.

    For what depends on the tokens that are read, and not on what the model makes of them.
    """

    def kept(tensor: str) -> bool:
        return not re.match(r"blk\.([4-9]|\d\d)\.", tensor)

    def fill(folder: Path) -> None:
        rewrite(request.getfixturevalue("tiny_gguf"), folder / "shallow.gguf", {}, kept, block_count=4)

    return once("shallow", fill) / "shallow.gguf"


@pytest.fixture(scope="session")
def shallow_model(shallow_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(shallow_model_path, context_tokens=1024, threads=1) as model:
        yield model


@pytest.fixture
def rewritten(tiny_gguf: Any, tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny model's file anew, with some of what it says of itself changed."""

    def write(name: str, changed: dict[str, Callable[[Any], Any]], **numbers: int) -> Path:
        return rewrite(tiny_gguf, tmp_path / name, changed, **numbers)

    return write


@dataclass(frozen=True)
class ModelServer:
    """llama-cpp-python's server, which runs SmolLM2-135M under this name and wants this key."""

    url: str
    log: Path
    model: str = "smollm2-135m"
    key: str = "sk-test-5f1d0c7a"


@pytest.fixture(scope="session")
def model_server(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = ModelServer(f"http://127.0.0.1:{port}/v1", tmp_path_factory.mktemp("server") / "log")
    options = {"model": tiny_model_path, "model_alias": server.model, "api_key": server.key, "port": port}
    options |= {
        "verbose": False,
        "n_ctx": 1024,
        "n_threads": 1,
        "logits_all": True,
        "interrupt_requests": False,
    }
    command = [sys.executable, "-m", "llama_cpp.server"]
    with server.log.open("w") as log:
        process = subprocess.Popen([*command, *(f"--{k}={v}" for k, v in options.items())], stdout=log, stderr=log)
    try:
        _wait_for(port, process, server.log)
        yield server
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Waits until a server that was started listens on a port."""
    return _wait_for


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, without a window; one for all tests of a worker, for a thread can have no two."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if not executable:
        pytest.skip("there is no Chromium: `apt-get install chromium` brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def bench_data() -> Path:
    """The public data sets, which are not part of the repository."""
    folder = Path(os.environ.get("RAGSTONE_BENCH_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}; set RAGSTONE_BENCH_DATA to the folder of data sets")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The documents that Ragstone ships with."""
    return ROOT / "app" / "samples"


@pytest.fixture(scope="session")
def sample_library(
    samples: Path,
    embedder: Embedder,
    model_store: ModelStore,
    once: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A library of the sample documents, to read from; a test that changes it works on a copy."""

    def fill(folder: Path) -> None:
        with Ragstone.open(folder / "library", settings=Settings(models_dir=model_store.folder)) as rag:
            rag.ingest(samples)

    made = once("samples", fill) / "library"
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("samples") / "library"))  # each worker has its own


@pytest.fixture
def library(tmp_path: Path) -> Iterator[OpenLibrary]:
    """Opens libraries, by default a new one in the test's folder, and closes them after the test."""
    opened: list[Library] = []

    def open_library(folder: Path = tmp_path / "library", *, create: bool = True) -> Library:
        opened.append(Library(folder, create=create))
        return opened[-1]

    yield open_library
    for one in opened:
        one.close()


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The one JSON document that stdout holds."""
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one line on stderr."""
        assert "Traceback" not in self.stderr, self.stderr
        (line,) = self.stderr.strip().splitlines()
        return line


@dataclass(frozen=True)
class Cli:
    """Runs `ragstone` and `ingest` as real processes in a folder, with no setting but those of the test.

    And with one thread: tests run side by side, and llama.cpp's threads spin while another process has their core.
    """

    folder: Path
    models_dir: Path
    forge: Forge | None = None
    """Of the processes; without it, and where it cannot serve, each is a new Python."""

    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Finished:
        """Run a command to its end; for `options` see `start`."""
        process = self.start(command, *arguments, **options)
        try:
            stdout, stderr = process.communicate(timeout=300)
        finally:
            process.kill()  # one that hangs is not to take the cores from all tests that follow
        return Finished(process.returncode, stdout, stderr)

    def start(
        self,
        command: str,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start `ingest ...` or a subcommand of `ragstone`; `prepare` runs in the child before it."""
        python = Path(sys.executable)
        words = [python, python.with_name("ingest")] if command == "ingest" else [*self.ragstone, command]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAGSTONE_", "COLUMNS"))}
        given = {"RAGSTONE_MODELS_DIR": str(self.models_dir), "RAGSTONE_THREADS": "1"} | (env or {})
        options: dict[str, Any] = {"cwd": self.folder, "env": kept | given, "text": True, "stdin": subprocess.DEVNULL}
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        whole = [*map(str, words), *map(str, arguments)]
        if self.forge and not prepare and all(name.startswith("RAGSTONE_") for name in given):
            return ForkedCommand(self.forge, whole, **options)
        return subprocess.Popen(whole, preexec_fn=prepare, **options)

    @property
    def ragstone(self) -> list[str]:
        """The command `ragstone`."""
        return [sys.executable, "-m", "ragstone"]


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge | None]:
    """Makes processes that need not import what most commands do; of this worker."""
    if sys.platform != "linux":
        yield None
        return
    made = Forge()
    yield made
    made.close()


@pytest.fixture
def ragstone_cli(tmp_path: Path, model_store: ModelStore, forge: Forge | None) -> Cli:
    """Runs commands in the test's folder."""
    model_store.pull("all-minilm-l6-v2")
    return Cli(tmp_path, model_store.folder, forge)


@pytest.fixture
def new_python_cli(ragstone_cli: Cli) -> Cli:
    """... each in a Python of its own, that has imported nothing."""
    return replace(ragstone_cli, forge=None)


@pytest.fixture
def bound_by_permissions() -> Callable[[], None]:
    """Makes a child process heed file permissions, also when root runs the tests."""
    libc = ctypes.CDLL(None, use_errno=True)
    drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2  # linux/prctl.h, linux/capability.h

    def prepare() -> None:
        for capability in (dac_override, dac_read_search):
            if os.geteuid() == 0 and libc.prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "root cannot give up its privileges here")

    if not _can_drop(prepare):
        pytest.skip("root cannot give up its privileges in this container, and permissions do not bind root")
    return prepare


def _can_drop(prepare: Callable[[], None]) -> bool:
    try:
        subprocess.run(["true"], preexec_fn=prepare, check=True)
    except subprocess.SubprocessError:
        return False
    return True
