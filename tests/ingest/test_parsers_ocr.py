import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import image, ocr

pytestmark = pytest.mark.skipif(not ocr.available(), reason="RapidOCR is not installed")


def drawn(lines: list[tuple[float, float, str]], size: tuple[int, int] = (900, 400)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    for left, top, text in lines:
        ImageDraw.Draw(picture).text((left, top), text, "black", ImageFont.load_default(28))
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def parse(data: bytes, name: str, options: ParseOptions | None = None) -> ParsedDocument:
    return image.parse(data, Path(name), options or ParseOptions())


SMALL = drawn([(30, 130, "Some words")], (300, 300))
PAGE = [(60, 40, "The first line of a letter"), (60, 85, "and its second line."), (60, 220, "A new paragraph.")]
TEXT = "The first line of a letter\nand its second line.\n\nA new paragraph."
LINES = [text for _, _, text in PAGE]


@pytest.fixture(scope="module")
def dense() -> ParsedDocument:
    """A page of 144 dots an inch."""
    return parse(saved(drawn(PAGE), "PNG", dpi=(144, 144)), "x.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_the_text_of_an_image_is_read(kind: str):
    document = parse(saved(SMALL, kind), f"x.{kind.lower()}")
    assert (document.text, document.media_type) == ("Some words", f"image/{kind.lower()}")


def test_an_image_is_one_page_of_paragraphs_and_lines(dense: ParsedDocument):
    document = dense
    assert document.text == TEXT
    assert [(block.char_start, block.char_end) for block in document.blocks] == [(0, 47), (49, 65)]
    (page,) = document.pages
    assert page.ocr and (page.char_start, page.char_end) == (0, 65)
    assert [document.text[line.char_start : line.char_end] for line in page.lines] == TEXT.replace("\n\n", "\n").split(
        "\n"
    )


def test_rectangles_are_in_points(dense: ParsedDocument):
    rect = dense.pages[0].lines[0].rect
    usual = parse(saved(drawn(PAGE), "PNG"), "x.png").pages[0].lines[0].rect
    assert rect == pytest.approx([side * 96 / 144 for side in usual], rel=0.01)
    assert 20 < rect[0] < 35 and 15 < rect[1] < 30


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270])
def test_a_page_that_lies_on_its_side_is_read(turn: Image.Transpose):
    picture = drawn(PAGE).transpose(turn)
    found = ocr.recognize(picture)
    assert [line.text for line in found] == LINES
    for line in found:
        left, top, right, bottom = line.box
        assert 0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height
        lying = turn is not Image.Transpose.ROTATE_180
        assert (bottom - top > right - left) == lying


def test_the_turn_that_a_camera_notes_is_made():
    exif = Image.Exif()
    exif[0x0112] = 6
    document = parse(saved(drawn(PAGE).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif), "x.jpg")
    assert document.text == TEXT
    assert document.pages[0].lines[0].rect[1] < 60


def test_columns_of_prose_are_read_one_after_the_other():
    left = [
        "Columns of prose are read",
        "from the top to the bottom",
        "of one, and only then does",
        "the next one have its turn.",
    ]
    right = [
        "This is the second column",
        "of the page, and it stands",
        "to the right of the others",
        "with a gutter in between.",
    ]
    lines = [(60, 120 + 40 * row, text) for row, text in enumerate(left)]
    lines += [(480, 120 + 40 * row, text) for row, text in enumerate(right)]
    found = ocr.recognize(drawn([(60, 40, "One headline stands above both of the columns here"), *lines]))
    assert [line.text for line in found][1:] == [*left, *right]


def test_the_rows_of_a_table_are_read_one_after_the_other():
    rows = [("Name", "Amount", "Price"), ("Bolt", "120", "3.50"), ("Screw", "48", "1.25"), ("Washer", "7", "0.80")]
    lines = [
        (60 + 280 * column, 60 + 60 * row, cell) for row, cells in enumerate(rows) for column, cell in enumerate(cells)
    ]
    assert [line.text for line in ocr.recognize(drawn(lines))] == [" ".join(row) for row in rows]


def test_every_page_of_a_tiff_is_a_page():
    pages = [drawn([(30, 130, text)] if text else [], (300, 300)) for text in ("Page one", "", "Page three")]
    document = parse(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "x.tif")
    assert [document.text[page.char_start : page.char_end] for page in document.pages] == ["Page one", "", "Page three"]


def test_an_image_without_text_is_one_empty_page():
    document = parse(saved(drawn([]), "PNG"), "x.png")
    assert (document.text, document.blocks, len(document.pages)) == ("", (), 1)


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (40, 12), (30_000, 20)])
def test_odd_sizes_are_read(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ocr, "MAX_PIXELS", 200_000)
    assert ocr.recognize(Image.new("L", size, 255)) == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixels_is_read(mode: str):
    picture = SMALL
    if mode == "I;16":
        picture = picture.convert("L").convert("I").point(lambda value: value * 256).convert("I;16")
    assert [line.text for line in ocr.recognize(picture.convert(mode))] == ["Some words"]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]):
    ocr.recognize(SMALL)
    assert capfd.readouterr() == ("", "")


def test_images_are_refused_when_recognition_is_off():
    with pytest.raises(ParseError, match=r"ragstone\[ocr\]"):
        parse(saved(drawn(PAGE), "PNG"), "x.png", ParseOptions(ocr="off"))


def test_corrupt_and_huge_images_are_refused():
    for data in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(256), saved(drawn(PAGE), "JPEG")[:2000], b"no image"):
        with pytest.raises(ParseError, match="the image is corrupt"):
            parse(data, "x.png")
    with pytest.raises(ParseError, match="too many pixels"):
        parse(saved(Image.new("1", (20_000, 20_000)), "PNG"), "x.png")
