import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.monitor_report import figures_of, report_usage, unanswered_topics
from ragstone.app.monitoring import Monitor, Use, UsedHit, UseLog
from ragstone.app.settings import Settings
from ragstone.app.times import stamp
from ragstone.errors import SettingsError
from ragstone.eval.stats import estimate
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library

SECRET = "How much does the harbourmaster earn?"
OpenEngine = Callable[..., Ragstone]


@pytest.fixture
def engine(
    sample_library: Path, model_store: ModelStore, tiny_model_path: Path, tmp_path: Path
) -> Iterator[OpenEngine]:
    """Opens a copy of the library of samples; by these settings nothing is answered, and the model not even asked."""
    folder, opened = tmp_path / "copy", []

    def open_engine(**settings: Any) -> Ragstone:
        if not folder.exists():
            shutil.copytree(sample_library, folder)
        given = {"models_dir": model_store.folder, "model": str(tiny_model_path), "threads": 1, "min_confidence": 1.0}
        opened.append(Ragstone.open(folder, settings=Settings(**given | settings)))
        return opened[-1]

    yield open_engine
    for one in opened:
        one.close()


def use(question: str = "", *, days: float = 0, vector: np.ndarray | None = None, **other: Any) -> Use:
    """A question that was not answered so many days ago."""
    return replace(
        Use(
            asked_at=stamp(datetime.now(UTC) - timedelta(days=days)),
            question=question,
            embedder="" if vector is None else "sha256",
            vector=None if vector is None else vector.astype(np.float16),
            hits=(UsedHit(1, 1, 0.2, 0.2),),
            model="tiny",
            abstained=True,
            confidence=0.2,
            support=None,
            timings_ms={"retrieve": 5.0, "first_token": 100.0, "total": 200.0},
            tokens={"prompt": 300, "completion": 0},
        ),
        **other,
    )


def stored(folder: Path) -> bytes:
    """All that stands in a library's database and its log."""
    return b"".join(path.read_bytes() for path in folder.glob("library.sqlite3*"))


def test_nothing_is_kept_unless_it_was_asked_for(engine: OpenEngine):
    rag = engine()
    assert rag.ask(SECRET).abstained
    assert UseLog(rag.library).all() == []


def test_figures_are_kept_without_a_word_of_question_or_documents(engine: OpenEngine):
    rag = engine(monitor="figures")
    answer = rag.ask(SECRET)
    (kept,) = UseLog(rag.library).all()
    assert (kept.question, kept.embedder, kept.vector) == ("", "", None)
    assert [(hit.chunk_id, hit.score) for hit in kept.hits] == [(hit.chunk.id, hit.score) for hit in answer.hits]
    assert kept.abstained and kept.support is None and kept.confidence == answer.confidence
    assert (kept.timings_ms, kept.tokens, kept.model) == (answer.timings_ms, answer.tokens, answer.model)
    assert b"harbourmaster" not in stored(rag.library.folder)


def test_an_answer_is_kept_when_it_was_given_and_not_when_it_was_stopped(engine: OpenEngine):
    rag = engine(monitor="embeddings", min_confidence=0.0, hits=1, max_tokens=6)
    stopped = rag.ask_stream(SECRET)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]  # it is a generator
    assert UseLog(rag.library).all() == []
    for event in rag.ask_stream("What did Dagny produce?"):
        if event.answer is not None:
            break  # who has the answer need not ask for the end
    (kept,) = UseLog(rag.library).all()
    assert kept.vector is not None and kept.vector.shape == (384,) and kept.question == ""
    assert kept.tokens["completion"] > 0


def test_a_monitor_that_fails_takes_no_answer_with_it_and_says_so(engine: OpenEngine, caplog: pytest.LogCaptureFixture):
    rag = engine(monitor="text")
    with rag.library.database.writing() as db:
        db.execute("DROP TABLE uses")
    with caplog.at_level(logging.WARNING):
        assert rag.ask(SECRET).abstained
    assert "The monitor could not keep this question: no such table: uses" in caplog.text
    assert SECRET not in caplog.text


def test_what_is_old_is_forgotten_and_what_is_erased_stands_nowhere(library: Callable[..., Library]):
    opened = library()
    log = UseLog(opened)
    log.add(use("first", days=30), keep_days=90)
    log.add(use(SECRET, days=9), keep_days=10)
    assert [one.question for one in log.all()] == [SECRET]
    assert b"harbourmaster" in stored(opened.folder)
    log.add(use("later"), keep_days=10)
    assert log.clear(stamp(datetime.now(UTC) - timedelta(days=5))) == 1
    assert [one.question for one in log.all()] == ["later"]
    assert b"harbourmaster" not in stored(opened.folder)


def test_questions_that_were_not_answered_are_grouped_by_topic(library: Callable[..., Library], embedder: Embedder):
    recipes = ["How do I cook a lasagne?", "Give me a recipe for pizza dough", "What is the best pasta recipe?"]
    wages = ["What is the salary of the director?", "How much salary does a director earn?"]
    uses = [use(text, vector=embedder.embed_query(text)) for text in (*recipes, *wages)]
    answered = use("Is there a recipe?", vector=embedder.embed_query("Is there a recipe?"), abstained=False)
    topics = unanswered_topics([*uses, answered], library())
    assert [topic.n for topic in topics] == [3, 2]
    assert set(topics[0].questions) == set(recipes) and set(topics[1].questions) == set(wages)
    assert "recipe" in topics[0].terms and {"salary", "director"} <= set(topics[1].terms)
    assert topics[0].documents == (("a document that was removed", 3),)
    assert topics[0].confidence.mean == pytest.approx(0.2)


def test_without_embeddings_they_go_by_the_nearest_document(engine: OpenEngine):
    rag = engine(monitor="figures")
    nearest = {rag.ask(question).hits[0].chunk.document for question in (SECRET, "What did Dagny produce in 2023?")}
    topics = report_usage(rag.library).topics
    assert {topic.name for topic in topics} == {f"near {path}" for path in nearest}
    assert sum(topic.n for topic in topics) == 2 and not any(topic.questions for topic in topics)


def test_a_week_is_compared_with_what_was_before(library: Callable[..., Library]):
    opened, draws = library(), np.random.default_rng(0)
    log = UseLog(opened)
    for day in (3, 20):
        middle = np.eye(8)[0 if day == 3 else 1] * 3
        for _ in range(25):
            vector = draws.normal(size=8) + middle
            log.add(use(days=day, vector=vector, abstained=day == 3, confidence=draws.uniform()), keep_days=90)
    usage = report_usage(opened)
    assert (usage.period.n, usage.baseline.n) == (25, 25)
    assert (usage.figures["answered"].mean, usage.baseline_figures["answered"].mean) == (0.0, 1.0)
    assert usage.figures["total ms, p95"].mean == 200 and usage.figures["support"].n_unscored == 25
    shifted = {shift.name: shift.shifted for shift in usage.drift}
    assert shifted == {
        "not answered": True,
        "probability of the best hit": False,
        "confidence": False,
        "support": False,
        "total ms": False,
        "questions": True,
    }
    day = stamp(datetime.now(UTC) - timedelta(days=20))[:10]
    assert report_usage(opened, baseline=f"{day}..{day}").baseline.n == 25
    assert report_usage(opened, baseline="2020-01-01..2020-01-31").baseline.n == 0
    with pytest.raises(SettingsError, match="Write it as 2026"):
        report_usage(opened, baseline="last week")


def test_of_many_questions_the_interval_is_that_of_the_bootstrap_in_less_time():
    values = list(np.random.default_rng(0).beta(2, 5, 2_500))
    many = figures_of([use(confidence=value) for value in values])["confidence"]
    resampled = estimate(values)
    assert (many.mean, many.n) == (resampled.mean, 2_500)
    assert (many.low, many.high) == pytest.approx((resampled.low, resampled.high), abs=5e-4)


def test_evaluations_are_no_real_use(model_store: ModelStore, tmp_path: Path):
    from ragstone.app.evaluated import engine_subject

    settings = Settings(models_dir=model_store.folder, model="smollm2-135m", monitor="text")
    subject = engine_subject(settings, tmp_path)
    assert subject.identity == engine_subject(replace(settings, monitor="off"), tmp_path).identity
    assert subject.answers is not None and subject.answers.settings.monitor == "off"  # type: ignore[attr-defined]


def test_a_monitor_that_is_off_hands_events_on_as_they_are(library: Callable[..., Library]):
    events: Iterator[Any] = iter(())
    assert Monitor(library(), "off", 90, lambda: pytest.fail("no model is needed")).watch(events) is events


def test_the_command_reports_exports_and_erases(ragstone_cli: Any, library: Callable[..., Library], tmp_path: Path):
    opened = library()
    for days in (1, 2, 30):
        UseLog(opened).add(use(SECRET, days=days), keep_days=90)
    options = ("--library", opened.folder)
    done = ragstone_cli("monitor", *options, "--json")
    assert (done.code, done.stderr) == (0, "")
    found = done.json()
    assert (found["monitor"], found["period"]["n"], found["baseline"]["n"]) == ("off", 2, 1)
    assert found["topics"][0]["questions"] == [SECRET] and found["figures"]["answered"]["n"] == 2
    shown = ragstone_cli("monitor", *options)
    assert "harbourmaster" in shown.stdout and "too few to test" in shown.stdout and "Nothing is kept" in shown.stderr
    done = ragstone_cli("monitor", *options, "export", "--out", "uses.jsonl")
    assert done.code == 0 and (tmp_path / "uses.jsonl").read_text().count(SECRET) == 3
    done = ragstone_cli("monitor", "clear", *options, "--keep-days", "7", "--yes")
    assert done.stdout == "1 question erased.\n" and len(UseLog(opened).all()) == 2


def test_nothing_is_erased_without_a_yes_and_that_is_said(ragstone_cli: Any, library: Callable[..., Library]):
    opened = library()
    UseLog(opened).add(use(SECRET, days=1), keep_days=90)
    command = [*ragstone_cli.ragstone, "monitor", "clear", "--library", str(opened.folder)]
    done = subprocess.run(command, input="n\n", capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "Nothing was erased.\n")
    assert len(UseLog(opened).all()) == 1 and "Interrupted" not in done.stderr
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "1 question erased.\n")


@pytest.mark.parametrize("days", ["1000000", "1e308", "inf"])
def test_more_days_than_there_have_been_are_all_of_them(ragstone_cli: Any, library: Callable[..., Library], days: str):
    opened = library()
    UseLog(opened).add(use(SECRET, days=30), keep_days=90)
    done = ragstone_cli("monitor", "--library", opened.folder, "--days", days, "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json()["period"]["n"] == 1
    if days.isdecimal():
        done = ragstone_cli("monitor", "clear", "--library", opened.folder, "--keep-days", days, "--yes")
        assert (done.code, done.stdout) == (0, "0 questions erased.\n")


@pytest.mark.parametrize("command", [("monitor", "--days"), ("search", "x", "--min-probability")])
def test_an_option_that_is_not_a_number_is_bad_usage(ragstone_cli: Any, command: tuple[str, ...]):
    done = ragstone_cli(*command, "nan")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.strip().endswith(f"Invalid value for '{command[-1]}': 'nan' is not a number.")
