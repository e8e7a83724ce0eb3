"""Which documents are to be removed, as they are given in Python."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from numbers import Integral

from ..errors import SettingsError


def as_removed(documents: Iterable[object]) -> tuple[list[int], list[str]]:
    """The ids and the paths among documents.

    Raises:
        SettingsError: One is neither.
    """
    ids: list[int] = []
    paths: list[str] = []
    for one in documents:
        if type(one) is not bool and isinstance(one, Integral):
            ids.append(int(one))
        elif isinstance(one, (str, os.PathLike)) and isinstance(path := os.fspath(one), str):
            with suppress(UnicodeEncodeError):  # a path that is not UTF-8 is that of no document
                path.encode()
                paths.append(path)
        else:
            raise SettingsError(
                f"a document to remove is given as {type(one).__name__}",
                remedy="Give its id or its path, as in `rag.remove(document.id)`",
            )
    return ids, paths
