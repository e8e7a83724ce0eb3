import os
import shutil
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

import pytest
from reportlab.pdfgen.canvas import Canvas

from ragstone.retrieval.library import Library


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


@pytest.fixture
def copy(sample_library: Path, tmp_path: Path) -> Path:
    """The sample documents, to change."""
    shutil.copytree(sample_library, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_json_of_status_is_as_documented(ragstone_cli: Cli, sample_library: Path):
    done = ragstone_cli("status", "--library", sample_library, "--json")
    assert (done.code, done.stderr) == (0, "")
    status = done.json()
    assert {"documents", "chunks", "vectors", "embedder", "index", "bytes"} <= set(status)
    assert status["documents"] == 19
    assert status["chunks"] == status["vectors"] > 100
    assert status["embedder"]["model"] == "all-minilm-l6-v2"
    assert status["embedder"]["dimension"] == 384
    assert status["bytes"] >= (sample_library / "library.sqlite3").stat().st_size
    index = status["index"]
    assert (index["kind"], index["approximate"]) == ("flat f32", False)
    assert (index["rows"] - index["tombstones"], index["news"]) == (status["chunks"], 0)
    stored = (sample_library / "index" / index["generation"]).iterdir()
    assert index["bytes"] == sum(path.stat().st_size for path in stored) > 0
    shown = ragstone_cli("status", "--library", sample_library)
    assert f"flat f32, exact; generation {index['generation']} of {index['rows']} chunks" in shown.stdout
    assert "Documents  19\n" in shown.stdout
    assert "all-minilm-l6-v2, 384 dimensions" in shown.stdout


def test_an_empty_library_has_a_status(ragstone_cli: Cli, tmp_path: Path):
    Library(tmp_path / "empty", create=True).close()
    status = ragstone_cli("status", "--library", "empty", "--json").json()
    assert (status["documents"], status["chunks"], status["vectors"], status["embedder"]) == (0, 0, 0, None)
    assert "none yet" in ragstone_cli("status", "--library", "empty").stdout


def test_documents_are_listed_with_their_chunks_and_pages(ragstone_cli: Cli, sample_library: Path, samples: Path):
    done = ragstone_cli("docs", "list", "--library", sample_library, "--json")
    assert (done.code, done.stderr) == (0, "")
    documents = done.json()["documents"]
    assert [document["path"] for document in documents] == sorted(
        str(path) for path in samples.rglob("*") if path.is_file()
    )
    assert all(set(document) >= {"id", "path", "title", "chunks", "pages", "empty_pages"} for document in documents)
    lines = ragstone_cli("docs", "list", "--library", sample_library).stdout.splitlines()
    assert len(lines) == 19
    assert f"{samples}/reports/annual-report-2023.pdf  (" in " ".join(lines)


def test_a_document_is_shown_by_path_or_id(ragstone_cli: Cli, sample_library: Path, samples: Path):
    path = samples / "records" / "spare-parts.csv"
    by_path = ragstone_cli("docs", "show", path, "--library", sample_library, "--json").json()
    by_id = ragstone_cli("docs", "show", str(by_path["id"]), "--library", sample_library, "--json").json()
    assert by_path == by_id
    assert by_path["path"] == str(path)
    assert [chunk["ordinal"] for chunk in by_path["chunks"]] == list(range(by_path["chunks"][-1]["ordinal"] + 1))
    text = ragstone_cli("docs", "show", path, "--text", "--library", sample_library, "--json").json()["text"]
    for chunk in by_path["chunks"]:
        assert text[chunk["char_start"] : chunk["char_end"]] == chunk["text"]
    shown = ragstone_cli("docs", "show", path, "--library", sample_library)
    assert shown.code == 0
    assert by_path["chunks"][0]["text"] in shown.stdout


def test_what_is_known_of_a_document_is_shown_in_words_and_without_what_is_empty(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "lease.md").write_text("---\nauthor: Ann Lee\n---\n\n# Lease\n\nThe rent is due in May.")
    os.utime(tmp_path / "lease.md", ns=(0, 1_600_000_000_000_000_000))
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.drawString(72, 720, "A page with words.")
    canvas.save()
    assert ragstone_cli("ingest", ".").code == 0
    lines = ragstone_cli("docs", "show", "lease.md").stdout.split("\n\n")[0].splitlines()
    told = {line[:12].strip(): line[13:] for line in lines}
    assert set(told) == {"Id", "Path", "Title", "Type", "Author", "Chunks", "Size", "Changed", "Read", "SHA-256"}
    assert (told["Author"], told["Changed"]) == ("Ann Lee", "2020-09-13 12:26 UTC")
    listed = ragstone_cli("docs", "list").stdout
    assert "scan.pdf  (1 chunk, 1 page)" in listed
    assert ragstone_cli("docs", "tag", "mine", "scan.pdf").code == 0
    shown = ragstone_cli("docs", "show", "scan.pdf").stdout
    assert "Tags         #mine\n" in shown
    assert "Pages        1\n" in shown


def test_documents_are_removed_by_path_folder_or_id_and_their_files_stay(ragstone_cli: Cli, copy: Path, samples: Path):
    one = samples / "records" / "spare-parts.csv"
    folder = samples / "legal"
    with Library(copy) as library:
        by_id = next(d for d in library.documents() if d.path.endswith("outages.html"))
    done = ragstone_cli("docs", "remove", one, f"{folder}/", str(by_id.id), "--library", copy, "--json")
    assert (done.code, done.stderr) == (0, "")
    expected = {str(one), by_id.path, *map(str, folder.iterdir())}
    assert set(done.json()["removed"]) == expected
    assert all(Path(path).is_file() for path in expected)
    with Library(copy) as library:
        assert library.counts()[0] == 19 - len(expected)
        assert not expected & {document.path for document in library.documents()}
    hits = ragstone_cli("search", "spare parts", "-k", "300", "--library", copy, "--json").json()["hits"]
    assert not expected & {hit["document"] for hit in hits}


def test_tags_are_given_by_path_folder_or_id_shown_and_filtered_by(ragstone_cli: Cli, copy: Path, samples: Path):
    one, folder = samples / "records" / "spare-parts.csv", samples / "legal"
    done = ragstone_cli("docs", "tag", "To read", one, f"{folder}/", "--library", copy, "--json")
    assert (done.code, done.stderr) == (0, "")
    paths = {str(one), *map(str, folder.iterdir())}
    assert {d["path"]: d["tags"] for d in done.json()["documents"]} == {path: ["To read"] for path in paths}
    assert ragstone_cli("docs", "untag", "To read", one, "--library", copy).stdout == f"{one}  no tags\n"
    listed = ragstone_cli("docs", "list", "--filter", "tag=To read", "--library", copy).stdout.splitlines()
    assert len(listed) == len(paths) - 1
    assert all(line.endswith("  #To read") and str(folder) in line for line in listed)
    hits = ragstone_cli("search", "the", "--filter", "tag=To read", "-k", "9", "--library", copy, "--json").json()[
        "hits"
    ]
    assert {hit["document"] for hit in hits} <= paths - {str(one)}
    assert hits


def test_a_document_of_this_folder_goes_before_one_of_the_same_relative_path(ragstone_cli: Cli, tmp_path: Path):
    for place in ("one", "two"):
        (tmp_path / place / "docs").mkdir(parents=True)
        (tmp_path / place / "docs" / "a.txt").write_text(f"The text of {place}.")
    command = type(ragstone_cli)
    library = tmp_path / "library"
    for place in ("one", "two"):
        cli = command(tmp_path / place, ragstone_cli.models_dir)  # type: ignore[call-arg,attr-defined]
        assert cli("ingest", "docs", "--library", library).code == 0
    assert cli("docs", "remove", "docs", "--library", library).code == 0
    with Library(library) as left:
        assert [left.text(document.id) for document in left.documents()] == ["The text of one."]


def test_of_several_documents_none_is_shown_and_a_mail_with_attachments_is_one(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "docs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "docs" / f"{name}.txt").write_text(f"The text of {name}.")
    mail = EmailMessage()
    mail["Subject"] = "The ferry"
    mail.set_content("It leaves at nine.")
    mail.add_attachment("Ten on Sundays.", filename="sundays.txt")
    (tmp_path / "mail.eml").write_bytes(mail.as_bytes())
    assert ragstone_cli("ingest", "docs", "mail.eml").code == 0
    paths = {d["path"]: d["id"] for d in ragstone_cli("docs", "list", "--json").json()["documents"]}
    assert [*paths] == ["docs/a.txt", "docs/b.txt", "mail.eml", "mail.eml/sundays.txt"]
    refused = ragstone_cli("docs", "show", "docs")
    assert (refused.code, refused.stdout) == (1, "")
    first, second = paths["docs/a.txt"], paths["docs/b.txt"]
    assert f"docs: these are 2 documents: {first} docs/a.txt, {second} docs/b.txt. Give" in refused.stderr
    assert ragstone_cli("docs", "show", "mail.eml", "--json").json()["id"] == paths["mail.eml"]
    assert ragstone_cli("docs", "show", "docs/b.txt", "--json").json()["id"] == second


def test_an_empty_name_is_bad_usage_and_not_the_current_folder(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "ferry.txt").write_text("The ferry leaves at nine.")
    assert ragstone_cli("ingest", "ferry.txt").code == 0
    for command in ("show", "remove", "tag mine", "untag mine"):
        for name in ("", " "):
            done = ragstone_cli("docs", *command.split(), name)
            assert (done.code, done.stdout) == (2, "")
            assert "the name of a document is empty" in done.stderr
    (left,) = ragstone_cli("docs", "list", "--json").json()["documents"]
    assert not left["tags"]


def test_a_name_without_its_folder_is_told_the_whole_path(ragstone_cli: Cli, sample_library: Path, samples: Path):
    done = ragstone_cli("docs", "show", "safety-manual.pdf", "--library", sample_library)
    path = f"{samples}/handbook/safety-manual.pdf"
    assert done.code == 1
    assert done.error.endswith(f"no such document. Did you mean {path}? See `ragstone docs list`.")


def test_a_name_that_is_no_utf_8_is_that_of_no_document(ragstone_cli: Cli, sample_library: Path):
    for command in ("show", "remove", "tag mine", "untag mine"):
        done = ragstone_cli("docs", *command.split(), "caf\udce9", "--library", sample_library)
        assert (done.code, done.stdout) == (1, "")
        assert done.error.endswith("the library holds no such document. See `ragstone docs list`.")


@pytest.mark.parametrize("command", ["show", "remove"])
def test_a_document_that_is_not_there_is_named(ragstone_cli: Cli, sample_library: Path, command: str):
    done = ragstone_cli("docs", command, "no-such.txt", "--library", sample_library)
    assert (done.code, done.stdout) == (1, "")
    assert done.error == "Error: no-such.txt: the library holds no such document. See `ragstone docs list`."
