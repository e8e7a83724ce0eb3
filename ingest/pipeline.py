"""A file's way into the library: find, parse, chunk, embed, store.

Files are parsed ahead in child processes, chunked and embedded together, and stored one transaction each: what is
interrupted loses nothing that was stored, and the next run goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import SourceError
from ..retrieval.library import Library
from ..retrieval.records import NewDocument, NewFile, StoredFile, TextChunk
from .chunking import ChunkPlan, chunk_document, embedded_texts
from .duplicates import DuplicateFinder
from .isolation import Limits, ParserPool
from .parsed import ParsedDocument
from .parsers import Reading, family
from .report import Duplicate, IngestReport, Progress
from .selection import Selection
from .sources import SourceFile, Walk, deleted, has_changed, moved, sha256, unreadable, walk

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)

PARSERS_VERSION = 2
"""Raised when parsers or chunker give other text for the same file, so that the next ingest reads every file again."""

BATCH_CHUNKS = 512
"""Chunks embedded together: the more there are, the more alike in length are those that share a call."""

_AGAIN = ""
"""The recipe of a file that the next ingest is to read again."""

DuplicatePolicy = Literal["keep", "report", "skip"]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How files are ingested."""

    plan: ChunkPlan = field(default_factory=ChunkPlan)
    limits: Limits = field(default_factory=Limits)
    selection: Selection = field(default_factory=Selection)
    duplicates: DuplicatePolicy = "report"
    """Near-duplicates are stored unseen, stored and reported, or reported and left out."""
    collection: str | None = None
    """Where the files go; None leaves known ones where they are, and puts new ones into none."""
    embedding_model: str = ""
    """Its name, as part of what the stored chunks depend on."""

    def supports(self, path: Path) -> bool:
        """Whether there is a parser for such a file."""
        name = family(path)
        return name is not None and (name != "image" or self._recognizes)

    def recipe(self, path: Path) -> str:
        """What a file's stored chunks depend on besides its content; another recipe means reading it again."""
        plan = self.plan
        how = f"{PARSERS_VERSION}/{self.embedding_model}/{plan.method}/{plan.tokens}/{plan.overlap}/{plan.prefix:d}"
        return f"{how}/{self.limits.ocr}" if family(path) in ("pdf", "image") and self._recognizes else how

    @property
    def _recognizes(self) -> bool:
        from .parsers.ocr import available

        return self.limits.ocr != "off" and available()


@dataclass(slots=True)
class _Draft:
    """A document that is chunked and waits to be embedded."""

    part: str
    document: ParsedDocument
    signature: bytes
    chunks: list[TextChunk]


@dataclass(slots=True)
class _Pending:
    """A file whose documents wait to be embedded."""

    file: SourceFile
    digest: str
    recipe: str
    drafts: list[_Draft] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def ingest(
    library: Library,
    paths: Sequence[str | Path],
    embedder: Callable[[], Embedder],
    options: IngestOptions,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Bring the library up to date with files and folders.

    New and changed files are read, unchanged ones are left alone, moved ones keep what was read of them, and what is
    gone from the folders leaves the library. A file that cannot be read is reported and stops nothing.

    Args:
        library: The library.
        paths: Files and folders.
        embedder: Gives the embedding model; called only when there is something to embed.
        options: How to read, cut and store.
        on_progress: Told after every file and every batch of chunks.

    Raises:
        SourceError: A path is missing, or there is nothing to ingest.
        LibraryLockedError: Another process is writing to the library.
        LibraryWriteError: The disk is full; what was stored before stays.
        EmbedderMismatchError: The library's vectors come from another embedding model.
    """
    started = time.monotonic()
    found = walk(paths, options.supports, options.selection)
    with library.locked():
        before, stored = library.revision, library.files()
        gone = deleted(found, stored)
        _refuse_nothing(found, gone, paths)
        run = _Run(library, options, on_progress or (lambda _: None), found)
        changed = run.compare(found.files, stored, gone)
        if changed:
            run.read(changed, stored, embedder())
        if library.revision != before:
            _publish(library)
    run.report.seconds = time.monotonic() - started
    return run.report


class _Run:
    """One ingest in progress."""

    def __init__(self, library: Library, options: IngestOptions, tell: Callable[[Progress], None], found: Walk) -> None:
        self._library, self._options, self._tell = library, options, tell
        self._files, self._done, self._bytes, self._bytes_done = len(found.files), 0, 0, 0
        self._started = datetime.now(UTC)
        self.report = IngestReport(unsupported=found.unsupported, failed=found.failed)

    def compare(
        self, files: list[SourceFile], stored: dict[str, StoredFile], gone: list[tuple[str, StoredFile]]
    ) -> list[SourceFile]:
        """Follow moves and deletions, note unchanged files; the files that have to be read."""
        moves = moved((f for f in files if str(f.absolute) not in stored), gone, self._options.recipe)
        if moves:
            self._library.move({known.id: (file.path, str(file.absolute)) for file, known in moves.items()})
            self.report.moved = len(moves)
        at_new_places = {known.id for known in moves.values()}
        left = [known.id for _, known in gone if known.id not in at_new_places]
        if left:
            self._library.remove_files(left)
            self.report.removed = len(left)
        known_now = {str(f.absolute): k for f in files if (k := moves.get(f) or stored.get(str(f.absolute)))}
        changed, unchanged = [], []
        for file in files:
            known = known_now.get(str(file.absolute))
            try:
                if known is None or self._has_changed(file, known):
                    changed.append(file)
                else:
                    unchanged.append((file, known))
            except OSError as error:
                self._fail(file.path, unreadable(error))
        self._note_unchanged(unchanged, moved=set(moves))
        self._bytes = sum(file.size for file in changed)
        return changed

    def read(self, files: list[SourceFile], stored: dict[str, StoredFile], embedder: Embedder) -> None:
        """Parse, chunk, embed and store files."""
        self._library.use_embedder(embedder.identity)
        plan = self._options.plan
        plan = replace(plan, tokens=min(plan.tokens, embedder.passage_tokens))
        reader = _Reader(self._library, self._options, plan, embedder, self.report)
        pending: list[_Pending] = []
        waiting = 0
        with ParserPool(self._options.limits) as pool:
            for (file, digest), readings in pool.read_all(self._hashed(files)):
                self._report_progress(file.path)
                known = stored.get(str(file.absolute))
                read = reader.read(file, digest, readings, known)
                if read is None:
                    self._done += 1
                    self._bytes_done += file.size
                    continue
                pending.append(read)
                waiting += sum(len(draft.chunks) for draft in read.drafts)
                if waiting >= BATCH_CHUNKS:
                    self._store(pending, stored, plan, embedder)
                    pending, waiting = [], 0
            self._store(pending, stored, plan, embedder)
        self._report_progress("")

    def _has_changed(self, file: SourceFile, known: StoredFile) -> bool:
        may_open_now = bool(known.failed and self._options.limits.passwords)
        return may_open_now or has_changed(file, known, self._options.recipe(file.absolute))

    def _note_unchanged(self, files: list[tuple[SourceFile, StoredFile]], moved: set[SourceFile]) -> None:
        collection = self._options.collection
        touched = []
        for file, known in files:
            self.report.unchanged += file not in moved
            self.report.failed += [(f"{file.path}/{part}", reason) for part, reason in known.failed]
            self._done += 1
            wanted = known.collection if collection is None else collection
            if (known.mtime_ns, known.path, known.collection, known.settled) != (
                file.mtime_ns,
                file.path,
                wanted,
                True,
            ):
                touched.append((known.id, file.path, file.mtime_ns, wanted))
        if touched:
            self._library.refresh(touched, self._started)

    def _hashed(self, files: list[SourceFile]) -> Iterator[tuple[tuple[SourceFile, str], Path]]:
        for file in files:
            try:
                yield (file, sha256(file.absolute)), file.absolute
            except OSError as error:
                self._fail(file.path, unreadable(error))

    def _store(
        self, pending: list[_Pending], stored: dict[str, StoredFile], plan: ChunkPlan, embedder: Embedder
    ) -> None:
        title = [(d, d.document.title or _name(p.file, d.part)) for p in pending for d in p.drafts]
        texts = [t for d, name in title for t in embedded_texts(d.chunks, name, embedder.token_offsets, plan)]
        vectors = np.empty((len(texts), embedder.identity.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH_CHUNKS):  # one huge document still shows its progress
            part = texts[start : start + BATCH_CHUNKS]
            vectors[start : start + len(part)] = embedder.embed_passages(part)
            self.report.chunks += len(part)
            self._report_progress(pending[-1].file.path)
        row = 0
        for read in pending:
            known = stored.get(str(read.file.absolute))
            chunks = sum(len(draft.chunks) for draft in read.drafts)
            self._library.store(self._new_file(read, vectors[row : row + chunks], known))
            row += chunks
            self.report.updated += known is not None
            self.report.added += known is None
            self._done += 1
            self._bytes_done += read.file.size

    def _new_file(self, read: _Pending, vectors: npt.NDArray[np.float32], known: StoredFile | None) -> NewFile:
        file, documents, row = read.file, [], 0
        for draft in read.drafts:
            documents.append(_new_document(file, draft, vectors[row : row + len(draft.chunks)]))
            row += len(draft.chunks)
        collection = self._options.collection
        return NewFile(
            path=file.path,
            absolute_path=str(file.absolute),
            collection=(known.collection if known else "") if collection is None else collection,
            sha256=read.digest,
            size=file.size,
            mtime_ns=file.mtime_ns,
            recipe=read.recipe,
            read_at=self._started,
            failed=read.failed,
            documents=documents,
        )

    def _fail(self, path: str, reason: str) -> None:
        log.info("%s: %s", path, reason)
        self.report.failed.append((path, reason))
        self._done += 1

    def _report_progress(self, path: str) -> None:
        fraction = min(self._bytes_done / self._bytes, 1.0) if self._bytes else 1.0
        self._tell(Progress(path, self._done, self._files, self.report.chunks, fraction))


class _Reader:
    """Turns what the parsers found in a file into chunked documents, and notes what is to be said of it."""

    def __init__(
        self, library: Library, options: IngestOptions, plan: ChunkPlan, embedder: Embedder, report: IngestReport
    ) -> None:
        self._library, self._options, self._plan, self._embedder = library, options, plan, embedder
        self._report = report
        signatures = library.signatures() if options.duplicates != "keep" else {}
        self._finder = DuplicateFinder({document: signature for document, (_, signature) in signatures.items()})
        self._documents_of: dict[int, list[int]] = {}
        for document, (file, _) in signatures.items():
            self._documents_of.setdefault(file, []).append(document)
        self._new: list[str] = []
        """Paths of the documents of this run; the finder knows them as -1, -2, ..."""

    def read(
        self, file: SourceFile, digest: str, readings: list[tuple[Reading, bytes]], known: StoredFile | None
    ) -> _Pending | None:
        """A file's documents, chunked; None if it gave none, so that it is tried again next time."""
        if known and any(reading.document for reading, _ in readings):
            for document in self._documents_of.get(known.id, []):  # what is about to be replaced
                self._finder.discard(document)
        pending = _Pending(file, digest, self._options.recipe(file.absolute))
        for reading, signature in readings:
            path = f"{file.path}/{reading.part}" if reading.part else file.path
            if reading.error is not None:
                reason = f"{reading.error.what}. {reading.error.remedy}."
                log.info("%s: %s", path, reason)
                self._report.failed.append((path, reason))
                pending.failed.append((reading.part, reason))
            elif reading.document is None:
                self._report.unsupported.append(path)
            elif self._is_left_out(path, signature):
                pending.recipe = _AGAIN  # the other one may be gone by then
            else:
                pending.drafts.append(self._draft(file, path, reading.part, reading.document, signature))
        return None if pending.failed and not pending.drafts else pending

    def _draft(self, file: SourceFile, path: str, part: str, document: ParsedDocument, signature: bytes) -> _Draft:
        empty = [page.number for page in document.pages if page.char_start == page.char_end]
        if empty or not document.text.strip():
            self._report.empty.append((path, empty))
        if recognized := [page.number for page in document.pages if page.ocr]:
            self._report.recognized.append((path, recognized))
        embedder, title = self._embedder, document.title or _name(file, part)
        chunks = chunk_document(document, embedder.token_offsets, self._plan, embedder.embed_passages, title)
        return _Draft(part, document, signature, chunks)

    def _is_left_out(self, path: str, signature: bytes) -> bool:
        """Whether a document is to be skipped as a near-duplicate; either way it is reported."""
        if self._options.duplicates == "keep" or not signature:
            return False
        found = self._finder.find(signature)
        skipped = found is not None and self._options.duplicates == "skip"
        if found is not None:
            self._report.duplicates.append(Duplicate(path, self._path(found[0]), round(found[1], 3), skipped))
        if not skipped:
            self._new.append(path)
            self._finder.add(-len(self._new), signature)
        return skipped

    def _path(self, document: int) -> str:
        if document < 0:
            return self._new[-document - 1]
        known = self._library.document(document)
        return known.path if known else ""


def _new_document(file: SourceFile, draft: _Draft, vectors: npt.NDArray[np.float32]) -> NewDocument:
    document = draft.document
    return NewDocument(
        part=draft.part,
        title=document.title or _name(file, draft.part),
        media_type=document.media_type,
        metadata=document.metadata,
        signature=draft.signature,
        text=document.text,
        pages=document.pages,
        chunks=draft.chunks,
        vectors=vectors,
    )


def _name(file: SourceFile, part: str) -> str:
    return Path(part).stem if part else file.absolute.stem


def _refuse_nothing(found: Walk, gone: list[tuple[str, StoredFile]], paths: Sequence[str | Path]) -> None:
    """A folder with nothing in it is more often a wrong path or a missing drive than a wish to empty the library."""
    if found.files or found.failed or found.ignored:
        return
    held = f"; {len(gone)} files of it are in the library and stay there" if gone else ""
    kept = f"; {len(found.unsupported)} files are of formats that are not supported" if found.unsupported else ""
    raise SourceError(
        f"there is nothing to ingest{kept}{held}",
        path=", ".join(map(str, paths)),
        remedy="Check the path" + (", or remove them with `ragstone docs remove PATH`" if gone else ""),
    )


def _publish(library: Library) -> None:
    from ..retrieval.vectors import VectorIndex

    VectorIndex.publish(library)
