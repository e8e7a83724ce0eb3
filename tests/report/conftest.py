"""Runs made by hand: five nights of answers, one of which holds what a hostile document would."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.eval.gates import Gate
from ragstone.eval.metrics.statistic import Columns, mean_metric
from ragstone.eval.report.data import Report, build_report
from ragstone.eval.report.html import as_html
from ragstone.eval.run_sets import RunSet, find_run_sets
from ragstone.eval.runs import VERSION, RunFolder
from ragstone.eval.subjects import Answered, AnsweredSentence, Subject
from ragstone.eval.summary import summarize
from ragstone.eval.task import Ask, Row, Task
from ragstone.eval.tasks.ranking import RankingTask

HOSTILE = '<script>document.title = "taken"</script><img src="http://example.com/x.png" onerror="alert(1)">'
ITEMS = 40


class Asking(Task[Any, Any]):
    """Questions and answers; it is not run here, only its figures are computed."""

    name = "asking"
    metrics = (
        mean_metric("faithfulness", "the share of supported sentences"),
        mean_metric("hallucination", "whether a sentence is unsupported", better="less"),
        mean_metric("sub-span EM", "whether a reference stands in the answer"),
        mean_metric("abstained rightly", "whether it answered where it should, and not where it should not"),
    )

    def records(self, data: Any) -> Sequence[Any]:
        raise NotImplementedError

    def asked(self, record: Any) -> Any:
        raise NotImplementedError

    def shown(self, record: Any) -> Any:
        raise NotImplementedError

    @contextmanager
    def open(self, data: Any, subject: Subject) -> Iterator[Ask[Any]]:
        raise NotImplementedError
        yield

    def values(self, record: Any, output: Any) -> Columns:
        raise NotImplementedError


TASKS: Mapping[str, Task[Any, Any]] = {"own": Asking(), "retrieval": RankingTask()}


def _answer(n: int, *, faithful: bool, right: bool) -> Row:
    """An answer to question n; question 3 and its passages are hostile."""
    hostile = HOSTILE if n == 3 else ""
    good = AnsweredSentence(f"The pump of station {n} was replaced in 2021.", "supported", 0.93, (1,))
    bad = AnsweredSentence(f"It was paid by the council of district {n} {hostile}", "unsupported", 0.08, ())
    sentences = (good,) if faithful else (good, bad)
    answered = Answered(
        text=" ".join(one.text for one in sentences),
        abstained=False,
        passages=((f"reports/station-{n}.pdf", f"In 2021 the pump of station {n} was replaced. {hostile}"),),
        sentences=sentences,
        confidence=0.93 if faithful else 0.4,
    )
    return Row(
        id=f"q{n:02}",
        group="numeric" if n % 2 else "fact",
        source="",
        shown={
            "question": f"When was the pump of station {n} replaced? {hostile}".strip(),
            "references": ["2021"],
            "answerable": True,
        },
        output=answered.as_json(),
        values={
            "faithfulness": 1.0 if faithful else 0.5,
            "hallucination": 0.0 if faithful else 1.0,
            "sub-span EM": float(right),
            "abstained rightly": 1.0,
        },
        times={"retrieve ms": 11.0 + n % 5, "first_token ms": 180.0 + n, "prompt tokens": 400.0 + n, "joules": 2.5},
        judged={"smol": {"faithfulness": 0.9 if faithful else 0.3}},
        seconds=0.9 + 0.01 * n,
        cached=n % 4 == 0,
    )


def answers(unfaithful: int, wrong: int = 4) -> list[Row]:
    """So many of the answers hold an unsupported sentence, so many are wrong, one failed and one was not given."""
    rows = [_answer(n, faithful=n >= unfaithful, right=n >= wrong) for n in range(ITEMS - 2)]
    silent = _answer(ITEMS - 2, faithful=True, right=False)
    none = Answered(text="", abstained=True)
    rows.append(replace(silent, output=none.as_json(), values={"abstained rightly": 0.0}, judged={}))
    lost = _answer(ITEMS - 1, faithful=True, right=True)
    error = "the answer broke off. Ask again."
    rows.append(replace(lost, output=None, values=dict.fromkeys(silent.values), times={}, judged={}, error=error))
    return rows


def rankings(missed: int) -> list[Row]:
    """Queries whose document came first, but for so many where it came second."""
    task, rows = RankingTask(), []
    for n in range(30):
        output = [["other", 2.0], [f"d{n}", 1.0]] if n < missed else [[f"d{n}", 2.0]]
        record = task.records(_corpus(n))[0]
        ranked = [name for name, _ in output]
        rows.append(Row(f"r{n:02}", "", "", task.shown(record), ranked, task.values(record, ranked), seconds=0.01))
    return rows


def _corpus(n: int) -> Any:
    from ragstone.eval.readers.corpus import CorpusDocument, JudgedCorpus

    document = CorpusDocument(f"d{n}", "", f"Station {n}")
    return JudgedCorpus("stations", (document,), {f"r{n:02}": f"Which station is {n}?"}, {f"r{n:02}": {f"d{n}": 1}})


def write_run(
    path: Path,
    units: Mapping[str, tuple[str, Sequence[Row]]],
    day: int,
    *,
    corpus: str = "c0ffee",
    code: str = "a" * 64,
) -> RunFolder:
    """A run that was finished on a day of November.

    Args:
        path: Its folder.
        units: The suite and the rows of each set.
        day: Of the month.
        corpus: The fingerprint of the documents.
        code: The hash of the code.
    """
    folder = RunFolder(path)
    manifest = {
        "format": VERSION,
        "begun": f"2026-11-{day:02}T02:00:00+00:00",
        "ragstone": "0.1.0",
        "code": code,
        "python": "3.11.7",
        "platform": "Linux",
        "hardware": {"cpu": "a processor", "cores": 2, "memory_mb": 8000},
        "packages": {"numpy": "2.4.6"},
        "seed": 0,
        "limit": None,
        "subject": {"name": "qwen2.5-coder-1.5b", "settings": {"hits": 4}},
        "judges": [{"name": "smol", "identity": {"model": "smollm2-135m"}}],
        "corpus": {"documents": 40, "chunks": 120, "embedder": "all-minilm-l6-v2", "fingerprint": corpus},
        "units": [
            {
                "name": name,
                "suite": suite,
                "items": len(rows),
                "sha256": "b" * 64,
                "task": {"name": TASKS[suite].name, "version": 1},
                "licence": "CC-BY-4.0",
                "citation": "we, today",
            }
            for name, (suite, rows) in units.items()
        ],
    }
    folder.begin(manifest, resume=False)
    summaries = []
    for name, (suite, rows) in units.items():
        folder.add(name, rows)
        summaries.append(summarize(name, suite, TASKS[suite], rows).as_json())
    folder.finish({"units": summaries}, finished=f"2026-11-{day:02}T02:40:00+00:00")
    return folder


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five nights: each answers as the first did, until the last writes more that nothing supports."""
    folder = tmp_path_factory.mktemp("nights")
    for day, unfaithful in enumerate((4, 5, 4, 3, 16), start=20):
        night = folder / f"2026-11-{day}"
        write_run(night / "own", {"own": ("own", answers(unfaithful))}, day, code=f"{day}" * 32)
        write_run(night / "retrieval", {"retrieval/stations": ("retrieval", rankings(2 + 3 * (day - 20) // 2))}, day)
    return folder


@pytest.fixture(scope="session")
def night(nights: Path) -> RunSet:
    """The last night."""
    return RunSet.read(nights / "2026-11-24")


@pytest.fixture(scope="session")
def first_night(nights: Path) -> RunSet:
    """The baseline."""
    return RunSet.read(nights / "2026-11-20")


@pytest.fixture(scope="session")
def tasks() -> Mapping[str, Task[Any, Any]]:
    """What the suites of these runs ask."""
    return TASKS


@pytest.fixture(scope="session")
def write() -> Any:
    """Writes a run: see `write_run`."""
    return write_run


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """Answers as in the first night."""
    return answers(4)


@pytest.fixture(scope="session")
def report(night: RunSet, first_night: RunSet, nights: Path) -> Report:
    """The last night against the first one and four gates; a suite was not run."""
    gates = (
        Gate(suite="own", metric="faithfulness", at_least=0.85),
        Gate(suite="own", metric="hallucination", at_most=0.2),
        Gate(max_drop=0.02),
        Gate(suite="safety", metric="bias", at_least=0.9),
    )
    return build_report(
        night,
        TASKS,
        baseline=first_night,
        history=find_run_sets(nights),
        gates=gates,
        not_run={"bbq": "a file is missing. Fetch it again."},
        put_off=["questions/squad2"],
    )


@pytest.fixture(scope="session")
def html(report: Report) -> str:
    """... as HTML."""
    return as_html(report)
