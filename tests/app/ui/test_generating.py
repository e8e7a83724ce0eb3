"""Answers in threads of their own, with the real engine."""

import gc
import shutil
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.chats import Chats
from ragstone.app.settings import Settings
from ragstone.app.ui import generating
from ragstone.app.ui.engines import Engines
from ragstone.app.ui.generating import Generation, Generations
from ragstone.app.ui.ingesting import Ingests
from ragstone.errors import LibraryLockedError, ModelNotFoundError

QUESTION = "How is equipment locked out with padlock and tag?"


@pytest.fixture(scope="module")
def engines(
    sample_library: Path, tiny_model_path: Path, model_store: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("engines") / "library"
    shutil.copytree(sample_library, folder)
    values = {"model": "smollm2-135m", "hits": 1, "threads": 1, "min_confidence": 0.0, "max_tokens": 300}
    yield Engines(Settings(library=folder, models_dir=model_store.folder, **values))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chats(engines: Engines) -> Chats:
    return Chats(engines.library)


def begin(engines: Engines, chats: Chats, question: str = QUESTION, **changed: Any) -> tuple[Any, Generation]:
    chat = chats.create("anna")
    number = chats.ask(chat, question)
    settings = engines.settings.with_values(changed)
    return chat, Generations(engines, chats).start(number, question, [], settings, [])


def test_an_answer_is_stored_whole_without_anybody_looking(engines: Engines, chats: Chats):
    chat, made = begin(engines, chats, max_tokens=24)
    assert made.wait(60)
    (message,) = chats.messages(chat)
    assert message.state == "done"
    assert message.answer["citations"][0]["document"].endswith("safety-manual.pdf")
    assert message.answer["tokens"]["completion"] <= 24
    assert message.answer["given"] == [1]
    with engines.lease() as rag:
        again = rag.ask(QUESTION)
    assert again.text.startswith(message.answer["answer"][:20])


def test_stop_keeps_what_there_is_with_its_citations(engines: Engines, chats: Chats):
    chat, made = begin(engines, chats)
    while not made.draft().get("citations") and not made.ended:
        time.sleep(0.01)
    made.stop()
    assert made.ended
    (message,) = chats.messages(chat)
    assert message.state == "stopped"
    assert message.answer["question"] == QUESTION
    cited = {n for sentence in message.answer["sentences"] for n in sentence["citations"]}
    assert cited == {citation["n"] for citation in message.answer["citations"]} == {1}
    text = engines.library.text(message.answer["citations"][0]["document_id"])
    for citation in message.answer["citations"]:
        assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]
    time.sleep(0.3)
    assert chats.messages(chat) == [message]


def test_what_goes_wrong_is_kept_with_its_remedy(engines: Engines, chats: Chats):
    chat = chats.create("anna")
    number = chats.ask(chat, QUESTION)
    made = Generations(engines, chats).start(number, QUESTION, [], engines.settings, ["colour=blue"])
    assert made.wait(60)
    (message,) = chats.messages(chat)
    assert message.state == "failed"
    assert "colour" in message.error


@pytest.mark.parametrize("stopped", [False, True])
def test_an_answer_that_cannot_be_stored_ends_and_stays_and_is_stored_when_it_can_be(
    engines: Engines,
    chats: Chats,
    full_disk: Callable[[], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
    stopped: bool,
):
    monkeypatch.setattr(generating, "_AGAIN", 0.1)
    monkeypatch.setattr(generating, "_KEPT_EVERY", 0.0)
    chat, generations = chats.create("anna"), Generations(engines, chats)
    number = chats.ask(chat, QUESTION)
    settings = engines.settings.with_values({"max_tokens": 300 if stopped else 24})
    with full_disk():
        made = generations.start(number, QUESTION, [], settings, [])
        while stopped and not made.draft().get("answer"):
            time.sleep(0.01)
        if stopped:
            made.stop()
        assert made.wait(60)
        assert generations.of(number) is None
        assert chats.messages(chat)[0].state == "running"
        (message,) = generations.messages(chat)
        assert message.answer["answer"]
        assert message.error.startswith("This answer is not stored yet")
        assert "Free disk space" in message.error and "\n" not in message.error
        generations.start(0, QUESTION, [], settings, ["colour=blue"])
        assert generations.messages(chat) == [message]  # what else is answered takes nothing away
    until = time.monotonic() + 30
    while not made.stored and time.monotonic() < until:
        time.sleep(0.05)
    assert generations.messages(chat) == chats.messages(chat)
    (kept,) = chats.messages(chat)
    assert (kept.answer, kept.state, kept.error) == (message.answer, "stopped" if stopped else "done", "")


def test_another_model_takes_over_and_the_earlier_one_closes_when_its_answers_end(engines: Engines):
    with engines.lease() as before:
        engines.use_model(str(before.models.path("smollm2-135m")))
        assert before.library.counts()[0] == 19
        with engines.lease() as after:
            assert after is not before
    assert engines.settings.model.endswith(".gguf")
    with pytest.raises(ModelNotFoundError):
        engines.use_model("no-such-model")
    assert engines.settings.model.endswith(".gguf")


def test_an_engine_that_another_replaced_is_let_go_with_its_index(engines: Engines):
    with engines.lease() as before:
        assert before.search("padlock", 1)
        kept = [weakref.ref(before), weakref.ref(before._retriever._index)]
    engines.use_model(before.settings.model)
    gc.collect()
    assert kept[1]() is None  # also while somebody still holds the engine
    del before
    gc.collect()
    assert kept[0]() is None


def test_a_chat_is_answered_by_another_model_and_both_stay_loaded(
    engines: Engines, chats: Chats, tiny_model_path: Path
):
    models = []
    for changed in ({}, {"model": str(tiny_model_path)}, {}):
        chat, made = begin(engines, chats, max_tokens=2, **changed)
        assert made.wait(60)
        models.append((chats.messages(chat)[0].answer["model"], engines.pool.held_bytes))
    (first, one), (other, both), (again, still) = models
    assert first == again != other == tiny_model_path.stem
    assert one < both == still


def test_an_ingest_tells_how_far_it_is_and_can_be_cancelled_and_resumed(engines: Engines, tmp_path: Path):
    for number in range(30):
        (tmp_path / f"{number}.md").write_text(f"# Note {number}\n\nThe pump of house {number} was painted.\n" * 5)
    ingests = Ingests(engines)
    ingest = ingests.start([tmp_path], "notes")
    with pytest.raises(LibraryLockedError, match="an ingest is in progress"):
        ingests.start([tmp_path])
    ingest.cancel()
    assert ingest.wait(60)
    assert ingest.cancelled and "goes on from there" in ingest.error
    again = ingests.start([tmp_path], "notes")
    assert again.wait(60)
    assert again.report is not None, again.error
    assert again.report.added + again.report.unchanged == 30
    assert again.progress is not None
    assert again.progress.files == 30
    assert engines.library.collections()["notes"] == 30


def test_an_ingest_that_cannot_begin_says_why(engines: Engines, tmp_path: Path):
    ingest = Ingests(engines).start([tmp_path / "none"])
    assert ingest.wait(60)
    assert "none" in ingest.error
