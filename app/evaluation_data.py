"""Sets of published data, brought from the hub to the folder of sets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import DataError, OfflineError, SettingsError
from ..eval.suites.registry import chosen_sets
from ..generation.models.hub import fetch_dataset


def pull_set(
    name: str,
    repo: str,
    data: Path,
    *,
    below: str = "",
    revision: str | None = None,
    offline: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Path:
    """Bring a set from a repository of the hub that holds it in the form in which it was published.

    It is read once, and kept only if that goes well. What an interrupted call brought is used by the next.

    Args:
        name: Of a set, as `chosen_sets` knows it.
        repo: `owner/name`.
        data: The folder of sets; it is made if there is none.
        below: The folder of the repository that holds the set.
        revision: A branch, tag or commit; by default the newest.
        offline: The network is not to be used.
        progress: Told the file, the bytes that are here, and all bytes.

    Returns:
        The set's folder.

    Raises:
        SettingsError: There is no such set, or the name stands for several.
        DataError: The set is here already, cannot be stored, or the repository holds something else.
        OfflineError: It is not here, and the network is not to be used.
        DownloadError: The hub cannot be reached, or has no such files.
    """
    sets = [of for _, of in chosen_sets([name]) if of.folder]
    if len(sets) != 1:
        raise SettingsError(f"{name} is not one set of published data", remedy="Name one of `ragstone eval list`")
    (of,) = sets
    place = data / of.folder
    if place.exists():
        raise DataError(f"{name} is here already", path=place, remedy="Delete the folder to bring it anew")
    if offline:
        raise OfflineError(f"{name} is not here and must not be downloaded", remedy="Unset RAGSTONE_OFFLINE")
    work = place.with_name(f".{place.name}.{repo.replace('/', '--')}.partial")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{name} cannot be stored ({os.strerror(error.errno or 0).lower()})",
            path=data,
            remedy="Choose a folder that can be written to",
        ) from error
    fetch_dataset(repo, work, progress, below=below, revision=revision)
    try:
        of.load(work / below)
    except DataError as error:
        shutil.rmtree(work)
        raise DataError(
            f"{repo} does not hold {name} in the form in which it was published: {error.what}",
            remedy="Name its folder there with --below, or another repository",
        ) from error
    (work / below).rename(place)
    shutil.rmtree(work, ignore_errors=True)
    return place
