"""How well a page can be read, and who reads it if pdfium cannot."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import ocr, parse
from ragstone.ingest.parsers.pdf_quality import page_quality

WIDTH, HEIGHT = 300, 200
SIZE = 18
FONT = ImageFont.load_default(2 * SIZE)
SENTENCE = "The quick brown fox jumps over the lazy dog while nobody looks. "
Draw = Callable[[Canvas], None]
needs_ocr = pytest.mark.skipif(not ocr.available(), reason="the extra ragstone[ocr] is not installed")


def draw(path: Path, *pages: Draw) -> Path:
    canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT))
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return path


def words(text: str) -> Draw:
    def page(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", SIZE)
        canvas.drawString(40, 100, text)

    return page


def scan(text: str, stamp: str = "") -> Draw:
    """A page that is an image of a text, with a stamp in letters above it."""
    image = Image.new("L", (WIDTH * 2, HEIGHT * 2), "white")
    ImageDraw.Draw(image).text((80, 200), text, fill="black", font=FONT)

    def page(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(image), 0, 0, WIDTH, HEIGHT)
        canvas.drawString(150, 170, stamp)

    return page


def pages(document: ParsedDocument) -> list[str]:
    return [document.text[page.char_start : page.char_end] for page in document.pages]


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE * 3,
        "Die Rechtsschutzversicherungsgesellschaft lehnte den Antrag des Kapitäns ohne Begründung ab. " * 3,
        "这是一个没有空格的中文句子，它的质量应该很高，因为中文的词之间没有空格。" * 5,
        "これは空白のない日本語の文章です。単語の間に空白はありません。" * 5,
        "ประโยคภาษาไทยไม่มีช่องว่างระหว่างคำและควรมีคุณภาพสูง" * 5,
        "Contents\n1 Introduction . . . . . . . . . . . . . . . 1\n2 Methods ................................. 7",
        "12 345 67.8 9 10.1 -3 4,500 17% 2 3 5 7 11 13",
        "https://example.org/a/very/long/address/that/goes/on?with=many&parts=in&it=and " * 3,
    ],
    ids=["English", "German", "Chinese", "Japanese", "Thai", "contents", "numbers", "addresses"],
)
def test_a_page_that_can_be_read_has_a_high_quality(text: str):
    assert page_quality(text) >= 0.9


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\x01\x02\ufffd\ue000",
        "ab\x01\x02",
        SENTENCE.replace(" ", "") * 3,
        " ".join(SENTENCE.replace(" ", "")) * 3,
        "".join(chr(0xE000 + ord(letter)) for letter in SENTENCE),
        "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~" * 3,
    ],
    ids=["empty", "space", "no characters", "half", "glued", "spaced out", "private", "signs"],
)
def test_a_page_that_cannot_be_read_has_a_low_quality(text: str):
    assert page_quality(text) <= 0.5


@needs_ocr
def test_scanned_pages_among_others_are_recognized_with_rectangles_also_those_with_a_stamp(tmp_path: Path):
    path = draw(tmp_path / "a.pdf", words("A page"), scan("Recognized words"), scan("Written", stamp="Received 3 May"))
    document = parse(path)
    first, second, third = pages(document)
    assert (first, second) == ("A page", "Recognized words")
    assert third.split() == ["Received", "3", "May", "Written"]
    assert [page.ocr for page in document.pages] == [False, True, True]
    (line,) = document.pages[1].lines
    assert line.rect == pytest.approx((40, 100, 40 + FONT.getlength("Recognized words") / 2, 100 + 1.2 * SIZE), abs=6)


def test_without_ocr_a_scanned_page_is_kept_empty(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", words("First"), scan("Unread")), ParseOptions(ocr="off"))
    assert pages(document) == ["First", ""]


@needs_ocr
def test_every_page_is_recognized_if_that_is_forced(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", words("Words in letters")), ParseOptions(ocr="force"))
    assert pages(document) == ["Words in letters"]
    assert document.pages[0].ocr


def test_a_blank_page_is_not_looked_at_twice(tmp_path: Path):
    document = parse(draw(tmp_path / "a.pdf", words("First"), lambda canvas: None))
    assert [(page.char_start == page.char_end, page.ocr) for page in document.pages] == [(False, False), (True, False)]


@needs_ocr
def test_a_page_whose_letters_are_mapped_to_private_characters_is_recognized(tmp_path: Path):
    writer = PdfWriter(clone_from=PdfReader(draw(tmp_path / "plain.pdf", words("Readable again"))))
    mapped = "\n".join(f"<{code:02X}> <{0xE000 + code:04X}>" for code in range(32, 127))
    cmap = DecodedStreamObject()
    cmap.set_data(
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"95 beginbfchar\n" + mapped.encode() + b"\nendbfchar endcmap end"
    )
    fonts = writer.pages[0]["/Resources"]["/Font"]
    assert isinstance(fonts, DictionaryObject)
    for font in fonts.values():
        font.get_object()[NameObject("/ToUnicode")] = writer._add_object(cmap)
    writer.write(tmp_path / "private.pdf")
    document = parse(tmp_path / "private.pdf")
    assert document.text == "Readable again"
    assert document.pages[0].ocr


def test_damaged_files_end_in_text_or_in_a_parse_error(tmp_path: Path, bench_data: Path):
    sources = ("012-libreoffice-form/libreoffice-form.pdf", "024-annotations/annotated_pdf.pdf")
    random = Random(1)
    for source in sources:
        data = (bench_data / "documents/pypdf" / source).read_bytes()
        for _ in range(15):
            damaged = bytearray(data)
            for _ in range(random.randrange(1, 40)):
                damaged[random.randrange(len(data))] = random.randrange(256)
            path = tmp_path / "damaged.pdf"
            path.write_bytes(damaged[: random.randrange(len(data) // 2, len(data) + 1)])
            try:
                parse(path, ParseOptions(ocr="off"))
            except ParseError as error:
                assert "corrupt" in str(error) or "locked" in str(error)
