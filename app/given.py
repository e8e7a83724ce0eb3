"""What a program gives the engine: made sure of, before anything is done with it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..errors import SettingsError

GivenPath = str | os.PathLike[str]


def require_text(name: str, given: object) -> None:
    """Make sure that what is searched for, or asked, is a text.

    Raises:
        SettingsError: It is none.
    """
    if not isinstance(given, str):
        raise SettingsError(f"the {name} {given!r} is no text", remedy="Give a text")


def usable(name: str, given: object, *, empty: bool = False) -> str:
    """A text that can be kept and found again.

    Raises:
        SettingsError: It is no text, cannot be written as UTF-8, or is empty where it may not be.
    """
    if not isinstance(given, str) or "\0" in given or given != given.encode("utf-8", "ignore").decode():
        raise SettingsError(f"the {name} {given!r} is no text that can be kept", remedy="Give a text of Unicode")
    if not (empty or given.strip()):
        raise SettingsError(f"the {name} is empty", remedy="Give a text")
    return given


def require_name(collection: object) -> None:
    """Make sure that a collection can be called so.

    Raises:
        SettingsError: The name is no text, or not UTF-8: a shell passes on bytes that are no text.
    """
    if collection is None:
        return
    if not isinstance(collection, str):
        raise SettingsError(f"{collection!r} is no name of a collection", remedy="Give a text")
    try:
        collection.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(
            f"the collection's name {collection!r} is not valid UTF-8", remedy="Write it in UTF-8"
        ) from error


def several_texts(name: str, given: object) -> tuple[str, ...]:
    """One text, or several, as several.

    Raises:
        SettingsError: It is neither.
    """
    texts = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (None,)
    if not all(isinstance(text, str) for text in texts):
        raise SettingsError(f"{name} is no text, nor a list of texts", remedy="Give one of them")
    return texts


def several_paths(given: Iterable[object]) -> list[Any]:
    """Paths, and what stands in lists of paths, one after another; whether each can be a path is not looked at."""
    found: list[Any] = []
    for one in given:
        if isinstance(one, str | bytes | os.PathLike) or not isinstance(one, Iterable):
            found.append(one)
        else:
            found += one
    return [os.fspath(path) if isinstance(path, os.PathLike) else path for path in found]
