"""Retrieval: does the document that answers a query come first?"""

from __future__ import annotations

from functools import partial

from ..readers.answering import read_nq_open
from ..readers.beir import read_beir
from ..readers.corpus import JudgedCorpus
from ..readers.excerpts import ExcerptSet, read_chroma
from ..readers.questions import QuestionSet
from ..tasks.excerpts import ExcerptTask
from ..tasks.ranking import RankingTask
from . import DataSet, Suite
from .questions import QUESTIONS

_SCIFACT = DataSet(
    "scifact",
    "retrieval/scifact",
    partial(read_beir, name="scifact"),
    300,
    "CC-BY-4.0",
    "Wadden et al., EMNLP 2020; BEIR: Thakur et al., NeurIPS 2021",
)
_LIMIT = DataSet(
    "limit-small",
    "retrieval/limit/limit-small",
    partial(read_beir, name="limit-small"),
    1000,
    "CC-BY-4.0",
    "Weller et al., On the Theoretical Limitations of Embedding-Based Retrieval, 2025",
)


def _pooled(of: DataSet[QuestionSet], items: int = 0) -> DataSet[JudgedCorpus]:
    """A set of questions read as retrieval: its passages pooled, relevant is the one that holds the answer."""
    return DataSet(
        of.name, of.folder, lambda folder: of.read(folder).judged(), items or of.items, of.licence, of.citation
    )


_NQ = DataSet(
    "nq-open",
    "qa/nq_open_oracle",
    lambda folder: read_nq_open(folder).judged(),
    2655,
    "MIT, CC-BY-SA-3.0",
    "Liu et al., Lost in the Middle, TACL 2024",
)
_ANSWERABLE = {"squad2": 2910, "clapnq": 300}
"""Where not all questions can be answered, those that can."""
_POOLED = tuple(_pooled(of, _ANSWERABLE.get(of.name, 0)) for of in QUESTIONS.sets if of.name != _NQ.name)

CHUNKING: Suite[ExcerptSet] = Suite(
    "chunking",
    "does what is retrieved hold the words that answer, and little else?",
    "questions",
    ExcerptTask(),
    (DataSet("chroma", "retrieval/chroma_chunking", read_chroma, 472, "MIT", "Smith and Troynikov, Chroma 2024"),),
)
RETRIEVAL: Suite[JudgedCorpus] = Suite(
    "retrieval",
    "does the document that answers a query come first?",
    "queries",
    RankingTask(),
    (_SCIFACT, _LIMIT, _NQ, *_POOLED),
)
