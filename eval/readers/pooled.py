"""Sets for question answering, read as retrieval: their passages pooled, relevant is the one that holds the answer.

Each function takes the folder that the data was published in. See `answering` for what is read, and its sources.
"""

from __future__ import annotations

from pathlib import Path

from . import answering
from .corpus import JudgedCorpus


def read_nq_open(folder: Path) -> JudgedCorpus:
    """NQ-open with its gold passages."""
    return answering.read_nq_open(folder).judged()


def read_squad(folder: Path) -> JudgedCorpus:
    """SQuAD 2.0, answerable questions; the paragraphs of both halves."""
    return answering.read_squad(folder).judged()


def read_xquad(folder: Path, language: str) -> JudgedCorpus:
    """XQuAD in one language, whose paragraphs have no title."""
    return answering.read_xquad(folder, language).judged()


def read_clapnq(folder: Path) -> JudgedCorpus:
    """CLAPNQ dev, answerable questions; the passages of the unanswerable ones, too."""
    return answering.read_clapnq(folder).judged()


def read_covid_qa(folder: Path) -> JudgedCorpus:
    """COVID-QA, paragraph by paragraph; a paper's first one is its title."""
    return answering.read_covid_qa(folder).judged()


def read_tatqa(folder: Path) -> JudgedCorpus:
    """TAT-QA. Many questions do not say which company they are about, and so have no one right document."""
    return answering.read_tatqa(folder).judged()
