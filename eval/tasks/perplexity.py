"""Language modelling: how well a model predicts texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..metrics.statistic import Columns, Floats, Metric, total
from ..readers.corpus import CorpusDocument
from ..subjects import Subject
from ..task import Ask, Json, Task

_SUM = "log-likelihood"
PIECE = 1500
"""Characters that are counted together, with as many before them to be read."""


def _perplexity(weights: Floats, columns: Mapping[str, Floats]) -> Floats:
    return np.asarray(np.exp(-total(weights, columns[_SUM]) / total(weights, columns["tokens"])))


def _bits(weights: Floats, columns: Mapping[str, Floats]) -> Floats:
    return np.asarray(-total(weights, columns[_SUM]) / total(weights, columns["bytes"]) / math.log(2))


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a document and what stands before it."""

    before: str
    text: str
    id: str
    source: str
    """The document."""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Texts:
    """Pieces of documents."""

    name: str
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, name: str, documents: Sequence[CorpusDocument]) -> Texts:
        """The first piece of every document that has something before it, then the second, and so on."""
        cut = [
            Piece(one.text[start - PIECE : start], one.text[start : start + PIECE], f"{one.id}, {start}", one.id)
            for one in documents
            for start in range(PIECE, len(one.text), PIECE)
        ]
        return cls(name, tuple(sorted(cut, key=lambda piece: int(piece.id.rpartition(", ")[2]))))

    def sample(self, pieces: int | None, seed: int = 0) -> Texts:
        """The first so many: one of each document, as far as they go."""
        return Texts(self.name, self.pieces[:pieces])


class PerplexityTask(Task[Texts, Piece]):
    """How surprised is a model by texts? Perplexity (Jelinek et al., 1977) can be compared for one vocabulary, bits per
    byte for all."""

    name = "perplexity"
    block = 8
    metrics = (
        Metric("perplexity", "exp of the negative log-likelihood of a token", _perplexity, (_SUM, "tokens"), "less"),
        Metric("bits per byte", "negative log-likelihood of a byte of UTF-8, in bits", _bits, (_SUM, "bytes"), "less"),
    )

    def records(self, data: Texts) -> Sequence[Piece]:
        """The pieces."""
        return data.pieces

    def asked(self, record: Piece) -> Json:
        """What is read and what is counted."""
        return [record.before, record.text]

    def shown(self, record: Piece) -> Json:
        """The place."""
        return {"question": record.id}

    @contextmanager
    def open(self, data: Texts, subject: Subject) -> Iterator[Ask[Piece]]:
        """Let the subject read."""
        if subject.likelihoods is None:
            raise subject.cannot("does not tell how likely a text is", "Evaluate a model on this machine")
        with subject.likelihoods.open() as log_likelihoods:

            def ask(records: Sequence[Piece]) -> list[Json]:
                found = log_likelihoods([(one.before, one.text) for one in records])
                return [{_SUM: one.value, "tokens": one.tokens} for one in found]

            yield ask

    def values(self, record: Piece, output: Json) -> Columns:
        """The log-likelihood in nats, and of how much."""
        return {**output, "bytes": float(len(record.text.encode("utf-8", "replace")))}
