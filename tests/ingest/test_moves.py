"""What an ingest makes of files that are elsewhere, or are called otherwise, than when they were read."""

import io
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone.ingest.isolation import Limits
from ragstone.ingest.report import IngestReport, Progress
from ragstone.ingest.selection import Selection
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.retrieval.records import Document
from ragstone.retrieval.tags import tag
from ragstone.tests.ingest.conftest import Ingest, write

pytestmark = pytest.mark.usefixtures("docs")

LEASE = "# Lease\n\nThe notice period is three months."
LONG = " ".join(f"Word {number} of a story that is told once." for number in range(40))
"""Long enough for near-duplicates to be looked for."""


def write_locked_archive(path: str) -> None:
    """A long text, and a PDF behind the password `sesame`."""
    page, locked = io.BytesIO(), io.BytesIO()
    canvas = Canvas(page)
    canvas.drawString(72, 720, "The secret recipe.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(page))
    writer.encrypt("sesame", algorithm="AES-256")
    writer.write(locked)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("locked.pdf", locked.getvalue())
        archive.writestr("open.txt", LONG)


def numbers(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.moved, report.removed


def paths(library: Library) -> list[str]:
    return [document.path for document in library.documents()]


def only(library: Library) -> Document:
    (document,) = library.documents()
    return document


def test_what_does_not_depend_on_the_name_is_kept_when_a_file_moves(
    one: Library, run: Ingest, run_without_embedder: Ingest
):
    write("docs/a.md", LEASE)
    write("docs/b.txt", "Bananas are yellow.")
    write_locked_archive("docs/c.zip")
    run("docs")
    before = {d.id: (d.title, one.chunks_of(d.id)[0].id) for d in one.documents()}
    Path("docs/deep").mkdir()
    Path("docs/a.md").rename("docs/deep/z.MD")
    Path("docs/b.txt").rename("docs/deep/b.txt")
    Path("docs/c.zip").rename("docs/y.zip")
    report = run_without_embedder("docs")
    assert numbers(report) == (0, 0, 0, 3, 0)
    assert paths(one) == ["docs/deep/b.txt", "docs/deep/z.MD", "docs/y.zip/open.txt"]
    assert {d.id: (d.title, one.chunks_of(d.id)[0].id) for d in one.documents()} == before


def test_a_file_that_moves_keeps_its_tags_although_a_run_in_between_looks_at_other_files(one: Library, run: Ingest):
    write("docs/a.md", LEASE)
    write("docs/b.txt", "Bananas are yellow.")
    run("docs", collection="leases")
    before = one.documents()[0]
    tag(one, [before.id], "signed")
    Path("docs/deep").mkdir()
    Path("docs/a.md").rename("docs/deep/a.md")
    for selection in (Selection(include=("*.txt",)), Selection(exclude=("*.md",))):
        assert numbers(run("docs", selection=selection)) == (0, 0, 1, 0, 0)
    assert numbers(run("docs")) == (0, 0, 1, 1, 0)
    now = one.documents()[1]
    assert (now.id, now.path, now.collection, now.tags) == (before.id, "docs/deep/a.md", "leases", ("signed",))


def test_a_file_that_was_titled_after_its_name_is_titled_after_its_new_one(
    one: Library, run: Ingest, run_without_embedder: Ingest
):
    write("docs/draft.txt", "The notice period is three months.")
    run("docs", collection="leases")
    before = only(one)
    tag(one, [before.id], "signed")
    Path("docs/draft.txt").rename("docs/final.txt")
    assert numbers(run("docs")) == (0, 1, 0, 1, 0)
    now = only(one)
    assert (now.id, now.path, now.title) == (before.id, "docs/final.txt", "final")
    assert (now.collection, now.tags) == ("leases", ("signed",))
    index = Index.load(one)
    assert index.lexical(list(one.term_ids(query_terms("draft")).values()), 5) == []
    assert len(index.lexical(list(one.term_ids(query_terms("final")).values()), 5)) == 1
    assert numbers(run_without_embedder("docs")) == (0, 0, 1, 0, 0)


def test_a_file_that_gets_the_suffix_of_another_format_is_read_as_that_one(one: Library, run: Ingest):
    write("docs/draft-of-2019.txt", LEASE)
    run("docs")
    before = only(one)
    Path("docs/draft-of-2019.txt").rename("docs/final-of-2024.md")
    assert numbers(run("docs")) == (0, 1, 0, 1, 0)
    now = only(one)
    assert (now.id, now.title, now.media_type) == (before.id, "Lease", "text/markdown")
    assert [chunk.heading for chunk in one.chunks_of(now.id)] == ["Lease"]


def test_a_suffix_that_makes_a_file_unreadable_loses_nothing_and_is_told_until_it_is_right(one: Library, run: Ingest):
    write("docs/draft.txt", LEASE)
    run("docs", collection="leases")
    before = only(one)
    tag(one, [before.id], "signed")
    Path("docs/draft.txt").rename("docs/final.pdf")
    for moves in (1, 0):
        report = run("docs")
        assert (numbers(report), [path for path, _ in report.failed]) == ((0, 0, 0, moves, 0), ["docs/final.pdf"])
        assert one.text(only(one).id) == LEASE
    Path("docs/final.pdf").rename("docs/final.md")
    assert numbers(run("docs")) == (0, 1, 0, 1, 0)
    now = only(one)
    assert (now.id, now.path, now.title) == (before.id, "docs/final.md", "Lease")
    assert (now.collection, now.tags) == ("leases", ("signed",))


def test_a_run_that_ends_between_the_move_and_the_reading_is_gone_on_with_by_the_next(one: Library, run: Ingest):
    write("docs/draft.txt", LEASE)
    run("docs")
    Path("docs/draft.txt").rename("docs/final.txt")

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("docs", on_progress=stop)
    assert paths(one) == ["docs/final.txt"]
    assert numbers(run("docs")) == (0, 1, 0, 0, 0)
    assert only(one).title == "final"


def test_an_archive_whose_part_no_parser_read_is_read_again_under_a_name_that_tells_its_format(
    one: Library, run: Ingest
):
    import gzip

    Path("docs/letter.gz").write_bytes(gzip.compress(LEASE.encode()))
    assert run("docs").unsupported == ["docs/letter.gz/letter"]
    Path("docs/letter.gz").rename("docs/letter.md.gz")
    assert numbers(run("docs")) == (0, 1, 0, 1, 0)
    assert only(one).title == "Lease"


@pytest.mark.parametrize("duplicates", ["report", "skip"])
def test_an_archive_that_moved_and_opens_now_stays_where_it_was_put_and_is_no_copy_of_itself(
    one: Library, run: Ingest, duplicates: str
):
    write_locked_archive("docs/a.zip")
    run("docs", collection="leases")
    before = only(one)
    tag(one, [before.id], "signed")
    Path("docs/a.zip").rename("docs/b.zip")
    report = run("docs", duplicates=duplicates, limits=Limits(passwords=("sesame",)))
    assert (numbers(report), report.duplicates, report.failed) == ((0, 1, 0, 1, 0), [], [])
    locked, readable = one.documents()
    assert (locked.path, readable.path) == ("docs/b.zip/locked.pdf", "docs/b.zip/open.txt")
    assert (readable.id, readable.collection, readable.tags) == (before.id, "leases", ("signed",))


def test_a_file_that_is_cut_anew_because_of_the_settings_may_have_moved_meanwhile(one: Library, run: Ingest):
    from ragstone.ingest.chunking import ChunkPlan

    write("docs/a.md", LEASE)
    run("docs", collection="leases")
    before = only(one)
    Path("docs/a.md").rename("docs/b.md")
    assert numbers(run("docs", plan=ChunkPlan(tokens=32, overlap=0))) == (0, 1, 0, 1, 0)
    assert (only(one).id, only(one).path, only(one).collection) == (before.id, "docs/b.md", "leases")
