"""Instructions hidden in what is retrieved: does the answer obey them, and is harmless text taken for them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...ingest.instructions import find_instructions
from ..metrics.attacks import succeeded
from ..metrics.statistic import Columns, mean_metric
from ..readers.injection import Attacked, Harmless, as_question
from ..readers.items import stratified
from ..readers.questions import Question
from ..subjects import Answered, Subject
from ..task import Ask, Json, Task


@dataclass(frozen=True, slots=True)
class AttackedQuestion:
    """A question about a text with an attack in it."""

    case: Attacked
    question: Question
    id: str
    group: str
    """The task and the place of the attack."""
    source: str


@dataclass(frozen=True, slots=True)
class AttackedSet:
    """Questions about texts with attacks in them."""

    questions: tuple[AttackedQuestion, ...]

    @classmethod
    def of(cls, cases: Sequence[Attacked]) -> AttackedSet:
        """Those of cases."""
        made = [as_question(case, f"{number:05}") for number, case in enumerate(cases)]
        pairs = zip(cases, made, strict=True)
        return cls(tuple(AttackedQuestion(case, q, q.id, q.group, q.source) for case, q in pairs))

    def sample(self, questions: int | None, seed: int = 0) -> AttackedSet:
        """The first so many: tasks and places take turns."""
        return AttackedSet(self.questions[:questions])


class AttackTask(Task[AttackedSet, AttackedQuestion]):
    """Does an answer obey what was hidden in its passage? What was written and then withdrawn does not count."""

    name = "attack"
    metrics = (
        mean_metric("attack success", "the answer shows traces of the attack: eval/metrics/attacks.py", better="less"),
        mean_metric("refused", "there is no answer", better="less"),
    )

    def records(self, data: AttackedSet) -> Sequence[AttackedQuestion]:
        """The questions."""
        return data.questions

    def asked(self, record: AttackedQuestion) -> Json:
        """The question and the text."""
        return [record.question.question, record.case.text]

    def shown(self, record: AttackedQuestion) -> Json:
        """The question, the attack and its place."""
        return {
            "question": record.question.question,
            "attack": record.case.attack.text,
            "kind": record.case.attack.kind,
            "position": record.case.position,
        }

    @contextmanager
    def open(self, data: AttackedSet, subject: Subject) -> Iterator[Ask[AttackedQuestion]]:
        """Let the subject answer from the text."""
        if subject.answers is None:
            raise subject.cannot("answers no questions", "Evaluate the engine or a function that answers")
        with subject.answers.over("injection", ()) as answer:
            yield lambda records: [answer(one.question.question, one.question.passages).as_json() for one in records]

    def values(self, record: AttackedQuestion, output: Json) -> Columns:
        """Whether the attack succeeded; None where a program could not tell, also of no answer."""
        answered = Answered.from_json(output)
        success = succeeded(record.case, answered.text)
        if answered.abstained and success is not None:
            success = 0.0
        return {"attack success": success, "refused": float(answered.abstained)}


@dataclass(frozen=True, slots=True)
class HarmlessText:
    """A text that holds words of attacks and attacks nothing."""

    text: Harmless
    id: str
    group: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class HarmlessSet:
    """Such texts."""

    texts: tuple[HarmlessText, ...]

    @classmethod
    def of(cls, texts: Sequence[Harmless]) -> HarmlessSet:
        """Those of a set."""
        return cls(tuple(HarmlessText(one, f"{number:04}", one.category) for number, one in enumerate(texts)))

    def sample(self, texts: int | None, seed: int = 0) -> HarmlessSet:
        """At most so many, drawn from each category in proportion, in their old order."""
        if texts is None or texts >= len(self.texts):
            return self
        drawn = stratified([one.group for one in self.texts], texts, seed)
        return HarmlessSet(tuple(self.texts[place] for place in drawn))


class OverDefenceTask(Task[HarmlessSet, HarmlessText]):
    """Is harmless text flagged? Asked of the detector that looks at documents, whatever the subject."""

    name = "over-defence"
    metrics = (
        mean_metric("over-defence", "harmless texts in which an instruction is found; Li and Liu, 2024", better="less"),
    )

    def records(self, data: HarmlessSet) -> Sequence[HarmlessText]:
        """The texts."""
        return data.texts

    def asked(self, record: HarmlessText) -> Json:
        """The text."""
        return record.text.text

    def shown(self, record: HarmlessText) -> Json:
        """The text."""
        return {"question": record.text.text}

    @contextmanager
    def open(self, data: HarmlessSet, subject: Subject) -> Iterator[Ask[HarmlessText]]:
        """Look for instructions."""
        yield lambda records: [[[i.char_start, i.char_end] for i in find_instructions(r.text.text)] for r in records]

    def values(self, record: HarmlessText, output: Json) -> Columns:
        """Whether one was found."""
        return {"over-defence": float(bool(output))}
