"""Texts that are no files, and tags: what a program puts into a library besides files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from functools import partial
from operator import index
from typing import SupportsIndex

from ..errors import SettingsError, SourceError
from ..retrieval import tags
from ..retrieval.library import Library
from ..retrieval.records import Document
from .encoders import Encoders
from .given import require_text, usable
from .settings import Settings


class Adding:
    """What `Ragstone` puts into its library besides files. What is only named here is `Ragstone`'s own."""

    library: Library
    settings: Settings
    _encoders: Encoders
    _forget_prefixes: Callable[[], None]
    _writer: Callable[[], AbstractContextManager[None]]

    def add(
        self,
        text: str,
        *,
        name: str,
        title: str | None = None,
        metadata: Mapping[str, str | float | date] | None = None,
        collection: str | None = None,
    ) -> Document:
        """Store a text that is no file, as that of a plain text file would be; what is stored of it.

        It takes the place of the earlier text of its name. If text, title and metadata are those of before, nothing is
        embedded. It stays until it is removed: an ingest knows files only.

        Args:
            text: Plain text.
            name: What it is known by, and cited as; it may hold folders: `tickets/4711`.
            title: By default the name.
            metadata: What can be filtered by: `{"author": "Jane", "date": "2024-07-31"}`.
            collection: The collection that it goes to; by default a known text stays where it is.

        Raises:
            SourceError: The text is empty.
            SettingsError: A name, a title or a value of the metadata cannot be used.
            LibraryError: The library cannot be written to.
            ModelError: The embedding model cannot be used.
        """
        from ..ingest.parsers.text import parse_text
        from ..ingest.pipeline import ingest_text
        from .ingesting import ingest_options

        require_text("text", text)
        called = usable("name", name)
        if not isinstance(metadata, Mapping | None):
            raise SettingsError(
                f"the metadata {metadata!r} is no mapping", remedy='Give one, such as {"author": "Jane"}'
            )
        told = {usable("key", key): _value(key, value) for key, value in (metadata or {}).items()}
        document = parse_text(text)
        if not document.text.strip():
            raise SourceError("the text is empty", path=called, remedy="Give one with words, or remove the document")
        document = replace(document, title=usable("title", title or called), metadata=told)
        options = ingest_options(self.settings, collection, embedding_model=self._encoders.embedding_model)
        load = partial(self._encoders.embedder, ingesting=True)
        with self._writer():
            before = self.library.revision
            try:
                return ingest_text(self.library, called, document, load, options)
            finally:
                if self.library.revision != before:
                    self._forget_prefixes()

    def tag(self, document_ids: int | Iterable[int], *names: str) -> None:
        """Give a document, or several, tags to filter by; those that are gone are left out.

        Raises:
            SettingsError: A tag is no text, is empty or too long; or what is tagged is no id of a document.
        """
        tags.tag(self.library, _ids(document_ids), *_names(names))

    def untag(self, document_ids: int | Iterable[int], *names: str) -> None:
        """Take tags from a document, or from several; one that they do not have is left out.

        Raises:
            SettingsError: A tag is no text, is empty or too long; or what is tagged is no id of a document.
        """
        tags.untag(self.library, _ids(document_ids), *_names(names))


def _ids(given: int | Iterable[int]) -> list[int]:
    ids = list(given) if isinstance(given, Iterable) else [given]
    for one in ids:
        if not isinstance(one, SupportsIndex):
            raise SettingsError(f"{one!r} is no id of a document", remedy="Give the `id` of a document, or several")
    return [index(one) for one in ids]


def _names(given: Iterable[object]) -> list[str]:
    return [usable("tag", name) for name in given]


def _value(key: str, value: object) -> str:
    if isinstance(value, date):  # and a datetime is one
        return value.isoformat()
    return usable(f"value of {key}", str(value) if isinstance(value, int | float) else value, empty=True)
