import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.retrieval import analysis
from ragstone.retrieval._index_rows import StoredRows
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.records import NewDocument, NewFile, Page, TextChunk

MakeFile = Callable[..., NewFile]


def _document(part: str, title: str, texts: Sequence[str], headings: Sequence[str], pages: tuple[Page, ...]):
    whole, chunks = "", []
    for ordinal, (text, heading) in enumerate(zip_longest(texts, headings, fillvalue="")):
        start = len(whole)
        whole += text + "\n"
        end = start + len(text)
        chunks.append(
            TextChunk(ordinal=ordinal, char_start=start, char_end=end, text=text, heading=heading, tokens=len(text))
        )
    vectors = np.array([np.eye(3)[len(text) % 3] for text in texts], dtype=np.float32).reshape(-1, 3)
    return NewDocument(
        part=part, title=title, media_type="text/plain", text=whole, pages=pages, chunks=chunks, vectors=vectors
    )


@pytest.fixture
def file() -> MakeFile:
    """Makes a file of one document with one chunk a text, or of one document for each of `parts`."""

    def make(
        path: str,
        *texts: str,
        headings: Sequence[str] = (),
        pages: tuple[Page, ...] = (),
        parts: Mapping[str, Sequence[str]] | None = None,
        vectors: npt.NDArray[np.float32] | None = None,
        **fields: str,
    ) -> NewFile:
        documents = [
            _document(part, part or path, words, headings, pages) for part, words in (parts or {"": texts}).items()
        ]
        if vectors is not None:
            documents = [replace(documents[0], vectors=vectors)]
        content = "".join(document.text for document in documents).encode()
        known = {
            "path": path,
            "absolute_path": f"/files/{path}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "recipe": "1",
        }
        return NewFile(
            **known | fields, size=len(content), mtime_ns=1_000, read_at=datetime.now(UTC), documents=documents
        )

    return make


@pytest.fixture
def check() -> Callable[[Library], None]:
    """SQLite's own checks of the database, and whether each chunk has its vector and the terms of its text."""

    def check(library: Library) -> None:
        with closing(sqlite3.connect(library.folder / DATABASE)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = library.rows()  # raises when a chunk has no vector or no terms, or when these have no chunk
        chunks = {chunk.id: chunk for document in library.documents() for chunk in library.chunks_of(document.id)}
        assert rows.ids.tolist() == sorted(chunks)
        assert rows.documents.tolist() == [chunks[i].document_id for i in rows.ids.tolist()]
        expected = {i: analysis.weighted(c.title, c.heading, c.passage) for i, c in chunks.items()}
        words = {number: term for term, number in library.term_ids({t for of in expected.values() for t in of}).items()}
        stored = {i: {words[t]: f for t, f in of.items()} for i, of in terms_of(rows).items()}
        assert stored == expected
        assert len(rows.term_ids) == len(rows.frequencies) == rows.counts.sum()
        assert not set(rows.removed.tolist()) & set(chunks)

    return check


def terms_of(rows: StoredRows) -> dict[int, dict[int, int]]:
    """Term id -> frequency, by chunk."""
    ends = np.cumsum(rows.counts)
    return {
        i: dict(zip(rows.term_ids[a:b].tolist(), rows.frequencies[a:b].tolist(), strict=True))
        for i, a, b in zip(rows.ids.tolist(), (ends - rows.counts).tolist(), ends.tolist(), strict=True)
    }


@pytest.fixture
def found() -> Callable[[Library, str], set[int]]:
    """The chunks that a word is found in."""

    def found(library: Library, word: str) -> set[int]:
        known = library.term_ids(analysis.query_terms(word)).values()
        return {i for i, of in terms_of(library.rows()).items() if of.keys() & set(known)}

    return found
