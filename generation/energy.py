"""The energy that this machine takes, where it lets it be read: RAPL of the processor, NVML of NVIDIA's GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
_KWH = 3.6e6
"""Joules."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What was taken in a span of time, by the whole machine: other programs' share is not told apart."""

    joules: float | None
    """None where a part that computes cannot be read."""
    reason: str = ""
    """Why it is None."""

    def gco2e(self, intensity: float) -> float | None:
        """Grams of CO2 equivalent, by the carbon intensity of the electricity in grams a kilowatt-hour."""
        return None if self.joules is None else self.joules / _KWH * intensity


class Meter:
    """Measures energy.

    Args:
        gpu: Whether a GPU computes: then its energy is needed too.
        powercap: The kernel's folder of power caps (Documentation/power/powercap/powercap.rst).
    """

    def __init__(self, *, gpu: bool = False, powercap: Path = POWERCAP) -> None:
        self._rapl = Rapl(powercap)
        self._nvml = Nvml() if gpu else None

    @property
    def reason(self) -> str:
        """Why nothing can be measured; empty if it can."""
        return self._rapl.reason or (self._nvml.reason if self._nvml else "")

    def start(self) -> Callable[[], Energy]:
        """Begin; what is returned gives the energy since. A counter must not go all the way round in between: with
        RAPL that takes minutes at least."""
        if self.reason:
            return lambda: Energy(None, self.reason)
        ends = [meter.start() for meter in (self._rapl, self._nvml) if meter is not None]
        return lambda: Energy(sum(end() for end in ends))


class Rapl:
    """Intel's and AMD's counters of the processor's packages and, where there is one, of the memory.

    Source: the kernel's powercap.rst; David et al., "RAPL: Memory Power Estimation and Capping", ISLPED 2010.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._domains: list[Path] = []
        self.reason = ""
        """Why it cannot be read; empty if it can."""
        # A package counts its cores and graphics too, and psys the package: only these two do not overlap.
        found = [
            folder
            for folder in sorted(powercap.glob("intel-rapl:*"))
            if (name := _read(folder / "name").strip()).startswith("package") or name == "dram"
        ]
        if not found:
            self.reason = "the processor's energy counters (RAPL) are not there"
            return
        for folder in found:
            try:
                _microjoules(folder)
            except PermissionError:
                self.reason = f"{folder / 'energy_uj'} cannot be read without root"
                return
            except (OSError, ValueError) as error:
                self.reason = f"{folder / 'energy_uj'} cannot be read ({error})"
                return
        self._domains = found

    def start(self) -> Callable[[], float]:
        """Begin; what is returned gives the joules since."""
        before = [_microjoules(folder) for folder in self._domains]

        def taken() -> float:
            total = 0
            for folder, was in zip(self._domains, before, strict=True):
                now = _microjoules(folder)
                around = int((folder / "max_energy_range_uj").read_text("ascii")) if now < was else 0
                total += now - was + around
            return total / 1e6

        return taken


class Nvml:
    """NVIDIA's counters of all GPUs, by the package nvidia-ml-py."""

    def __init__(self) -> None:
        self._gpus: list[Any] = []
        self.reason = ""
        """Why it cannot be read; empty if it can."""
        try:
            import pynvml
        except ImportError:
            self.reason = "the GPU's energy is read by the package nvidia-ml-py, which is not installed"
            return
        self._nvml = pynvml
        try:
            pynvml.nvmlInit()
            self._gpus = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
            self._millijoules()
        except pynvml.NVMLError as error:
            self.reason = f"the GPU's energy cannot be read ({error})"

    def start(self) -> Callable[[], float]:
        """Begin; what is returned gives the joules since."""
        before = self._millijoules()
        return lambda: (self._millijoules() - before) / 1e3

    def _millijoules(self) -> int:
        return sum(int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) for gpu in self._gpus)


def _microjoules(folder: Path) -> int:
    return int((folder / "energy_uj").read_text("ascii"))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
