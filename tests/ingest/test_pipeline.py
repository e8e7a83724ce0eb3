import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ragstone.errors import EmbedderMismatchError, LibraryLockedError, SourceError
from ragstone.ingest.chunking import ChunkPlan
from ragstone.ingest.report import IngestReport, Progress
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library
from ragstone.tests.ingest.conftest import OLD, Ingest, write


@pytest.fixture
def folder(docs: Path) -> Path:
    """The folder `docs` of the working directory: three old files."""
    write("docs/a.md", "# Apples\n\nApples grow on trees.\n\n# Pears\n\nPears do so too, and are softer.")
    write("docs/b.txt", "Bananas are yellow.")
    write("docs/c.csv", "fruit,colour\ncherry,red\ncurrant,black\n")
    return docs


def numbers(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.removed


def chunks(library: Library) -> dict[str, dict[int, str]]:
    """The ids and texts of every document's chunks."""
    return {d.path: {c.id: c.text for c in library.chunks_of(d.id)} for d in library.documents()}


def test_a_first_run_stores_every_file(one: Library, run: Ingest, folder: Path):
    report = run("docs")
    assert numbers(report) == (3, 0, 0, 0)
    assert report.failed == report.empty == report.unsupported == []
    assert report.chunks == one.counts()[1] == 3
    assert [document.path for document in one.documents()] == ["docs/a.md", "docs/b.txt", "docs/c.csv"]
    assert [document.title for document in one.documents()] == ["Apples", "b", "c"]
    assert one.embedder is not None
    index = Index.load(one)
    assert (index.revision, len(index)) == (one.revision, report.chunks)


def test_a_second_run_on_an_unchanged_folder_embeds_nothing(
    one: Library, run: Ingest, run_without_embedder: Ingest, folder: Path
):
    run("docs")
    before, revision = chunks(one), one.revision
    report = run_without_embedder("docs")
    assert numbers(report) == (0, 0, 3, 0)
    assert report.chunks == 0
    assert one.revision == revision
    assert chunks(one) == before


def test_a_changed_file_replaces_only_its_own_chunks(one: Library, run: Ingest, folder: Path):
    run("docs")
    before = chunks(one)
    write("docs/b.txt", "Blueberries are blue, bananas are not.")
    report = run("docs")
    assert numbers(report) == (0, 1, 2, 0)
    assert report.chunks == 1
    after = chunks(one)
    assert list(after.pop("docs/b.txt").values()) == ["Blueberries are blue, bananas are not."]
    old = before.pop("docs/b.txt")
    assert after == before
    assert one.chunks(list(old)) == {}


def test_a_quick_edit_that_keeps_size_and_time_is_noticed(one: Library, run: Ingest, folder: Path):
    Path("docs/b.txt").write_text("Bananas are yellow.")
    run("docs")
    time_ns = Path("docs/b.txt").stat().st_mtime_ns
    write("docs/b.txt", "Bananas are orange.", time_ns)
    assert numbers(run("docs")) == (0, 1, 2, 0)
    assert list(chunks(one)["docs/b.txt"].values()) == ["Bananas are orange."]


def test_an_edit_made_while_a_long_run_goes_on_is_noticed_by_the_next_run(one: Library, run: Ingest, folder: Path):
    """The edit keeps size and time, as on a file system with a coarse clock, and the run stores the file much later."""
    Path("docs/b.txt").write_text("Bananas are yellow.")
    time_ns = Path("docs/b.txt").stat().st_mtime_ns

    def edit_later(progress: Progress) -> None:
        if progress.path == "docs/c.csv":  # b.txt has been read, and is not stored yet
            write("docs/b.txt", "Bananas are orange.", time_ns)
            wait_until_settled(time_ns)

    run("docs", on_progress=edit_later)
    assert list(chunks(one)["docs/b.txt"].values()) == ["Bananas are yellow."]
    assert numbers(run("docs")) == (0, 1, 2, 0)
    assert list(chunks(one)["docs/b.txt"].values()) == ["Bananas are orange."]


def wait_until_settled(time_ns: int) -> None:
    while time.time_ns() < time_ns + 2_100_000_000:
        time.sleep(0.05)


@pytest.mark.parametrize("seconds", [10_413_792_000, -10_413_792_000])
def test_a_file_of_the_far_future_or_past_is_stored_and_its_edits_are_noticed(
    one: Library, run: Ingest, folder: Path, seconds: int
):
    os.utime("docs/b.txt", (seconds, seconds))
    assert numbers(run("docs")) == (3, 0, 0, 0)
    assert numbers(run("docs")) == (0, 0, 3, 0)
    write("docs/b.txt", "Blueberries are blue.", seconds * 10**9)
    assert numbers(run("docs")) == (0, 1, 2, 0)
    assert [d.path for d in one.documents()] == ["docs/a.md", "docs/b.txt", "docs/c.csv"]


def test_a_touched_file_embeds_nothing_and_is_not_read_again(one: Library, run: Ingest, folder: Path):
    run("docs")
    revision = one.revision
    os.utime("docs/b.txt", ns=(OLD + 1, OLD + 1))
    report = run("docs")
    assert numbers(report) == (0, 0, 3, 0)
    assert report.chunks == 0
    assert one.revision == revision
    known = one.files()[str(folder / "b.txt")]
    assert (known.mtime_ns, known.settled) == (OLD + 1, True)


def test_a_deleted_file_leaves_the_library_and_the_index(one: Library, run: Ingest, folder: Path):
    run("docs")
    gone = chunks(one)["docs/b.txt"]
    Path("docs/b.txt").unlink()
    assert numbers(run("docs")) == (0, 0, 2, 1)
    assert set(chunks(one)) == {"docs/a.md", "docs/c.csv"}
    index = Index.load(one)
    assert len(index) == one.counts()[1]
    assert index.similarities(one.rows().vectors[0], list(gone)) == {}
    assert index.lexical(list(one.term_ids(query_terms("bananas")).values()), 5) == []


def test_a_moved_file_keeps_its_chunks_and_embeds_nothing(
    one: Library, run: Ingest, run_without_embedder: Ingest, folder: Path
):
    run("docs")
    before, revision = chunks(one), one.revision
    Path("docs/deep").mkdir()
    Path("docs/b.txt").rename("docs/deep/b.txt")
    report = run_without_embedder("docs")
    assert (numbers(report), report.moved, report.chunks) == ((0, 0, 2, 0), 1, 0)
    before["docs/deep/b.txt"] = before.pop("docs/b.txt")
    assert chunks(one) == before
    assert one.revision == revision
    assert str(folder / "deep" / "b.txt") in one.files()
    assert numbers(run("docs")) == (0, 0, 3, 0)


def test_files_outside_the_given_folders_stay(one: Library, run: Ingest, folder: Path):
    run("docs")
    Path("docs/b.txt").unlink()
    assert numbers(run("docs/a.md")) == (0, 0, 1, 0)
    assert "docs/b.txt" in chunks(one)


def test_another_chunk_size_cuts_every_file_anew(one: Library, run: Ingest, folder: Path):
    run("docs")
    long = " ".join(f"Sentence {n} is one of many." for n in range(40))
    write("docs/b.txt", long)
    run("docs")
    report = run("docs", plan=ChunkPlan(tokens=32, overlap=0))
    assert numbers(report) == (0, 3, 0, 0)
    assert report.chunks == one.counts()[1]
    assert max(c.tokens for d in one.documents() for c in one.chunks_of(d.id)) <= 32
    assert run("docs", plan=ChunkPlan(tokens=32, overlap=0)).chunks == 0


def test_paths_given_twice_or_nested_are_read_once(one: Library, run: Ingest, folder: Path):
    assert numbers(run("docs/b.txt", "docs", folder, "./docs/../docs")) == (3, 0, 0, 0)
    assert one.counts()[0] == 3


def test_documents_carry_the_path_as_it_was_last_given(
    one: Library, run: Ingest, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    run("docs/a.md")
    assert list(chunks(one)) == ["docs/a.md"]
    revision = one.revision
    monkeypatch.chdir(folder)
    assert numbers(run("a.md")) == (0, 0, 1, 0)
    assert list(chunks(one)) == ["a.md"]
    run(folder / "a.md")
    assert list(chunks(one)) == [str(folder / "a.md")]
    assert one.revision == revision


def test_files_that_give_no_text_are_reported_and_the_others_stored(one: Library, run: Ingest, folder: Path):
    write("docs/broken.pdf", "this is no PDF")
    write("docs/empty.txt", "")
    write("docs/photo.heic", "not a format that is read")
    canvas = Canvas("docs/scan.pdf")
    for text in ("A page with words.", "", "Another page.", ""):
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    report = run("docs")
    assert numbers(report) == (4, 0, 0, 0)
    assert [path for path, _ in report.failed] == ["docs/broken.pdf", "docs/empty.txt"]
    assert all(reason.count(". ") >= 1 and reason.endswith(".") for _, reason in report.failed)
    assert report.empty == [("docs/scan.pdf", [2, 4])]
    assert report.unsupported == ["docs/photo.heic"]
    assert set(chunks(one)) == {"docs/a.md", "docs/b.txt", "docs/c.csv", "docs/scan.pdf"}


def test_a_file_that_breaks_keeps_its_earlier_version(one: Library, run: Ingest, folder: Path):
    run("docs")
    before = chunks(one)
    Path("docs/b.txt").write_bytes(b"\x00\x01\x02\xff" * 500)
    report = run("docs")
    assert numbers(report) == (0, 0, 2, 0)
    assert [path for path, _ in report.failed] == ["docs/b.txt"]
    assert chunks(one) == before


def test_a_document_without_words_is_reported_and_stored_without_chunks(one: Library, run: Ingest, folder: Path):
    canvas = Canvas("docs/blank.pdf")
    canvas.drawString(72, 720, "")
    canvas.save()
    write("docs/spaces.txt", " \n\t\n ")
    report = run("docs")
    assert ("docs/blank.pdf", [1]) in report.empty
    assert "docs/spaces.txt" in [path for path, _ in (*report.empty, *report.failed)]
    assert report.chunks == 3
    assert numbers(run("docs"))[:2] == (0, 0)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), ""),
        (("photo.heic",), r"; 1 file is of a format that is not supported \(.*/photo.heic\)"),
        (("a.heic", "b.doc"), r"; 2 files are of formats that are not supported \(.*/a.heic, .*/b.doc\)"),
    ],
)
def test_a_folder_with_nothing_to_read_is_refused(run: Ingest, tmp_path: Path, names: Sequence[str], told: str):
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in names:
        (empty / name).write_text("x")
    with pytest.raises(SourceError, match=f"there is nothing to ingest{told}"):
        run(empty)


def test_a_folder_that_was_emptied_is_refused_and_its_documents_stay(one: Library, run: Ingest, folder: Path):
    run("docs")
    before = chunks(one)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match=r"3 of its files stay in the library.*docs remove"):
        run("docs")
    assert chunks(one) == before


@pytest.mark.parametrize("other", ["text.txt", "broken.pdf", ".ragstoneignore"])
def test_a_folder_that_was_emptied_is_refused_whatever_else_is_ingested(
    one: Library, run: Ingest, folder: Path, other: str
):
    run("docs")
    before = chunks(one)
    (folder.parent / "others").mkdir()
    write(f"others/{other}", "draft.md")
    write("others/draft.md", "A draft.")
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match=f"{folder}: there is nothing to ingest; 3 of its files stay in the library"):
        run("others", "docs")
    assert chunks(one) == before


def test_a_folder_that_is_empty_because_its_files_have_moved_is_ingested(one: Library, run: Ingest, folder: Path):
    run("docs")
    (folder.parent / "others").mkdir()
    for path in folder.iterdir():
        path.rename(Path("others", path.name))
    assert numbers(run("docs", "others")) == (0, 0, 0, 0)
    assert set(chunks(one)) == {"others/a.md", "others/b.txt", "others/c.csv"}
    for path in Path("others").iterdir():
        path.unlink()
    write("others/new.md", "Others.")
    assert numbers(run("docs", "others")) == (1, 0, 0, 3)  # nothing of the empty folder was stored


def test_vectors_of_another_model_are_refused_before_anything_is_read(
    one: Library, run: Ingest, folder: Path, embedder: Embedder
):
    run("docs/a.md")
    with one._db.writing() as db:
        stored = one.embedder.to_json().replace(embedder.identity.sha256, "1" * 64)
        db.execute("UPDATE settings SET value = ? WHERE name = 'embedder'", (stored,))
    before = chunks(one)
    with pytest.raises(EmbedderMismatchError):
        run("docs")
    assert chunks(one) == before


def test_a_library_that_is_being_written_to_is_refused(one: Library, run: Ingest, folder: Path):
    with one.locked(), pytest.raises(LibraryLockedError, match=str(os.getpid())):
        run("docs")
    assert one.counts() == (0, 0)


def test_progress_grows_to_the_whole(run: Ingest, folder: Path):
    seen: list[Progress] = []
    report = run("docs", on_progress=seen.append)
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert (seen[-1].fraction, seen[-1].files_done, seen[-1].files) == (1, 3, 3)
    assert seen[-1].chunks == report.chunks
    assert [p.path for p in seen if p.path][:3] == ["docs/a.md", "docs/b.txt", "docs/c.csv"]
    assert report.seconds > 0


def test_what_a_progress_callback_raises_ends_the_run_and_keeps_what_was_stored(
    one: Library, run: Ingest, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ragstone.ingest.pipeline.BATCH_CHUNKS", 1)

    def stop(progress: Progress) -> None:
        if progress.files_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("docs", on_progress=stop)
    assert set(chunks(one)) == {"docs/a.md", "docs/b.txt"}
    assert numbers(run("docs")) == (1, 0, 2, 0)


def test_files_that_fail_count_as_done(run: Ingest, folder: Path):
    write("docs/broken.pdf", "x" * 1000)
    seen: list[Progress] = []
    run("docs", on_progress=seen.append)
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert (seen[-1].fraction, seen[-1].files_done, seen[-1].files) == (1, 4, 4)
