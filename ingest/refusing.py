"""When an ingest refuses to go on: what is missing is more often away for now than meant to be forgotten."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import SourceError
from ..retrieval.library import Library
from ..retrieval.records import StoredFile
from .sources import Walk, stored_below


def refuse_nothing(found: Walk, gone: Mapping[str, StoredFile], paths: Sequence[str | Path]) -> None:
    """A folder with nothing in it is more often a wrong path or a missing drive than a wish to empty the library.

    One that is empty among others is refused where files of it are stored that have not moved.

    Args:
        found: What was found.
        gone: The stored files, by absolute path, that are to leave the library.
        paths: As they were given.

    Raises:
        SourceError: There is nothing to ingest, or one of the folders was emptied.
    """
    nothing = not (found.files or found.failed or found.ignored)
    emptied = {root: files for root in map(str, found.emptied()) if (files := stored_below(root, gone))}
    if not nothing and not emptied:
        return
    count = len({file.id for files in emptied.values() for file in files})
    held = f"; {count:,} of its files {'stays' if count == 1 else 'stay'} in the library" if count else ""
    kept = f"; {_unsupported(found.unsupported)}" if nothing and found.unsupported else ""
    raise SourceError(
        f"there is nothing to ingest{kept}{held}",
        path=", ".join(map(str, paths if nothing else emptied)),
        remedy="Check the path" + (", or remove them with `ragstone docs remove PATH`" if count else ""),
    )


def with_what_stays(error: SourceError, library: Library) -> SourceError:
    """The error about a path that is missing, with what the library still has of it."""
    if error.path is None or os.path.lexists(error.path):
        return error
    kept = len(library.documents_at(os.path.abspath(error.path)))  # noqa: PTH100 - see sources
    if not kept:
        return error
    what = f"{error.what}; {kept:,} of its documents {'stays' if kept == 1 else 'stay'} in the library"
    remedy = f"{error.remedy}, or forget what the library has of it with `ragstone docs remove PATH`"
    return SourceError(what, path=error.path, remedy=remedy)


def _unsupported(paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return f"1 file is of a format that is not supported ({paths[0]})"
    more = ", ..." if len(paths) > 3 else ""
    return f"{len(paths):,} files are of formats that are not supported ({', '.join(paths[:3])}{more})"
