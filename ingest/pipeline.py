"""A file's way into the library: find, parse, chunk, embed, store.

Files are embedded and stored in batches of whole documents, one transaction each: what is interrupted has lost at
most one batch, and the next run goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ParseError, SourceError
from ..retrieval.library import Library
from ..retrieval.records import NewDocument, StoredFile, TextChunk
from .chunking import ChunkSize, chunk_document
from .parsed import ParsedDocument
from .parsers import SUFFIXES, parse
from .sources import SourceFile, Walk, deleted, has_changed, sha256, unreadable, walk

if TYPE_CHECKING:
    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)

PARSERS_VERSION = 1
"""Raised when parsers or chunker give other text for the same file, so that the next ingest reads every file again."""

BATCH_CHUNKS = 256
"""Chunks embedded and stored together."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is; `fraction` is of the bytes to read, 0..1."""

    path: str
    files_done: int
    files: int
    chunks: int
    fraction: float


@dataclass(slots=True)
class IngestReport:
    """What an ingest did."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason with remedy); an earlier version of such a file stays in the library."""
    empty: list[tuple[str, list[int]]] = field(default_factory=list)
    """(path, pages that gave no text); all pages of a document without any text, none for formats without pages."""
    unsupported: list[str] = field(default_factory=list)
    """Files of the folders whose format no parser reads."""
    chunks: int = 0
    """Chunks embedded."""
    seconds: float = 0.0


@dataclass(slots=True)
class _Pending:
    """A document that is chunked and waits to be embedded."""

    file: SourceFile
    digest: str
    document: ParsedDocument
    chunks: list[TextChunk]
    known: bool


def ingest(
    library: Library,
    paths: Sequence[str | Path],
    embedder: Embedder,
    size: ChunkSize,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Bring the library up to date with files and folders.

    New and changed files are read, unchanged ones are left alone, and what is gone from the folders leaves the
    library. A file that cannot be read is reported and stops nothing.

    Raises:
        SourceError: A path is missing, or there is nothing to ingest.
        LibraryLockedError: Another process is writing to the library.
        LibraryWriteError: The disk is full; what was stored before stays.
        EmbedderMismatchError: The library's vectors come from another embedding model.
    """
    started = time.monotonic()
    found = walk(paths, SUFFIXES)
    with library.locked():
        library.use_embedder(embedder.identity)
        run = _Run(library, embedder, size, on_progress or (lambda _: None), len(found.files))
        run.report.unsupported, run.report.failed = found.unsupported, found.failed
        stored = library.files()
        gone = deleted(found, stored)
        _refuse_nothing(found, gone, paths)
        changed = run.changed(found.files, stored)
        run.read(changed, stored)
        if gone:
            library.remove(known.document_id for known in gone)
            run.report.removed = len(gone)
        _publish(library)
    run.report.seconds = time.monotonic() - started
    return run.report


class _Run:
    """One ingest in progress."""

    def __init__(
        self, library: Library, embedder: Embedder, size: ChunkSize, tell: Callable[[Progress], None], files: int
    ) -> None:
        self._library, self._embedder, self._size, self._tell = library, embedder, size, tell
        self._recipe = f"{PARSERS_VERSION}/{size.tokens}/{size.overlap}"
        self._pending: list[_Pending] = []
        self._files, self._done, self._bytes, self._bytes_done = files, 0, 0, 0
        self._started = datetime.now(UTC)
        self.report = IngestReport()

    def changed(self, files: list[SourceFile], stored: dict[str, StoredFile]) -> list[SourceFile]:
        """The files to read; the others are counted as unchanged, and their new times or paths noted."""
        changed, touched = [], []
        for file in files:
            known = stored.get(str(file.absolute))
            try:
                if has_changed(file, known, self._recipe):
                    changed.append(file)
                    continue
            except OSError as error:
                self._fail(file.path, unreadable(error))
                continue
            self.report.unchanged += 1
            self._done += 1
            if known and (known.mtime_ns, known.path, known.settled) != (file.mtime_ns, file.path, True):
                touched.append((known.document_id, file.path, file.mtime_ns))
        if touched:
            self._library.refresh(touched, self._started)
        self._bytes = sum(file.size for file in changed)
        return changed

    def read(self, files: list[SourceFile], stored: dict[str, StoredFile]) -> None:
        """Parse, chunk, embed and store files."""
        waiting = 0
        for file in files:
            self._report_progress(file.path)
            try:
                digest = sha256(file.absolute)
                document = parse(file.absolute)
            except ParseError as error:
                self._fail(file.path, f"{error.what}. {error.remedy}.")
            except OSError as error:
                self._fail(file.path, unreadable(error))
            else:
                chunks = chunk_document(document, self._embedder.token_offsets, self._size)
                self._note_empty(file, document)
                self._pending.append(_Pending(file, digest, document, chunks, str(file.absolute) in stored))
                waiting += len(chunks)
            if waiting >= BATCH_CHUNKS:
                self._flush()
                waiting = 0
        self._flush()
        self._report_progress("")

    def _flush(self) -> None:
        texts = [chunk.text for pending in self._pending for chunk in pending.chunks]
        vectors = np.zeros((len(texts), self._embedder.identity.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH_CHUNKS):  # one huge document still shows its progress
            part = texts[start : start + BATCH_CHUNKS]
            vectors[start : start + len(part)] = self._embedder.embed_passages(part)
            self.report.chunks += len(part)
            self._report_progress(self._pending[-1].file.path)
        documents, row = [], 0
        for pending in self._pending:
            documents.append(self._new_document(pending, vectors[row : row + len(pending.chunks)]))
            row += len(pending.chunks)
        if documents:
            self._library.store(documents)
        for pending in self._pending:
            self.report.updated += pending.known
            self.report.added += not pending.known
            self._done += 1
            self._bytes_done += pending.file.size
        self._pending.clear()

    def _new_document(
        self, pending: _Pending, vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    ) -> NewDocument:
        file, document = pending.file, pending.document
        return NewDocument(
            path=file.path,
            absolute_path=str(file.absolute),
            title=document.title or file.absolute.stem,
            media_type=document.media_type,
            sha256=pending.digest,
            size=file.size,
            mtime_ns=file.mtime_ns,
            recipe=self._recipe,
            read_at=self._started,
            text=document.text,
            pages=document.pages,
            chunks=pending.chunks,
            vectors=vectors,
        )

    def _note_empty(self, file: SourceFile, document: ParsedDocument) -> None:
        empty = [page.number for page in document.pages if page.char_start == page.char_end]
        if empty or not document.text.strip():
            self.report.empty.append((file.path, empty))

    def _fail(self, path: str, reason: str) -> None:
        log.info("%s: %s", path, reason)
        self.report.failed.append((path, reason))
        self._done += 1

    def _report_progress(self, path: str) -> None:
        fraction = min(self._bytes_done / self._bytes, 1.0) if self._bytes else 1.0
        self._tell(Progress(path, self._done, self._files, self.report.chunks, fraction))


def _refuse_nothing(found: Walk, gone: list[StoredFile], paths: Sequence[str | Path]) -> None:
    """A folder with nothing in it is more often a wrong path or a missing drive than a wish to empty the library."""
    if found.files or found.failed:
        return
    held = f"; {len(gone)} documents of it are in the library and stay there" if gone else ""
    kept = f"; {len(found.unsupported)} files are of formats that are not supported" if found.unsupported else ""
    raise SourceError(
        f"there is nothing to ingest{kept}{held}",
        path=", ".join(map(str, paths)),
        remedy="Check the path" + (", or remove them with `ragstone docs remove PATH`" if gone else ""),
    )


def _publish(library: Library) -> None:
    from ..retrieval.vectors import VectorIndex

    VectorIndex.load(library)
