"""Ragstone inside another program: what a developer who embeds it may do, and what is refused."""

import multiprocessing
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.errors import LibraryClosedError, LibraryLockedError, RagstoneError, SettingsError, SourceError
from ragstone.generation.conversation import Turn
from ragstone.generation.models import ModelStore
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library

QUESTION = "What torque do the M10 bolts on the rack busbars need?"


@pytest.fixture
def rag(sample_library: Path, model_store: ModelStore, shallow_model_path: Path, tmp_path: Path) -> Iterator[Ragstone]:
    settings = Settings(models_dir=model_store.folder, model=str(shallow_model_path), threads=1, max_tokens=16)
    copy = shutil.copytree(sample_library, tmp_path / "library")
    with Ragstone.open(copy, settings=settings) as opened:
        yield opened


def open_files(below: Path) -> list[str]:
    """Those of this process that lie in a folder."""
    links = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115
        except FileNotFoundError:  # the one that lists them
            continue
    return [link for link in links if link.startswith(str(below))]


@pytest.mark.parametrize("settings", [None, Settings()])
def test_a_library_in_the_home_folder_is_opened_there(
    settings: Settings | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Ragstone.open("~/mine", settings=settings) as rag:
        assert rag.library.folder == tmp_path / "home" / "mine"
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    "use",
    [
        lambda rag: rag.search(QUESTION),
        lambda rag: rag.search(QUESTION, mode="lexical"),
        lambda rag: rag.ask(QUESTION),
        lambda rag: rag.ask_stream(QUESTION),
        lambda rag: rag.answer_from(QUESTION, []),
        lambda rag: rag.ingest("docs"),
        lambda rag: rag.reindex(),
        lambda rag: rag.documents(),
        lambda rag: rag.remove(1),
        lambda rag: rag.load_model(),
        lambda rag: rag.embed_query(QUESTION),
        lambda rag: rag.__enter__(),
        lambda rag: rag.library.counts(),
    ],
)
def test_a_library_that_was_closed_is_not_opened_again_by_using_it(
    use: Callable[[Ragstone], object], rag: Ragstone
) -> None:
    rag.search(QUESTION, mode="lexical")
    rag.close()
    with pytest.raises(LibraryClosedError, match=r"the library was closed\. Open it again\."):
        use(rag)
    assert not open_files(rag.library.folder)
    rag.close()  # twice is harmless


def test_leaving_an_inner_with_closes_the_library_and_the_outer_one_is_told(rag: Ragstone) -> None:
    with rag as same:
        assert same.search(QUESTION, mode="lexical")
    with pytest.raises(LibraryClosedError):
        rag.search(QUESTION)


def test_closing_while_threads_search_leaves_nothing_open(rag: Ragstone) -> None:
    ended: list[type[RagstoneError]] = []

    def search() -> None:
        try:
            while True:
                rag.search(QUESTION, mode="lexical")
        except RagstoneError as error:
            ended.append(type(error))  # and not itself: it holds the frames, and these the index

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    rag.close()
    for thread in threads:
        thread.join(30)
    assert ended == [LibraryClosedError] * 2
    assert not open_files(rag.library.folder)


def _in_the_child(rag: Ragstone, told: Connection) -> None:
    for use in (rag.search, rag.ask, rag.ingest, rag.embed_query):
        try:
            use(QUESTION)
        except LibraryClosedError as error:
            told.send(str(error))
    with Ragstone.open(rag.library.folder, settings=rag.settings) as own:
        told.send(len(own.search(QUESTION, k=3)))
    rag.close()
    told.send("closed")


def test_a_process_that_was_forked_is_told_to_open_the_library_itself(rag: Ragstone) -> None:
    assert rag.search(QUESTION)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    child = fork.Process(target=_in_the_child, args=(rag, theirs))
    child.start()
    try:
        for _ in range(4):
            assert ours.poll(60)
            assert ours.recv().endswith(
                "this library was opened before the process forked. Open it in the child process."
            )
    finally:
        child.kill()
    assert rag.search(QUESTION)


def test_threads_that_write_wait_for_each_other(rag: Ragstone, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(f"The pump {name} was replaced in 2019.")
    known = len(rag.documents())
    with ThreadPoolExecutor() as threads:
        begun = [threads.submit(rag.ingest, tmp_path / name) for name in ("one", "two", "three")]
        begun += [threads.submit(rag.reindex), threads.submit(rag.remove, rag.documents()[0].id)]
        for one in begun:
            one.result()
    assert len(rag.documents()) == known + 2


def test_an_ingest_waits_for_a_search_that_stores_the_index_and_not_the_other_way_round(
    rag: Ragstone, tmp_path: Path
) -> None:
    (tmp_path / "pump.txt").write_text("The pump was replaced in 2019.")
    with ThreadPoolExecutor() as threads:
        with rag.library.locked():
            ingest = threads.submit(rag.ingest, tmp_path / "pump.txt")
            rag.library.use_index("")  # an index has to be made
            assert threads.submit(rag.search, QUESTION, mode="lexical").result(timeout=60)
            assert not ingest.done()
        assert ingest.result(timeout=60).added == 1


def test_a_writer_waits_for_another_process_that_stores_the_index_for_a_search(rag: Ragstone) -> None:
    def write(other: Library) -> bool:
        with other.locked():
            return True

    with Library(rag.library.folder) as other, ThreadPoolExecutor() as threads:
        with rag.library.locked(queue=False, aside=True):
            writing = threads.submit(write, other)
            time.sleep(0.5)
            assert not writing.done()
            with pytest.raises(LibraryLockedError), Library(rag.library.folder).locked(queue=False):
                pass  # nor does a search wait
        assert writing.result(timeout=10)
        with rag.library.locked(), pytest.raises(LibraryLockedError, match=f"process {os.getpid()} is writing"):
            write(other)


def test_a_search_that_stores_the_index_is_waited_for(rag: Ragstone, monkeypatch: pytest.MonkeyPatch) -> None:
    (rag.library.folder.parent / "pump.txt").write_text("The pump was replaced in 2019.")
    begun, publish = threading.Event(), Index.publish

    def slowly(*given: Any) -> Index:
        begun.set()
        time.sleep(1)
        return publish(*given)

    monkeypatch.setattr(Index, "publish", slowly)
    rag.library.use_index("")
    with Library(rag.library.folder) as other, ThreadPoolExecutor() as threads:
        searching = threads.submit(Index.load, other)
        assert begun.wait(10)
        assert rag.ingest(rag.library.folder.parent / "pump.txt").added == 1
        assert len(searching.result(timeout=10))


def test_who_is_refused_is_told_who_writes_even_if_he_has_only_just_begun(rag: Ragstone) -> None:
    with (
        Library(rag.library.folder) as other,
        rag.library.locked(),
        (rag.library.folder / "write.lock").open("r+") as lock,
    ):
        pid = lock.read()
        lock.truncate(0)
        later = threading.Timer(0.2, lambda: (lock.seek(0), lock.write(pid), lock.flush()))
        later.start()
        with pytest.raises(LibraryLockedError, match=f"process {os.getpid()} is writing"), other.locked():
            pass
        later.join()


def test_documents_are_removed_by_id_and_by_path_and_counted(rag: Ragstone, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name in ("a.txt", "b.txt"):
            archive.writestr(name, f"The pump {name} was replaced in 2019.")
    rag.ingest(tmp_path / "many.zip")
    known = {document.path: document.id for document in rag.documents()}
    zipped = str(tmp_path / "many.zip")
    assert rag.remove(f"{zipped}/a.txt") == 1
    assert rag.remove(Path(zipped)) == 1
    rag.ingest(zipped)
    assert rag.remove(zipped, f"{zipped}/a.txt") == 2
    one, two, *_ = (path for path in known if path not in (f"{zipped}/a.txt", f"{zipped}/b.txt"))
    assert rag.remove(known[one], np.int64(known[two]), known[one], one) == 2  # type: ignore[arg-type]
    assert len(rag.documents()) == len(known) - 4


def test_a_path_that_files_of_several_folders_have_is_that_of_the_current_folder_or_refused(
    rag: Ragstone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("h1", "h2"):
        (tmp_path / folder / "docs").mkdir(parents=True)
        (tmp_path / folder / "docs" / "x.md").write_text(f"The pump of {folder} was replaced in 2019.")
        monkeypatch.chdir(tmp_path / folder)
        rag.ingest("docs")
    places = {str(rag.library.source_of(d.id)[0]): d.id for d in rag.documents() if d.path == "docs/x.md"}  # type: ignore[index]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"docs/x\.md: 2 files .*h1/docs/x\.md, .*h2/docs/x\.md\)\. Give the id"):
        rag.remove("docs/x.md", *places.values())
    monkeypatch.chdir(tmp_path / "h1")
    assert rag.remove("docs/x.md") == 1
    assert [d.id for d in rag.documents() if d.path == "docs/x.md"] == [places[str(tmp_path / "h2" / "docs" / "x.md")]]
    assert rag.remove("docs/x.md") == 1


def test_what_the_library_does_not_hold_is_not_removed_and_changes_nothing(rag: Ragstone) -> None:
    before, known = rag.library.revision, len(rag.documents())
    assert rag.remove(str(rag.documents()[0].id), "none.md", "", "\udcff.md", 2**70, -1, 10**9) == 0
    assert rag.remove() == 0
    assert (rag.library.revision, len(rag.documents())) == (before, known)
    for wrong in (True, 1.0, None, [1], b"a.md", rag.documents()[0]):
        with pytest.raises(SettingsError, match=f"is given as {type(wrong).__name__}\\. Give its id or its path"):
            rag.remove(wrong)  # type: ignore[arg-type]


def test_the_next_question_leans_on_the_answers_before_it_or_on_their_turns(rag: Ragstone) -> None:
    first = rag.ask("How much did Dagny produce in 2023?")
    assert first.turn == Turn(first.query, first.text, tuple(c.chunk_id for c in first.citations))
    for history in ([first], (first.turn,), [Turn("How much did Dagny produce in 2023?", "5,246 MWh.")]):
        assert rag.ask("and in 2020?", history).query == "How much did Dagny produce in 2020?"
    for none in (None, [], ()):
        assert rag.ask("and in 2020?", none).query == "and in 2020?"


@pytest.mark.parametrize(
    "history", [[("q", "a")], "q", ["q"], Turn("q", "a"), [None], [{"question": "q", "answer": "a"}], 3]
)
def test_a_history_of_anything_else_is_refused_before_a_model_is_asked(rag: Ragstone, history: Any) -> None:
    with pytest.raises(
        SettingsError, match=r"Give a list of earlier answers of `ask`, or of `Turn\(question, answer\)"
    ):
        rag.ask_stream("and in 2020?", history)


def test_one_question_is_answered_with_settings_of_its_own(rag: Ragstone) -> None:
    assert len(rag.ask(QUESTION, settings=replace(rag.settings, hits=2)).hits) == 2
    assert len(rag.ask(QUESTION).hits) == 4


@pytest.mark.parametrize("mode", ["", [], 0, False, "fuzzy"])
def test_a_mode_that_there_is_not_is_refused_also_where_it_is_empty(rag: Ragstone, mode: Any) -> None:
    with pytest.raises(SettingsError, match="Choose one of hybrid, dense, lexical"):
        rag.search(QUESTION, mode=mode)
