import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import parse, read

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


def lock(path: Path, password: str, algorithm: str) -> Path:
    writer = PdfWriter(clone_from=PdfReader(path))
    writer.encrypt(password, "owner", algorithm=algorithm)
    writer.write(path.with_stem("locked"))
    return path.with_stem("locked")


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
        ("heading", 1, "# 1 Beginning"),
        ("paragraph", 0, "Some text."),
        ("heading", 2, "## 1.1 Details"),
        ("paragraph", 0, "More text."),
    ]


def test_a_hyphenated_word_is_joined_and_both_its_lines_keep_their_rectangles(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", lines("This is about the ener-", "gy of a word.")))
    assert document.text == "This is about the energy of a word."
    drawn = [document.text[line.char_start : line.char_end] for line in document.pages[0].lines]
    assert drawn == ["This is about the ener", "gy of a word."]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_locked_pdf_opens_with_one_of_the_passwords_given(tmp_path: Path, algorithm: str):
    locked = lock(draw(tmp_path / "plain.pdf", lines("The secret")), "pässword", algorithm)
    with pytest.raises(EncryptedError, match="Give the password with --password, or save it without one"):
        parse(locked)
    with pytest.raises(EncryptedError, match="locked with a password"):
        parse(locked, ParseOptions(passwords=("wrong",)))
    assert parse(locked, ParseOptions(passwords=("wrong", "pässword"))).text == "The secret"
    assert parse(lock(tmp_path / "plain.pdf", "", algorithm)).text == "The secret"


def test_a_locked_pdf_of_another_program_opens(bench_data: Path):
    path = bench_data / "documents/pypdf/005-libreoffice-writer-password/libreoffice-writer-password.pdf"
    assert parse(path, ParseOptions(passwords=("openpassword",))).text.strip()


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


def test_pages_have_the_labels_that_are_printed_on_them(tmp_path: Path):
    writer = PdfWriter(clone_from=PdfReader(draw(tmp_path / "plain.pdf", *map(lines, "abcd"))))
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, 3, style="/D", prefix="A-")
    writer.write(tmp_path / "labelled.pdf")
    assert [page.label for page in parse(tmp_path / "labelled.pdf").pages] == ["i", "ii", "A-1", "A-2"]
    assert {page.label for page in parse(tmp_path / "plain.pdf").pages} == {""}


def test_links_to_web_addresses_have_rectangles_and_others_are_left_out(tmp_path: Path):
    def page(canvas: Canvas) -> None:
        lines("A link", "Write to https://example.org/page or not")(canvas)
        canvas.linkURL("https://example.com/", (72, 738, 102, 752))
        canvas.linkURL("javascript:alert(1)", (172, 738, 202, 752))
        canvas.linkURL("file:///etc/passwd", (172, 738, 202, 752))

    (page_read,) = parse(draw(tmp_path / "a.pdf", page)).pages
    drawn, written = page_read.links
    assert (drawn.uri, written.uri) == ("https://example.com/", "https://example.org/page")
    assert drawn.rect == pytest.approx((72, HEIGHT - 752, 102, HEIGHT - 738), abs=0.1)
    assert written.rect[1] > drawn.rect[3] - 2 and written.rect[0] > 72


def test_the_metadata_of_a_pdf_are_read_and_its_dates_are_iso_8601(tmp_path: Path):
    writer = PdfWriter(clone_from=PdfReader(draw(tmp_path / "plain.pdf", lines("Text"))))
    writer.add_metadata(
        {
            "/Title": "Microsoft Word - Größe.docx",
            "/Author": "A. Lovelace",
            "/Subject": "Engines",
            "/Keywords": "a, b",
            "/CreationDate": "D:20240131093000+01'00'",
            "/ModDate": "D:20240230",
        }
    )
    writer.write(tmp_path / "a.pdf")
    document = parse(tmp_path / "a.pdf")
    assert document.title == "Größe"
    assert document.metadata == {
        "title": "Microsoft Word - Größe.docx",
        "author": "A. Lovelace",
        "subject": "Engines",
        "keywords": "a, b",
        "created": "2024-01-31T09:30:00+01:00",
    }


def test_comments_and_filled_form_fields_follow_the_text_of_their_page(tmp_path: Path, bench_data: Path):
    def page(canvas: Canvas) -> None:
        lines("Before")(canvas)
        canvas.acroForm.textfield(name="city", tooltip="City", value="Turin", x=72, y=600)
        canvas.acroForm.textfield(name="empty", x=72, y=500)
        canvas.acroForm.checkbox(name="agreed", checked=True, x=72, y=400)
        canvas.acroForm.checkbox(name="refused", checked=False, x=72, y=300)

    document = parse(draw(tmp_path / "a.pdf", page, lines("After")))
    assert document.text == "Before\n\nCity: Turin\n\nagreed: Yes\n\nAfter"
    annotated = parse(bench_data / "documents/pypdf/024-annotations/annotated_pdf.pdf")
    assert annotated.text.endswith("This is a text annotation.\n\nHighlight comment\n\nHello world!")


def test_a_file_attached_to_a_pdf_is_read_too(tmp_path: Path):
    writer = PdfWriter(clone_from=PdfReader(draw(tmp_path / "plain.pdf", lines("Cover"))))
    writer.add_attachment("notes.txt", b"Attached words")
    writer.write(tmp_path / "a.pdf")
    cover, attached = read(tmp_path / "a.pdf")
    assert cover.document and attached.document
    assert (cover.document.text, attached.part, attached.document.text) == ("Cover", "notes.txt", "Attached words")


def test_the_reading_reports_after_each_page_that_it_is_alive(tmp_path: Path):
    steps: list[None] = []
    parse(draw(tmp_path / "a.pdf", *map(lines, "abc")), ParseOptions(alive=lambda: steps.append(None)))
    assert len(steps) == 3


def test_arabic_and_hebrew_come_in_the_order_in_which_they_are_read(bench_data: Path):
    folder = bench_data / "documents/docling/pdf/sources"
    assert "لغة R وPython" in parse(folder / "right_to_left_01.pdf").text
    assert "اميدنامه پذيرش در بازار اصلی" in parse(folder / "right_to_left_03.pdf").text
    habibi = parse(bench_data / "documents/pypdf/015-arabic/habibi.pdf", ParseOptions(ocr="off")).text
    assert "حَبيبي" in habibi
