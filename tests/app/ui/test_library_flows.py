"""Uploading, searching and removing in a real browser, and the password."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.ui.uploads import FOLDER
from ragstone.retrieval.library import Library

NOTE = "The lighthouse keeper of Ostrava feeds eleven cormorants. <script>window.hurt = 1</script>"


def added(page: Any, uploader: int, given: Path, files: int, told: str) -> None:
    """Add a file, or a folder, to the library by an uploader of its page."""
    page.locator("input[type=file]").nth(uploader).set_input_files(given)
    page.get_by_role("button", name=f"Add {files} file{'' if files == 1 else 's'}", exact=True).click()
    page.get_by_text(told).wait_for()


@pytest.fixture(scope="module")
def uploaded(visit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A browser on the page of the library, after a file was uploaded."""
    file = tmp_path_factory.mktemp("mine") / "cormorants.txt"
    file.write_text(NOTE)
    page = visit("/library")
    added(page, 0, file, 1, "1 added")
    return page


def test_an_uploaded_file_is_read_and_lies_in_the_library(uploaded: Any, served: Any) -> None:
    assert (served.library / FOLDER / "cormorants.txt").read_text() == NOTE
    assert uploaded.get_by_text("20 documents").count()


def test_a_search_finds_it_and_shows_it_in_its_place_as_mere_text(uploaded: Any, served: Any) -> None:
    uploaded.goto(f"{served.url}/search?q=lighthouse+keeper+cormorants")
    uploaded.get_by_text("1. uploads/cormorants.txt").wait_for()
    uploaded.get_by_text("In its place").first.click()
    uploaded.locator(".passage mark").wait_for()
    assert NOTE in uploaded.locator(".passage").text_content()
    assert uploaded.evaluate("window.hurt") is None


def test_on_a_phone_the_pages_can_be_reached_and_nothing_sticks_out(visit: Callable[..., Any]) -> None:
    page = visit("/search?q=curtailment", width=390)
    page.get_by_text("passages").locator("visible=true").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Library").click()
    page.get_by_role("heading", name="Library").wait_for()
    page.context.close()


def test_removing_an_upload_deletes_it(uploaded: Any, served: Any) -> None:
    uploaded.goto(f"{served.url}/library")
    uploaded.get_by_label("Find").fill("cormorants")
    uploaded.get_by_label("Find").press("Enter")
    table = uploaded.get_by_test_id("stDataFrame")
    table.wait_for()
    time.sleep(0.5)  # the table is a canvas: nothing in it can be waited for
    table.click(position={"x": 16, "y": 52})
    uploaded.get_by_role("button", name="Remove 1").click()
    uploaded.get_by_role("button", name="Remove them").click()
    uploaded.get_by_text("19 documents").wait_for()
    assert not (served.library / FOLDER / "cormorants.txt").exists()
    with Library(served.library) as library:
        assert not [d for d in library.documents() if "cormorants" in d.path]


def uploads(served: Any) -> dict[Path, int]:
    """The ids of the documents that were uploaded, by their paths."""
    with Library(served.library) as library:
        folder = served.library / FOLDER
        return {Path(d.path).relative_to(folder): d.id for d in library.documents() if FOLDER in d.path}


def test_a_dropped_folder_is_read_with_the_folders_in_it_and_of_near_identical_documents_one_is_kept(
    uploaded: Any, served: Any, tmp_path: Path
) -> None:
    (tmp_path / "boats" / "old").mkdir(parents=True)
    words = " ".join(f"mast{number}" for number in range(80))
    for name in ("ferry.txt", "old/ferry.txt"):
        (tmp_path / "boats" / name).write_text(f"The ferry to Gotland has nine masts. {words}{'.' * len(name)}")
    (tmp_path / "boats" / "old" / "raft.md").write_text("# The raft\n\nIt has none.")
    uploaded.goto(f"{served.url}/library")
    uploaded.get_by_role("tab", name="Folder", exact=True).click()
    added(uploaded, 1, tmp_path / "boats", 3, "3 added")
    boats = {name for name in uploads(served) if name.parts[0] == "boats"}
    assert boats == {Path("boats/ferry.txt"), Path("boats/old/ferry.txt"), Path("boats/old/raft.md")}

    group = uploaded.get_by_text("1 group of near-identical documents")
    group.click()
    (tmp_path / "boats" / "buoy.txt").write_text("A buoy is no boat.")
    added(uploaded, 0, tmp_path / "boats" / "buoy.txt", 1, "1 added")
    uploaded.get_by_text("Drop files here").wait_for()
    uploaded.get_by_role("button", name="Remove old/ferry.txt").click(timeout=10_000)  # what was open has stayed open
    group.wait_for(state="detached")
    left = {name: number for name, number in uploads(served).items() if name.parts[0] in ("boats", "buoy.txt")}
    assert {*left} == {Path("boats/ferry.txt"), Path("boats/old/raft.md"), Path("buoy.txt")}
    assert not (served.library / FOLDER / "boats" / "old" / "ferry.txt").exists()
    with Library(served.library) as library:
        library.remove(list(left.values()))


def test_the_password_is_asked_for_and_opens_and_a_run_that_cannot_be_done_says_why(
    chromium: Any, start_ui: Callable[..., Any], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    served = start_ui(tmp_path / "library", "--password-file", str(secret))
    page = chromium.new_context().new_page()
    page.set_default_timeout(60_000)
    page.goto(served.url)
    page.get_by_label("Password").fill("open sesame")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("heading", name="Ask your documents").wait_for()
    page.goto(f"{served.url}/library")
    page.get_by_text("Add documents").first.wait_for()
    page.get_by_text("Drop files here").first.wait_for(state="attached")
    assert not page.get_by_text("Folder on this machine").count()
    page.get_by_role("link", name="Evaluation").click()
    page.get_by_text("Start a run").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"nothing\n1\n"}
    )
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("alert").get_by_text("mine.csv").wait_for()
    page.get_by_role("button", name="Run the same again").wait_for()
    served.process.send_signal(2)
    assert served.process.wait(10) in (0, 130)
    page.context.close()
