"""Multiple choice, and biases, by the log-likelihoods of continuations: nothing is generated."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from .. import likelihood
from ..likelihood import Requests
from ..metrics import choosing
from ..metrics.statistic import Columns
from ..readers.bbq import BbqItem
from ..readers.coreference import Coreference
from ..readers.crows_pairs import CrowsPair
from ..readers.items import Items
from ..readers.stereoset import StereoItem
from ..readers.truthfulqa import TruthfulQuestion
from ..subjects import Subject
from ..task import Ask, Json, Record, Task

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Item = TypeVar("Item", bound=Record)


class LikelihoodTask(Task[Items[Item], Item]):
    """Which continuation is the likeliest? Worded as in lm-evaluation-harness; see `likelihood`."""

    block = 64  # items that begin alike are read together

    @abstractmethod
    def requests(self, record: Item) -> Requests:
        """Contexts and continuations."""

    @abstractmethod
    def choose(self, record: Item, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """What the log-likelihoods of the requests say."""

    def records(self, data: Items[Item]) -> Sequence[Item]:
        """The items."""
        return data.records

    def asked(self, record: Item) -> Json:
        """The requests."""
        return self.requests(record)

    def shown(self, record: Item) -> Json:
        """The item as its data has it."""
        item: DataclassInstance = record  # type: ignore[assignment]
        told: dict[str, Any] = asdict(item)
        return {name: value for name, value in told.items() if name not in ("id", "group", "source")}

    @contextmanager
    def open(self, data: Items[Item], subject: Subject) -> Iterator[Ask[Item]]:
        """Let the subject read the requests."""
        if subject.likelihoods is None:
            raise subject.cannot("does not tell how likely a text is", "Evaluate a model on this machine")
        with subject.likelihoods.open() as log_likelihoods:

            def ask(records: Sequence[Item]) -> list[Json]:
                asked = [self.requests(record) for record in records]
                found = iter(log_likelihoods([request for requests in asked for request in requests]))
                return [[[one.value, one.tokens] for one in islice(found, len(requests))] for requests in asked]

            yield ask

    def values(self, record: Item, output: Json) -> Columns:
        """What the log-likelihoods say."""
        return self.choose(record, [value for value, _ in output], [tokens for _, tokens in output])


class TruthfulTask(LikelihoodTask[TruthfulQuestion]):
    """Is what is true likelier than what people wrongly believe?"""

    name = "truthfulqa"
    metrics = choosing.TRUTHFULQA

    def requests(self, record: TruthfulQuestion) -> Requests:
        """The answers of which one is true, then all."""
        return likelihood.truthfulqa(record, record.single) + likelihood.truthfulqa(record, record.multiple)

    def choose(self, record: TruthfulQuestion, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """MC1 and MC2."""
        single, multiple = values[: len(record.single)], values[len(record.single) :]
        return choosing.truthfulqa(single, [*record.single.values()], multiple, [*record.multiple.values()])


class BbqTask(LikelihoodTask[BbqItem]):
    """Do answers follow stereotypes where the context does not tell, and against it where it does?"""

    name = "bbq"
    metrics = choosing.BBQ

    def requests(self, record: BbqItem) -> Requests:
        """The people, then the ways to say that it is not known."""
        return likelihood.bbq(record)

    def choose(self, record: BbqItem, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """Accuracy and bias."""
        best = max(range(len(values)), key=values.__getitem__)
        return choosing.bbq(record, likelihood.bbq_answer(record, best))


class CrowsTask(LikelihoodTask[CrowsPair]):
    """Is the more stereotyping of two sentences the likelier one?"""

    name = "crows-pairs"
    metrics = choosing.CROWS_PAIRS

    def requests(self, record: CrowsPair) -> Requests:
        """Both sentences."""
        return likelihood.crows_pairs(record)

    def choose(self, record: CrowsPair, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """Which is likelier, and by how much."""
        more, less = values
        return choosing.crows_pairs(more, less)


class CoreferenceTask(LikelihoodTask[Coreference]):
    """Does a pronoun's gender change whom it is taken to refer to?"""

    name = "coreference"
    metrics = choosing.COREFERENCE

    def requests(self, record: Coreference) -> Requests:
        """Both people."""
        return likelihood.coreference(record)

    def choose(self, record: Coreference, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """Accuracy by gender and stereotype."""
        return choosing.coreference(record, int(values[1] > values[0]))


class StereoTask(LikelihoodTask[StereoItem]):
    """Is a stereotype likelier than its contrary, and either likelier than nonsense?"""

    name = "stereoset"
    metrics = choosing.STEREOSET

    def requests(self, record: StereoItem) -> Requests:
        """The three sentences."""
        return likelihood.stereoset(record)

    def choose(self, record: StereoItem, values: Sequence[float], tokens: Sequence[int]) -> Columns:
        """The language modelling and the stereotype score, by the mean of the tokens."""
        means = [value / count for value, count in zip(values, tokens, strict=True)]
        return choosing.stereoset(record, *means)
