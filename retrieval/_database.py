"""Connections to a library's SQLite file: a pool, transactions, the writers' lock, migrations, errors with a remedy."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from ..errors import (
    LibraryClosedError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    LibraryVersionError,
    LibraryWriteError,
)
from ._migrations import MIGRATIONS

FILE = "library.sqlite3"

_ASIDE = "aside"
_AGAIN = 0.05
"""Seconds between two attempts to lock the library."""

_ROOM = "Free disk space; nothing stored is lost"
_WRITABLE = "Make the folder writable, or choose another; nothing stored is lost"
_NAME = "Choose another folder"
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _WRITABLE),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG), _NAME),
}


class Database:
    """The database of a library's folder. Safe to use from several threads.

    Args:
        folder: The library's folder.
        create: Make a new library when there is none.
        named: The folder as errors are to name it; by default as it is given here.

    Raises:
        LibraryNotFoundError: There is no library, and `create` is false.
        LibraryVersionError: A newer Ragstone wrote it.
        LibraryWriteError: It is a file, or cannot be made or written to.
        LibraryError: The database is damaged.
    """

    def __init__(self, folder: Path, *, create: bool, named: Path | None = None) -> None:
        self._named = named or folder
        self._folder = folder = folder.absolute()
        self._process = os.getpid()
        self._closed = False
        self._pool: list[sqlite3.Connection] = []
        self._pool_guard = threading.Lock()
        self._held = threading.local()
        self._writers = threading.RLock()
        with self.translated():
            self._read_only = folder.is_dir() and not os.access(folder, os.W_OK)
            known = (folder / FILE).is_file()
        if not known:
            if folder.exists() and not folder.is_dir():
                what, remedy = "this is a file, not a folder", "Name the folder of a library, or of one to be made"
                raise LibraryWriteError(what, path=self._named, remedy=remedy)
            if not create:
                raise LibraryNotFoundError(
                    "there is no library here yet",
                    path=self._named,
                    remedy="Make one with `ingest FOLDER` (in Python: `Ragstone.open`), or name another folder",
                )
            with self.translated():
                folder.mkdir(parents=True, exist_ok=True)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection; those in use are closed when they are given back."""
        if not self.is_own:
            return  # SQLite's connections must not be touched after a fork, nor locks that another thread may have held
        with self._pool_guard:
            self._closed = True
            while self._pool:
                self._pool.pop().close()

    @property
    def is_own(self) -> bool:
        """Whether this process opened it, and not the one of which it was forked."""
        return self._process == os.getpid()

    def require_open(self) -> None:
        """Make sure that it can be used.

        Raises:
            LibraryClosedError: It was closed, or was opened before the process forked.
        """
        if not self.is_own:
            raise LibraryClosedError(
                "this library was opened before the process forked",
                path=self._named,
                remedy="Open it in the child process",
            )
        if self._closed:
            raise LibraryClosedError("the library was closed", path=self._named, remedy="Open it again")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit: each statement sees the last committed state, or that of `one_state`."""
        held: sqlite3.Connection | None = getattr(self._held, "db", None)
        if held is None:
            with self._connection() as db:
                yield db
        else:
            with self.translated():
                yield held

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see one state."""
        with self.one_state(), self.reading() as db:
            yield db

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """Until the end, all that this thread reads is of one state, whatever is written meanwhile."""
        if getattr(self._held, "db", None) is not None:
            yield
            return
        with self._connection() as db:
            db.execute("BEGIN")
            self._held.db = db
            try:
                yield
            finally:
                self._held.db = None
                db.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is stored at its end, or nothing."""
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def locked(self, *, wait: bool = False, queue: bool = True, aside: bool = False) -> Iterator[None]:
        """Keep others from writing.

        Args:
            wait: Until another process has finished.
            queue: Wait until another thread of this process, which uses this object too, has finished, or another
                process that writes aside.
            aside: What is written is nothing that anybody asked for, so that others that queue wait for its end.

        Raises:
            LibraryLockedError: Another process is writing already, and `wait` is false; or a thread, and `queue` is.
            LibraryNotFoundError: The library was deleted since it was opened.
        """
        self.require_open()
        if not self._writers.acquire(blocking=queue):
            raise self._locked_by(str(os.getpid()))
        try:
            with self._locked(wait, queue, aside):
                yield
        finally:
            self._writers.release()

    @contextmanager
    def _locked(self, wait: bool, queue: bool, aside: bool) -> Iterator[None]:
        try:
            with self.translated():
                lock = (self._folder / "write.lock").open("a+b", buffering=0)
        except FileNotFoundError as error:
            what = "the library was deleted since it was opened"
            raise LibraryNotFoundError(what, path=self._named, remedy="Open it again, which makes a new one") from error
        with lock:
            while not _taken(lock, wait):
                process, *how = _writer(lock).split()
                if not (queue and how == [_ASIDE]):
                    raise self._locked_by(process)
                time.sleep(_AGAIN)
            with self.translated():
                lock.truncate(0)
                lock.write(f"{os.getpid()} {_ASIDE if aside else ''}".rstrip().encode())
            try:
                yield
            finally:
                lock.truncate(0)  # so that nobody takes this process for the next writer

    def _locked_by(self, process: str) -> LibraryLockedError:
        return LibraryLockedError(
            f"process {process} is writing to this library",
            path=self._named,
            remedy="Wait until it has finished, or use another library with --library",
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the file system report into errors with a remedy."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _library_error(error, self._named) from error
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0)
            if remedy is None:
                raise
            what = f"the library cannot be written ({os.strerror(error.errno or 0).lower()})"
            raise LibraryWriteError(what, path=self._named, remedy=remedy) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self.require_open()
        with self.translated():
            with self._pool_guard:
                db = self._pool.pop() if self._pool else None
            db = db or self._connect()
            try:
                yield db
            finally:
                with self._pool_guard:
                    if self._read_only or self._closed:
                        db.close()
                    else:
                        self._pool.append(db)

    def _connect(self) -> sqlite3.Connection:
        # Autocommit: every transaction is opened by name. Connections move between threads, one at a time.
        place = str(self._folder / FILE)
        if self._read_only and not Path(f"{place}-wal").exists():
            # Nobody writes now, and SQLite cannot make the files that it would coordinate with writers by. Such a
            # connection serves one reading only: it would not see what others write later.
            place = f"{Path(place).as_uri()}?immutable=1"
        db = sqlite3.connect(place, uri=self._read_only, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self.locked(wait=True), self.reading() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "PRAGMA foreign_keys = OFF"
            )  # else dropping a table to make it anew empties those that refer to it
            for number, step in enumerate(MIGRATIONS[self._version() :], self._version() + 1):
                db.executescript(f"BEGIN IMMEDIATE;{step};PRAGMA user_version = {number};COMMIT;")
            db.execute("PRAGMA foreign_keys = ON")

    def _version(self) -> int:
        with self.reading() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise LibraryVersionError(
                f"a newer Ragstone wrote this library (version {version}; this one reads up to {len(MIGRATIONS)})",
                path=self._named,
                remedy="Upgrade Ragstone, or ingest into another library",
            )
        return version


def _taken(lock: FileIO, wait: bool) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _writer(lock: FileIO) -> str:
    """The process that holds the lock, and how it writes; it may be about to write down its number."""
    for _ in range(100):
        lock.seek(0)
        if told := lock.read():
            return told.decode()
        time.sleep(0.01)
    return "unknown"


def _library_error(error: sqlite3.DatabaseError, folder: Path) -> LibraryError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return LibraryWriteError(
            f"the library cannot be written ({error})",
            path=folder,
            remedy="Free disk space or make the folder writable, then try again; nothing stored is lost",
        )
    if name.startswith("SQLITE_BUSY"):
        return LibraryLockedError(
            "another process is writing to this library", path=folder, remedy="Wait until it has finished"
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return LibraryError(
            f"the library's database is damaged ({error})",
            path=folder / FILE,
            remedy="Restore it from a backup, or delete the folder and ingest again",
        )
    raise error
