"""Waits for files to change."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from ..errors import SourceError
from .selection import HIDDEN, IGNORE_FILE

QUIET_SECONDS = 1.0
"""A burst of changes is over when nothing has changed for so long."""
MAX_BURST_SECONDS = 30.0
"""A file that is written to without end does not hold up the others for longer."""

_CHECK_MS = 500
"""How often it is looked whether a path was replaced."""


def changes(
    paths: Sequence[str | Path], stop: Event | None = None, *, ignore: Path | None = None, at_once: bool = False
) -> Iterator[None]:
    """Yield once after every burst of changes at or below files and folders, until `stop` is set.

    What changes while the caller is busy is told afterwards. Hidden files count only where they are named themselves,
    and nothing below `ignore` does. A path that is removed and made again is followed.

    Args:
        paths: Files and folders.
        stop: Ends the waiting, from another thread.
        ignore: A folder below which nothing counts.
        at_once: Yield also as soon as the paths are watched, for what changed before.

    Raises:
        SourceError: The operating system refuses to watch.
        KeyboardInterrupt: On Ctrl-C.
    """
    burst = _Burst(at_once)
    while stop is None or not stop.is_set():
        try:
            yield from _until_replaced(paths, stop, ignore, burst)
        except FileNotFoundError:  # removed just before it was to be watched
            burst.note()
        except OSError as error:
            what = f"the changes cannot be watched ({(error.strerror or str(error)).lower()})"
            remedy = "Watch fewer folders, or raise the system's limit (on Linux: fs.inotify.max_user_watches)"
            raise SourceError(what, path=", ".join(map(str, paths)), remedy=remedy) from error


class _Burst:
    """Changes that were not told yet."""

    def __init__(self, at_once: bool) -> None:
        self._first = self._last = 0.0
        self._at_once = at_once

    def note(self) -> None:
        self._last = time.monotonic()
        self._first = self._first or self._last

    def settled(self) -> bool:
        """Whether they are to be told now; they count as told then."""
        now = time.monotonic()
        over = now - self._last >= QUIET_SECONDS or now - self._first >= MAX_BURST_SECONDS
        if not self._at_once and not (self._first and over):
            return False
        self._first, self._at_once = 0.0, False
        return True


def _until_replaced(
    paths: Sequence[str | Path], stop: Event | None, ignore: Path | None, burst: _Burst
) -> Iterator[None]:
    """The system follows a file or folder, not its path: return when another one, or none, has taken its place."""
    from watchfiles import watch

    watched = _identities(paths)
    roots = [os.path.realpath(path) for path, known in zip(paths, watched, strict=True) if known]
    ignored = None if ignore is None else os.path.realpath(ignore)
    for batch in watch(
        *roots,
        watch_filter=None,
        stop_event=stop,
        rust_timeout=_CHECK_MS,
        debounce=_CHECK_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    ):
        if any(_counts(changed, roots, ignored) for _, changed in batch):
            burst.note()
        if _identities(paths) != watched:
            burst.note()
            return
        if burst.settled():
            yield


def _identities(paths: Sequence[str | Path]) -> list[tuple[int, int] | None]:
    """What tells that a path leads to another file or folder than before; None where there is none."""
    found: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            status = Path(path).stat()
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found


def _counts(changed: str, roots: Sequence[str], ignored: str | None) -> bool:
    if ignored is not None and _is_at_or_below(changed, ignored):
        return False
    below = (changed[len(root) :] for root in roots if _is_at_or_below(changed, root))
    return any(not _is_hidden(relative) for relative in below)


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_hidden(relative: str) -> bool:
    return any(name.startswith(HIDDEN) and name != IGNORE_FILE for name in Path(relative).parts)
