import zipfile
from pathlib import Path
from typing import Any, Protocol

import pytest
from reportlab.pdfgen.canvas import Canvas


class Cli(Protocol):
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


@pytest.fixture
def ragstone_cli(new_python_cli: Cli) -> Cli:
    """Here each command is started as people start it."""
    return new_python_cli


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Two good files, one that gives no text on a page, one that is broken, one of a format that is not read."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "apples.md").write_text("# Apples\n\nApples grow on trees.")
    (folder / "broken.pdf").write_text("no PDF")
    (folder / "photo.raw").write_text("no text")
    canvas = Canvas(str(folder / "scan.pdf"))
    for text in ("A page with words.", ""):
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return folder


def test_the_json_of_an_ingest_is_as_documented(ragstone_cli: Cli, docs: Path):
    done = ragstone_cli("ingest", "docs", "--json")
    assert (done.code, done.stderr) == (3, "")
    report = done.json()
    assert set(report) == {"files", "chunks", "seconds"}
    files = report["files"]
    ((failed),) = files.pop("failed")
    assert failed["path"] == "docs/broken.pdf"
    assert "corrupt" in failed["reason"]
    assert files == {
        "added": 2,
        "updated": 0,
        "unchanged": 0,
        "moved": 0,
        "removed": 0,
        "empty": [{"path": "docs/scan.pdf", "pages": [2]}],
        "recognized": [],
        "unsupported": ["docs/photo.raw"],
        "duplicates": [],
        "instructions": [],
    }
    assert report["chunks"] == 2
    assert report["seconds"] > 0

    (docs / "broken.pdf").unlink()
    (docs / "apples.md").write_text("# Apples\n\nApples fall from trees.")
    done = ragstone_cli("ingest", "docs", "--json")
    assert (done.code, done.stderr) == (0, "")
    files = done.json()["files"]
    assert [files[name] for name in ("added", "updated", "unchanged", "removed")] == [0, 1, 1, 0]
    assert done.json()["chunks"] == 1


def test_the_summary_names_what_failed_and_what_gave_no_text_on_one_line_each(ragstone_cli: Cli, docs: Path):
    long = docs / ("folder with a long name " * 5).strip() / ("another one " * 8).strip()
    long.mkdir(parents=True)
    (docs / "broken.pdf").rename(long / "broken.pdf")
    done = ragstone_cli("ingest", docs)
    assert (done.code, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    assert "Files read  2 (2 new, 0 changed)" in [line.strip() for line in lines]
    assert f"Failed: {long}/broken.pdf: the PDF is corrupt" in next(x for x in lines if x.startswith("Failed:"))
    assert f"No text: {docs}/scan.pdf: page 2" in lines
    convert = "to PDF, DOCX, HTML, Markdown or plain text."
    assert f"Not supported: 1 .raw: {docs}/photo.raw. Convert it {convert}" in lines
    assert "Apples" not in done.stdout


def test_the_summary_names_the_first_files_that_are_not_supported_and_what_to_do_about_them(
    ragstone_cli: Cli, tmp_path: Path
):
    (tmp_path / "docs").mkdir()
    for name in ("a.txt", "z.raw", *(f"lease {n}.doc" for n in range(6))):
        (tmp_path / "docs" / name).write_text("A text.")
    with zipfile.ZipFile(tmp_path / "docs" / "box.zip", "w") as box:
        box.writestr("b.txt", "Another text.")
        box.writestr("photo.heic", "no text")
    (tmp_path / "docs" / "stamp.png").write_text("no image")
    lines = ragstone_cli("ingest", "docs", "--ocr", "off").stdout.splitlines()
    named = ", ".join(f"docs/lease {n}.doc" for n in range(5))
    convert = "Convert them to PDF, DOCX, HTML, Markdown or plain text."
    assert f"Not supported: 6 .doc, 1 .raw, 1 .heic: {named} and 3 more. {convert}" in lines
    recognize = "Install the extra ragstone[ocr], and set ocr to auto."
    assert f"Not supported: 1 .png: docs/stamp.png. {recognize}" in lines


def test_the_library_is_the_flags_else_the_variables_else_the_one_in_the_folder(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "a.txt").write_text("A text.")
    env = {"RAGSTONE_LIBRARY": "from-variable"}
    assert ragstone_cli("ingest", "a.txt").code == 0
    assert (tmp_path / ".ragstone" / "library.sqlite3").is_file()
    assert ragstone_cli("ingest", "a.txt", env=env).code == 0
    assert (tmp_path / "from-variable" / "library.sqlite3").is_file()
    assert ragstone_cli("ingest", "a.txt", "--library", "from-flag", env=env).code == 0
    assert (tmp_path / "from-flag" / "library.sqlite3").is_file()


def test_settings_that_are_wrong_are_bad_usage(ragstone_cli: Cli, tmp_path: Path):
    done = ragstone_cli("ingest", ".", env={"RAGSTONE_CHUNK_TOKEN": "5"})
    assert done.code == 2
    assert "Did you mean 'chunk_tokens'?" in done.error
    (tmp_path / "ragstone.toml").write_text("chunk_overlap = 100\n")
    done = ragstone_cli("ingest", ".", "--json")
    assert (done.code, done.stdout) == (2, "")
    assert "at most a quarter, 50" in done.error
    assert not (tmp_path / ".ragstone").exists()


@pytest.mark.parametrize("arguments", [[], ["--no-such-flag", "."], [".", "--library"]])
def test_wrong_arguments_are_bad_usage(ragstone_cli: Cli, arguments: list[str]):
    done = ragstone_cli("ingest", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_both_names_of_the_command_have_help(ragstone_cli: Cli):
    short = ragstone_cli("ingest", "-h")
    assert short.code == 0
    assert short.stdout.startswith("Usage: ingest [OPTIONS] PATHS...")


def test_an_ingest_without_its_model_says_how_to_get_it(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "a.txt").write_text("A text.")
    env = {"RAGSTONE_MODELS_DIR": str(tmp_path / "no-models"), "RAGSTONE_OFFLINE": "1"}
    done = ragstone_cli("ingest", "a.txt", env=env)
    assert (done.code, done.stdout) == (1, "")
    assert "ragstone models pull all-minilm-l6-v2" in done.error


def test_names_and_texts_of_all_languages_pass_through(ragstone_cli: Cli, tmp_path: Path):
    name = "Prüfung 電池 😀 'quoted\".txt"
    (tmp_path / name).write_text("Die Prüfung der 電池 war gut 😀.")
    assert ragstone_cli("ingest", ".", "--json", env={"LC_ALL": "C"}).code == 0
    done = ragstone_cli("search", "Prüfung 電池", "--json", env={"LC_ALL": "C.UTF-8"})
    assert done.json()["hits"][0]["document"] == name
    assert done.json()["hits"][0]["text"] == "Die Prüfung der 電池 war gut 😀."
    assert ragstone_cli("docs", "remove", name).code == 0
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize(
    "words",
    [["ingest", ""], ["ingest", "here.txt", ""], ["ingest", "here.txt", "--library", ""], ["status", "--library", ""]],
)
def test_an_empty_path_is_bad_usage_and_not_the_current_folder(ragstone_cli: Cli, tmp_path: Path, words: list[str]):
    (tmp_path / "here.txt").write_text("A text.")
    done = ragstone_cli(*words)
    assert (done.code, done.stdout) == (2, "")
    assert "the path is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["here.txt"]


@pytest.mark.parametrize("paths", [["missing"], ["here.txt", "missing"], ["missing", "here.txt"]])
def test_a_path_that_is_missing_makes_no_library(ragstone_cli: Cli, tmp_path: Path, paths: list[str]):
    (tmp_path / "here.txt").write_text("A text.")
    done = ragstone_cli("ingest", *paths)
    assert (done.code, done.stdout) == (1, "")
    assert done.error == "Error: missing: there is no such file or folder. Check the spelling of the path."
    assert [path.name for path in tmp_path.iterdir()] == ["here.txt"]


def test_a_folder_that_was_renamed_is_told_how_many_of_its_documents_stay(ragstone_cli: Cli, tmp_path: Path):
    (tmp_path / "docs").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "docs" / name).write_text(f"The text of {name}.")
    assert ragstone_cli("ingest", "docs").code == 0
    (tmp_path / "docs").rename(tmp_path / "contracts")
    done = ragstone_cli("ingest", "docs")
    assert (done.code, done.stdout) == (1, "")
    assert done.error == (
        "Error: docs: there is no such file or folder; 2 of its documents stay in the library. "
        "Check the spelling of the path, or forget what the library has of it with `ragstone docs remove PATH`."
    )
    assert ragstone_cli("docs", "remove", "docs").code == 0
    assert ragstone_cli("ingest", "docs").error.endswith("folder. Check the spelling of the path.")
