"""Suites: data in its published form, what to do with it, the metrics, the licence and the citation."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import DataError
from ..task import Task

Data = TypeVar("Data")
_MALFORMED = (OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, csv.Error, zlib.error)
"""What readers raise at files of another form: they take the published one for granted."""


@contextmanager
def as_published(name: str, folder: Path) -> Iterator[None]:
    """Say so where a set that is read is not in its published form.

    Raises:
        DataError: It is not.
    """
    try:
        yield
    except _MALFORMED as error:
        raise DataError(
            f"{name} is not in the form in which it was published ({type(error).__name__}: {error})",
            path=folder,
            remedy="Fetch it again",
        ) from error


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that was published for a set."""

    system: str
    metric: str
    value: float
    """In per cent, as printed."""
    group: str = "all"


@dataclass(frozen=True, slots=True)
class DataSet(Generic[Data]):
    """A published set of data."""

    name: str
    folder: str
    """Where it is below a folder of sets."""
    read: Callable[[Path], Data]
    items: int
    licence: str
    citation: str
    published: tuple[Published, ...] = ()

    def load(self, data: Path) -> Data:
        """Read it.

        Args:
            data: The folder of sets, or this set's own.

        Raises:
            DataError: A file is missing or broken.
        """
        folder = data / self.folder
        folder = folder if folder.is_dir() else data
        with as_published(self.name, folder):
            return self.read(folder)


@dataclass(frozen=True, slots=True)
class Suite(Generic[Data]):
    """What is measured together: one task over some sets of data."""

    name: str
    about: str
    """What it asks, as a question or a clause."""
    unit: str
    """What is counted: `queries`, `answers`, ..."""
    task: Task[Any, Any]
    sets: tuple[DataSet[Data], ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of what is reported."""
        return tuple(metric.name for metric in self.task.metrics)

    @property
    def items(self) -> int:
        """Of all sets."""
        return sum(one.items for one in self.sets)

    @property
    def licence(self) -> str:
        """Of all sets, each named once."""
        return ", ".join(dict.fromkeys(one.licence for one in self.sets))

    def set(self, name: str) -> DataSet[Data]:
        """A set by its name.

        Raises:
            KeyError: There is none of that name.
        """
        return {one.name: one for one in self.sets}[name]
