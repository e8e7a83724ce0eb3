"""Embed a library's chunks anew with another model, as an ingest with it would. The chunks stay as they were cut."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

from ..errors import LibraryError
from ..retrieval.library import Library
from ..retrieval.records import Chunk, EmbedderIdentity, StoredFile
from ..retrieval.reindex import NewVectors, repair
from .chunking import ChunkPlan, embedded_texts
from .options import plan_of, with_model
from .pipeline import BATCH_CHUNKS
from .report import Progress

if TYPE_CHECKING:
    from ..retrieval.embedding import Embedder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a reindexing did."""

    chunks: int
    """Embedded by this run; what an interrupted run had embedded is not counted."""
    seconds: float
    embedder: str
    """The model whose vectors the library has now; empty when it has none."""
    was: str
    """The one before."""


def reindex(
    library: Library,
    embedder: Embedder | None,
    plan: ChunkPlan,
    on_progress: Callable[[Progress], None] | None = None,
    index_memory_mb: int = 2048,
) -> ReindexReport:
    """Embed every chunk with another model, and switch to it when all is done; or make the index and the terms anew.

    Searches go on with the old vectors until the switch, which is one transaction. An interrupted run is gone on with
    by the next one with the same model.

    Args:
        library: The library.
        embedder: The new model. Without one, or with the library's own, nothing is embedded: terms and index are made
            anew from what is stored, and the library notes where its model lies.
        plan: How chunks are cut whose file does not tell: whether the headings are embedded with them.
        on_progress: Told after every batch of chunks.
        index_memory_mb: What the index's vectors may take in memory; see `retrieval.index`.

    Raises:
        LibraryLockedError: Another process is writing to the library.
        LibraryError: Chunks are too long for the new model; nothing was changed.
        LibraryWriteError: The disk is full; what was embedded stays.
    """
    from ..retrieval.index import Index

    started, chunks = time.monotonic(), 0
    with library.locked():
        was = library.embedder
        if embedder is None or (was is not None and was.same_vectors(embedder.identity)):
            identity = None if embedder is None else embedder.identity
            repair(library, identity, _recipes(library.files().values(), identity))
        else:
            with NewVectors(library, embedder.identity, repr(plan)) as new:
                run = _Run(library, embedder, plan, new, on_progress or (lambda _: None))
                chunks = run.embed(run.count())
                new.switch(_recipes(run.files, embedder.identity))
        Index.publish(library, index_memory_mb)
        now = library.embedder
    return ReindexReport(chunks, time.monotonic() - started, now.name if now else "", was.name if was else "")


class _Run:
    """One change of the model in progress."""

    def __init__(
        self, library: Library, embedder: Embedder, plan: ChunkPlan, new: NewVectors, tell: Callable[[Progress], None]
    ) -> None:
        self._library, self._embedder, self._plan, self._new, self._tell = library, embedder, plan, new, tell
        self.files = list(library.files().values())

    def count(self) -> int:
        """The number of chunks to embed, none of which is too long."""
        chunks, long, first = 0, 0, ""
        for batch in self._batches():
            chunks += len(batch)
            lengths = self._lengths([text for _, _, text in batch])
            for (_, chunk, _), tokens in zip(batch, lengths, strict=True):
                if tokens > self._embedder.passage_tokens:
                    long += 1
                    first = first or f"{chunk.document} with {tokens}"
        if long:
            name, most = self._embedder.identity.name, self._embedder.passage_tokens
            raise LibraryError(
                f"{long} of its chunks are longer than the {most} tokens that {name} reads, the first of {first}",
                path=self._library.named,
                remedy="Ingest into a new library with this embedding_model, which cuts them shorter; "
                "nothing was changed in this one",
            )
        return chunks

    def embed(self, chunks: int) -> int:
        """Embed so many chunks, and store their vectors; their number."""
        self._new.begin()
        done = 0
        for batch in self._batches():
            vectors = self._embedder.embed_passages([text for _, _, text in batch])
            tokens = self._lengths([chunk.passage for _, chunk, _ in batch])
            self._new.add([chunk for _, chunk, _ in batch], tokens, vectors)
            done += len(batch)
            number, chunk, _ = batch[-1]
            self._tell(Progress(chunk.document, number, len(self.files), done, done / chunks))
        return done

    def _batches(self) -> Iterator[list[tuple[int, Chunk, str]]]:
        """Number of the file, chunk and text of all that is to be embedded, as many as are embedded together."""
        each = ((number, *pair) for number, file in enumerate(self.files) for pair in self._texts(file))
        while batch := list(islice(each, BATCH_CHUNKS)):
            yield batch

    def _texts(self, file: StoredFile) -> Iterator[tuple[Chunk, str]]:
        plan = plan_of(file.recipe) or self._plan
        plan = replace(plan, tokens=min(plan.tokens, self._embedder.passage_tokens))
        for _, run in groupby(self._new.missing(file.id), key=lambda chunk: chunk.document_id):
            chunks = list(run)
            texts = embedded_texts(chunks, chunks[0].title, self._embedder.token_offsets, plan)
            yield from zip(chunks, texts, strict=True)

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(offsets) for offsets in self._embedder.token_offsets(texts)]


def _recipes(files: Iterable[StoredFile], identity: EmbedderIdentity | None) -> dict[int, str]:
    """What the files' chunks depend on with this model, by the file's id."""
    return {} if identity is None else {file.id: with_model(file.recipe, identity.name) for file in files}
