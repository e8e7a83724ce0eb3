"""Every error that Ragstone raises on purpose.

    RagstoneError
    ├── SettingsError            a setting is unknown, of the wrong type or out of range
    ├── SourceError              a path to ingest is missing, unreadable or holds nothing
    ├── ParseError               a file gave no text: corrupt, binary, encrypted, not supported
    │   └── EncryptedError       ... because it is locked with a password
    ├── LibraryError             the library folder cannot be used
    │   ├── LibraryNotFoundError ... there is none yet
    │   ├── LibraryVersionError  ... a newer Ragstone wrote it
    │   ├── LibraryClosedError   ... it was closed, or opened by another process, of which this one was forked
    │   ├── LibraryLockedError   ... another process is ingesting into it
    │   ├── LibraryWriteError    ... the disk is full or the folder is read-only
    │   └── EmbedderMismatchError ... its vectors come from another embedding model
    ├── ModelError               a model cannot be used
    │   ├── ModelNotFoundError   ... it is not in the catalogue, not on this machine, or not on its server
    │   ├── DownloadError        ... no source delivered it
    │   ├── ChecksumError        ... its bytes are not the catalogue's
    │   ├── ModelLoadError       ... llama.cpp or the embedding runtime refused it
    │   └── ServerError          ... its server refused, or did not answer
    ├── GenerationError          a prompt or a sampling parameter cannot be used, or an answer cannot be made
    │   ├── ContextOverflowError ... the prompt leaves no room for an answer
    │   └── BrokenAnswerError    ... it broke off; the text so far was given
    ├── DataError                data to evaluate with is missing or broken
    ├── EvaluationError          a run cannot be made, resumed or compared
    └── OfflineError             something asked for the network while RAGSTONE_OFFLINE=1

Anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from os import PathLike
from typing import Any


class RagstoneError(Exception):
    """What happened, to which file, and what to do about it.

    Args:
        what: What happened, as a clause without a full stop.
        remedy: What the reader can do, as a sentence without its full stop.
        path: The file or folder it happened to, if there is one.
    """

    def __init__(self, what: str, *, remedy: str, path: str | PathLike[str] | None = None) -> None:
        self.what = what
        self.remedy = remedy
        self.path = None if path is None else str(path)
        super().__init__(what)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.what}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.what, self.remedy, self.path), vars(self)


def _rebuild(kind: type[RagstoneError], what: str, remedy: str, path: str | None) -> RagstoneError:
    return kind(what, remedy=remedy, path=path)


class SettingsError(RagstoneError):
    """A setting is unknown, of the wrong type or out of range."""


class SourceError(RagstoneError):
    """A path to ingest is missing, unreadable or holds nothing."""


class ParseError(RagstoneError):
    """A file gave no text."""


class EncryptedError(ParseError):
    """A file is locked with a password."""


class LibraryError(RagstoneError):
    """The library folder cannot be used."""


class LibraryNotFoundError(LibraryError):
    """There is no library in this folder."""


class LibraryVersionError(LibraryError):
    """A newer Ragstone wrote this library."""


class LibraryClosedError(LibraryError):
    """This library was closed, or was opened before the process forked."""


class LibraryLockedError(LibraryError):
    """Another process is writing to this library."""


class LibraryWriteError(LibraryError):
    """The disk is full or the folder cannot be written to."""


class EmbedderMismatchError(LibraryError):
    """The library's vectors come from another embedding model."""


class ModelError(RagstoneError):
    """A model cannot be used."""


class ModelNotFoundError(ModelError):
    """A model is not in the catalogue, not on this machine, or not on its server."""


class DownloadError(ModelError):
    """No source delivered a model."""


class ChecksumError(ModelError):
    """A model's bytes are not those that the catalogue names."""


class ModelLoadError(ModelError):
    """llama.cpp or the embedding runtime refused a model."""


class ServerError(ModelError):
    """The server of a chat model refused, did not answer, or answered what cannot be read.

    Attributes:
        status: The HTTP status of its answer; None when there was none.
    """

    def __init__(
        self, what: str, *, remedy: str, path: str | PathLike[str] | None = None, status: int | None = None
    ) -> None:
        super().__init__(what, remedy=remedy, path=path)
        self.status = status


class GenerationError(RagstoneError):
    """A prompt or a sampling parameter cannot be used, or an answer cannot be made."""


class ContextOverflowError(GenerationError):
    """A prompt leaves no room for an answer."""


class BrokenAnswerError(GenerationError):
    """An answer broke off. Its text so far was given, and its finish reason stays `interrupted`."""


class DataError(RagstoneError):
    """Data to evaluate with is missing or broken."""


class EvaluationError(RagstoneError):
    """A run cannot be made, resumed or compared."""


class OfflineError(RagstoneError):
    """Something asked for the network while RAGSTONE_OFFLINE=1."""
