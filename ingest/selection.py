"""Which files are wanted: patterns given to one call, and the ignore files that lie in the folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import SettingsError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".ragstoneignore"
"""Names the files that never belong into a library, for its folder and all below, as a .gitignore does for git."""

HIDDEN = (".", "~$")
"""How names begin that nobody means by a folder; Office makes those with the dollar sign while a file is open."""

_MAX_IGNORE_FILE = 64 << 10
"""Bytes."""
_MAX_ASTERISKS = 3
_MAX_DOUBLE_ASTERISKS = 2
_TOO_COSTLY = (
    f"has more than {_MAX_ASTERISKS} asterisks between two slashes, or `**` more than {_MAX_DOUBLE_ASTERISKS} times"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The files that one call asks for.

    Patterns are those of .gitignore files. They are matched against the path relative to the folder that was given, and
    against the name of a file that was given itself. A folder that `exclude` matches is not looked into.

    Raises:
        SettingsError: A pattern is malformed or can match nothing.
    """

    include: tuple[str, ...] = ()
    """Only what one of them matches; empty means everything."""
    exclude: tuple[str, ...] = ()
    max_bytes: int = 512 << 20
    """Larger files are not read."""

    def __post_init__(self) -> None:
        for pattern in (*self.include, *self.exclude):
            _refuse_malformed(pattern)

    def selects(self, relative: str) -> bool:
        """Whether a file is wanted; its path is relative to the folder given."""
        return not self.excludes(relative) and (not self.include or _compiled(self.include).match_file(relative))

    def excludes(self, relative: str) -> bool:
        """Whether a file, or a folder whose path ends with a slash, is left out with all that it holds."""
        return bool(self.exclude) and bool(_verdict(_compiled(self.exclude), relative))

    def reaches(self, relative: str) -> bool:
        """Whether a file is wanted, and no folder above it is left out."""
        above = PurePosixPath(relative).parents[:-1]  # the last is the folder given
        return self.selects(relative) and not any(self.excludes(f"{folder}/") for folder in above)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The ignore files that apply in one folder, the nearest first."""

    specs: tuple[tuple[int, GitIgnoreSpec], ...] = ()
    """(length of the path that the patterns are relative to, patterns)"""

    @classmethod
    def above(cls, folder: str) -> IgnoreRules:
        """The rules that the folders above an absolute one set for what it holds.

        They say nothing of a folder that they ignore, for it was named itself.

        Raises:
            OSError, ValueError: See `within`.
        """
        rules = cls()
        for parent in reversed(Path(folder).parents):
            rules = rules.within(f"{parent}{os.sep}")
        return cls() if rules.ignores(folder) else rules

    def within(self, folder: str) -> IgnoreRules:
        """These rules and those of the ignore file in a folder, if it has one; the folder ends with a separator.

        Raises:
            OSError: The ignore file cannot be read.
            ValueError: It is too large, not valid UTF-8, or a line is malformed; the message names the line.
        """
        path = Path(folder, IGNORE_FILE)
        if not path.is_file():  # nor may a pipe be opened
            return self
        with path.open("rb") as file:
            data = file.read(_MAX_IGNORE_FILE + 1)
        if len(data) > _MAX_IGNORE_FILE:
            raise ValueError(f"it is larger than {_MAX_IGNORE_FILE >> 10} KiB")
        lines = data.decode("utf-8-sig").splitlines()
        try:
            spec = _parsed(lines)
        except (ValueError, re.error):
            number, line, why = next(_malformed(lines))
            raise ValueError(f"its line {number}, {line[:80]!r}, {why}") from None
        return IgnoreRules(((len(folder), spec), *self.specs))

    def ignores(self, absolute: str) -> bool:
        """Whether a file, or a folder whose path ends with a separator, is to be left out."""
        for start, spec in self.specs:
            verdict = _verdict(spec, absolute[start:])
            if verdict is not None:
                return verdict
        return False


def _verdict(spec: GitIgnoreSpec, path: str) -> bool | None:
    """What the last pattern that matches a file, or a folder whose path ends with a slash, says; None without any.

    As in git, a pattern has to match the path itself: those of the folders above were judged when these were met.
    """
    for pattern in reversed(spec.patterns):
        found = None if pattern.include is None else pattern.match_file(path)
        if found is not None and _is_whole(found.match, path):
            return pattern.include
    return None


def _is_whole(match: re.Match[str], path: str) -> bool:
    # The only group of these expressions is the slash after a folder; the expression of `*/` is that slash alone.
    if match.lastindex is None:
        return True
    return path.endswith("/") if match.group() == "/" else match.end(match.lastindex) == len(path)


def _parsed(patterns: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    if any(map(_is_costly, patterns)):
        raise ValueError("too many asterisks")
    return GitIgnoreSpec.from_lines(patterns, backend="simple")  # the others are chosen by what happens to be installed


_compiled = lru_cache(maxsize=16)(_parsed)


def _is_costly(pattern: str) -> bool:
    """Whether matching could take minutes: the time grows with the power of the asterisks, and names can be hostile."""
    many = any(part.count("*") > _MAX_ASTERISKS for part in pattern.split("/"))
    return many or pattern.count("**") > _MAX_DOUBLE_ASTERISKS


def _malformed(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Number and text of each line that is refused, and why."""
    for number, line in enumerate(lines, start=1):
        try:
            _parsed([line])
        except (ValueError, re.error):
            yield number, line, _TOO_COSTLY if _is_costly(line) else "is not a pattern"


def _refuse_malformed(pattern: str) -> None:
    why = next((why for _, _, why in _malformed([pattern])), None)
    if why is None and all(part.include is None for part in _parsed([pattern]).patterns):
        why = "matches nothing"  # it is empty, or a comment
    if why is not None:
        remedy = "Write it as in a .gitignore file, such as '*.pdf', 'drafts/' or '2019/**/*.csv'"
        raise SettingsError(f"the file pattern {pattern!r} {why}", remedy=remedy)
