"""What an ingest makes of archives, duplicates, collections and files that are left out."""

import io
import os
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone.ingest.isolation import Limits
from ragstone.ingest.parsers import ocr
from ragstone.ingest.report import Duplicate, IngestReport
from ragstone.ingest.selection import Selection
from ragstone.retrieval.library import Library
from ragstone.tests.ingest.conftest import OLD, Ingest, write

pytestmark = pytest.mark.usefixtures("docs")

LONG = " ".join(f"Word {number} of a story that is told twice in the folder." for number in range(40))
"""Long enough for near-duplicates to be looked for."""
TOLD_AGAIN = LONG.replace("Word 7 of", "Word seven of")


def write_zip(path: str, members: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    os.utime(path, ns=(OLD, OLD))


def numbers(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.removed


def paths(library: Library) -> list[str]:
    return [document.path for document in library.documents()]


# Archives


def test_the_files_in_an_archive_become_documents(one: Library, run: Ingest, run_without_embedder: Ingest):
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("deep/c.txt", "Cherries are red.")
    members = {"inner/b.md": "# Bananas\n\nThey are yellow.", "film.mp4": b"\0\1", "more.zip": nested.getvalue()}
    write_zip("docs/a.zip", members)
    report = run("docs")
    assert numbers(report) == (1, 0, 0, 0)
    assert report.failed == []
    assert report.unsupported == ["docs/a.zip/film.mp4"]
    assert paths(one) == ["docs/a.zip/inner/b.md", "docs/a.zip/more.zip/deep/c.txt"]
    assert [document.title for document in one.documents()] == ["Bananas", "c"]
    assert [chunk.document for d in one.documents() for chunk in one.chunks_of(d.id)] == paths(one)
    assert numbers(run_without_embedder("docs")) == (0, 0, 1, 0)
    write_zip("docs/a.zip", {"inner/new.md": "New."})
    assert numbers(run("docs")) == (0, 1, 0, 0)
    assert paths(one) == ["docs/a.zip/inner/new.md"]


def test_a_broken_part_of_an_archive_is_reported_by_every_run_and_the_rest_is_stored(
    one: Library, run: Ingest, run_without_embedder: Ingest
):
    write_zip("docs/a.zip", {"broken.pdf": "no PDF", "good.txt": "Good text.", "empty.txt": ""})
    first = run("docs")
    assert [path for path, _ in first.failed] == ["docs/a.zip/broken.pdf", "docs/a.zip/empty.txt"]
    assert paths(one) == ["docs/a.zip/good.txt"]
    second = run_without_embedder("docs")
    assert numbers(second) == (0, 0, 1, 0)
    assert second.failed == first.failed
    Path("docs/a.zip").rename("docs/b.zip")
    third = run_without_embedder("docs")
    assert third.moved == 1
    assert [path for path, _ in third.failed] == ["docs/b.zip/broken.pdf", "docs/b.zip/empty.txt"]


def test_an_archive_of_which_nothing_can_be_read_is_tried_again(one: Library, run: Ingest):
    write_zip("docs/a.zip", {"broken.pdf": "no PDF"})
    for _ in range(2):
        report = run("docs")
        assert [path for path, _ in report.failed] == ["docs/a.zip/broken.pdf"]
        assert numbers(report) == (0, 0, 0, 0)
    assert one.files() == {}


def test_attachments_of_one_name_are_numbered_and_all_read(one: Library, run: Ingest):
    message = EmailMessage()
    message["Subject"] = "Notes"
    message.set_content("See the notes.")
    page = io.BytesIO()
    canvas = Canvas(page)
    canvas.drawString(72, 720, "See the notes.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(page))
    for name, text in (("a (3).txt", "Apples."), ("a.txt", "Bananas."), ("a.txt", "Cherries."), ("a.txt", "Dates.")):
        message.add_attachment(text, filename=name)
        writer.add_attachment(name, text.encode())
    Path("docs/mail.eml").write_bytes(message.as_bytes())
    writer.write("docs/paper.pdf")
    report = run("docs")
    assert (numbers(report), report.failed) == ((2, 0, 0, 0), [])
    assert paths(one) == [
        f"docs/{file}{part}"
        for file in ("mail.eml", "paper.pdf")
        for part in ("", "/a (2).txt", "/a (3).txt", "/a (4).txt", "/a.txt")
    ]
    assert sorted(one.text(document.id).strip() for document in one.documents() if document.path.endswith(".txt")) == [
        *("Apples.",) * 2,
        *("Bananas.",) * 2,
        *("Cherries.",) * 2,
        *("Dates.",) * 2,
    ]


# Near-duplicates


def test_near_duplicates_are_reported_and_kept(one: Library, run: Ingest):
    write("docs/a.txt", LONG)
    report = run("docs")
    assert report.duplicates == []
    write("docs/b.txt", TOLD_AGAIN)
    write("docs/c.txt", LONG)
    report = run("docs")
    assert [(d.path, d.of, d.skipped) for d in report.duplicates] == [
        ("docs/b.txt", "docs/a.txt", False),
        ("docs/c.txt", "docs/a.txt", False),
    ]
    assert 0.9 <= report.duplicates[0].similarity < report.duplicates[1].similarity == 1
    assert len(paths(one)) == 3


def test_near_duplicates_are_kept_unseen(one: Library, run: Ingest):
    write("docs/a.txt", LONG)
    write("docs/b.txt", LONG)
    assert run("docs", duplicates="keep", limits=Limits(signatures=False)).duplicates == []
    assert len(paths(one)) == 2


def test_a_skipped_duplicate_comes_in_when_its_original_is_gone(one: Library, run: Ingest):
    write("docs/a.txt", LONG)
    write("docs/b.txt", LONG)
    for _ in range(2):
        report = run("docs", duplicates="skip")
        assert report.duplicates == [Duplicate("docs/b.txt", "docs/a.txt", 1.0, skipped=True)]
        assert paths(one) == ["docs/a.txt"]
    Path("docs/a.txt").unlink()
    report = run("docs", duplicates="skip")
    assert (report.removed, report.duplicates) == (1, [])
    assert paths(one) == ["docs/b.txt"]


def test_a_changed_file_is_no_duplicate_of_its_earlier_version(one: Library, run: Ingest):
    write("docs/a.txt", LONG)
    run("docs", duplicates="skip")
    write("docs/a.txt", TOLD_AGAIN + " The end.")
    report = run("docs", duplicates="skip")
    assert (numbers(report), report.duplicates) == ((0, 1, 0, 0), [])


def test_an_original_that_can_no_longer_be_read_stays_an_original(one: Library, run: Ingest):
    write("docs/a.txt", LONG)
    run("docs", duplicates="skip")
    write("docs/a.txt", "")
    write("docs/b.txt", LONG)
    report = run("docs", duplicates="skip")
    assert [path for path, _ in report.failed] == ["docs/a.txt"]
    assert [d.path for d in report.duplicates] == ["docs/b.txt"]
    assert paths(one) == ["docs/a.txt"]


# Collections


def test_files_stay_in_their_collection_until_they_are_put_into_another(
    one: Library, run: Ingest, run_without_embedder: Ingest
):
    write("docs/a.txt", "Apples.")
    run("docs", collection="fruit")
    assert one.collections() == {"fruit": 1}
    write("docs/b.txt", "Bananas.")
    run("docs")
    assert one.collections() == {"": 1, "fruit": 1}
    write("docs/a.txt", "Apples are red.")
    run("docs")
    assert one.collections() == {"": 1, "fruit": 1}
    revision = one.revision
    run_without_embedder("docs", collection="food")
    assert one.collections() == {"food": 2}
    Path("docs/c").mkdir()
    Path("docs/a.txt").rename("docs/c/a.txt")
    assert run_without_embedder("docs").moved == 1
    assert one.collections() == {"food": 2}
    assert one.revision == revision


# Files that are left out, or read in another way


def test_a_library_in_the_folder_that_is_ingested_does_not_ingest_itself(one: Library, run: Ingest):
    write("docs/a.txt", "Apples.")
    assert numbers(run(".")) == (1, 0, 0, 0)
    assert list(one.folder.glob("index/*/*.json"))
    assert numbers(run(".")) == (0, 0, 1, 0)
    assert paths(one) == ["docs/a.txt"]


def test_what_an_ignore_file_names_is_left_out_and_leaves_the_library(one: Library, run: Ingest):
    write("docs/a.txt", "Apples.")
    write("docs/b.txt", "Bananas.")
    run("docs")
    write("docs/.ragstoneignore", "b.*\n")
    report = run("docs")
    assert numbers(report) == (0, 0, 1, 1)
    assert paths(one) == ["docs/a.txt"]


def test_a_file_that_is_too_large_is_reported(one: Library, run: Ingest):
    write("docs/a.txt", "Apples.")
    write("docs/large.txt", "x" * 2000)
    report = run("docs", selection=Selection(max_bytes=1000))
    ((path, reason),) = report.failed
    assert path == "docs/large.txt"
    assert "max_file_mb" in reason
    assert paths(one) == ["docs/a.txt"]


def test_a_change_that_could_not_be_read_is_noticed_when_it_can_be(
    ragstone_cli: Any, bound_by_permissions: Callable[[], None]
):
    write("docs/a.txt", "Apples are red.")
    write("docs/b.txt", "Bananas.")
    assert ragstone_cli("ingest", "docs").code == 0
    Path("docs/a.txt").write_text("Apples are old.")
    os.utime("docs/a.txt", ns=(1_600_000_001_000_000_000,) * 2)
    Path("docs/a.txt").chmod(0)
    files = ragstone_cli("ingest", "docs", "--json", prepare=bound_by_permissions).json()["files"]
    assert [entry["path"] for entry in files["failed"]] == ["docs/a.txt"]
    assert files["failed"][0]["reason"].endswith(STAYS)
    assert (files["unchanged"], files["updated"], files["removed"]) == (1, 0, 0)
    Path("docs/a.txt").chmod(0o644)
    files = ragstone_cli("ingest", "docs", "--json", prepare=bound_by_permissions).json()["files"]
    assert (files["unchanged"], files["updated"], files["failed"]) == (1, 1, [])


STAYS = "Its earlier version stays in the library."


def test_a_failure_says_where_an_earlier_version_stays(one: Library, run: Ingest):
    write_zip("docs/a.zip", {"b.txt": "Bananas.", "c.txt": "Cherries."})
    for name in ("empty", "large", "new-name"):
        write(f"docs/{name}.txt", f"The text of {name}.")
    assert run("docs").failed == []
    before = paths(one)
    write_zip("docs/a.zip", {"b.txt": "", "d.txt": ""})
    write("docs/empty.txt", "")
    write("docs/large.txt", "x" * 2000)
    write("docs/never.txt", "")
    Path("docs/new-name.txt").rename("docs/new-name.pdf")
    failed = dict(run("docs", selection=Selection(max_bytes=1000)).failed)
    stay = {path: reason.endswith(f". {STAYS}") for path, reason in failed.items()}
    kept = dict.fromkeys(("docs/a.zip/b.txt", "docs/empty.txt", "docs/large.txt", "docs/new-name.pdf"), True)
    assert stay == kept | {"docs/a.zip/d.txt": False, "docs/never.txt": False}
    assert paths(one) == [path.replace("name.txt", "name.pdf") for path in before]


def test_a_failure_of_a_part_says_nothing_of_an_earlier_version_that_was_replaced(one: Library, run: Ingest):
    write_zip("docs/a.zip", {"b.txt": "Bananas.", "c.txt": "Cherries."})
    run("docs")
    write_zip("docs/a.zip", {"b.txt": "", "c.txt": "Cherries are red now."})
    ((path, reason),) = run("docs").failed
    assert path == "docs/a.zip/b.txt" and STAYS not in reason
    assert run("docs").failed == [(path, reason)]
    assert paths(one) == ["docs/a.zip/c.txt"]


def test_a_locked_file_is_read_with_its_password(one: Library, run: Ingest):
    page = io.BytesIO()
    canvas = Canvas(page)
    canvas.drawString(72, 720, "The secret recipe.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(page))
    writer.encrypt("a password", algorithm="AES-256")
    writer.write("docs/locked.pdf")
    write_zip("docs/a.zip", {"locked.pdf": Path("docs/locked.pdf").read_bytes(), "b.txt": "Bananas."})
    report = run("docs")
    assert [path for path, _ in report.failed] == ["docs/a.zip/locked.pdf", "docs/locked.pdf"]
    assert all("password" in reason for _, reason in report.failed)
    report = run("docs", limits=Limits(passwords=("wrong", "a password")))
    assert (numbers(report), report.failed) == ((1, 1, 0, 0), [])
    assert paths(one) == ["docs/a.zip/b.txt", "docs/a.zip/locked.pdf", "docs/locked.pdf"]
    assert "secret recipe" in one.text(one.documents()[1].id)


@pytest.mark.skipif(not ocr.available(), reason="RapidOCR is not installed")
def test_turning_recognition_on_reads_only_images_and_pdfs_again(one: Library, run: Ingest):
    picture = Image.new("RGB", (480, 360), "white")  # whose shorter side recognition makes 736
    ImageDraw.Draw(picture).text((40, 160), "The words of a picture", "black", ImageFont.load_default(36))
    picture.save("docs/picture.png")
    canvas = Canvas("docs/scan.pdf", (240, 180))
    canvas.drawImage("docs/picture.png", 0, 0, 240, 180)
    canvas.save()
    write("docs/a.txt", "Apples.")
    off = run("docs", limits=Limits(ocr="off"))
    assert (numbers(off), off.unsupported) == ((2, 0, 0, 0), ["docs/picture.png"])
    assert off.empty == [("docs/scan.pdf", [1])]
    auto = run("docs")
    assert numbers(auto) == (1, 1, 1, 0)
    assert auto.recognized == [("docs/picture.png", [1]), ("docs/scan.pdf", [1])]
    assert [one.text(d.id) for d in one.documents()][1:] == ["The words of a picture"] * 2
    assert numbers(run("docs")) == (0, 0, 3, 0)
