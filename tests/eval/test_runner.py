import json
import math
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.app.evaluating_suites import run_units
from ragstone.errors import EvaluationError, GenerationError, ModelLoadError
from ragstone.eval.cache import OutputCache
from ragstone.eval.judges import Case, Judgement
from ragstone.eval.metrics.statistic import Columns, mean_metric
from ragstone.eval.run_sets import RunSet
from ragstone.eval.runner import Unit
from ragstone.eval.runs import RunFolder, find_runs
from ragstone.eval.subjects import Subject
from ragstone.eval.suites import DataSet, Suite
from ragstone.eval.summary import compare_runs
from ragstone.eval.task import Ask, Task


@dataclass(frozen=True)
class Number:
    id: str
    value: int
    group: str = ""
    source: str = ""


@dataclass(frozen=True)
class Numbers:
    items: tuple[Number, ...]

    def sample(self, count: int | None, seed: int = 0) -> "Numbers":
        return replace(self, items=self.items[:count])


class Doubling(Task[Numbers, Number]):
    """The subject's identity tells by what it doubles, and on which values it fails."""

    name = "doubling"
    metrics = (mean_metric("right", "the double"),)

    def __init__(self, block: int = 2) -> None:
        self.block = block
        self.asked_for: list[int] = []

    def records(self, data: Numbers) -> Sequence[Number]:
        return data.items

    def asked(self, record: Number) -> Any:
        return record.value

    def shown(self, record: Number) -> Any:
        return {"question": f"2 x {record.value}", "references": [str(2 * record.value)]}

    @contextmanager
    def open(self, data: Numbers, subject: Subject) -> Iterator[Ask[Number]]:
        def ask(records: Sequence[Number]) -> list[Any]:
            self.asked_for += [record.value for record in records]
            for record in records:
                if record.value in subject.identity["fails"]:
                    raise GenerationError(f"{record.value} is too much", remedy="Ask for less")
                if record.value in subject.identity["dies"]:
                    raise ModelLoadError("the model is gone", remedy="Bring it back")
            return [{"text": str(subject.identity["factor"] * record.value)} for record in records]

        yield ask

    def values(self, record: Number, output: Any) -> Columns:
        return {"right": float(int(output["text"]) == 2 * record.value)}

    def case(self, record: Number, output: Any) -> Case:
        return Case(question=str(record.value), answer=output["text"], passages=())


class Shortness:
    name = "shortness"
    identity: dict[str, str] = {"version": "1"}  # noqa: RUF012
    metrics = ("short",)

    def __init__(self) -> None:
        self.calls = 0

    def judge(self, case: Case) -> Judgement:
        self.calls += 1
        if case.answer == "6":
            return Judgement({"short": None}, {"short": "it does not know 6"})
        return Judgement({"short": float(len(case.answer) == 1)})


def doubler(factor: int = 2, fails: Sequence[int] = (), dies: Sequence[int] = ()) -> Subject:
    return Subject("doubler", {"factor": factor, "fails": list(fails), "dies": list(dies)})


def unit(task: Doubling, count: int = 6) -> Unit[Numbers, Number]:
    data = Numbers(tuple(Number(f"n{n}", n, group="even" if n % 2 == 0 else "odd") for n in range(count)))
    of = DataSet("numbers", "numbers", lambda folder: data, count, "CC0", "us, today")
    return Unit("doubling", Suite("doubling", "is it twice as much?", "numbers", task, (of,)), of, data, task)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[OutputCache]:
    with OutputCache(tmp_path / "cache" / "outputs.sqlite3") as opened:
        yield opened


def run(task: Doubling, folder: Path, cache: OutputCache, subject: Subject, **options: Any) -> RunFolder:
    judges, count = options.pop("judges", ()), options.pop("count", 6)
    found = RunFolder(folder)
    for _ in run_units([unit(task, count)], subject, judges, found, cache, limit=None, seed=0, **options):
        pass
    return found


def test_a_run_is_a_folder_that_tells_what_was_run_each_item_and_the_figures(tmp_path: Path, cache: OutputCache):
    found = run(Doubling(), tmp_path / "run", cache, doubler())
    manifest, (summary,) = found.manifest, found.summary["units"]
    assert {"begun", "finished", "ragstone", "code", "python", "platform", "hardware", "packages"} <= manifest.keys()
    assert manifest["subject"] == {"name": "doubler", "factor": 2, "fails": [], "dies": []}
    assert [(one["name"], one["items"], one["licence"]) for one in manifest["units"]] == [("doubling", 6, "CC0")]
    assert [row.output["text"] for row in found.rows("doubling")] == ["0", "2", "4", "6", "8", "10"]
    assert summary["metrics"]["right"] | {"low": 1.0, "high": 1.0} == {
        **{"mean": 1.0, "low": 1.0, "high": 1.0, "n": 6, "n_unscored": 0, "sources": 6}
    }
    assert set(summary["groups"]) == {"even", "odd"}
    assert find_runs(tmp_path) == [found]


FINISHES = """
import sys
from pathlib import Path
from ragstone.app.evaluating_suites import run_units
from ragstone.eval.cache import OutputCache
from ragstone.eval.runs import RunFolder
from ragstone.eval.subjects import Subject

folder = Path(sys.argv[1])
with OutputCache(folder / "outputs.sqlite3") as cache:
    list(run_units([], Subject("none", {}), [], RunFolder(folder / "run"), cache, limit=None, seed=0))
"""


def test_the_memory_that_a_run_took_is_that_of_its_own_process(tmp_path: Path):
    held = np.ones(120_000_000)
    subprocess.run([sys.executable, "-c", FINISHES, str(tmp_path)], check=True)
    assert 20 < RunFolder(tmp_path / "run").manifest["peak_memory_mb"] < held.nbytes / 2**20


def test_the_same_run_twice_gives_the_same_figures(tmp_path: Path, cache: OutputCache):
    first = run(Doubling(), tmp_path / "first", cache, doubler(3))
    with OutputCache(tmp_path / "other.sqlite3") as other:
        second = run(Doubling(), tmp_path / "second", other, doubler(3))
    (one,), (two,) = first.summary["units"], second.summary["units"]
    assert {**one, "seconds": None} == {**two, "seconds": None}


def test_an_output_is_made_once_and_a_change_of_the_subject_makes_it_anew(tmp_path: Path, cache: OutputCache):
    task = Doubling()
    run(task, tmp_path / "first", cache, doubler(), count=4)
    run(task, tmp_path / "longer", cache, doubler(), count=6)
    assert task.asked_for == [0, 1, 2, 3, 4, 5]
    run(task, tmp_path / "changed", cache, doubler(3), count=2)
    assert task.asked_for[6:] == [0, 1]


def test_an_item_that_fails_is_recorded_and_the_run_goes_on(tmp_path: Path, cache: OutputCache):
    found = run(Doubling(block=4), tmp_path / "run", cache, doubler(fails=[1]))
    rows, (summary,) = {row.id: row for row in found.rows("doubling")}, found.summary["units"]
    assert rows["n1"].error == "1 is too much. Ask for less."
    assert rows["n1"].output is None and rows["n1"].values == {"right": None}
    assert [row.error for name, row in rows.items() if name != "n1"] == [""] * 5
    assert (summary["failed"], summary["metrics"]["right"]["n"], summary["metrics"]["right"]["n_unscored"]) == (1, 5, 1)
    mended = run(Doubling(), tmp_path / "again", cache, doubler())
    assert mended.summary["units"][0]["failed"] == 0  # a failure is not kept


def test_an_item_that_failed_is_asked_again_when_the_run_is_resumed(tmp_path: Path, cache: OutputCache):
    task, subject = Doubling(block=1), doubler(fails=[1])
    run(task, tmp_path / "run", cache, subject)
    task.asked_for.clear()
    subject.identity["fails"].clear()  # it fails no longer
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    manifest["subject"]["fails"] = []
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest))
    found = run(task, tmp_path / "run", cache, subject, resume=True)
    assert task.asked_for == [1]
    assert [(row.id, row.error) for row in found.rows("doubling")] == [(f"n{n}", "") for n in range(6)]
    (summary,) = found.summary["units"]
    assert (summary["n"], summary["failed"], summary["metrics"]["right"]["n"]) == (6, 0, 6)


class Boundless(Doubling):
    """Likelihoods, of which some are infinite."""

    def values(self, record: Number, output: Any) -> Columns:
        return {"right": {2: -math.inf, 3: math.nan}.get(record.value, 1.0)}


def test_a_value_that_is_infinite_is_unscored_and_counted(tmp_path: Path, cache: OutputCache):
    found = run(Boundless(), tmp_path / "run", cache, doubler())
    right = found.summary["units"][0]["metrics"]["right"]
    assert (right["mean"], right["n"], right["n_unscored"]) == (1, 4, 2)
    rows = found.rows("doubling")
    assert [row.id for row in rows if row.reasons] == ["n2", "n3"]
    for file in ("items/doubling.jsonl", "summary.json"):
        assert not {"Infinity", "NaN"} & set(re.findall(r"\w+", (tmp_path / "run" / file).read_text()))


def test_a_line_that_is_damaged_is_named_and_costs_none_of_those_after_it(tmp_path: Path, cache: OutputCache):
    found = run(Doubling(), tmp_path / "run", cache, doubler())
    items = tmp_path / "run" / "items" / "doubling.jsonl"
    lines = items.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:2], b"\0" * 20 + b"\n", *lines[3:]])
    items.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(EvaluationError, match=r"doubling\.jsonl: line 3 cannot be read"):
            run(Doubling(), tmp_path / "run", cache, doubler(), resume=True)
    with pytest.raises(EvaluationError, match="line 3 cannot be read"):
        found.rows("doubling")
    assert items.read_bytes() == damaged


@pytest.mark.parametrize("line", [b'{"id": "n2"}\n', b"[2]\n"])
def test_a_line_that_is_json_but_no_item_is_named(tmp_path: Path, cache: OutputCache, line: bytes):
    found = run(Doubling(), tmp_path / "run", cache, doubler())
    items = tmp_path / "run" / "items" / "doubling.jsonl"
    lines = items.read_bytes().splitlines(keepends=True)
    items.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))
    with pytest.raises(EvaluationError, match=r"doubling\.jsonl: line 3 cannot be read"):
        found.rows("doubling")


@pytest.mark.parametrize(
    ("name", "holds"), [("summary.json", "{}"), ("summary.json", "[]"), ("run.json", '{"format": 1}')]
)
def test_a_run_whose_files_lack_what_they_have_to_hold_is_named(
    tmp_path: Path, cache: OutputCache, name: str, holds: str
):
    run(Doubling(), tmp_path / "run", cache, doubler())
    (tmp_path / "run" / name).write_text(holds)
    with pytest.raises(EvaluationError, match=f"{name}: it is not as Ragstone writes it"):
        RunSet.read(tmp_path / "run")


def test_half_a_character_in_the_data_does_not_end_a_run_nor_keep_it_from_being_resumed(
    tmp_path: Path, cache: OutputCache
):
    odd = unit(Doubling(), 2)
    odd = replace(odd, data=Numbers((Number("n0", 0, group="\ud83d"), Number("n1", 1))), name="doubling")
    found, subject = RunFolder(tmp_path / "run"), doubler()
    subject.identity["of"] = "\ud83d"  # type: ignore[index]
    for resume in (False, True):
        (summary,) = run_units([odd], subject, (), found, cache, limit=None, seed=0, resume=resume)
        assert summary.n == 2
    assert set(found.summary["units"][0]["groups"]) == {"?", ""}


def test_a_second_process_does_not_run_in_the_same_folder(tmp_path: Path, cache: OutputCache):
    with RunFolder(tmp_path / "run").locked():
        for resume in (False, True):
            with pytest.raises(EvaluationError, match="another process is running in it"):
                run(Doubling(), tmp_path / "run", cache, doubler(), resume=resume)
    assert len(run(Doubling(), tmp_path / "run", cache, doubler()).rows("doubling")) == 6


def test_an_item_that_was_written_twice_counts_once(tmp_path: Path, cache: OutputCache):
    found = run(Doubling(), tmp_path / "run", cache, doubler())
    items = tmp_path / "run" / "items" / "doubling.jsonl"
    once = items.read_bytes()
    items.write_bytes(once + once + b'{"id": "cut o')
    assert [row.id for row in found.rows("doubling")] == [f"n{n}" for n in range(6)]
    assert len(found.mend("doubling")) == 6 and items.read_bytes() == once + once


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, cache: OutputCache):
    folder, task = tmp_path / "run", Doubling()
    subject = doubler()
    subject.identity["dies"].append(4)  # type: ignore[attr-defined]
    with pytest.raises(ModelLoadError):
        run(task, folder, cache, subject)
    assert not RunFolder(folder).finished
    with pytest.raises(EvaluationError, match="not finished"):
        _ = RunFolder(folder).summary
    rows = folder / "items" / "doubling.jsonl"
    assert len(rows.read_bytes().splitlines()) == 4
    rows.write_bytes(rows.read_bytes()[:-30])  # the machine went down in the middle of a line
    manifest = json.loads((folder / "run.json").read_text())
    manifest["subject"]["dies"] = []
    (folder / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(EvaluationError, match="a run already"):
        run(task, folder, cache, doubler())
    task.asked_for.clear()
    found = run(task, folder, cache, doubler(), resume=True)
    assert [row.id for row in found.rows("doubling")] == [f"n{n}" for n in range(6)]
    assert task.asked_for == [3, 4, 5]  # the subject is another than the one that died, so the cache has none of it
    assert found.summary["units"][0]["n"] == 6


def test_another_run_cannot_be_resumed_in_the_folder(tmp_path: Path, cache: OutputCache):
    run(Doubling(), tmp_path / "run", cache, doubler())
    with pytest.raises(EvaluationError, match="another subject"):
        run(Doubling(), tmp_path / "run", cache, doubler(3), resume=True)
    with pytest.raises(EvaluationError, match="another units"):
        run(Doubling(), tmp_path / "run", cache, doubler(), resume=True, count=3)
    with pytest.raises(EvaluationError, match="not the folder of a run"):
        _ = RunFolder(tmp_path).manifest
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    with pytest.raises(EvaluationError, match="not empty"):
        run(Doubling(), tmp_path / "full", cache, doubler())
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_judge_is_asked_once_and_what_it_cannot_score_is_unscored(tmp_path: Path, cache: OutputCache):
    judge = Shortness()
    found = run(Doubling(), tmp_path / "run", cache, doubler(), judges=[judge])
    scores = found.summary["units"][0]["judged"]["shortness"]["short"]
    assert (scores["n"], scores["n_unscored"], scores["mean"]) == (5, 1, pytest.approx(4 / 5))
    (failed,) = [row for row in found.rows("doubling") if row.reasons]
    assert failed.reasons == {"shortness: short": "it does not know 6"}
    run(Doubling(), tmp_path / "again", cache, doubler(), judges=[judge])
    assert judge.calls == 6 + 1  # what could not be scored is tried again


def test_two_runs_are_compared_item_by_item(tmp_path: Path, cache: OutputCache):
    good = run(Doubling(), tmp_path / "good", cache, doubler(), count=9, judges=[Shortness()])
    bad = run(Doubling(), tmp_path / "bad", cache, doubler(3), count=8, judges=[Shortness()])
    found = compare_runs(good, bad, {"doubling": Doubling()})
    assert found.warnings == ["doubling: 8 items are the same in both, of 9 and 8"]
    right, short, took = found.changes
    assert (right.metric, right.verdict) == ("right", "better")
    assert right.difference.mean.mean == pytest.approx(7 / 8)  # 0 is right in both
    assert (short.metric, took.metric, took.better) == ("shortness: short", "seconds", "less")
    back = compare_runs(bad, good, {"doubling": Doubling()})
    assert back.changes[0].verdict == "worse"
    same = compare_runs(good, good, {"doubling": Doubling()})
    assert [change.verdict for change in same.changes] == ["no difference"] * 3
    few = run(Doubling(), tmp_path / "few", cache, doubler(3), count=3)
    told = compare_runs(few, good, {"doubling": Doubling()})
    assert [change.verdict for change in told.changes] == ["unscored"] * 2
    assert told.warnings[1].startswith("doubling: the 3 items come from 3 sources, and no difference can be told")


def test_a_comparison_warns_of_runs_without_their_end_and_of_suites_that_are_not_known(
    tmp_path: Path, cache: OutputCache
):
    first = run(Doubling(), tmp_path / "first", cache, doubler())
    second = run(Doubling(), tmp_path / "second", cache, doubler(3))
    tasks = {"doubling": Doubling()}
    assert not any("end" in warning for warning in compare_runs(second, first, tasks).warnings)
    (tmp_path / "second" / "summary.json").unlink()
    first.finish(first.summary, cut=True)
    ended = "was not run to its end: only the items that were done are compared"
    warnings = compare_runs(second, first, tasks).warnings
    assert [f"this run {ended}", f"the baseline {ended}"] == [one for one in warnings if "end" in one]
    found = compare_runs(second, first, {})
    assert (
        not found.changes and "doubling: the suite doubling is not known here, and was not compared" in found.warnings
    )


def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "outputs.sqlite3").write_text("this is no database, and longer than its header would be" * 20)
    with pytest.raises(EvaluationError, match=r"outputs\.sqlite3: the cache of outputs cannot be used"):
        OutputCache(tmp_path / "outputs.sqlite3")


def test_a_cache_that_breaks_in_the_middle_of_a_run_is_named(tmp_path: Path, cache: OutputCache):
    run(Doubling(), tmp_path / "first", cache, doubler())
    with closing(sqlite3.connect(tmp_path / "cache" / "outputs.sqlite3")) as other:
        other.execute("DROP TABLE outputs")
    told = r"outputs\.sqlite3: the cache of outputs cannot be used \(no such table"
    with pytest.raises(EvaluationError, match=told):
        run(Doubling(), tmp_path / "second", cache, doubler())
    with pytest.raises(EvaluationError, match=told):
        cache.put("key", {}, None)
