"""A library of a corpus: cut, embedded and indexed as an ingest of files with these titles and texts would do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..ingest.chunking import ChunkPlan, chunk_document, embedded_texts
from ..ingest.parsed import ParsedDocument, ParseOptions
from ..ingest.parsers import markdown
from ..ingest.parsers import text as plain
from ..retrieval.library import Library
from ..retrieval.records import NewDocument, NewFile
from .readers.corpus import CorpusDocument

if TYPE_CHECKING:
    from ..retrieval.embedding import Embedder

BATCH = 256
"""Documents whose chunks are embedded together."""


def fill(
    library: Library,
    corpus: Sequence[CorpusDocument],
    embedder: Embedder,
    plan: ChunkPlan,
    on_batch: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Store a corpus in an empty library. A document's path is its id; its text begins with its title.

    Args:
        library: The library.
        corpus: The documents.
        embedder: The embedding model.
        plan: How documents are cut.
        on_batch: Told how many documents are stored, of how many.

    Raises:
        LibraryError: The library cannot be written to.
    """
    from ..retrieval.index import Index

    plan = replace(plan, tokens=min(plan.tokens, embedder.passage_tokens))
    with library.locked():
        library.use_embedder(embedder.identity)
        for start in range(0, len(corpus), BATCH):
            batch = corpus[start : start + BATCH]
            for file in _files(batch, embedder, plan):
                library.store(file)
            on_batch(min(start + BATCH, len(corpus)), len(corpus))
        Index.publish(library)


def _files(documents: Sequence[CorpusDocument], embedder: Embedder, plan: ChunkPlan) -> list[NewFile]:
    tokenize = embedder.token_offsets
    parsed = [_parsed(document) for document in documents]
    cut = [
        chunk_document(p, tokenize, plan, embedder.embed_passages, d.title)
        for p, d in zip(parsed, documents, strict=True)
    ]
    pairs = zip(cut, documents, strict=True)
    texts = [text for chunks, d in pairs for text in embedded_texts(chunks, d.title, tokenize, plan)]
    vectors, files, row = embedder.embed_passages(texts), [], 0
    for document, read, chunks in zip(documents, parsed, cut, strict=True):
        new = NewDocument(
            title=document.title,
            media_type=document.media_type,
            text=read.text,
            pages=(),
            chunks=chunks,
            vectors=vectors[row : row + len(chunks)],
        )
        row += len(chunks)
        files.append(_file(document.id, new))
    return files


def _parsed(document: CorpusDocument) -> ParsedDocument:
    whole = "\n\n".join(filter(None, (document.title, document.text))).encode()
    parse = markdown.parse if document.media_type == "text/markdown" else plain.parse
    return parse(whole, Path(document.id), ParseOptions())


def _file(name: str, document: NewDocument) -> NewFile:
    content = document.text.encode()
    return NewFile(
        path=name,
        absolute_path=name,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        mtime_ns=0,
        recipe="",
        read_at=datetime.now(UTC),
        documents=[document],
    )
