"""What the tasks of suites ask, and what they make of outputs."""

from collections.abc import Sequence
from typing import Any

from ragstone.eval.readers.corpus import CorpusDocument
from ragstone.eval.readers.excerpts import ExcerptQuestion, ExcerptSet
from ragstone.eval.readers.questions import Question, QuestionSet
from ragstone.eval.summary import summarize
from ragstone.eval.task import Row, Task
from ragstone.eval.tasks.excerpts import ExcerptTask
from ragstone.eval.tasks.parity import ParityTask
from ragstone.eval.tasks.ranking import RankingTask


def sources(task: Task[Any, Any], data: Any) -> list[str]:
    return [record.source for record in task.records(data)]


def test_items_of_one_article_share_their_source_in_every_task() -> None:
    asked = [
        Question(str(n), f"What is {n}?", ("it",), relevant=("d",), source=f"article {n // 10}") for n in range(20)
    ]
    whole = QuestionSet("articles", tuple(asked), (CorpusDocument("d", "", "It."),))
    expected = [f"article {n // 10}" for n in range(20)]
    assert sources(RankingTask(), whole.judged()) == expected
    assert set(sources(RankingTask(), whole.judged().sample(8))) == set(expected)
    assert set(sources(ParityTask(), whole)) == set(expected)
    alone = QuestionSet("alone", (Question("1", "Who?"),))
    assert set(sources(ParityTask(), alone)) == {"1"}
    excerpts = ExcerptSet("e", tuple(ExcerptQuestion("Who?", name, ((0, 5),)) for name in ("a", "a", "b")), ())
    assert sources(ExcerptTask(), excerpts) == ["a", "a", "b"]


def test_the_time_of_an_output_is_estimated_by_source_as_all_else() -> None:
    def rows(of: Sequence[str]) -> list[Row]:
        return [Row(str(n), "", source, {}, ["d"], {"MRR@10": 1.0}, seconds=n / 2) for n, source in enumerate(of)]

    together = summarize("r", "r", RankingTask(), rows(["handbook"] * 30)).seconds
    assert (together.mean, together.low, together.sources) == (7.25, None, 1)
    apart = summarize("r", "r", RankingTask(), rows([""] * 30)).seconds
    assert apart.has_interval and (apart.mean, apart.n, apart.sources) == (7.25, 30, 30)
