import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.chats import Chats
from ragstone.app.feedback import FeedbackStore
from ragstone.app.monitoring import Use, UseLog
from ragstone.app.nightly import (
    Candidate,
    Night,
    choose_baseline,
    expected_seconds,
    find_nights,
    in_order,
    locked,
    run_night,
)
from ragstone.app.nightly_config import NightlyConfig, load_nightly
from ragstone.app.nightly_report import report_night
from ragstone.app.times import stamp
from ragstone.errors import EvaluationError, GenerationError, SettingsError
from ragstone.eval.cache import OutputCache
from ragstone.eval.gates import Gate
from ragstone.eval.metrics.statistic import Columns, mean_metric
from ragstone.eval.run_sets import RunSet
from ragstone.eval.runner import Unit
from ragstone.eval.subjects import Subject
from ragstone.eval.suites import DataSet, Suite
from ragstone.eval.task import Ask, Task
from ragstone.retrieval.library import Library


@dataclass
class Clock:
    """Time passes by a second with each question, and not otherwise."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Number:
    id: str
    value: int
    group: str = ""
    source: str = ""


@dataclass
class Doubling(Task[Sequence[Number], Number]):
    """The subject doubles numbers; it may be slow, and the process may die at one of them."""

    clock: Clock
    seconds: float = 1.0
    dies_at: int | None = None
    asked_for: list[int] = field(default_factory=list)
    name = "doubling"
    metrics = (mean_metric("right", "the double"),)

    def records(self, data: Sequence[Number]) -> Sequence[Number]:
        return data

    def asked(self, record: Number) -> Any:
        return record.value

    def shown(self, record: Number) -> Any:
        return {"question": f"2 x {record.value}", "references": [str(2 * record.value)]}

    @contextmanager
    def open(self, data: Sequence[Number], subject: Subject) -> Iterator[Ask[Number]]:
        if subject.identity["broken"]:
            raise EvaluationError("it is broken", remedy="Mend it")
        factor = subject.identity["factor"]

        def ask(records: Sequence[Number]) -> list[Any]:
            (record,) = records
            if record.value == self.dies_at:
                raise KeyboardInterrupt
            self.clock.seconds += self.seconds
            self.asked_for.append(record.value)
            if record.value == 13:
                raise GenerationError("13 is not doubled", remedy="Ask for another")
            return [{"text": str((2 if record.value % 2 else factor) * record.value)}]

        yield ask

    def values(self, record: Number, output: Any) -> Columns:
        return {"right": float(int(output["text"]) == 2 * record.value)}


def subject(factor: int = 2, *, broken: bool = False) -> Subject:
    return Subject("doubler", {"factor": factor, "broken": broken})


def candidate(task: Doubling, items: int, name: str = "doubling", start: int = 0) -> Candidate:
    def load(limit: int) -> tuple[Unit[Any, Any], None]:
        data = tuple(Number(f"{name}{n}", start + n) for n in range(limit))
        of = DataSet(name, name, lambda folder: data, items, "CC0", "us, today")
        return Unit(name, Suite(name, "is it twice as much?", "numbers", task, (of,)), of, data, task), None

    return Candidate(name, items, None, load)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[OutputCache]:
    with OutputCache(tmp_path / "outputs.sqlite3") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> NightlyConfig:
    return NightlyConfig(out=tmp_path / "nights", gate=(Gate(max_drop=0.02),), budget_minutes=60)


def dated(night: Night, days_ago: int) -> Night:
    """The night as if it had been some days ago."""
    begun = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="seconds")
    path = night.path.with_name(f"{days_ago}-days-ago")
    night.path.rename(path)
    for run in path.glob("*/run.json"):
        run.write_text(json.dumps(json.loads(run.read_text()) | {"begun": begun}))
    moved = replace(night, path=path, begun=begun)
    moved.save()
    return moved


def test_a_night_that_got_worse_is_told_from_the_first_one(config: NightlyConfig, clock: Clock, cache: OutputCache):
    task = Doubling(clock)
    tasks: Mapping[str, Any] = {"doubling": task}
    first = dated(run_night(config, [candidate(task, 60)], subject(), cache, clock=clock), 1)
    report = report_night(first, config, tasks)
    assert (report.state, report.baseline) == ("incomplete", "")
    assert report.headline.endswith("; 1 item failed.")
    assert [gate.state for gate in report.gates] == ["not checked"]

    second = run_night(config, [candidate(task, 60)], subject(3), cache, clock=clock)
    report = report_night(second, config, tasks)
    assert (report.state, report.baseline) == ("gate", "1-days-ago")
    assert report.new_failures and len(report.new_failures) == 29  # of the even numbers, 0 is still right
    assert {path.name for path in second.path.iterdir()} == {
        *("night.json", "doubling", "report.html", "report.md", "report.json", "report.junit.xml"),
    }
    assert (config.out / "report.html").read_text() == (second.path / "report.html").read_text()
    assert json.loads((second.path / "report.json").read_text())["state"] == "gate"

    choose_baseline(config.out, second.path.name)
    assert report_night(second, config, tasks).baseline == ""
    with pytest.raises(SettingsError, match="there is no night 'never'"):
        choose_baseline(config.out, "never")


def test_a_night_keeps_to_its_budget_and_names_what_it_left_out(
    config: NightlyConfig, clock: Clock, cache: OutputCache, tmp_path: Path
):
    task = Doubling(clock, seconds=10)
    wanted = [candidate(task, 30, "first", 300), candidate(task, 30, "second", 100), candidate(task, 30, "third", 200)]
    night = run_night(replace(config, budget_minutes=7.5), wanted, subject(), cache, clock=clock)
    assert {name: (done.state, done.items) for name, done in night.units.items()} == {
        "first": ("done", 30),
        "second": ("done", 15),  # at the expected ten seconds an item, no more fit
        "third": ("skipped", 0),
    }
    assert (night.not_run, night.put_off) == ({}, ["third"])
    report = report_night(night, config, {})
    assert (report.state, report.put_off) == ("measured", ["third"])  # it was not meant to run every night
    assert report.headline.endswith("; 1 suite put off for want of time.")
    assert clock.seconds == 450

    dated(night, 1)
    assert [one.name for one in in_order(wanted, config, find_nights(config.out))] == ["third", "first", "second"]


def test_a_set_that_is_slower_than_expected_keeps_what_was_done(
    config: NightlyConfig, clock: Clock, cache: OutputCache
):
    task = Doubling(clock, seconds=100)
    night = run_night(replace(config, budget_minutes=10), [candidate(task, 50)], subject(), cache, clock=clock)
    done = night.units["doubling"]
    assert (done.state, done.items) == ("cut", 7)
    assert clock.seconds == 700
    unit = RunSet.read(night.path).units["doubling"]
    assert (unit.summary["n"], unit.identity["items"]) == (7, 50)
    report = report_night(night, config, {"doubling": task})
    assert report.units[0].cut
    assert "7 of 50: time ran out" in (night.path / "report.html").read_text()
    assert expected_seconds(candidate(task, 50), [night]) == 100


def test_how_long_an_item_takes_is_not_learnt_from_outputs_of_earlier_runs(
    config: NightlyConfig, clock: Clock, cache: OutputCache
):
    task = Doubling(clock, seconds=3)
    one = candidate(task, 20)
    first = dated(run_night(config, [one], subject(), cache, clock=clock), 1)
    second = run_night(config, [one], subject(), cache, clock=clock)
    assert (second.units["doubling"].made, second.units["doubling"].seconds) == (1, 3)  # 13 is tried again
    assert second.units["doubling"].seconds_per_item == pytest.approx(3 / 19)
    assert expected_seconds(one, [first, second]) == 3
    assert expected_seconds(replace(one, name="new", seconds_per_item=7), [first, second]) == 7


def test_a_night_that_died_is_gone_on_with(config: NightlyConfig, clock: Clock, cache: OutputCache):
    task = Doubling(clock, dies_at=25)
    wanted = [candidate(task, 20, "first"), candidate(task, 30, "second")]
    with pytest.raises(KeyboardInterrupt):
        run_night(config, wanted, subject(), cache, clock=clock)
    (begun,) = find_nights(config.out)
    assert (begun.finished, set(begun.units)) == ("", {"first"})

    task.dies_at = None
    night = run_night(config, wanted, subject(), cache, clock=clock)
    assert night.path == begun.path
    assert {name: done.items for name, done in night.units.items()} == {"first": 20, "second": 30}
    # Once each, but for what failed: it is not in the cache, and asked again where its set is gone on with.
    assert sorted(task.asked_for) == sorted([*range(30), 13, 13])
    assert night.finished


def test_a_night_of_another_configuration_is_not_gone_on_with(config: NightlyConfig, clock: Clock, cache: OutputCache):
    task = Doubling(clock, dies_at=15)
    with pytest.raises(KeyboardInterrupt):
        run_night(config, [candidate(task, 20)], subject(), cache, clock=clock)
    (begun,) = find_nights(config.out)
    dated(begun, 0)
    task.dies_at = None
    night = run_night(config, [candidate(task, 20)], subject(3), cache, clock=clock)
    assert night.path.name != "0-days-ago"


def test_a_suite_that_fails_does_not_end_the_night(config: NightlyConfig, clock: Clock, cache: OutputCache):
    task = Doubling(clock)
    night = run_night(config, [candidate(task, 20)], subject(broken=True), cache, clock=clock)
    assert night.not_run == {"doubling": "it is broken. Mend it."}
    report = report_night(night, config, {"doubling": task})
    assert (report.state, report.units) == ("incomplete", [])
    assert report.headline == "No gate was checked; there is no baseline to compare with; 1 suite could not be run."
    assert "it is broken. Mend it." in (night.path / "report.html").read_text()


def test_what_users_did_not_like_since_the_night_before_is_shown(
    config: NightlyConfig, clock: Clock, cache: OutputCache, tmp_path: Path
):
    with Library(tmp_path / "library", create=True) as library:
        chats, store = Chats(library), FeedbackStore(library)
        chat = chats.create("me")
        for question, kind in (("How old?", "bad"), ("How tall?", "good")):
            message = chats.ask(chat, question)
            chats.keep(message, {"answer": "Three.", "abstained": False}, "done")
            store.vote(message, "me", kind)  # type: ignore[arg-type]
        store.correct(message, "me", "Four metres")

    task = Doubling(clock)
    night = run_night(config, [candidate(task, 20)], subject(), cache, clock=clock)
    report = report_night(night, config, {"doubling": task}, tmp_path / "library")
    assert [(one["rating"], one["question"], one["reason"]) for one in report.feedback] == [
        ("correction", "How tall?", "Four metres"),
        ("bad", "How old?", ""),
    ]
    assert "Four metres" in (night.path / "report.html").read_text()
    assert report_night(night, config, {"doubling": task}, tmp_path / "no library").feedback == []


def test_real_use_since_the_night_before_is_told_where_it_is_kept(
    config: NightlyConfig, clock: Clock, cache: OutputCache, tmp_path: Path
):
    task = Doubling(clock)
    dated(run_night(config, [candidate(task, 20)], subject(), cache, clock=clock), 2)
    night = run_night(config, [candidate(task, 20)], subject(), cache, clock=clock)
    with Library(tmp_path / "library", create=True) as library:
        report = report_night(night, config, {"doubling": task}, tmp_path / "library")
        assert report.use == [] and "Real use" not in (night.path / "report.html").read_text()
        for days, question in ((1, "How deep is *the* fjord?"), (9, "Who is Ada?")):
            asked_at = stamp(datetime.now(UTC) - timedelta(days=days))
            use = Use(asked_at, question, "", None, (), "tiny", True, 0.1, None, {"total": 9.0}, {})
            UseLog(library).add(use, keep_days=90)
    report = report_night(night, config, {"doubling": task}, tmp_path / "library")
    counted, missing = report.use
    assert counted.startswith("1 question since") and "answered: 0.000" in counted
    assert missing == "Not answered: 1 about deep, fjord."
    assert "about deep, fjord" in (night.path / "report.html").read_text()
    assert "about deep, fjord" in (night.path / "report.md").read_text()


def _hold(out: Path, held: Any, enough: Any) -> None:
    with locked(out):
        held.set()
        enough.wait(30)


def test_two_nights_at_once_are_refused(tmp_path: Path):
    forked = multiprocessing.get_context("fork")
    held, enough = forked.Event(), forked.Event()
    other = forked.Process(target=_hold, args=(tmp_path, held, enough))
    other.start()
    try:
        assert held.wait(30)
        with (
            pytest.raises(EvaluationError, match=f"a night is being run here .process {other.pid} since"),
            locked(tmp_path),
        ):
            pass
    finally:
        enough.set()
        other.join()
    with locked(tmp_path):
        assert f"process {os.getpid()} since" in (tmp_path / "nightly.lock").read_text()


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], NightlyConfig]:
    def read(text: str) -> NightlyConfig:
        (tmp_path / "nightly.toml").write_text(text, "utf-8")
        return load_nightly(tmp_path / "nightly.toml")

    return read


def test_the_example_is_a_configuration(written: Callable[[str], NightlyConfig], tmp_path: Path):
    example = Path(__file__).resolve().parents[2] / "examples" / "nightly.toml"
    read = written(example.read_text("utf-8"))
    assert read.out == tmp_path / "ragstone-nights"
    assert read.questions == tmp_path / "questions.csv"
    assert Gate(suite="own", metric="faithfulness", at_least=0.85) in read.gate
    assert any(gate.max_drop == 0.02 for gate in read.gate)


SUITE = '[[suite]]\nname = "grounding"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "there is nothing to run. Add questions"),
        ("limt = 3\n" + SUITE, "'limt' at the top is unknown. Did you mean 'limit'?"),
        (SUITE + "limit = 0", "suite.0.limit is wrong: input should be greater than or equal to 1"),
        (SUITE + "itmes = 3", "'itmes' in \\[suite\\] is unknown. Known are name"),
        ("[[suite]]\nlimit = 3", "suite.0.name is wrong: field required"),
        (
            SUITE + '[[gate]]\nsuite = "groundin"\nmax_drop = 0.1',
            "'groundin', which is not run. Did you mean 'grounding'?",
        ),
        (
            '[[suite]]\nname = "questions"\n[[gate]]\nsuite = "questions/squad"\nmax_drop = 0.1',
            "'questions/squad', which is not run. Did you mean 'questions/squad2'?",
        ),
        ('[[suite]]\nname = "questons"', "there is no suite 'questons'. Did you mean 'questions'?"),
        (SUITE + "[[gate]]\nmax_drop = nan", "gate.max_drop is nan"),
        (SUITE + 'seconds_per_item = inf\n[[gate]]\nmetric = "F1"\nat_least = 0.1', "suite.seconds_per_item is inf"),
        ("budget_minutes = nan\n" + SUITE, "budget_minutes is nan"),
        (SUITE + "[[gate]]\nat_least = 0.1", "a gate with at_least or at_most names no metric"),
        (SUITE + '[[gate]]\nmetric = "F1"', "asks for nothing"),
        (SUITE + "[notify]\nmail = {hots = 'h'}", "'hots' in \\[notify.mail\\] is unknown. Did you mean 'host'?"),
        ("limit = [", "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(written: Callable[[str], NightlyConfig], text: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint.replace("?", r"\?")):
        written(text)


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"no such file.*examples/nightly\.toml"):
        load_nightly(tmp_path / "nightly.toml")
