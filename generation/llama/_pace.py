"""How many threads to compute with: llama.cpp's wait for each other, so one that has no core to itself holds up all."""

from __future__ import annotations

import os
import time

import psutil

_INTERVAL = 0.25
"""Seconds between two looks at the machine."""
_GRACE = 0.3
"""Of a core that others may use before a thread is given up for them."""


class Pace:
    """Follows what other processes leave of the processor.

    Args:
        most: Threads, when nothing else runs.
    """

    def __init__(self, most: int) -> None:
        self.threads = most
        self._most = most
        self._process = psutil.Process()
        self._cores = allowed_cores(self._process)
        self._last = self._look()

    def follow(self) -> int:
        """How many threads to compute with now."""
        if time.monotonic() - self._last[0] >= _INTERVAL:
            last, self._last = self._last, self._look()
            seconds, all_cpu, own_cpu = (now - before for now, before in zip(self._last, last, strict=True))
            self.threads = fitting_threads(self._most, self._cores, (all_cpu - own_cpu) / seconds)
        return self.threads

    def _look(self) -> tuple[float, float, float]:
        """The time, and the seconds of computing of all processes and of this one."""
        machine, own = psutil.cpu_times(), self._process.cpu_times()
        return time.monotonic(), sum(machine[:3]) + sum(machine[5:7]), own.user + own.system


def fitting_threads(most: int, cores: int, others: float) -> int:
    """As many threads as have a core each beside what others use.

    Args:
        most: Threads, when nothing else runs.
        cores: Logical ones that this process may use.
        others: Cores that other processes keep busy.
    """
    return max(1, min(most, int(cores - max(0.0, others) + _GRACE)))


def allowed_cores(process: psutil.Process) -> int:
    """The logical cores that a process may use."""
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else os.cpu_count() or 1
