"""Files as a program gives them to the engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ragstone.app.engine import Ragstone
from ragstone.errors import SettingsError

pytestmark = pytest.mark.usefixtures("embedder")


@pytest.fixture
def rag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ragstone]:
    """Of an empty library; the folder `docs` of the working directory holds two files."""
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    Path("docs/a.md").write_text("Apples are red.")
    Path("docs/b.txt").write_text("Bananas are long.")
    with Ragstone.open("library") as opened:
        yield opened


def paths(rag: Ragstone) -> list[str]:
    return [document.path for document in rag.documents()]


def test_a_pattern_or_a_password_may_be_given_as_one_text(rag: Ragstone):
    canvas = Canvas("plain.pdf")
    canvas.drawString(72, 720, "The secret recipe.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader("plain.pdf"))
    writer.encrypt("geheim", algorithm="AES-256")
    writer.write("docs/locked.pdf")
    rag.ingest("docs", include="*.md")
    assert paths(rag) == ["docs/a.md"]
    rag.ingest("docs", exclude="*.pdf")
    assert paths(rag) == ["docs/a.md", "docs/b.txt"]
    assert rag.ingest("docs", passwords="geheim").failed == []
    assert paths(rag) == ["docs/a.md", "docs/b.txt", "docs/locked.pdf"]


@pytest.mark.parametrize("name", ["include", "exclude", "passwords"])
@pytest.mark.parametrize("given", [5, [5], b"*.md", None])
def test_what_is_neither_a_text_nor_several_is_refused(rag: Ragstone, name: str, given: object):
    with pytest.raises(SettingsError, match=f"{name} is no text"):
        rag.ingest("docs", **{name: given})
