"""What a process that reads files of strangers denies itself, so that a file that takes it over gains nothing."""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from pathlib import Path

_FORBIDDEN = ("socket.", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def confine() -> None:
    """From here on: no network, no programs, no core dump, and no life after the parent's."""
    _end_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_refuse)


def limit_memory(megabytes: int) -> None:
    """Limit the address space from here on; systems without such a limit (macOS) go without."""
    used = _address_space()
    if used:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = used + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _end_with_parent() -> None:
    """End when the parent ends, also during a call that never gives another thread its turn (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a parser tried {event}")


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0
