"""A file's way into the library: find, parse, chunk, embed, store.

Files are parsed ahead in child processes, chunked and embedded together, and stored one transaction each: what is
interrupted loses nothing that was stored, and the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import SourceError
from ..retrieval.disk import sha256_of
from ..retrieval.library import Library
from ..retrieval.records import Document, Instruction, NewDocument, NewFile, StoredFile
from .chunking import ChunkPlan, embedded_texts
from .drafts import AGAIN, Draft, DraftReader, PendingFile, depends_on_name, path_of, with_earlier
from .instructions import VERSION, embed_cut, find_instructions
from .isolation import ParserPool
from .options import IngestOptions
from .parsed import ParsedDocument
from .parsers import Reading
from .refusing import refuse_nothing, with_what_stays
from .report import IngestReport, Progress
from .signatures import signature
from .sources import SourceFile, Walk, deleted, has_changed, moved, stored_below, unreadable, walk

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)

_NO_FILE = "text:"
"""Comes before the name of a text that is no file, in the place of an absolute path: it lies below no folder. The name
stands there as it was given; as a path, a//b would be a/b."""

BATCH_CHUNKS = 512
"""Chunks embedded together: the more there are, the more alike in length are those that share a call."""


def ingest(
    library: Library,
    paths: Sequence[str | Path],
    embedder: Callable[[], Embedder],
    options: IngestOptions,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Bring the library up to date with files and folders.

    New and changed files are read, unchanged ones are left alone, moved ones keep what was read of them unless it
    depends on their name, and what is gone from the folders leaves the library. A file that cannot be read is reported
    and stops nothing.

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
    try:
        found = walk(paths, options.supports, options.selection)
    except SourceError as error:
        raise with_what_stays(error, library) from error
    with library.locked():
        before, stored = library.revision, library.files()
        gone = deleted(found, stored)
        run = _Run(library, options, on_progress or (lambda _: None), found)
        run.note_walk(found, stored)
        changed = run.compare(found, stored, gone, paths)
        if changed:
            run.read(changed, embedder())
        if options.instructions:
            run.check_earlier(embedder)
        if library.revision != before:
            _publish(library, options.index_memory_mb)
    run.report.seconds = time.monotonic() - started
    return run.report


def ingest_text(
    library: Library, name: str, document: ParsedDocument, embedder: Callable[[], Embedder], options: IngestOptions
) -> Document:
    """Store a text that is no file, in the place of the earlier one of its name; what is stored of it.

    One that is unchanged is left alone. No ingest of a folder ever takes it for a file that is gone.

    Raises:
        LibraryLockedError: Another process is writing to the library.
        LibraryWriteError: The disk is full; what was stored before stays.
        EmbedderMismatchError: The library's vectors come from another embedding model.
    """
    data = document.text.encode()
    file = SourceFile(name, Path(_NO_FILE + name), len(data), time.time_ns())
    digest = hashlib.sha256(data).hexdigest()
    with library.locked():
        known, before = library.files(_place(file)).get(_place(file)), _stored(library, name)
        told = before and (before.title, before.metadata, before.sha256)
        wanted = options.collection
        if (
            not known
            or told != (document.title, document.metadata, digest)
            or known.recipe != options.recipe(file.absolute)
        ):
            run = _Run(library, replace(options, duplicates="keep"), lambda _: None, Walk())
            run.read_text(file, digest, document, known, embedder())
            _publish(library, options.index_memory_mb)
        elif wanted is not None and wanted != known.collection:
            library.refresh([(known.id, name, known.mtime_ns, wanted)], datetime.now(UTC))
        stored = _stored(library, name)
    assert stored is not None
    return stored


class _Run:
    """One ingest in progress."""

    def __init__(self, library: Library, options: IngestOptions, tell: Callable[[Progress], None], found: Walk) -> None:
        self._library, self._options, self._tell = library, options, tell
        self._files, self._done, self._bytes, self._bytes_done = len(found.files), 0, 0, 0
        self._started = datetime.now(UTC)
        self._known: dict[SourceFile, StoredFile] = {}
        """What is stored of the files, of those that have moved, too."""
        self.report = IngestReport(unsupported=found.unsupported)

    def note_walk(self, found: Walk, stored: dict[str, StoredFile]) -> None:
        """Report what could not be looked at."""
        for path, reason in found.failed:
            place = os.path.abspath(path)  # noqa: PTH100 - see `sources`
            known = [stored[place]] if place in stored else stored_below(place, stored)
            self.report.failed.append((path, with_earlier(self._library, reason, known)))

    def compare(
        self,
        found: Walk,
        stored: dict[str, StoredFile],
        gone: list[tuple[str, StoredFile]],
        paths: Sequence[str | Path],
    ) -> list[SourceFile]:
        """Follow moves and deletions, note unchanged files; the files that have to be read."""
        files = found.files
        moves = moved((f for f in files if str(f.absolute) not in stored), gone, self._options.recipe)
        at_new_places = {known.id for known in moves.values()}
        left = {absolute: known for absolute, known in gone if known.id not in at_new_places}
        refuse_nothing(found, left, paths)
        if moves:
            moves = self._follow(moves)
        if left:
            self._library.remove_files(known.id for known in left.values())
            self.report.removed = len(left)
        self._known = {f: known for f in files if (known := moves.get(f) or stored.get(str(f.absolute)))}
        changed, unchanged = [], []
        for file in files:
            known = self._known.get(file)
            try:
                if known is None or self._has_changed(file, known):
                    changed.append(file)
                else:
                    unchanged.append((file, known))
            except OSError as error:
                self._fail(file, unreadable(error))
        self._note_unchanged(unchanged, moved=set(moves))
        self._bytes = sum(file.size for file in changed)
        return changed

    def read(self, files: list[SourceFile], embedder: Embedder) -> None:
        """Parse, chunk, embed and store files."""
        self._library.use_embedder(embedder.identity)
        plan = self._plan(embedder)
        reader = DraftReader(self._library, self._options, plan, embedder, self.report)
        pending: list[PendingFile] = []
        waiting = 0
        with ParserPool(self._options.limits) as pool:
            for (file, digest), readings in pool.read_all(self._hashed(files)):
                self._report_progress(file.path)
                read = reader.read(file, digest, readings, self._known.get(file))
                if read is None:
                    self._done += 1
                    self._bytes_done += file.size
                    continue
                pending.append(read)
                waiting += sum(len(draft.chunks) for draft in read.drafts)
                if waiting >= BATCH_CHUNKS:
                    self._store(pending, plan, embedder)
                    pending, waiting = [], 0
            self._store(pending, plan, embedder)
        self._report_progress("")

    def read_text(
        self, file: SourceFile, digest: str, document: ParsedDocument, known: StoredFile | None, embedder: Embedder
    ) -> None:
        """Chunk, embed and store a text that is read already."""
        self._library.use_embedder(embedder.identity)
        plan = self._plan(embedder)
        self._known = {file: known} if known else {}
        signed = signature(document.text) if self._options.limits.signatures else b""
        reader = DraftReader(self._library, self._options, plan, embedder, self.report)
        read = reader.read(file, digest, [(Reading("", document), signed)], known)
        assert read is not None
        self._store([read], plan, embedder)

    def check_earlier(self, embedder: Callable[[], Embedder]) -> None:
        """Look for instructions in what another version of the detector, or none, has read."""
        for file_id, documents in self._library.unchecked(VERSION).items():
            found = {i: self._instructions(self._path(i), self._library.text(i), embedder) for i in documents}
            self._library.note_instructions(file_id, VERSION, found)

    def _plan(self, embedder: Embedder) -> ChunkPlan:
        plan = self._options.plan
        return replace(plan, tokens=min(plan.tokens, embedder.passage_tokens))

    def _path(self, document_id: int) -> str:
        document = self._library.document(document_id)
        return document.path if document else ""

    def _follow(self, moves: dict[SourceFile, StoredFile]) -> dict[SourceFile, StoredFile]:
        """Record moves; what is stored of the files now, some of which are to be read again."""
        documents = self._library.titles(known.id for known in moves.values())
        again = {
            file
            for file, known in moves.items()
            if depends_on_name(Path(known.path), file.absolute, documents.get(known.id, []))
        }
        # In the recipe, so that a run that is interrupted now leaves it to the next one.
        moves = {file: replace(known, recipe=AGAIN) if file in again else known for file, known in moves.items()}
        self._library.move({known.id: (file.path, str(file.absolute), known.recipe) for file, known in moves.items()})
        self.report.moved = len(moves)
        return moves

    def _has_changed(self, file: SourceFile, known: StoredFile) -> bool:
        may_open_now = bool(known.failed and self._options.limits.passwords)
        return may_open_now or has_changed(file, known, self._options.recipe(file.absolute))

    def _note_unchanged(self, files: list[tuple[SourceFile, StoredFile]], moved: set[SourceFile]) -> None:
        collection = self._options.collection
        touched = []
        for file, known in files:
            self.report.unchanged += file not in moved
            self.report.failed += [(path_of(file, part), reason) for part, reason in known.failed]
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
                yield (file, sha256_of(file.absolute)), file.absolute
            except OSError as error:
                self._fail(file, unreadable(error))

    def _store(self, pending: list[PendingFile], plan: ChunkPlan, embedder: Embedder) -> None:
        drafts = [draft for read in pending for draft in read.drafts]
        texts = [text for d in drafts for text in embedded_texts(d.chunks, d.title, embedder.token_offsets, plan)]
        vectors = np.empty((len(texts), embedder.identity.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH_CHUNKS):  # one huge document still shows its progress
            part = texts[start : start + BATCH_CHUNKS]
            vectors[start : start + len(part)] = embedder.embed_passages(part)
            self.report.chunks += len(part)
            self._report_progress(pending[-1].file.path)
        row = 0
        for read in pending:
            known = self._known.get(read.file)
            chunks = sum(len(draft.chunks) for draft in read.drafts)
            self._library.store(self._new_file(read, vectors[row : row + chunks], known, embedder))
            row += chunks
            self.report.updated += known is not None
            self.report.added += known is None
            self._done += 1
            self._bytes_done += read.file.size

    def _new_file(
        self, read: PendingFile, vectors: npt.NDArray[np.float32], known: StoredFile | None, embedder: Embedder
    ) -> NewFile:
        file, documents, row = read.file, [], 0
        for draft in read.drafts:
            found = self._instructions(path_of(file, draft.part), draft.document.text, lambda: embedder)
            documents.append(_new_document(draft, vectors[row : row + len(draft.chunks)], found))
            row += len(draft.chunks)
        collection = self._options.collection
        return NewFile(
            path=file.path,
            absolute_path=_place(file),
            collection=(known.collection if known else "") if collection is None else collection,
            sha256=read.digest,
            size=file.size,
            mtime_ns=file.mtime_ns,
            recipe=read.recipe,
            read_at=self._started,
            failed=read.failed,
            documents=documents,
            checked=VERSION if self._options.instructions else 0,
        )

    def _instructions(self, path: str, text: str, embedder: Callable[[], Embedder]) -> list[Instruction]:
        """What in a document speaks to the assistant; noted in the report."""
        if not self._options.instructions:
            return []
        found = find_instructions(text, lambda texts: embed_cut(embedder(), texts))
        if found:
            self.report.instructions.append((path, len(found)))
        return found

    def _fail(self, file: SourceFile, reason: str) -> None:
        told = with_earlier(self._library, reason, [self._known.get(file)])
        log.info("%s: %s", file.path, told)
        self.report.failed.append((file.path, told))
        self._done += 1

    def _report_progress(self, path: str) -> None:
        fraction = min(self._bytes_done / self._bytes, 1.0) if self._bytes else 1.0
        self._tell(Progress(path, self._done, self._files, self.report.chunks, fraction))


def _place(file: SourceFile) -> str:
    return str(file.absolute) if file.absolute.is_absolute() else _NO_FILE + file.path


def _stored(library: Library, name: str) -> Document | None:
    """The text of this name."""
    found = library.documents_at(_NO_FILE + name)  # with those of names that begin with its name and a slash
    return next((document for document in found if document.path == name), None)


def _new_document(draft: Draft, vectors: npt.NDArray[np.float32], found: Sequence[Instruction]) -> NewDocument:
    document = draft.document
    return NewDocument(
        part=draft.part,
        title=draft.title,
        media_type=document.media_type,
        metadata=document.metadata,
        signature=draft.signature,
        text=document.text,
        pages=document.pages,
        chunks=draft.chunks,
        vectors=vectors,
        instructions=found,
    )


def _publish(library: Library, memory_mb: int) -> None:
    from ..retrieval.index import Index

    Index.publish(library, memory_mb)
