"""Question answering, end to end: retrieve, answer, cite, or say that the documents do not tell."""

from __future__ import annotations

from functools import partial

from ..readers.answering import read_clapnq, read_covid_qa, read_nq_open, read_squad, read_tatqa, read_xquad
from ..readers.questions import QuestionSet
from ..tasks.answering import AnsweringTask
from . import DataSet, Suite

ABSENT = 0.25
"""The share of NQ-open's questions whose gold passage is taken out of the pool."""

_NQ = DataSet(
    "nq-open",
    "qa/nq_open_oracle",
    partial(read_nq_open, unanswerable=ABSENT),
    2655,
    "MIT, CC-BY-SA-3.0",
    "Liu et al., Lost in the Middle, TACL 2024; a quarter of the gold passages is taken out",
)
_SQUAD = DataSet("squad2", "qa/squad2", read_squad, 6078, "CC-BY-SA-4.0", "Rajpurkar et al., ACL 2018")
_CLAPNQ = DataSet("clapnq", "qa/clapnq", read_clapnq, 600, "Apache-2.0", "Rosenthal et al., CLAPnq, TACL 2025")
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

OWN: Suite[QuestionSet] = Suite(
    "own",
    "your own questions about your own library (--questions FILE --library DIR)",
    "questions",
    AnsweringTask(),
    (),
)
QUESTIONS: Suite[QuestionSet] = Suite(
    "questions",
    "are answers right and grounded, and is there none where the documents hold none?",
    "questions",
    AnsweringTask(),
    (_NQ, _SQUAD, _CLAPNQ, _COVID, _TATQA, *_XQUAD),
)
