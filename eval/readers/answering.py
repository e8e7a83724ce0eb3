"""Published sets for question answering. Each function takes the folder that the data was published in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .files import json_lines, load_json
from .questions import Parts, Pool, Question, QuestionSet, distinct


def read_nq_open(folder: Path, unanswerable: float = 0.0, seed: int = 0) -> QuestionSet:
    """NQ-open with its gold passages in one pool. Source: Liu et al., "Lost in the Middle", TACL 2024.

    Args:
        folder: The folder of the file.
        unanswerable: The share of the questions whose gold passage is taken out of the pool, 0..1. Another passage
            may hold the answer by chance.
        seed: Of the draw; gold passages are drawn, so questions that share one go together.
    """
    pool, questions = Pool(), []
    for number, row in enumerate(json_lines(folder / "nq-open-oracle.jsonl.gz")):
        (passage,) = row["ctxs"]
        gold = pool.add(passage["title"], passage["text"])
        questions.append(
            Question(
                id=str(number),
                question=row["question"],
                references=distinct(row["answers"]),
                relevant=(gold.id,),
                source=passage["title"],
            )
        )
    names = list(dict.fromkeys(one.relevant[0] for one in questions))
    random.Random(seed).shuffle(names)
    gone, wanted = set[str](), round(unanswerable * len(questions))
    for name in names:
        if sum(one.relevant[0] in gone for one in questions) >= wanted:
            break
        gone.add(name)
    pool.remove(gone)
    asked = (_without_answer(one) if one.relevant[0] in gone else one for one in questions)
    return QuestionSet("nq-open", tuple(asked), pool.documents())


def _without_answer(question: Question) -> Question:
    return replace(question, references=(), answerable=False, relevant=())


def read_squad(folder: Path) -> QuestionSet:
    """SQuAD 2.0's development set, an article is a source. Source: Rajpurkar et al., ACL 2018.

    Questions that cannot be answered were written about a paragraph that is in the pool, too. Where it is in two
    halves, as Stanford's course CS224n has it, the paragraphs of both are in the pool; the questions of the second,
    `test-v2.0.json`, which has no answers, are left out.
    """
    pool, questions = Pool(), []
    halves = (folder / "dev-v2.0.json", folder / "test-v2.0.json")
    for file in halves if halves[1].is_file() else halves[:1]:
        for article in load_json(file)["data"]:
            for paragraph in article["paragraphs"]:
                gold = pool.add(article["title"].replace("_", " "), paragraph["context"])
                for asked in paragraph["qas"]:
                    if "is_impossible" not in asked:
                        continue
                    references = distinct(answer["text"] for answer in asked["answers"])
                    questions.append(
                        Question(
                            id=asked["id"],
                            question=asked["question"],
                            references=references,
                            answerable=bool(references),
                            relevant=(gold.id,) if references else (),
                            source=article["title"],
                        )
                    )
    return QuestionSet("squad2", tuple(questions), pool.documents())


def read_xquad(folder: Path, language: str) -> QuestionSet:
    """XQuAD in one language, whose paragraphs have no title. Source: Artetxe et al., ACL 2020."""
    pool, questions = Pool(), []
    for article in load_json(folder / f"xquad.{language}.json")["data"]:
        for paragraph in article["paragraphs"]:
            gold = pool.add("", paragraph["context"])
            for asked in paragraph["qas"]:
                questions.append(
                    Question(
                        id=asked["id"],
                        question=asked["question"],
                        references=distinct(answer["text"] for answer in asked["answers"]),
                        relevant=(gold.id,),
                        group=language,
                        source=article["title"],
                        language=language,
                    )
                )
    return QuestionSet(f"xquad-{language}", tuple(questions), pool.documents())


def read_clapnq(folder: Path) -> QuestionSet:
    """CLAPNQ dev: answers of some sentences; the passages of the unanswerable questions are in the pool, too.

    Source: Rosenthal et al., "CLAPnq: Cohesive Long-form Answers from Passages in Natural Questions", TACL 2025.
    """
    pool, questions = Pool(), []
    for kind in ("answerable", "unanswerable"):
        for row in json_lines(folder / "dev" / f"clapnq_dev_{kind}.jsonl"):
            gold = [pool.add(passage["title"], passage["text"]).id for passage in row["passages"]]
            holds = kind == "answerable"
            questions.append(
                Question(
                    id=row["id"],
                    question=row["input"],
                    references=distinct(output["answer"] for output in row["output"]) if holds else (),
                    answerable=holds,
                    relevant=tuple(dict.fromkeys(gold)) if holds else (),
                    source=row["passages"][0]["title"],
                )
            )
    return QuestionSet("clapnq", tuple(questions), pool.documents())


def read_covid_qa(folder: Path) -> QuestionSet:
    """COVID-QA, its papers cut into paragraphs, of which a paper's first one is its title; a paper is a source.

    Source: Möller et al., NLP-COVID 2020.
    """
    pool, questions = Pool(), []
    for article in load_json(folder / "question-answering" / "200423_covidQA.json")["data"]:
        for paper in article["paragraphs"]:
            spans = list(_paragraphs(paper["context"]))
            title = paper["context"][slice(*spans[0])]
            names = [pool.add(title, paper["context"][start:end]).id for start, end in spans]
            for asked in paper["qas"]:
                answers = [(a["answer_start"], a["answer_start"] + len(a["text"])) for a in asked["answers"]]
                questions.append(
                    Question(
                        id=str(asked["id"]),
                        question=asked["question"],
                        references=distinct(answer["text"].strip() for answer in asked["answers"]),
                        relevant=tuple(dict.fromkeys(_touched(names, spans, answers))),
                        source=str(paper["document_id"]),
                    )
                )
    return QuestionSet("covid-qa", tuple(questions), pool.documents())


def read_tatqa(folder: Path) -> QuestionSet:
    """TAT-QA, dev and test; a document is a table with the text around it, and so a source; a type of answer a group.

    Many questions do not say which company they are about, and so have no one right document: each comes with its own.

    Source: Zhu et al., "TAT-QA: A Question Answering Benchmark on a Hybrid of Tabular and Textual Content in Finance",
    ACL 2021.
    """
    pool, questions = Pool(), []
    for file in ("tatqa_dataset_dev.json", "tatqa_dataset_test_gold.json"):
        for report in load_json(folder / file):
            gold = pool.add("", _report_text(report), markdown=True)
            for asked in report["questions"]:
                parts = _parts(asked["answer"])
                questions.append(
                    Question(
                        id=asked["uid"],
                        question=asked["question"],
                        references=(", ".join(part[0] for part in parts),),
                        relevant=(gold.id,),
                        passages=(gold,),
                        group=asked["answer_type"],
                        source=report["table"]["uid"],
                        parts=parts,
                        scale=asked["scale"],
                    )
                )
    return QuestionSet("tatqa", tuple(questions), pool.documents())


def _report_text(report: dict[str, Any]) -> str:
    head, *rows = ([cell.replace("|", "/") for cell in row] for row in report["table"]["table"])
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    around = sorted(report["paragraphs"], key=lambda paragraph: int(paragraph["order"]))
    return "\n\n".join([table, *(paragraph["text"] for paragraph in around)])


def _parts(answer: object) -> Parts:
    """A list of spans, or one figure."""
    return tuple((str(one),) for one in (answer if isinstance(answer, list) else [answer]))


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Where the stretches between empty lines stand."""
    return (match.span() for match in re.finditer(r"\S.*(?:\n.*\S.*)*", text))


def _touched(
    names: Sequence[str], spans: Sequence[tuple[int, int]], answers: Sequence[tuple[int, int]]
) -> Iterator[str]:
    for name, (start, end) in zip(names, spans, strict=True):
        if any(start < answer_end and answer_start < end for answer_start, answer_end in answers):
            yield name
