"""Energy from a folder in the layout of the kernel's powercap, and what is said where it cannot be read."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from ragstone.generation.energy import Energy, Meter, Nvml, Rapl

RANGE = 262_143_328_850
"""max_energy_range_uj of a real processor."""


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """A machine of two packages; the first has cores and memory below it, and psys spans them all."""
    names = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
        "intel-rapl-mmio:0": "package-0",
        "dtpm": "",
    }
    for folder, name in names.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "energy_uj").write_text("1000000\n")
        (tmp_path / folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    return tmp_path


def spend(powercap: Path, domain: str, counter: int) -> None:
    (powercap / domain / "energy_uj").write_text(f"{counter}\n")


def test_packages_and_memory_are_summed_and_their_parts_not_counted_twice(powercap: Path) -> None:
    taken = Meter(powercap=powercap).start()
    spend(powercap, "intel-rapl:0", 6_000_000)
    spend(powercap, "intel-rapl:0:0", 4_000_000)
    spend(powercap, "intel-rapl:0:1", 1_500_000)
    spend(powercap, "intel-rapl:1", 3_000_000)
    spend(powercap, "intel-rapl:2", 9_000_000)
    assert taken() == Energy(5.0 + 0.5 + 2.0)


def test_a_counter_that_went_round_is_followed(powercap: Path) -> None:
    spend(powercap, "intel-rapl:0", RANGE - 2_000_000)
    taken = Meter(powercap=powercap).start()
    spend(powercap, "intel-rapl:0", 500_000)
    assert taken() == Energy(2.5)


def test_a_machine_without_counters_leaves_energy_unscored_and_says_so(tmp_path: Path) -> None:
    meter = Meter(powercap=tmp_path / "none")
    energy = meter.start()()
    assert energy.joules is None
    assert "RAPL" in energy.reason
    assert energy.gco2e(400) is None


def test_counters_that_only_root_may_read_leave_energy_unscored_and_say_so(
    powercap: Path, bound_by_permissions: Callable[[], None]
) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").chmod(0)
    program = (
        "import sys, pathlib; from ragstone.generation.energy import Meter;"
        "print(Meter(powercap=pathlib.Path(sys.argv[1])).start()())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, powercap],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=bound_by_permissions,
    )
    assert "joules=None" in done.stdout
    assert "cannot be read without root" in done.stdout


def test_a_counter_that_holds_no_number_is_said(powercap: Path) -> None:
    (powercap / "intel-rapl:1" / "energy_uj").write_text("\n")
    assert str(powercap / "intel-rapl:1" / "energy_uj") in Rapl(powercap).reason


def test_carbon_is_energy_times_the_intensity_of_the_electricity() -> None:
    assert Energy(3.6e6).gco2e(412.0) == pytest.approx(412.0)
    assert Energy(90.0).gco2e(400.0) == pytest.approx(0.01)


def test_a_gpu_whose_energy_cannot_be_read_leaves_the_whole_unscored(powercap: Path) -> None:
    if not Nvml().reason:
        pytest.skip("there is a GPU here whose energy can be read")
    energy = Meter(gpu=True, powercap=powercap).start()()
    assert energy.joules is None
    assert "GPU" in energy.reason


def test_a_gpu_takes_energy(powercap: Path) -> None:
    if reason := Nvml().reason:
        pytest.skip(reason)
    joules = Meter(gpu=True, powercap=powercap).start()().joules
    assert joules is not None
    assert joules >= 0


def test_the_package_that_reads_gpus_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "nvidia-ml-py" in Nvml().reason
    monkeypatch.undo()
    assert find_spec("pynvml")
    assert "not installed" not in Nvml().reason
