"""A command as a process that costs no imports: a Python that has them forks for each.

`ForkedCommand` is a `subprocess.Popen` of `python -m ragstone ...` or of a script, with its own arguments, folder,
variables, pipes, signals and exit code. Only the interpreter and its imports are not new, and with them the seed of
hashes.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PRELOADED = (
    "ragstone.app.cli",
    "ragstone.app.engine",
    "ragstone.app.ingesting",
    "ragstone.generation.llama",
    "ragstone.ingest.pipeline",
    "ragstone.retrieval.embedding._openvino",
    "ragstone.retrieval.index",
    "rich.progress",
)
"""What most commands import. None of it makes a thread, which would not be there after a fork."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Forge:
    """The Python that forks. Close it at the end."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "ragstone.tests.forking", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL)
        theirs.close()

    def close(self) -> None:
        """End it; commands go on."""
        self._socket.close()
        self._process.wait()

    def fork(self, words: Sequence[str], folder: str, env: dict[str, str], files: Sequence[int]) -> int:
        """Start a command, with these files as stdin, stdout and stderr. Its process is a child of this one."""
        request = json.dumps({"words": words, "folder": folder, "env": env}).encode()
        with self._guard:
            _adopt(True)
            try:
                sent = array.array("i", files)
                head = len(request).to_bytes(4, "big")
                self._socket.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent)])
                self._socket.sendall(request)
                return int.from_bytes(_received(self._socket, 4), "big")
            finally:
                _adopt(False)


class ForkedCommand(subprocess.Popen[str]):
    """See above; `args` are the words of the command, of which the first is Python and `-m` or a script follows."""

    def __init__(self, forge: Forge, args: Sequence[str], **options: Any) -> None:
        self._forge = forge
        super().__init__(args, **options)

    def _execute_child(self, args: Any, *rest: Any) -> None:
        """In the place of subprocess's own, which forks and executes."""
        cwd, env, pipes = rest[4], rest[5], rest[9:15]
        stdin, _, _, stdout, _, stderr = pipes
        try:
            self.pid = self._forge.fork(args[1:], os.fspath(cwd), env, (stdin, stdout, stderr))
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)


def _adopt(orphans: bool) -> None:
    """Be the parent of descendants whose own parent ends, or do not (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no orphans can be adopted")


def _received(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for every request; returns it in the command's process, and None when no more come."""
    while True:
        head, ancillary, *_ = requests.recvmsg(4, socket.CMSG_LEN(3 * array.array("i").itemsize))
        if not head:
            return None
        files = array.array("i")
        for _, _, data in ancillary:
            files.frombytes(data)
        request: dict[str, Any] = json.loads(_received(requests, int.from_bytes(head, "big")))
        read, write = os.pipe()
        middle = os.fork()
        if middle == 0:
            if command := os.fork():
                os.write(write, command.to_bytes(4, "big"))
                os._exit(0)  # so that the command becomes a child of the test's process
            for number, file in enumerate(files):
                os.dup2(file, number)
            for file in (read, write, *files):
                os.close(file)
            requests.close()
            return request
        os.waitpid(middle, 0)
        requests.sendall(os.read(read, 4))
        for file in (read, write, *files):
            os.close(file)


def _main() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1
    gc.freeze()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    if request is None:
        return
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    first, *arguments = request["words"]
    if first == "-m":
        sys.argv, sys.path[0] = arguments, request["folder"]
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = request["words"], str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    _main()
