"""What the library holds. Offsets count Unicode code points of the document's stored text; `end` is exclusive."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .relevance import Features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1 in PDF points (1/72 inch) from the page's top left corner."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a PDF page and the rectangle that its glyphs fill."""

    char_start: int
    char_end: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Link:
    """A web address that a rectangle of a PDF page leads to."""

    rect: Rect
    uri: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document, or a slide; `number` counts from 1. Formats without pages have none."""

    number: int
    char_start: int
    char_end: int
    lines: tuple[Line, ...] = ()
    label: str = ""
    """The number printed on it, such as "iv", where the file tells it and it is not `number`."""
    links: tuple[Link, ...] = ()
    ocr: bool = False
    """Its text was recognized in its image."""


@dataclass(frozen=True, slots=True, order=True)
class Instruction:
    """A place in a text that speaks to the assistant that reads it (see `ingest.instructions`)."""

    char_start: int
    char_end: int
    score: float
    """How sure that is, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChunk:
    """A piece of a document small enough to embed whole; `text` is exactly `document text[char_start:char_end]`."""

    ordinal: int
    char_start: int
    char_end: int
    text: str
    heading: str = ""
    """The headings above the chunk, outermost first, joined by ' > '."""
    page: int | None = None
    """The page on which the chunk starts."""
    tokens: int
    """Tokens of the embedding model's tokenizer in `passage`, without its special tokens."""
    table_header: str = ""
    """The header rows of the table that the chunk begins inside, for they stand in an earlier chunk."""

    @property
    def passage(self) -> str:
        """The chunk as it can be understood on its own: the header of its table, then its text."""
        return f"{self.table_header}\n{self.text}" if self.table_header else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(TextChunk):
    """A chunk as stored."""

    id: int
    document_id: int
    document: str
    """The document's path as it was given at ingest."""
    title: str
    instructions: tuple[Instruction, ...] = ()
    """What in it, or across its ends, speaks to the assistant; offsets count in the document's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as stored, without its text."""

    id: int
    path: str
    """Its file's path as it was given at ingest; for a part of a file, the path inside follows."""
    title: str
    media_type: str
    metadata: dict[str, str] = field(hash=False)
    """What the file says of itself: author, created, subject, ..."""
    collection: str
    sha256: str
    """Of the source file."""
    size: int
    """Bytes of the source file."""
    mtime_ns: int
    pages: int
    chunks: int
    empty_pages: tuple[int, ...] = ()
    """Numbers of the pages that gave no text."""
    added_at: str
    """UTC, ISO 8601."""
    checked: int = 0
    """The version of the detector that has read it for instructions; 0 when none has."""
    instructions: tuple[Instruction, ...] = ()
    """What in it speaks to the assistant, in order."""
    tags: tuple[str, ...] = ()
    """What people call it, in order (see `tags`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk found for a query; `rank` counts from 1."""

    rank: int
    score: float
    """By which the hits are ordered: in a hybrid search the probability, in a dense one the cosine, in a lexical one
    BM25, and after reranking the reranker's. Only a probability can be compared with that of another query."""
    chunk: Chunk
    ranks: dict[str, int] = field(default_factory=dict, hash=False)
    """The rank in each method that found it: 'dense', 'lexical'; 'also' where it was asked for; 'rerank' after a
    reranker, and 'fused' before it."""
    similarity: float | None = None
    """Cosine of query and chunk embedding, -1..1; None in a purely lexical search."""
    bm25: float | None = None
    """BM25 score, from 0; None in a purely dense search."""
    features: Features | None = None
    """What its probability rests on; None but in a hybrid search."""
    probability: float | None = None
    """That the chunk answers the query, 0..1, calibrated to mean the same in every library; None but in a hybrid
    search."""
    also_in: tuple[str, ...] = ()
    """Documents that hold a near-identical chunk, left out of the hits."""

    def as_json(self) -> dict[str, Any]:
        """The hit as `--json` writes it."""
        chunk = asdict(self.chunk)
        names = ("document", "document_id", "page", "char_start", "char_end", "heading", "text")
        return {
            "rank": self.rank,
            "score": self.score,
            "chunk_id": self.chunk.id,
            **{name: chunk[name] for name in names},
            "probability": self.probability,
            "similarity": self.similarity,
            "bm25": self.bm25,
            "features": None if self.features is None else asdict(self.features),
            "ranks": {"dense": None, "lexical": None} | self.ranks,
            "also_in": self.also_in,
            "instructions": chunk["instructions"],
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that is not among the hits; its hit's rank is that of the fused order."""

    hit: Hit
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The candidate as `--json` writes it."""
        return self.hit.as_json() | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found, and how."""

    query: str
    terms: dict[str, float] = field(hash=False)
    """What the query's words were searched for as, with how telling each is (see `telling`)."""
    hits: list[Hit] = field(hash=False)
    dropped: list[Dropped] = field(hash=False)
    """The candidates that came nearest to being hits, best first."""
    searched: int = 0
    """How many chunks were looked through: those that the filter keeps."""


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What has to be equal for two vectors to be comparable, and the runtime that computed them.

    Two models of one dimension would otherwise mix in an index without any error.
    """

    model: str
    """The folder's name; for people."""
    sha256: str
    """Of the weights file."""
    dimension: int
    max_tokens: int
    """Tokens that the model reads, its special tokens included."""
    pooling: str
    normalized: bool
    query_prefix: str
    passage_prefix: str
    quantization: str
    """`none` for fp32 and for bf16 arithmetic on fp32 weights (a test compares the two), else the method."""
    runtime: str
    """`openvino-bf16`, `openvino-f32`, `torch-cpu`, ...: recorded, not compared."""
    source: str = ""
    """By what it can be loaded again: a name, or an absolute folder; empty in older libraries, not compared."""

    @property
    def name(self) -> str:
        """By what it can be loaded again, as far as that is known."""
        return self.source or self.model

    def same_vectors(self, other: EmbedderIdentity) -> bool:
        """Whether vectors of the two may stand in one index."""
        told = {"model", "runtime", "source"}
        return all(getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.name not in told)

    def to_json(self) -> str:
        """Serialize for the library's settings table."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> EmbedderIdentity:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document about to be stored; `vectors` is float32 of shape (len(chunks), dimension), rows of length 1."""

    part: str = ""
    """Its path inside the file; empty for the file itself."""
    title: str
    media_type: str
    text: str
    pages: tuple[Page, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    signature: bytes = b""
    """See `ingest.signatures`."""
    chunks: Sequence[TextChunk]
    vectors: npt.NDArray[np.float32]
    instructions: Sequence[Instruction] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file about to be stored, with the documents that it holds."""

    path: str
    absolute_path: str
    collection: str = ""
    sha256: str
    size: int
    mtime_ns: int
    recipe: str
    read_at: datetime
    """No later than the file was opened: what changed it after that must show in its modification time."""
    failed: Sequence[tuple[str, str]] = ()
    """(part, reason with remedy) of what in it gave no document."""
    documents: Sequence[NewDocument]
    checked: int = 0
    """The version of the detector that has read them for instructions; 0 when none has."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the library knows of a file that it has read."""

    id: int
    path: str
    sha256: str
    size: int
    mtime_ns: int
    recipe: str
    settled: bool
    """Equal size and modification time prove that the file has not changed since."""
    collection: str = ""
    failed: tuple[tuple[str, str], ...] = ()
    """(part, reason with remedy) of what in it gave no document."""
