"""From what the parsers found in a file to chunked documents that wait to be embedded."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..retrieval.library import Library
from ..retrieval.records import StoredFile, TextChunk
from .chunking import ChunkPlan, chunk_document
from .duplicates import DuplicateFinder
from .options import IngestOptions
from .parsed import ParsedDocument
from .parsers import Reading, family
from .report import Duplicate, IngestReport
from .sources import SourceFile

if TYPE_CHECKING:
    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)

AGAIN = ""
"""The recipe of a file that the next ingest is to read again."""


def path_of(file: SourceFile, part: str) -> str:
    """The path of a document of a file as it is told."""
    return f"{file.path}/{part}" if part else file.path


def with_earlier(library: Library, reason: str, known: Iterable[StoredFile | None], part: str = "") -> str:
    """Why files, or a part of one, were not read; it says so where something read of them before stays."""
    before = [name for run in library.titles(file.id for file in known if file).values() for name, _ in run]
    stays = any(not part or name == part or name.startswith(f"{part}/") for name in before)
    return f"{reason} Its earlier version stays in the library." if stays else reason


def depends_on_name(old: Path, new: Path, documents: Sequence[tuple[str, str]]) -> bool:
    """Whether a file that was read under its old name would be read otherwise under its new one.

    Args:
        old: The file's path when it was read.
        new: Its path now.
        documents: (part, title) of what was read of it; of a file that gave nothing, another name may give something.
    """
    if old.name == new.name:
        return False
    if (family(old), old.suffix.lower()) != (family(new), new.suffix.lower()):
        return True
    # Whether a title stood in the document is not recorded: one that is the name counts as taken from it.
    return not documents or ("", _title_by_name(old)) in documents


def _title_by_name(path: Path) -> str:
    return path.stem


@dataclass(slots=True)
class Draft:
    """A document that is chunked and waits to be embedded."""

    part: str
    """Its path inside the file; empty for the file itself."""
    title: str
    document: ParsedDocument
    signature: bytes
    chunks: list[TextChunk]


@dataclass(slots=True)
class PendingFile:
    """A file whose documents wait to be embedded."""

    file: SourceFile
    digest: str
    recipe: str
    drafts: list[Draft] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


class DraftReader:
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
    ) -> PendingFile | None:
        """A file's documents, chunked; None if it gave none, so that it is tried again next time."""
        if known and any(reading.document for reading, _ in readings):
            for document in self._documents_of.get(known.id, []):  # what is about to be replaced
                self._finder.discard(document)
        pending = PendingFile(file, digest, self._options.recipe(file.absolute))
        for reading, signature in readings:
            path = path_of(file, reading.part)
            if reading.error is not None:
                pending.failed.append((reading.part, f"{reading.error.what}. {reading.error.remedy}."))
            elif reading.document is None:
                self._report.unsupported.append(path)
            elif self._is_left_out(path, signature):
                pending.recipe = AGAIN  # the other one may be gone by then
            else:
                pending.drafts.append(self._draft(file, path, reading.part, reading.document, signature))
        for part, reason in pending.failed:
            told = reason if pending.drafts else with_earlier(self._library, reason, [known], part)
            log.info("%s: %s", path_of(file, part), told)
            self._report.failed.append((path_of(file, part), told))
        return None if pending.failed and not pending.drafts else pending

    def _draft(self, file: SourceFile, path: str, part: str, document: ParsedDocument, signature: bytes) -> Draft:
        empty = [page.number for page in document.pages if page.char_start == page.char_end]
        if empty or not document.text.strip():
            self._report.empty.append((path, empty))
        if recognized := [page.number for page in document.pages if page.ocr]:
            self._report.recognized.append((path, recognized))
        embedder, title = self._embedder, document.title or _title_by_name(Path(part) if part else file.absolute)
        chunks = chunk_document(document, embedder.token_offsets, self._plan, embedder.embed_passages, title)
        return Draft(part, title, document, signature, chunks)

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
