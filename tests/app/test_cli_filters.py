from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.errors import SettingsError
from ragstone.generation.answer import NO_ANSWER, NO_DOCUMENT
from ragstone.generation.models import ModelStore

LETTER = """From: Jane Doe <jane@x.org>
To: Bob
Subject: The lamp
Date: Wed, 31 Jan 2024 23:30:00 -0500

The lamp burns.
"""


@pytest.fixture
def mixed(tmp_path: Path, ragstone_cli: Any) -> Path:
    """A library of a PDF, a letter and a note with a front matter, each with a date of its own, and a bare text."""
    folder = tmp_path / "docs"
    folder.mkdir()
    pdf = Canvas(str(folder / "lamp.pdf"), invariant=True)  # of 2000-01-01
    pdf.setAuthor("Zoë Straße")
    pdf.drawString(72, 720, "The lamp of the lighthouse has a new lens.")
    pdf.save()
    (folder / "lamp.eml").write_text(LETTER)
    (folder / "lamp.md").write_text("---\nauthor: Bob\ndate: 2024-02-01\n---\n\n# Lamps\n\nThe lamp is a lamp.\n")
    (folder / "lamp.txt").write_text("A lamp without a date.")
    assert ragstone_cli("ingest", "docs", "--library", "mixed").code == 0
    return tmp_path / "mixed"


def listed(cli: Any, library: Path, *conditions: str) -> set[str]:
    given = [word for condition in conditions for word in ("--filter", condition)]
    done = cli("docs", "list", *given, "--library", library, "--json")
    assert (done.code, done.stderr) == (0, "")
    return {Path(document["path"]).suffix for document in done.json()["documents"]}


def test_what_parsers_say_of_real_files_can_be_filtered_by(ragstone_cli: Any, mixed: Path):
    assert listed(ragstone_cli, mixed) == {".pdf", ".eml", ".md", ".txt"}
    assert listed(ragstone_cli, mixed, "date=2000-01-01") == {".pdf"}
    assert listed(ragstone_cli, mixed, "date=2024-01-31") == {".eml"}
    assert listed(ragstone_cli, mixed, "date>=2024-01", "date<2024-03") == {".eml", ".md"}
    assert listed(ragstone_cli, mixed, "date>=2025") == {".txt"}
    assert listed(ragstone_cli, mixed, "author=bob,zoë strasse") == {".md", ".pdf"}
    assert listed(ragstone_cli, mixed, "from~=jane", "type=mail") == {".eml"}
    assert listed(ragstone_cli, mixed, "folder=docs", "document!=*.txt") == {".pdf", ".eml", ".md"}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_search_looks_only_into_what_a_filter_keeps(
    ragstone_cli: Any, sample_library: Path, samples: Path, mode: str
):
    arguments = ("battery", "--library", sample_library, "--mode", mode, "-k", "300", "--json")
    everywhere = {hit["document"] for hit in ragstone_cli("search", *arguments).json()["hits"]}
    assert len({Path(document).suffix for document in everywhere}) > 2
    hits = ragstone_cli("search", *arguments, "--filter", "type=docx,pdf", "--filter", "document=*a*").json()["hits"]
    found = {hit["document"] for hit in hits}
    assert found == {d for d in everywhere if d.endswith((".docx", ".pdf")) and "a" in Path(d).name}
    hits = ragstone_cli("search", *arguments, "--filter", f"folder={samples}/legal").json()["hits"]
    assert {hit["document"] for hit in hits} == {d for d in everywhere if d.startswith(f"{samples}/legal/")}


def test_a_filter_that_keeps_nothing_is_said_to_and_is_no_failure(ragstone_cli: Any, sample_library: Path):
    nothing = "No document matches the filter.\n"
    types = "There are the types md, pdf, docx, txt, html, csv.\n"
    for arguments, there in (
        (["--filter", "type=epub"], types),
        (["--collection", "none"], "There is no collection.\n"),
        (["--filter", "type=csv", "--filter", "folder=none"], ""),
    ):
        done = ragstone_cli("search", "battery", *arguments, "--library", sample_library, "--json")
        assert (done.code, done.json()["hits"]) == (0, [])
        assert sorted(done.stderr) == sorted(nothing + there)  # types of as many documents are in any order
        done = ragstone_cli("search", "battery", *arguments, "--library", sample_library)
        assert (done.code, done.stdout) == (0, "")
        assert done.stderr.startswith(nothing)
    done = ragstone_cli("docs", "list", "--filter", "type=epub", "--library", sample_library)
    assert (done.code, done.stdout) == (0, "")
    assert sorted(done.stderr) == sorted(nothing + types)
    lexical = ("search", "xyzzyplugh", "--mode", "lexical", "--filter", "type=pdf", "--library", sample_library)
    assert ragstone_cli(*lexical).error == "Nothing found."


def test_a_collection_or_type_that_is_misspelled_is_told_those_that_there_are(ragstone_cli: Any, tmp_path: Path):
    for name, text in (("legal", "lease.md"), ("press", "news.txt")):
        (tmp_path / text).write_text("The ferry leaves at nine.")
        assert ragstone_cli("ingest", text, "--collection", name).code == 0
    done = ragstone_cli("search", "ferry", "--collection", "legl", "--filter", "type=pdff")
    assert done.stderr.splitlines() == [
        "No document matches the filter.",
        "There are the types md, txt.",
        "There are the collections legal, press.",
    ]
    done = ragstone_cli("docs", "list", "--collection", "legl")
    assert (done.code, done.stderr.splitlines()[1:]) == (0, ["There are the collections legal, press."])
    done = ragstone_cli("docs", "list", "--collection", "legal", "--filter", "type=txt")
    assert done.error == "No document matches the filter."


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("pdf", "'pdf' is no condition. Write KEY=VALUE, such as type=pdf, author=Jane or date>=2024-01."),
        ("date=soon", "'soon' is no date to filter by. "),
        ("tipe=pdf", "no document of the library has 'tipe'. Did you mean type? "),
    ],
)
@pytest.mark.parametrize("command", [("search", "x"), ("docs", "list")])
def test_a_bad_condition_is_bad_usage(
    ragstone_cli: Any, sample_library: Path, command: tuple[str, str], condition: str, message: str
):
    done = ragstone_cli(*command, "--filter", condition, "--library", sample_library)
    assert (done.code, done.stdout) == (2, "")
    assert done.error.startswith(f"Error: {message}")


QUESTION = "What torque do the M10 bolts on the rack busbars need?"


@pytest.fixture
def settings(sample_library: Path, tiny_model_path: Path) -> dict[str, str]:
    return {
        "RAGSTONE_LIBRARY": str(sample_library),
        "RAGSTONE_MODEL": str(tiny_model_path),
        "RAGSTONE_MAX_TOKENS": "32",
        "RAGSTONE_HITS": "3",
        "RAGSTONE_MIN_CONFIDENCE": "0",
    }


def test_an_answer_comes_only_from_what_a_filter_keeps(ragstone_cli: Any, settings: dict[str, str]):
    answer = ragstone_cli("ask", QUESTION, "--filter", "type=csv", "--json", env=settings).json()
    assert {Path(hit["document"]).suffix for hit in answer["hits"]} == {".csv"}


def test_an_abstention_says_that_no_document_matches(ragstone_cli: Any, settings: dict[str, str]):
    done = ragstone_cli("ask", QUESTION, "--filter", "type=csv", "--collection", "none", env=settings)
    assert (done.code, done.stdout) == (0, f"{NO_DOCUMENT}\n")
    assert done.error == "There is no collection."
    assert ragstone_cli("ask", QUESTION, "--filter", "type=epub", "--json", env=settings).json()["abstained"] is True
    done = ragstone_cli("ask", QUESTION, "--filter", "tipe=csv", env=settings)
    assert (done.code, done.stdout) == (2, "")
    done = ragstone_cli("chat", "--filter", "date=soon", env=settings)
    assert (done.code, done.stdout) == (2, "")


def test_the_engine_takes_a_mapping_or_texts(sample_library: Path, model_store: ModelStore, tiny_model_path: Path):
    settings = Settings(models_dir=model_store.folder, model=str(tiny_model_path), min_confidence=0.99, threads=1)
    with Ragstone.open(sample_library, create=False, settings=settings) as rag:
        for given in ({"type": "pdf"}, ["type=pdf"], "type=pdf"):
            assert {Path(hit.chunk.document).suffix for hit in rag.search("battery", 50, filter=given)} == {".pdf"}
            assert {Path(document.path).suffix for document in rag.documents(filter=given)} == {".pdf"}
        assert rag.search("battery", collection="none") == rag.documents(collection="none") == []
        assert rag.ask("Where?", filter={"type": "epub"}).text == NO_DOCUMENT
        assert rag.ask("Where?", filter={"type": "csv"}).text == NO_ANSWER
        first = next(iter(rag.ask_stream(QUESTION, filter={"type": "csv"})))
        assert {Path(hit.chunk.document).suffix for hit in first.hits} == {".csv"}
        *_, last = rag.ask_stream("Where?", collection="none")
        assert last.answer is not None
        assert (last.answer.text, last.answer.abstained) == (NO_DOCUMENT, True)
        with pytest.raises(SettingsError, match="Did you mean type"):
            rag.ask("Where?", filter={"tipe": "csv"})
