"""The machine's memory: how much there is, and that what was freed is returned."""

from __future__ import annotations

import ctypes
from pathlib import Path

import psutil

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, by the versions of Linux's control groups."""


def machine_memory(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Bytes that this process may use at most: the machine's, or its container's."""
    told = [path.read_text("ascii").strip() for path in limits if path.is_file()]
    return min([psutil.virtual_memory().total, *(int(limit) for limit in told if limit.isdigit())])


def give_back() -> None:
    """Return what was freed to the system: the C library keeps small pieces, and a vocabulary is made of these."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc only
        trim(0)
