"""A server of the browser application over the sample documents, and a real browser."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ragstone.generation.models import ModelStore

MAIN = Path(__file__).parents[3] / "app" / "ui" / "main.py"


@dataclass
class Served:
    """A running server."""

    url: str
    library: Path
    process: subprocess.Popen[str]
    log: Path
    """What it writes to its terminal."""
    asked_elsewhere: list[str] = field(default_factory=list)
    """Addresses outside the server that a page asked for."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the server wrote, where a test of a page fails."""
    report = yield
    served = getattr(item, "funcargs", {}).get("served")
    if report.failed and isinstance(served, Served):
        report.sections.append(("The server's terminal", served.log.read_text()[-4000:]))
    return report


@pytest.fixture(scope="session")
def start_ui(
    model_store: ModelStore, wait_for: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Served]]:
    """Starts `ragstone ui` over a library."""
    model_store.pull("smollm2-135m")
    running = []

    def start(library: Path, *options: str, **settings: str) -> Served:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAGSTONE_", "STREAMLIT_"))}
        given = {"MODELS_DIR": str(model_store.folder), "THREADS": "1", "MODEL": "smollm2-135m", "HITS": "1"}
        given |= {"MIN_CONFIDENCE": "0", "MAX_TOKENS": "900", "OFFLINE": "1"} | settings
        folder = tmp_path_factory.mktemp("server")
        process = subprocess.Popen(
            [sys.executable, "-m", "ragstone", "ui", "--library", str(library), "--port", str(port), *options],
            cwd=folder,
            env=kept | {f"RAGSTONE_{name}": value for name, value in given.items()} | {"OMP_NUM_THREADS": "1"},
            stdout=(folder / "log").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        wait_for(port, process, folder / "log")
        return Served(f"http://localhost:{port}", library, process, folder / "log")

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def served(sample_library: Path, start_ui: Callable[..., Served], tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The application over a copy of the sample library."""
    library = tmp_path_factory.mktemp("ui") / "library"
    shutil.copytree(sample_library, library)
    return start_ui(library)


@pytest.fixture(scope="session")
def visit(chromium: Any, served: Served) -> Callable[..., Any]:
    """Opens a page as a new person, at a width; notes what it asks of other hosts."""

    def open_page(address: str = "", width: int = 1280, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(60_000)

        def note(request: Any) -> None:
            if not request.url.startswith((served.url, served.url.replace("http", "ws"), "data:", "blob:")):
                served.asked_elsewhere.append(request.url)

        context.on("request", note)
        page = context.new_page()
        page.goto(served.url + address)
        page.get_by_role("heading").first.wait_for()
        return page

    return open_page


@pytest.fixture
def draw(
    tmp_path: Path, tiny_model_path: Path, model_store: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Draws the application over a library, by default a new one."""
    settings = {"MODEL": "smollm2-135m", "HITS": "1", "MAX_TOKENS": "24", "MIN_CONFIDENCE": "0", "THREADS": "1"}
    for name, value in (settings | {"MODELS_DIR": str(model_store.folder)}).items():
        monkeypatch.setenv(f"RAGSTONE_{name}", value)
    st.cache_resource.clear()

    def drawn(library: Path = tmp_path / "library") -> AppTest:
        monkeypatch.setenv("RAGSTONE_LIBRARY", str(library))
        app = AppTest.from_file(str(MAIN), default_timeout=60)
        return app.run()

    yield drawn
    st.cache_resource.clear()
