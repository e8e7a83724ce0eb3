"""What an ingest says of itself: its progress, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is; `fraction` is of the bytes to read, 0..1."""

    path: str
    files_done: int
    files: int
    chunks: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A document whose text is nearly that of another one."""

    path: str
    of: str
    """The path of the document that was there before."""
    similarity: float
    """Estimated Jaccard similarity of their word 5-grams, 0.9..1 (see `ingest.duplicates`)."""
    skipped: bool
    """It was not stored."""


@dataclass(slots=True)
class IngestReport:
    """What an ingest did. Numbers count files; paths of files inside files continue with the path inside."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    """Files found under another path, with the same content; those read again count in `updated`, too."""
    removed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason with remedy); an earlier version of such a file stays in the library, and the reason says so."""
    empty: list[tuple[str, list[int]]] = field(default_factory=list)
    """(path, pages that gave no text); all pages of a document without any text, none for formats without pages."""
    unsupported: list[str] = field(default_factory=list)
    """Files of folders and archives whose format no parser reads."""
    duplicates: list[Duplicate] = field(default_factory=list)
    recognized: list[tuple[str, list[int]]] = field(default_factory=list)
    """(path, pages whose text was recognized in their image)."""
    instructions: list[tuple[str, int]] = field(default_factory=list)
    """(path, places in it that speak to the assistant; see `ingest.instructions`)."""
    chunks: int = 0
    """Chunks embedded."""
    seconds: float = 0.0
