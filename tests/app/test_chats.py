import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.chats import INTERRUPTED, TITLE_LENGTH, Chats, as_json, as_markdown, history
from ragstone.app.feedback import FeedbackStore
from ragstone.retrieval.library import Library

ANSWER = {
    "question": "And in 2020?",
    "query": "What did the pump cost in 2020?",
    "answer": "It cost EUR 900 [1]. It was blue.",
    "abstained": False,
    "sentences": [
        {"text": "It cost EUR 900 [1].", "verdict": "supported"},
        {"text": "It was blue.", "verdict": "unsupported"},
    ],
    "citations": [{"n": 1, "document": "pump.pdf", "page": 2, "chunk_id": 7, "quote": "The pump cost EUR 900."}],
}


@pytest.fixture
def stored(library: Any) -> Library:
    return library()


@pytest.fixture
def chats(stored: Library) -> Chats:
    return Chats(stored)


def test_a_chat_is_its_owners_alone_until_it_is_shared(chats: Chats):
    chat = chats.create("anna")
    assert chats.get(chat.id, "anna") == chat
    assert chats.get(chat.id, "bert") is None
    assert chats.of("bert") == []
    chats.share(chat, True)
    assert chats.get(chat.id, "bert") is not None
    assert [one.id for one in chats.of("bert")] == [chat.id]


def test_only_its_owner_changes_a_chat(chats: Chats):
    chat = chats.create("anna")
    chats.share(chat, True)
    seen_by_bert = chats.get(chat.id, "bert")
    assert seen_by_bert is not None
    as_if_his = type(chat)(**{name: getattr(chat, name) for name in chat.__slots__} | {"owner": "bert"})
    chats.delete(as_if_his)
    chats.rename(as_if_his, "Mine now")
    assert chats.of("anna")[0].title == ""


def test_a_chat_is_named_by_its_first_question_cut_at_a_word(chats: Chats):
    chat = chats.create("anna")
    chats.ask(chat, "word " * 40)
    chats.ask(chat, "Another question")
    title = chats.of("anna")[0].title
    assert len(title) <= TITLE_LENGTH
    assert title.endswith("word …")
    chats.rename(chat, "  Pumps\n and more ")
    assert chats.of("anna")[0].title == "Pumps and more"


def test_an_answer_is_kept_as_it_grows_and_as_it_ended(chats: Chats):
    chat = chats.create("anna")
    number = chats.ask(chat, "And in 2020?")
    chats.keep(number, {"answer": "It"})
    assert [(m.state, m.answer) for m in chats.messages(chat)] == [("running", {"answer": "It"})]
    chats.keep(number, ANSWER, "done")
    assert [(m.state, m.answer) for m in chats.messages(chat)] == [("done", ANSWER)]


def test_what_a_program_that_ended_left_unfinished_is_told_at_the_next_start(chats: Chats):
    chat = chats.create("anna")
    chats.keep(chats.ask(chat, "One?"), ANSWER, "done")
    chats.keep(chats.ask(chat, "Two?"), {"answer": "Partly"})
    assert chats.end_interrupted() == 1
    assert [(m.state, m.error) for m in chats.messages(chat)] == [("done", ""), ("stopped", INTERRUPTED)]
    assert chats.messages(chat)[1].answer == {"answer": "Partly"}


ASKS = """
import sys
from pathlib import Path
from ragstone.app.chats import Chats
from ragstone.retrieval.library import Library

with Library(Path(sys.argv[1])) as library:
    chats = Chats(library)
    chat = chats.create("anna")
    chats.keep(chats.ask(chat, "One?"), {}, "done")
    chats.keep(chats.ask(chat, "Two?"), {"answer": "Partly"})
    print(chat.id, flush=True)
    sys.stdin.read()
"""


def test_what_another_process_is_answering_goes_on_until_that_ends(chats: Chats, stored: Library):
    command = [sys.executable, "-c", ASKS, str(stored.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline()
        mine = chats.ask(chats.create("anna"), "Three?")
        assert chats.end_interrupted() == 1
        states = {m.question: m.state for chat in chats.of("anna") for m in chats.messages(chat)}
        assert states == {"One?": "done", "Two?": "running", "Three?": "stopped"}
        chats.keep(mine, {}, "done")
        other.kill()
    assert chats.end_interrupted() == 1


def test_a_question_asked_again_puts_what_followed_aside_and_keeps_it(chats: Chats):
    chat = chats.create("anna")
    first, second = chats.ask(chat, "One?"), chats.ask(chat, "Two?")
    third = chats.ask(chat, "One, better?", instead_of=first)
    assert [m.id for m in chats.messages(chat)] == [third]
    assert [m.id for m in chats.messages(chat, replaced=True)] == [first, second, third]
    assert [m.id for m in chats.messages(chat, replaced=True, latest=2)] == [second, third]
    assert chats.count(chat) == 1


def test_chats_are_found_by_title_question_and_answer_in_any_case(chats: Chats):
    for question, answer in (("Grüße?", "x"), ("Two?", "ÄPFEL und Birnen"), ("Three?", "100% sure")):
        chats.keep(chats.ask(chats.create("anna"), question), {"answer": answer}, "done")
    assert [c.title for c in chats.of("anna", "GRÜSSE")] == ["Grüße?"]
    assert [c.title for c in chats.of("anna", "äpfel")] == ["Two?"]
    assert [c.title for c in chats.of("anna", "100%")] == ["Three?"]
    assert chats.of("anna", "0%s") == []
    assert chats.of("bert", "äpfel") == []


def test_deleting_a_chat_leaves_nothing_of_it(chats: Chats, stored: Library):
    chat = chats.create("anna")
    number = chats.ask(chat, "One?")
    FeedbackStore(stored).correct(number, "anna", "Better so")
    chats.delete(chat)
    with stored.database.reading() as db:
        for table in ("chats", "messages", "feedback"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_next_question_leans_on_answers_that_stand(chats: Chats):
    chat = chats.create("anna")
    for answer, state in ((ANSWER, "done"), ({}, "stopped"), (ANSWER, "failed")):
        chats.keep(chats.ask(chat, "And in 2020?"), answer, state)  # type: ignore[arg-type]
    (turn,) = history(chats.messages(chat))
    assert (turn.question, turn.cited) == ("What did the pump cost in 2020?", (7,))


def test_exports_hold_answers_sources_and_what_is_unsupported_but_not_whose_they_are(chats: Chats):
    chat = chats.create("anna-secret")
    chats.keep(chats.ask(chat, "And in 2020?"), ANSWER, "done")
    chat = chats.of("anna-secret")[0]
    text, told = as_markdown(chat, chats.messages(chat)), as_json(chat, chats.messages(chat))
    assert "## And in 2020?" in text
    assert '- [1] pump.pdf, page 2: "The pump cost EUR 900."' in text
    assert "Not supported by the passages:\n\n- It was blue." in text
    assert json.loads(told)["messages"][0]["answer"] == ANSWER
    assert "anna-secret" not in text + told


def test_chats_are_written_while_another_process_ingests(chats: Chats, stored: Library):
    chat = chats.create("anna")
    with stored.locked():
        chats.keep(chats.ask(chat, "Now?"), ANSWER, "done")
    assert len(chats.messages(chat)) == 1


def test_a_write_waits_for_a_transaction_of_an_ingest(chats: Chats, stored: Library):
    chat = chats.create("anna")
    begun, end = threading.Event(), threading.Event()

    def ingesting() -> None:
        with stored.database.writing():
            begun.set()
            end.wait(10)

    thread = threading.Thread(target=ingesting)
    thread.start()
    begun.wait(10)
    threading.Timer(0.2, end.set).start()
    chats.ask(chat, "Now?")
    thread.join()
    assert len(chats.messages(chat)) == 1


def test_feedback_tells_of_what_it_was_given_and_a_thumb_can_be_turned(chats: Chats, stored: Library):
    said = FeedbackStore(stored)
    chat = chats.create("anna")
    number = chats.ask(chat, "And in 2020?")
    chats.keep(number, ANSWER, "done")
    said.vote(number, "anna", "good")
    said.vote(number, "anna", "bad")
    said.vote(number, "bert", "good")
    said.wrong_source(number, "anna", 1)
    said.wrong_source(number, "anna", 1, "It speaks of another pump")
    said.correct(number, "anna", " EUR 950 ")
    kinds = [(one.kind, one.citation, one.text) for one in said.all(owner="anna")]
    assert kinds == [
        ("correction", None, "EUR 950"),
        ("wrong source", 1, "It speaks of another pump"),
        ("bad", None, ""),
    ]
    assert {(one.question, one.answer["answer"]) for one in said.all()} == {("And in 2020?", ANSWER["answer"])}
    assert chats.messages(chat)[0].votes == {"anna": "bad", "bert": "good"}
    said.vote(number, "bert", None)
    assert chats.messages(chat)[0].votes == {"anna": "bad"}
    assert said.all(since="2999-01-01") == []


def test_a_library_of_before_chats_gets_room_for_them_and_keeps_its_documents(
    sample_library: Path, tmp_path: Path, library: Any
):
    folder = tmp_path / "old"
    shutil.copytree(sample_library, folder)
    with closing(sqlite3.connect(folder / "library.sqlite3")) as db:
        for later in ("feedback", "messages", "chats", "uses", "tags"):
            db.execute(f"DROP TABLE {later}")
        db.execute("PRAGMA user_version = 5")
    opened = library(folder, create=False)
    assert Chats(opened).of("anna") == []
    assert opened.counts()[0] == 19
