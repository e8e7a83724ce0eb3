"""HaluEval's format for question answering: a question, what is known, a right answer and one that a model made up.

Source: Li et al., "HaluEval: A Large-Scale Hallucination Evaluation Benchmark for Large Language Models", EMNLP 2023.
"""

from __future__ import annotations

from pathlib import Path

from .files import json_lines
from .grounding import GroundedAnswer, GroundedSet
from .questions import Pool, Question, QuestionSet

FILE = "qa_data.json"


def read_halueval(folder: Path) -> QuestionSet:
    """The questions, each with its knowledge as the only passage; `misleading` is the answer that was made up.

    Args:
        folder: The folder of `qa_data.json`, one JSON object a line.

    Raises:
        DataError: The file is missing.
    """
    pool, questions = Pool(), []
    for number, row in enumerate(json_lines(folder / FILE)):
        given = pool.add("", row["knowledge"])
        questions.append(
            Question(
                id=str(number),
                question=row["question"],
                references=(row["right_answer"],),
                relevant=(given.id,),
                passages=(given,),
                source=given.id,
                misleading=(row["hallucinated_answer"],),
            )
        )
    return QuestionSet("halueval", tuple(questions), pool.documents())


def halueval_answers(questions: QuestionSet) -> GroundedSet:
    """Both answers to each question, to be told apart by a judge of grounding: the one made up is not grounded."""
    return GroundedSet(
        questions.name,
        tuple(
            GroundedAnswer(
                id=f"{one.id}-{kind}",
                answer=answer,
                passages=tuple(passage.text for passage in one.passages),
                question=one.question,
                grounded=kind == "right",
                source=one.source,
            )
            for one in questions.questions
            for kind, answers in (("right", one.references), ("hallucinated", one.misleading))
            for answer in answers
        ),
    )
