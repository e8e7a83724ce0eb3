"""Large libraries for `search_scale`: real passages multiplied with noise, stored as an ingest stores them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import faiss
import index_kinds
import numpy as np

from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import NewDocument, NewFile, TextChunk

PER_FILE = 50
FEW, HALF, REST = "few", "half", "rest"
"""Collections: of a file in a thousand, of every second one, and of the others."""
SWAPPED = 0.3
"""The share of a repeated passage's words that others take the place of."""
NEAREST = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Real passages and questions."""

    passages: list[str]
    """A title, an empty line and a text."""
    vectors: np.ndarray
    questions: list[str]
    asked: np.ndarray
    """The questions' vectors."""
    embedder: Embedder

    @classmethod
    def load(cls, work: Path, passages: int, questions: int) -> Source:
        """Read and embed passages and questions spread over all sets; the passages' vectors are kept."""
        embedder = index_kinds.model()
        all_passages, all_questions = index_kinds.texts()
        asked = all_questions[:: max(len(all_questions) // questions, 1)]
        kept, vectors = work / "passages.json", work / "passages.npy"
        if not (kept.exists() and vectors.exists()):
            few = all_passages[:: max(len(all_passages) // passages, 1)]
            cut = [index_kinds.cut(text, embedder) for text in few]
            np.save(vectors, embedder.embed_passages(cut))
            kept.write_text(json.dumps(cut, ensure_ascii=False), "utf-8")
        texts = json.loads(kept.read_text("utf-8"))
        return cls(texts, np.load(vectors), asked, np.stack([embedder.embed_query(q) for q in asked]), embedder)


def library(work: Path, source: Source, chunks: int) -> Path:
    """The folder of a library of so many chunks, made at the first call; one that was interrupted goes on."""
    folder = work / f"chunks-{chunks}"
    if not folder.exists():
        made = work / f"chunks-{chunks}.new"
        with Library(made, create=True) as opened, opened.locked():
            opened.use_embedder(source.embedder.identity)
            for file in islice(files(source, chunks), opened.counts()[0], None):
                opened.store(file)
            Index.publish(opened)
        made.rename(folder)
    return folder


def files(source: Source, chunks: int, first: int = 0) -> Iterator[NewFile]:
    """Files of made-up chunks, numbered from `first`: the real passages come first, then noisy ones."""
    vectors, origins = index_kinds.multiplied(source.vectors, chunks)
    texts = _texts(source.passages, origins.tolist())
    for number, start in enumerate(range(0, chunks, PER_FILE), first):
        yield _file(number, list(islice(texts, PER_FILE)), vectors[start : start + PER_FILE])


def nearest(work: Path, source: Source, chunks: int) -> np.ndarray:
    """The ids of the chunks that are truly nearest to each question, (questions, NEAREST), best first."""
    kept = work / f"chunks-{chunks}-nearest-{len(source.questions)}.npy"
    if not kept.exists():
        scores = np.zeros((len(source.asked), 0), np.float32)
        ids = np.zeros((len(source.asked), 0), np.int64)
        with Library(work / f"chunks-{chunks}") as opened:
            for start in range(1, chunks + 1, 10_000):
                part = opened.vectors_of(range(start, min(start + 10_000, chunks + 1)))
                some, places = faiss.knn(source.asked, np.stack([*part.values()]), NEAREST, faiss.METRIC_INNER_PRODUCT)
                scores = np.concatenate([scores, some], axis=1)
                ids = np.concatenate([ids, np.array([*part])[places]], axis=1)
                best = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
                scores, ids = np.take_along_axis(scores, best, axis=1), np.take_along_axis(ids, best, axis=1)
        np.save(kept, ids)
    return np.load(kept)


def _texts(passages: Sequence[str], origins: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Titles and texts: each passage as it is, when it comes again with other words in the place of some."""
    draw = random.Random(0)
    split = [(title, text.split(" ")) for title, _, text in (passage.partition("\n\n") for passage in passages)]
    pool = [word for _, words in split for word in words]  # as often as they occur
    for number, origin in enumerate(origins):
        title, words = split[origin]
        if number >= len(passages):
            words = [draw.choice(pool) if draw.random() < SWAPPED else word for word in words]
        yield title, " ".join(words)


def _file(number: int, passages: Sequence[tuple[str, str]], vectors: np.ndarray) -> NewFile:
    chunks, start = [], 0
    for ordinal, (title, text) in enumerate(passages):
        place = {"ordinal": ordinal, "char_start": start, "char_end": start + len(text)}
        chunks.append(TextChunk(**place, text=text, heading=title, tokens=len(text) // 4))
        start += len(text) + 1
    joined = "\n".join(text for _, text in passages)
    document = NewDocument(
        title=passages[0][0], media_type="text/plain", text=joined, pages=(), chunks=chunks, vectors=vectors
    )
    collection = FEW if number % 1000 == 0 else HALF if number % 2 else REST
    path = f"{number % 100:02}/{number:06}.txt"
    return NewFile(
        path=path,
        absolute_path=f"/made/{path}",
        collection=collection,
        sha256=f"{number:064x}",
        size=len(joined),
        mtime_ns=1,
        recipe="made",
        read_at=datetime.now(UTC),
        documents=[document],
    )
