import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument
from ragstone.ingest.parsers import parse
from ragstone.ingest.parsers.pdf_layout import Row, lay_out, mark_paragraphs, page_quality, page_text, readable

WIDTH, HEIGHT = 595, 842
SIZE = 12


def draw(path: Path, *pages: Callable[[Canvas], None], **options: object) -> Path:
    canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT), **options)
    for page in pages:
        canvas.setFont("Helvetica", SIZE)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return path


def lines(*texts: str, top: float = 100, pitch: float = 14) -> Callable[[Canvas], None]:
    """Draws lines of text, the first one's baseline `top` points below the page's top; an empty text skips a line."""

    def page(canvas: Canvas) -> None:
        for index, text in enumerate(texts):
            canvas.drawString(72, HEIGHT - top - index * pitch, text)

    return page


def texts(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, document.text[block.char_start : block.char_end]) for block in document.blocks]


def test_a_line_has_the_rectangle_where_it_was_drawn(tmp_path: Path):
    text = "Typography"
    document = parse(draw(tmp_path / "a.pdf", lines(text, top=142)))
    (line,) = document.pages[0].lines
    assert document.text[line.char_start : line.char_end] == text
    expected = (72, 142 - 0.718 * SIZE, 72 + stringWidth(text, "Helvetica", SIZE), 142 + 0.207 * SIZE)
    assert line.rect == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("turn", "corner"), [(90, (700, 72)), (180, (WIDTH - 72, 700)), (270, (HEIGHT - 700, WIDTH - 72))]
)
def test_rectangles_are_those_of_the_page_as_it_is_shown(tmp_path: Path, turn: int, corner: tuple[float, float]):
    writer = PdfWriter(clone_from=PdfReader(draw(tmp_path / "upright.pdf", lines("XX", top=HEIGHT - 700))))
    writer.pages[0].rotate(turn)
    writer.write(tmp_path / "turned.pdf")
    (line,) = parse(tmp_path / "turned.pdf").pages[0].lines
    width, height = stringWidth("XX", "Helvetica", SIZE), 0.718 * SIZE
    x, y = corner
    boxes = {
        90: (x, y, x + height, y + width),
        180: (x - width, y, x, y + height),
        270: (x - height, y - width, x, y),
    }
    assert line.rect == pytest.approx(boxes[turn], abs=2)


def test_pages_are_parted_by_a_blank_line_and_empty_ones_are_kept(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", lines("First page"), lines(), lines("Third", "page")))
    assert document.text == "First page\n\n\n\nThird\npage"
    assert [(page.number, page.char_start, page.char_end) for page in document.pages] == [
        (1, 0, 10),
        (2, 12, 12),
        (3, 14, 24),
    ]


def test_a_wider_gap_starts_a_paragraph(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", lines("one", "two", "", "three", "four")))
    assert texts(document) == [("paragraph", 0, "one\ntwo"), ("paragraph", 0, "three\nfour")]


def test_the_outline_names_the_headings(tmp_path: Path):
    def page(canvas: Canvas) -> None:
        for key, title, level in (("a", "Beginning", 0), ("b", "Details", 1), ("c", "Not on the page", 0)):
            canvas.bookmarkPage(key)
            canvas.addOutlineEntry(title, key, level)
        canvas.setTitle("A title")
        lines("1 Beginning", "Some text.", "1.1 Details", "More text.")(canvas)

    document = parse(draw(tmp_path / "a.pdf", page))
    assert document.title == "A title"
    assert texts(document) == [
        ("heading", 1, "1 Beginning"),
        ("paragraph", 0, "Some text."),
        ("heading", 2, "1.1 Details"),
        ("paragraph", 0, "More text."),
    ]


def test_a_hyphenated_word_is_joined_and_both_its_lines_keep_their_rectangles(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", lines("This is about the ener-", "gy of a word.")))
    assert document.text == "This is about the energy of a word."
    drawn = [document.text[line.char_start : line.char_end] for line in document.pages[0].lines]
    assert drawn == ["This is about the ener", "gy of a word."]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_needs_a_password_is_refused_and_one_without_a_user_password_opens(tmp_path: Path, algorithm: str):
    plain = draw(tmp_path / "plain.pdf", lines("The secret"))
    for user in ("password", ""):
        writer = PdfWriter(clone_from=PdfReader(plain))
        writer.encrypt(user, "owner", algorithm=algorithm)
        writer.write(tmp_path / f"locked{user}.pdf")
    with pytest.raises(EncryptedError, match="locked with a password"):
        parse(tmp_path / "lockedpassword.pdf")
    assert parse(tmp_path / "locked.pdf").text == "The secret"


def test_a_truncated_pdf_is_refused_or_gives_what_is_left(tmp_path: Path):
    data = draw(tmp_path / "whole.pdf", lines("First"), lines("Second"), pageCompression=0).read_bytes()
    path = tmp_path / "part.pdf"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        try:
            assert set(parse(path).text.split()) <= {"First", "Second"}
        except ParseError as error:
            assert "corrupt" in str(error)
    path.write_bytes(data[:20])
    with pytest.raises(ParseError, match="corrupt"):
        parse(path)


def test_pypdf_opens_what_pdfium_cannot(tmp_path: Path):
    data = draw(tmp_path / "whole.pdf", lines("Hello", "there")).read_bytes()
    junk = b"x" * 5000 + b"\n"  # pdfium looks for the header in the first 1024 bytes
    offsets = re.compile(rb"\d{10}(?= 00000 n)|(?<=startxref\n)\d+")
    path = tmp_path / "junk-before.pdf"
    path.write_bytes(junk + offsets.sub(lambda match: b"%010d" % (int(match[0]) + len(junk)), data))
    document = parse(path)
    assert document.text.split() == ["Hello", "there"]
    assert document.pages[0].lines == ()


def test_a_page_that_cannot_be_read_has_a_low_quality():
    assert page_quality("A page of words") == 1
    assert page_quality(" \n") == 0
    assert page_quality("\x01\x02\ufffd\ue000") == 0
    assert page_quality("ab\x01\x02") == 0.5


def test_glyphs_that_name_no_character_are_left_out():
    assert [row.text for row in readable([Row("a\x03b \x84"), Row("\x0c"), Row("soft\xadhyphen")])] == [
        "a b",
        "softhyphen",
    ]


def test_a_hyphen_across_columns_keeps_the_paragraph_together():
    rows = [Row("first", baseline=100), Row("a hyphen", baseline=114, hyphenated=True), Row("ated", baseline=100)]
    mark_paragraphs(rows)
    assert page_text(rows) == "first\na hyphenated"
    assert [(block.char_start, block.char_end) for block in lay_out([rows], [])[1]] == [(0, 18)]
