"""Opening the files of published sets."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ...errors import DataError


def load_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: There is no such file.
    """
    with open_text(path) as file:
        return json.load(file)


def json_lines(path: Path) -> Iterator[Any]:
    """What each line of a JSONL file holds; the file may be compressed with gzip. Empty lines are skipped.

    Raises:
        DataError: There is no such file.
    """
    with open_text(path) as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def open_text(path: Path) -> IO[str]:
    """A file in UTF-8, as it is; one that ends in `.gz` is decompressed.

    Raises:
        DataError: There is no such file.
    """
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="Fetch the set as it was published, or see --data")
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8", newline="")
