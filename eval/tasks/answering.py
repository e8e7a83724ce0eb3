"""Questions put to whatever answers, end to end: are the answers right, do they stand on the passages, and is there
none where there should be none?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ...generation.grounding.claims import strip_citations
from ..judges import Case
from ..metrics import abstention
from ..metrics.answers import best_subspan_em, exact_match, parts_named, rouge, token_f1
from ..metrics.citations import Statement
from ..metrics.contexts import context_precision, context_recall
from ..metrics.figures import states_figure
from ..metrics.rgb import repeats_error
from ..metrics.statistic import Columns, mean_metric
from ..readers.questions import Question, QuestionSet
from ..stats import Difference, Estimate
from ..subjects import Answered, Subject
from ..task import Ask, Json, Row, Task

QUOTABLE = 12
"""Words of a reference, at most, at which a right answer is expected to hold it word for word."""

ANSWERS = (
    mean_metric("right", "the answer holds a reference, or none is given where none is right"),
    mean_metric("sub-span EM", "of answerable questions: a reference stands in the answer; Liu et al., TACL 2024"),
    mean_metric("exact match", "SQuAD 2.0's: no answer is right where there is none; Rajpurkar et al., ACL 2018"),
    mean_metric("token F1", "SQuAD 2.0's: F1 of the words shared with the nearest reference"),
    mean_metric("ROUGE-L", "of answerable questions: F1 of the longest common subsequence; Lin, 2004"),
    mean_metric(
        "repeats the error", "of questions with falsified passages: the answer holds what they say", better="less"
    ),
    mean_metric("parts named", "of questions that ask for several things: the share of them that the answer names"),
)
ABSTENTION = (
    mean_metric("abstention accuracy", "there is an answer where there should be one, and none where not"),
    mean_metric("wrongly refused", "of answerable questions: no answer is given", better="less"),
    mean_metric("wrongly answered", "of unanswerable questions: an answer is given", better="less"),
    mean_metric("right where answered", "of the answers given, the share that is right"),
)
GROUNDS = (
    mean_metric("faithfulness", "claims supported by the passages / claims, by the verifier; Es et al., EACL 2024"),
    mean_metric("hallucination rate", "answers with an unsupported claim; Niu et al., ACL 2024", better="less"),
    mean_metric("cited", "claims that cite a passage / claims"),
    mean_metric(
        "context recall", "relevant documents that the answer was written from / relevant documents; 0 of none"
    ),
    mean_metric("context precision", "of the documents that the answer was written from, the share that is relevant"),
    mean_metric("Brier", "of the confidence that an answer is right; Brier, 1950", better="less"),
    mean_metric("ECE", "expected calibration error of the confidence, ten bins; Guo et al., ICML 2017", better="less"),
    mean_metric("AURC", "area under the risk-coverage curve; Geifman et al., ICLR 2019", better="less"),
)
_OF_ALL = ("ECE", "AURC")
"""What is no mean over the questions."""


class AnsweringTask(Task[QuestionSet, Question]):
    """Questions over a corpus, over passages that each brings, or over a library of the user's own.

    Args:
        library: The library, where the set has no documents.
        about: What tells one state of that library from another.
    """

    name = "answering"
    metrics = (*ANSWERS, *ABSTENTION, *GROUNDS)

    def __init__(self, library: Path | None = None, about: str = "") -> None:
        self._library = library
        self._about = about

    def records(self, data: QuestionSet) -> Sequence[Question]:
        """The questions."""
        return data.questions

    def context(self, data: QuestionSet) -> Json:
        """The documents that are searched."""
        return [self._about, [document.id for document in data.corpus]]

    def asked(self, record: Question) -> Json:
        """The question, and the passages that it brings."""
        return [record.question, [asdict(passage) for passage in record.passages]]

    def shown(self, record: Question) -> Json:
        """The question, the references, and the documents that hold the answer."""
        return {
            "question": record.question,
            "references": record.references,
            "answerable": record.answerable,
            "relevant": record.relevant,
            "parts": record.parts,
        }

    @contextmanager
    def open(self, data: QuestionSet, subject: Subject) -> Iterator[Ask[Question]]:
        """Let the subject answer."""
        if subject.answers is None:
            raise subject.cannot("answers no questions", "Evaluate the engine or a function that answers")
        with subject.answers.over(data.name, data.corpus, self._library) as answer:
            yield lambda records: [answer(one.question, one.passages).as_json() for one in records]

    def values(self, record: Question, output: Json) -> Columns:
        """What an answer is worth."""
        answered = Answered.from_json(output)
        return _quality(record, answered) | _grounds(record, answered)

    def measure(self, rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
        """Every metric of these rows."""
        found = super().measure(rows, seed)
        of_all = abstention.measure([_outcome(row) for row in rows if row.output is not None], seed)
        return found | {name: of_all[name] for name in _OF_ALL}

    def compare(self, rows: Sequence[Row], baseline: Sequence[Row], seed: int = 0) -> dict[str, Difference]:
        """Every metric of these rows, less that of others of the same items."""
        found = super().compare(rows, baseline, seed)
        of_all = abstention.compare([_outcome(row) for row in rows], [_outcome(row) for row in baseline], seed)
        return found | {name: of_all[name] for name in _OF_ALL}

    def times(self, output: Json) -> Columns:
        """What it took: milliseconds, tokens, joules."""
        answered = Answered.from_json(output)
        found: dict[str, float | None] = {f"{name} ms": value for name, value in answered.timings_ms.items()}
        found |= {f"{name} tokens": float(count) for name, count in answered.tokens.items()}
        return found | {"joules": answered.joules}

    def case(self, record: Question, output: Json) -> Case | None:
        """The answer, if there is one."""
        answered = Answered.from_json(output)
        if answered.abstained:
            return None
        return Case(
            question=record.question,
            answer=answered.text,
            passages=tuple(text for _, text in answered.passages),
            reference=record.references[0] if record.references else None,
            statements=_statements(answered),
        )


def _statements(answered: Answered) -> tuple[Statement, ...]:
    """What the answer says and cites, without the marks, which no judge is to read."""
    says = [one for one in answered.sentences if one.verdict != "unscored"]
    return tuple(Statement(strip_citations(one.text), tuple(n - 1 for n in one.citations)) for one in says)


def _outcome(row: Row) -> abstention.Outcome:
    if row.output is None:
        return abstention.Outcome(row.source or row.id, row.shown["answerable"], answered=None)
    answered, right = Answered.from_json(row.output), row.values.get("right where answered")
    return abstention.Outcome(
        source=row.source or row.id,
        answerable=row.shown["answerable"],
        answered=not answered.abstained,
        right=None if right is None else right == 1.0,
        confidence=answered.confidence,
    )


def _quality(record: Question, answered: Answered) -> dict[str, float | None]:
    text, language = answered.text, record.language
    correct = _correct(record, text)
    right = _right(record, answered)
    found: dict[str, float | None] = {"abstention accuracy": float(answered.abstained != record.answerable)}
    if right is not None:
        found["right"] = right
    if record.gold:
        found["exact match"] = exact_match(text, record.gold, language)
        found["token F1"] = token_f1(text, record.gold, language)
    if record.answerable:
        found["wrongly refused"] = float(answered.abstained)
        if correct is not None:
            found["sub-span EM"] = 0.0 if answered.abstained else correct
        if record.references and (overlap := rouge(text, record.references)["ROUGE-L"]) is not None:
            found["ROUGE-L"] = overlap.f1
        if record.parts:
            found["parts named"] = parts_named(text, record.parts, language)
    else:
        found["wrongly answered"] = float(not answered.abstained)
    if right is not None and not answered.abstained:
        found["right where answered"] = is_right = right if record.answerable else 0.0
        if answered.confidence is not None:
            found["Brier"] = (answered.confidence - is_right) ** 2
    if record.misleading and not answered.abstained:
        found["repeats the error"] = repeats_error(text, record.misleading, language)
    return found


def is_right(record: Question, answered: Answered) -> bool | None:
    """Whether an answer is right, or rightly not given; None where that cannot be told."""
    right = _right(record, answered)
    return None if right is None else right == 1.0


def _right(record: Question, answered: Answered) -> float | None:
    if not record.answerable:
        return float(answered.abstained)
    return 0.0 if answered.abstained else _correct(record, answered.text)


def _correct(record: Question, text: str) -> float | None:
    """Whether an answer to an answerable question is right; None where that cannot be told, for no right answer is
    known, or they are all so long that none would stand in another text word for word."""
    if record.parts:
        return float(parts_named(text, record.parts, record.language) == 1.0)
    if record.scale and any(states_figure(text, one, record.scale) for one in record.references):
        return 1.0
    short = [one for one in record.references if len(one.split()) <= QUOTABLE]
    return best_subspan_em(text, short, record.language) if short else None


def _grounds(record: Question, answered: Answered) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    if not answered.abstained:
        verdicts = [one for one in answered.sentences if one.verdict != "unscored"]
        supported = sum(one.verdict == "supported" for one in verdicts)
        found["faithfulness"] = supported / len(verdicts) if verdicts else None
        found["hallucination rate"] = float(supported < len(verdicts)) if verdicts else None
        found["cited"] = sum(bool(one.citations) for one in verdicts) / len(verdicts) if verdicts else None
    given = list(dict.fromkeys(name for name, _ in answered.passages))
    if record.relevant and not record.passages:
        found["context recall"] = context_recall(given, record.relevant)
        found["context precision"] = context_precision(given, record.relevant)
    return found
