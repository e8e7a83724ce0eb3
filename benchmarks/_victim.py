"""Other processes at a library: some read it, some die in the midst of a change.

Run as a module this is a server: for every line of JSON on stdin it forks a process that does what the line says, and
answers with one line, what that process found, its exit code behind it. Processes that fork from here are ready at
once, and nothing here has threads that a fork would lose.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from ragstone.benchmarks._brute_force import made_file
from ragstone.retrieval import index
from ragstone.retrieval.filters import Filter
from ragstone.retrieval.index import Index, _dense, _ivf
from ragstone.retrieval.library import Library

DIED = 9


class Victims:
    """The server, as its user sees it. Use it as a context manager."""

    def __enter__(self) -> Victims:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "ragstone.benchmarks._victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def do(self, **task: object) -> tuple[Any, bool]:
        """Run a task in a process of its own: what it found, and whether it came to its end.

        Raises:
            RuntimeError: It failed, which is not what is called dying here; its traceback is on stderr.
        """
        assert self._server.stdin
        assert self._server.stdout
        print(json.dumps(task), file=self._server.stdin, flush=True)
        *found, code = self._server.stdout.readline().rsplit(maxsplit=1)
        if int(code) not in (0, DIED):
            raise RuntimeError(f"{task} ended with {code}")
        return json.loads(found[0]) if found else None, int(code) == 0


def many_from(rows: int) -> None:
    """Let an inverted file be made from so few rows; what an index offers is made for libraries, not for tests."""
    for function in (_ivf.choose, _dense.Dense.build.__func__, _dense.Dense.updated):
        parameters = inspect.signature(function).parameters.values()
        given = {p.name: p.default for p in parameters if p.default is not p.empty}
        function.__defaults__ = tuple((given | {"flat_below": rows}).values())
    index.FLAT_BELOW = rows


def _die_after(calls: int) -> None:
    """End this process without any farewell at its n-th call or return from now, of Python's or of a library's."""

    def count(*_: object) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            os._exit(DIED)

    sys.setprofile(count)


def _store(library: Library, task: dict[str, Any]) -> None:
    library.store(made_file(*task["file"]))


def _remove(library: Library, task: dict[str, Any]) -> None:
    library.remove_files(task["files"])


def _publish(library: Library, task: dict[str, Any]) -> None:
    Index.publish(library, task["memory_mb"])


def _search(library: Library, task: dict[str, Any]) -> None:
    found = Index.load(library, task["memory_mb"])
    where = None if task["where"] is None else found.rows_among(library.document_ids(Filter.parse(task["where"])))
    terms = list(library.term_ids(task["terms"]).values())
    vector = np.array(task["vector"], np.float32)
    hits = found.dense(vector, task["k"], where), found.lexical(terms, task["k"], where)
    print(json.dumps([found.state.approximate, *hits], separators=(",", ":")), end=" ", flush=True)


_TASKS: dict[str, Callable[[Library, dict[str, Any]], None]] = {
    "store": _store,
    "remove": _remove,
    "publish": _publish,
    "search": _search,
}


def _run(task: dict[str, Any]) -> None:
    many_from(task["many_from"])
    faiss.omp_set_num_threads(1)
    if task.get("read_only"):
        _give_up_privileges()
    with Library(Path(task["library"])) as library:
        if task["what"] == "search":
            _search(library, task)
        else:
            with library.locked():
                _die_after(task["calls"])
                _TASKS[task["what"]](library, task)
                sys.setprofile(None)


def _give_up_privileges() -> None:
    """Let permissions bind this process also when it is root's: all capabilities go (linux/capability.h)."""
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.capset(header, none):
        raise OSError(ctypes.get_errno(), "root cannot give up its privileges here")


def main() -> None:
    """Serve."""
    logging.disable(logging.WARNING)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                _run(json.loads(line))
            except BaseException:  # noqa: BLE001 - whatever it was: the process must not go on as a server
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
