"""Retrieval: does the document that answers a query come first?"""

from __future__ import annotations

from functools import partial

from ..readers.beir import read_beir
from ..readers.corpus import JudgedCorpus
from ..readers.excerpts import ExcerptSet, read_chroma
from ..readers.pooled import read_clapnq, read_covid_qa, read_nq_open, read_squad, read_tatqa, read_xquad
from ..tasks.excerpts import ExcerptTask
from ..tasks.ranking import RankingTask
from . import DataSet, Suite

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
_NQ = DataSet(
    "nq-open", "qa/nq_open_oracle", read_nq_open, 2655, "MIT, CC-BY-SA-3.0", "Liu et al., Lost in the Middle, TACL 2024"
)
_SQUAD = DataSet("squad2", "qa/squad2", read_squad, 2910, "CC-BY-SA-4.0", "Rajpurkar et al., ACL 2018")
_CLAPNQ = DataSet("clapnq", "qa/clapnq", read_clapnq, 300, "Apache-2.0", "Rosenthal et al., CLAPnq, TACL 2025")
_COVID = DataSet("covid-qa", "qa/covid_qa", read_covid_qa, 1380, "Apache-2.0", "Möller et al., NLP-COVID at ACL 2020")
_TATQA = DataSet("tatqa", "qa/tatqa", read_tatqa, 3331, "CC-BY-4.0", "Zhu et al., ACL 2021")
_XQUAD = tuple(
    DataSet(
        f"xquad-{code}",
        "qa/xquad",
        partial(read_xquad, language=code),
        1190,
        "CC-BY-SA-4.0",
        "Artetxe et al., ACL 2020",
    )
    for code in ("en", "de", "es", "zh", "ar")
)

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
    (_SCIFACT, _LIMIT, _NQ, _SQUAD, _CLAPNQ, _COVID, _TATQA, *_XQUAD),
)
