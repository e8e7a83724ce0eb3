"""Which files there are, and which of them changed since they were last read."""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SourceError
from ..retrieval.disk import as_path, sha256_of
from ..retrieval.library import DATABASE
from ..retrieval.records import StoredFile
from .selection import HIDDEN, IGNORE_FILE, IgnoreRules, Selection

_EVERYTHING = Selection()
_LAST_NS = 2**63 - 1
"""SQLite's largest integer: a time of the year 2262; file systems know later ones."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: its path as it was given, and where that is."""

    path: str
    absolute: Path
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Walk:
    """What was found under the paths given."""

    selection: Selection = _EVERYTHING
    """What was asked for of it."""
    files: list[SourceFile] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    """Files of a folder whose format no parser reads."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason with remedy) of what was met in a folder and cannot be looked at, and of too large files."""
    roots: list[Path] = field(default_factory=list)
    """The absolute folders that were walked: a stored file below one of them that is gone was deleted."""
    ignored: set[str] = field(default_factory=set)
    """The absolute files and folders that an ignore file leaves out: what is stored of them leaves the library."""

    def ignores(self, absolute: str) -> bool:
        """Whether an ignore file leaves out this file or a folder above it."""
        return absolute in self.ignored or any(str(parent) in self.ignored for parent in Path(absolute).parents)

    def emptied(self) -> list[Path]:
        """The walked folders in which nothing was met: no file to read, none that failed, none that is ignored."""
        failed = (_absolute(Path(path)) for path, _ in self.failed)
        met = sorted(map(_with_separator, (*(str(file.absolute) for file in self.files), *failed, *self.ignored)))

        def is_empty(folder: str) -> bool:
            place = bisect_left(met, folder)
            return place == len(met) or not met[place].startswith(folder)

        return [root for root in self.roots if is_empty(_with_separator(str(root)))]


def walk(paths: Sequence[str | Path], supported: Callable[[Path], bool], selection: Selection = _EVERYTHING) -> Walk:
    """Find the files to read.

    Hidden files and folders, and what an ignore file names, are left out unless they are named themselves, and so is
    what lies in a library. Links to files are followed; links to folders are not, for they can lead in a circle.

    Raises:
        SourceError: A path is empty, does not exist, cannot be read, is neither a file nor a folder, or is a library.
    """
    walker = _Walker(supported, selection)
    for given in map(_named, paths):
        if _is_folder(given):
            walker.walk(given)
        else:
            walker.add_named(given)
    return walker.found


def require(paths: Sequence[str | Path]) -> None:
    """Make sure that there is something to walk at each path.

    Raises:
        SourceError: A path is empty, does not exist, cannot be read, is neither a file nor a folder, or is a library.
    """
    for given in paths:
        _is_folder(_named(given))


def has_changed(file: SourceFile, stored: StoredFile | None, recipe: str) -> bool:
    """Whether a file has to be read again: new, of other content, or made by another recipe.

    Raises:
        OSError: The file cannot be read.
    """
    if stored is None or stored.recipe != recipe:
        return True
    same = (stored.size, stored.mtime_ns) == (file.size, file.mtime_ns)
    return not (same and stored.settled) and sha256_of(file.absolute) != stored.sha256


def deleted(found: Walk, stored: Mapping[str, StoredFile]) -> list[tuple[str, StoredFile]]:
    """The stored files below the walked folders, by absolute path, that are to be ignored now, or that were asked for
    and no longer exist: one that was not looked for may have moved to where nothing was looked at."""
    below = tuple(_with_separator(str(root)) for root in found.roots)
    present = {str(file.absolute) for file in found.files}

    def is_missed(absolute: str) -> bool:
        asked = (found.selection.reaches(absolute[len(root) :]) for root in below if absolute.startswith(root))
        return any(asked) and _is_gone(absolute)

    return [
        (absolute, known)
        for absolute, known in stored.items()
        if absolute not in present and absolute.startswith(below) and (found.ignores(absolute) or is_missed(absolute))
    ]


def stored_below(folder: str, stored: Mapping[str, StoredFile]) -> list[StoredFile]:
    """The stored files, of these by absolute path, below a folder."""
    return [file for absolute, file in stored.items() if absolute.startswith(_with_separator(folder))]


def moved(
    new: Iterable[SourceFile], gone: Iterable[tuple[str, StoredFile]], recipe: Callable[[Path], str]
) -> dict[SourceFile, StoredFile]:
    """Which of the new files are files that are gone from their old place: of the same bytes.

    Each stored file moves once; those made by their recipe go first, and of these one of the same name. New files that
    cannot be read are left out.
    """
    current: list[tuple[str, StoredFile]] = []
    others: list[tuple[str, StoredFile]] = []
    for absolute, known in gone:
        path = Path(absolute)
        (current if known.recipe == recipe(path) else others).append((path.name, known))
    sizes = {known.size for _, known in (*current, *others)}
    hashes = {file: digest for file in new if file.size in sizes and (digest := _sha256_if_readable(file))}
    moves: dict[SourceFile, StoredFile] = {}
    for waiting in (current, others):
        for by_name in (True, False):
            fitting: dict[tuple[str, str], list[tuple[str, StoredFile]]] = {}
            for name, known in reversed(waiting):
                fitting.setdefault((known.sha256, name if by_name else ""), []).append((name, known))
            for file, digest in hashes.items():
                fits = fitting.get((digest, file.absolute.name if by_name else ""))
                if fits and file not in moves:
                    moves[file] = fits.pop()[1]
            waiting = [old for fits in reversed(fitting.values()) for old in reversed(fits)]
    return moves


def unreadable(error: OSError) -> str:
    """Why something cannot be read, and what to do about it."""
    return f"it cannot be read ({(error.strerror or str(error)).lower()}). Check its permissions."


def _named(given: str | Path) -> Path:
    if given == "":  # of which Path makes the current folder
        raise SourceError("a path is empty", remedy="Name a file or a folder, or write . for the current folder")
    path = as_path(given)
    if path is None:
        raise SourceError(f"{given!r} is no path", remedy="Give the path of a file or a folder, as a text or a Path")
    return path


def _is_folder(given: Path) -> bool:
    try:
        mode = given.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(given).close()  # raises where the folder cannot be listed
            _refuse_library(given)
            return True
    except (FileNotFoundError, NotADirectoryError) as error:
        what, remedy = "there is no such file or folder", "Check the spelling of the path"
        raise SourceError(what, path=given, remedy=remedy) from error
    except OSError as error:
        what = f"it cannot be read ({(error.strerror or str(error)).lower()})"
        raise SourceError(what, path=given, remedy="Check the path and its permissions") from error
    if not stat.S_ISREG(mode):
        raise SourceError("this is neither a file nor a folder", path=given, remedy="Name a file or a folder")
    return False


def _refuse_library(folder: Path) -> None:
    if (folder / DATABASE).is_file():
        remedy = "Name the folders of your documents, or its folder `uploads` for what was uploaded to it"
        raise SourceError("this is a Ragstone library, not a folder of documents", path=folder, remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into; every path ends with a separator, or is empty."""

    path: str
    absolute: str
    relative: str
    """To the folder that was given, with slashes."""
    rules: IgnoreRules


class _Walker:
    """One walk in progress. It works on strings: a `Path` is made only for files that are found."""

    def __init__(self, supported: Callable[[Path], bool], selection: Selection) -> None:
        self._supported, self._selection = supported, selection
        self._seen = set[str]()
        self.found = Walk(selection)

    def add_named(self, file: Path) -> None:
        """Add a file that was given itself, whatever its format."""
        if not self._selection.selects(file.name):
            return
        try:
            self._add(str(file), _absolute(file), file.stat(), named=True)
        except (OSError, UnicodeEncodeError) as error:
            self._fail(str(file), error)

    def walk(self, root: Path) -> None:
        """Add what lies below a folder: its files by name, then its folders."""
        absolute = _with_separator(_absolute(root))
        self.found.roots.append(Path(absolute))
        try:
            rules = IgnoreRules.above(absolute)
        except (OSError, ValueError) as error:
            self._fail_rules(str(root), error)
            return
        waiting = [_Folder("" if str(root) == "." else _with_separator(str(root)), absolute, "", rules)]
        while waiting:
            waiting += reversed(self._look_into(waiting.pop()))

    def _look_into(self, folder: _Folder) -> list[_Folder]:
        """Add the files of a folder; the folders in it are returned."""
        try:
            with os.scandir(folder.absolute) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self._fail(str(Path(folder.path)), error)
            return []
        if any(entry.name == DATABASE and entry.is_file() for entry in entries):  # what is in it was made of documents
            return []
        rules = folder.rules
        try:
            if any(entry.name == IGNORE_FILE for entry in entries):
                rules = rules.within(folder.absolute)
        except (OSError, ValueError) as error:  # what is to be left out is not known
            self._fail_rules(folder.path + IGNORE_FILE, error)
            return []
        folders = []
        for entry in entries:
            try:
                folders.append(self._take(entry, folder, rules))
            except (OSError, UnicodeEncodeError) as error:
                self._fail(folder.path + entry.name, error)
        return [found for found in folders if found is not None]

    def _take(self, entry: os.DirEntry[str], folder: _Folder, rules: IgnoreRules) -> _Folder | None:
        """Add a file if it is wanted; return a folder if it is to be looked into."""
        is_folder = entry.is_dir(follow_symlinks=False)
        name = entry.name + os.sep if is_folder else entry.name
        path, absolute, relative = folder.path + name, folder.absolute + name, folder.relative + name
        if rules.ignores(absolute):
            self.found.ignored.add(folder.absolute + entry.name)
        elif entry.name.startswith(HIDDEN):
            pass
        elif not is_folder:
            if self._selection.selects(relative):
                self._add(path, absolute, entry.stat())
        elif not self._selection.excludes(relative):
            absolute.encode()
            return _Folder(path, absolute, relative, rules)
        return None

    def _add(self, path: str, absolute: str, status: os.stat_result, *, named: bool = False) -> None:
        absolute.encode()
        if absolute in self._seen or not stat.S_ISREG(status.st_mode):
            return
        self._seen.add(absolute)
        file, most = Path(absolute), self._selection.max_bytes
        if not named and not self._supported(file):
            self.found.unsupported.append(path)
        elif status.st_size > most:
            sizes = f"it has {status.st_size / (1 << 20):,.1f} MB, more than the {most / (1 << 20):,.1f} that are read"
            self.found.failed.append((path, f"{sizes}. Raise max_file_mb, or name the file in a {IGNORE_FILE}."))
        else:
            mtime_ns = max(-_LAST_NS, min(status.st_mtime_ns, _LAST_NS))
            self.found.files.append(SourceFile(path, file, status.st_size, mtime_ns))

    def _fail(self, path: str, error: OSError | UnicodeEncodeError) -> None:
        if isinstance(error, UnicodeEncodeError):
            reason = "its path is not valid UTF-8. Rename the file or its folder."
        elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return  # a link to nowhere, or gone since its folder was read
        else:
            reason = unreadable(error)
        self.found.failed.append((os.fsencode(path).decode("utf-8", "replace"), reason))

    def _fail_rules(self, path: str, error: OSError | ValueError) -> None:
        if isinstance(error, OSError):
            why = f"the {IGNORE_FILE} cannot be read ({(error.strerror or str(error)).lower()})"
        elif isinstance(error, UnicodeDecodeError):
            why = f"the {IGNORE_FILE} is not UTF-8 text"
        else:
            why = f"the {IGNORE_FILE} cannot be used: {error}"
        self.found.failed.append((path, f"{why}. Correct it; nothing below it is read until then."))


def _is_gone(absolute: str) -> bool:
    """Whether a file does not exist, or is no file now; one in a folder that may not be looked into can well exist."""
    try:
        return not stat.S_ISREG(Path(absolute).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links, and a link is a file of its own


def _with_separator(folder: str) -> str:
    return folder if folder.endswith(os.sep) else folder + os.sep


def _sha256_if_readable(file: SourceFile) -> str | None:
    try:
        return sha256_of(file.absolute)
    except OSError:
        return None
