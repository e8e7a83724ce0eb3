"""How many threads compute beside other processes."""

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from ragstone.generation.llama._pace import Pace, allowed_cores, fitting_threads


@pytest.mark.parametrize(
    ("most", "cores", "others", "threads"),
    [
        (2, 2, 0.0, 2),
        (2, 2, 0.25, 2),
        (2, 2, 0.6, 1),
        (2, 2, 2.0, 1),
        (8, 16, 1.0, 8),
        (8, 16, 9.0, 7),
        (8, 8, 1.0, 7),
        (1, 2, 0.0, 1),
        (2, 2, -0.2, 2),
    ],
)
def test_threads_are_as_many_as_have_a_core_each(most: int, cores: int, others: float, threads: int) -> None:
    assert fitting_threads(most, cores, others) == threads


@pytest.fixture
def busy_neighbours() -> Iterator[None]:
    """Other processes that keep every core busy."""
    spin = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(spin) for _ in range(allowed_cores(psutil.Process()))]
    yield
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("busy_neighbours")
def test_beside_busy_neighbours_threads_are_given_up() -> None:
    pace = Pace(allowed_cores(psutil.Process()))
    deadline = time.monotonic() + 20
    while pace.follow() > 1 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert pace.threads == 1
