"""What is told of the machine, and of this process on it."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
from pathlib import Path

import psutil


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)", info.read_text("utf-8", "replace"), re.M) if info.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int | None:
    """How many there are, without those that only share one; None where the system does not tell."""
    return psutil.cpu_count(logical=False) or os.cpu_count()


def memory_bytes() -> int:
    """All that is built in."""
    return int(psutil.virtual_memory().total)


def peak_bytes() -> int:
    """The most resident memory that this process has had."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would tell of the process that this one was forked from
        return int(re.findall(r"^VmHWM:\s+(\d+) kB", status.read_text("ascii", "replace"), re.MULTILINE)[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
