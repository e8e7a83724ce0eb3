"""The pages' logic without a browser: Streamlit's own test runner draws them."""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ragstone.app.ui import generating
from ragstone.app.ui.ingesting import Ingest
from ragstone.app.ui.state import shared
from ragstone.retrieval.library import Library


def settled(app: AppTest) -> AppTest:
    """The application after the answer in progress."""
    deadline = time.monotonic() + 60
    while any(button.label == "Stop" for button in app.button) and time.monotonic() < deadline:
        time.sleep(0.1)
        app.run()
    assert not app.exception
    return app


def opened(app: AppTest, expander: str) -> AppTest:
    """The application with this expander open: what is closed is not drawn."""
    app.session_state[expander] = True
    return app.run()


def button(app: AppTest, label: str) -> Any:
    (found,) = [one for one in app.button if one.label == label]
    return found


def test_a_first_visit_offers_the_sample_documents_and_no_question(draw: Callable[..., AppTest]):
    app = draw()
    assert not app.exception
    assert app.chat_input[0].disabled
    assert button(app, "Add the sample documents")


def test_a_question_is_answered_with_the_settings_of_its_chat_and_drawn_again_in_no_time(
    draw: Callable[..., AppTest], sample_library: Path, tmp_path: Path
):
    library = tmp_path / "copy"
    shutil.copytree(sample_library, library)
    app = opened(draw(library), "chat-settings")
    app.slider(key="new-hits").set_value(2).run()
    filter_field(app).set_value("type=docx").run()
    app.chat_input[0].set_value("What torque do the M10 bolts need?").run()
    settled(app)
    (chat,) = shared().chats.of(only_owner(library))
    (message,) = shared().chats.messages(chat)
    assert app.query_params["chat"] == chat.id
    assert chat.settings == {"hits": 2, "filter": ["type=docx"]}
    assert [Path(hit["document"]).suffix for hit in message.answer["hits"]] == [".docx", ".docx"]
    assert message.state == "done"
    times = []
    for _ in range(5):
        started = time.process_time()  # other tests run beside this one
        app.run()
        times.append(time.process_time() - started)
    assert min(times) < 0.1

    button(app, "Ask again").click().run()
    settled(app)
    assert [m.replaced for m in shared().chats.messages(chat, replaced=True)] == [True, False]
    button(opened(app, "chat-actions"), "Delete it").click().run()
    assert shared().chats.of(chat.owner) == []


def only_owner(folder: Path) -> str:
    with Library(folder) as library, library.database.reading() as db:
        ((owner,),) = db.execute("SELECT DISTINCT owner FROM chats").fetchall()
    return str(owner)


def filter_field(app: AppTest) -> Any:
    (found,) = [one for one in app.text_input if one.label == "Filter"]
    return found


def test_the_words_of_an_answer_that_cannot_be_stored_stay_on_the_page_beside_the_reason(
    draw: Callable[..., AppTest],
    sample_library: Path,
    tmp_path: Path,
    full_disk: Callable[[], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(generating, "_AGAIN", 0.1)
    monkeypatch.setenv("RAGSTONE_MAX_TOKENS", "400")  # it lasts until it is stopped
    library = tmp_path / "copy"
    shutil.copytree(sample_library, library)
    app = draw(library)
    app.chat_input[0].set_value("Tell me everything about the blade inspection.").run()
    (chat,) = shared().chats.of(only_owner(library))
    made = shared().generations.of(shared().chats.messages(chat)[0].id)
    assert made is not None
    while not made.draft().get("answer"):
        time.sleep(0.05)
    with full_disk():
        button(app, "Stop").click().run()
        settled(app)
        (error,) = app.error
        assert "not stored yet" in error.value and "Free disk space" in error.value
        assert not app.chat_input[0].disabled
        (message,) = shared().generations.messages(chat)
        shown = str([component.proto for component in app.get("bidi_component")])
        assert message.answer["answer"].split()[0] in shown
    deadline = time.monotonic() + 30
    while shared().chats.messages(chat)[0].state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    app.run()
    assert not app.error and not app.exception
    assert shared().chats.messages(chat)[0].answer == message.answer


def test_a_filter_that_cannot_be_read_is_explained_and_not_used(draw: Callable[..., AppTest]):
    app = opened(draw(), "chat-settings")
    filter_field(app).set_value("nonsense").run()
    assert any("Write KEY=VALUE" in caption.value for caption in app.caption)
    assert app.session_state["new-chat-settings"] == {}


def test_a_chat_shows_all_that_narrows_it_also_a_collection_that_is_gone(draw: Callable[..., AppTest]):
    app = draw()
    chats = shared().chats
    chat = chats.create(app.session_state["owner"])
    chats.configure(chat, {"filter": ['collection="the ""old"" one"', "collection=typed"]})
    app.query_params["chat"] = chat.id
    opened(app, "chat-settings")
    (collections,) = [one for one in app.multiselect if one.label == "Collections"]
    assert collections.value == ['the "old" one']
    assert filter_field(app).value == "collection=typed"
    collections.set_value([]).run()
    assert not app.exception
    assert chats.of(chat.owner)[0].settings == {"filter": ["collection=typed"]}


def test_a_tab_that_was_drawn_before_does_not_undo_what_another_changed(
    draw: Callable[..., AppTest], sample_library: Path, tmp_path: Path
):
    library = tmp_path / "copy"
    shutil.copytree(sample_library, library)
    app = draw(library)
    chats = shared().chats
    chat = chats.create(app.session_state["owner"])
    chats.rename(chat, "Before")
    app.query_params["chat"] = chat.id
    opened(opened(app, "chat-settings"), "chat-actions")
    chats.rename(chat, "After  all")
    chats.share(chat, True)
    chats.configure(chat, {"hits": 7})
    app.run()
    (now,) = chats.of(chat.owner)
    assert (now.title, now.shared, now.settings) == ("After all", True, {"hits": 7})
    (title,) = [one for one in app.text_input if one.label == "Title"]
    title.set_value("Mine  now").run()
    assert chats.of(chat.owner)[0].title == "Mine now"


def test_tags_are_given_to_chosen_documents_and_taken(
    draw: Callable[..., AppTest], sample_library: Path, tmp_path: Path
):
    library = tmp_path / "copy"
    shutil.copytree(sample_library, library)
    draw(library)
    lines = ("from ragstone.app.ui.state import shared", "from ragstone.app.ui.tagging import show_tagging")
    app = AppTest.from_string("\n".join((*lines, "show_tagging(shared().engines.library.documents()[:2])")))
    app.default_timeout = 60
    app.run()
    app.multiselect[0].set_value(["To read", "urgent"]).run()
    button(app, "Change tags").click().run()
    assert not app.exception
    assert [d.tags for d in shared().engines.library.documents()[:3]] == [("To read", "urgent")] * 2 + [()]
    (take,) = [one for one in app.multiselect if one.label == "Take"]
    take.set_value(["To read"]).run()
    button(app, "Change tags").click().run()
    assert [d.tags for d in shared().engines.library.documents()[:2]] == [("urgent",)] * 2


def test_documents_are_moved_to_a_collection_also_texts_and_files_that_are_gone_and_keep_their_paths(
    draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("stays.txt", "gone.txt"):
        (tmp_path / "docs" / name).write_text(f"This one {name}.")
    draw()
    with shared().engines.lease() as rag:
        rag.ingest("docs")
        rag.add("The tap drips.", name="tickets/1")
    (tmp_path / "docs" / "gone.txt").unlink()
    lines = ("from ragstone.app.ui.library_page import _show_selected", "from ragstone.app.ui.state import shared")
    app = AppTest.from_string("\n".join((*lines, "_show_selected(shared().engines.library.documents())")))
    app.default_timeout = 60
    app.run()
    app.text_input(key="move-to").set_value(" open ").run()
    button(app, "Move").click().run()
    assert not app.exception and not app.error
    filed = {document.path: document.collection for document in shared().engines.library.documents()}
    assert filed == {"docs/gone.txt": "open", "docs/stays.txt": "open", "tickets/1": "open"}


@pytest.mark.parametrize("action", ["Remove them", "Move"])
def test_what_would_wait_for_an_ingest_in_progress_is_refused(
    draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
):
    (tmp_path / "a.txt").write_text("The first.")
    draw()
    with shared().engines.lease() as rag:
        rag.ingest(tmp_path / "a.txt")
    begun, may_end = threading.Event(), threading.Event()
    monkeypatch.setattr(Ingest, "_told", lambda *_: begun.set() or may_end.wait(60))
    (tmp_path / "b.txt").write_text("The second.")
    going_on = shared().ingests.start([tmp_path / "b.txt"])
    assert begun.wait(60)
    lines = ("from ragstone.app.ui.library_page import _show_selected", "from ragstone.app.ui.state import shared")
    app = AppTest.from_string("\n".join((*lines, "_show_selected(shared().engines.library.documents())")))
    app.default_timeout = 20
    try:
        app.run()
        button(app, action).click().run()
        assert "an ingest is in progress" in app.error[0].value and not going_on.ended
    finally:
        may_end.set()
    assert going_on.wait(60) and going_on.report.added == 1
    assert [d.title for d in shared().engines.library.documents()] == ["a", "b"]
    button(app, "Remove them").click().run()
    assert not app.exception and not app.error
    assert [d.title for d in shared().engines.library.documents()] == []


def test_of_near_identical_documents_one_can_be_kept(
    draw: Callable[..., AppTest], tmp_path: Path, model_store: Any, ragstone_cli: Any
):
    words = [f"word{number}" for number in range(80)]
    for number, name in enumerate(("old", "copy", "other")):
        (tmp_path / "docs").mkdir(exist_ok=True)
        said = words if name != "other" else words[::-1]
        (tmp_path / "docs" / f"{name}.txt").write_text(" ".join(said) + "." * number)
    library = tmp_path / "library"
    assert ragstone_cli("ingest", "docs", "--library", library).code == 0
    (group,) = ragstone_cli("docs", "duplicates", "--library", library, "--json").json()["groups"]
    assert sorted((Path(one["path"]).name, one["similarity"]) for one in group) == [("copy.txt", 1.0), ("old.txt", 1.0)]
    draw(library)
    app = AppTest.from_string("from ragstone.app.ui.library_page import show\nshow()\n", default_timeout=60).run()
    assert [one.label for one in app.expander if "near" in one.label] == ["1 group of near-identical documents"]
    (keep,) = app.radio
    (old,) = [one["id"] for one in group if one["path"].endswith("old.txt")]
    keep.set_value(old).run()
    button(app, "Remove docs/copy\\.txt").click().run()
    assert not app.exception
    assert {d.title for d in shared().engines.library.documents()} == {"old", "other"}
    assert not app.radio and (tmp_path / "docs" / "copy.txt").is_file()


def test_a_model_that_is_to_answer_and_is_not_here_can_be_downloaded(
    draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(tmp_path / "models"))
    draw()
    app = AppTest.from_string("from ragstone.app.ui.models_page import show\nshow()\n", default_timeout=60).run()
    assert not app.exception
    assert app.button(key="pull-smollm2-135m").label == "Download"
    assert not any("In use" in caption.value for caption in app.caption)
