import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ragstone.ingest.parsed import ParsedDocument
from ragstone.ingest.parsers import parse
from ragstone.ingest.parsers.pdf_model import Row
from ragstone.ingest.parsers.pdf_paragraphs import join_words
from ragstone.ingest.parsers.pdf_unicode import normal

WIDTH, HEIGHT = 595, 842
Draw = Callable[[Canvas], None]
PROSE = (
    "The first line of this column says",
    "that rows of prose are as wide as",
    "the column in which they stand, or",
    "nearly so, while the cells of tables",
    "are much shorter than that, and one",
    "can tell them apart by their widths.",
)


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[..., ParsedDocument]:
    """Draws pages and parses them."""

    def pdf(*pages: Draw) -> ParsedDocument:
        canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(WIDTH, HEIGHT))
        for page in pages:
            page(canvas)
            canvas.showPage()
        canvas.save()
        return check(parse(tmp_path / "a.pdf"))

    return pdf


def put(*pieces: tuple[float, float, str], font: str = "Helvetica", size: float = 10) -> Draw:
    """Draws pieces of text at their distances from the left and the top of the page, in this order."""

    def page(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for x, y, text in pieces:
            canvas.drawString(x, HEIGHT - y, text)

    return page


def put_lines(*texts: str, x: float = 72, y: float = 200, pitch: float = 12, size: float = 10) -> Draw:
    return put(*((x, y + index * pitch, text) for index, text in enumerate(texts) if text), size=size)


def all_of(*parts: Draw) -> Draw:
    def page(canvas: Canvas) -> None:
        for part in parts:
            part(canvas)

    return page


def check(document: ParsedDocument) -> ParsedDocument:
    """Asserts what holds for every PDF."""
    end = 0
    for block in document.blocks:
        assert not document.text[end : block.char_start].strip() and block.char_start < block.char_end
        end = block.char_end
    assert not document.text[end:].strip()
    assert "\n\n".join(document.text[page.char_start : page.char_end] for page in document.pages) == document.text
    return document


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    return [
        (f"{block.kind}{block.level or ''}", document.text[block.char_start : block.char_end])
        for block in document.blocks
    ]


def test_columns_that_the_file_interleaves_are_read_one_after_the_other(pdf: Callable[..., ParsedDocument]):
    right = [line.upper() for line in PROSE]
    rows = [(x, 200 + 12 * index, text) for index in range(6) for x, text in ((60, PROSE[index]), (320, right[index]))]
    document = pdf(
        all_of(put((60, 160, "A title that goes across both of the columns of the page, and ends here.")), put(*rows))
    )
    assert document.text.split("\n\n")[1:] == ["\n".join(PROSE), "\n".join(right)]


def test_three_columns_under_headlines_are_read_one_after_the_other(pdf: Callable[..., ParsedDocument]):
    parts = [put((40, 90, "A headline that goes across all three columns of this page of a newspaper." * 2), size=7)]
    for line in range(8):
        columns = zip((40, 220, 400), "abc", strict=True)
        parts.append(put(*((x, 110 + 12 * line, f"{name}{line} words that fill a column") for x, name in columns)))
    names = re.findall(r"[abc](?=\d)", pdf(all_of(*parts)).text)
    assert "".join(names) == "a" * 8 + "b" * 8 + "c" * 8


def test_columns_whose_paragraphs_the_file_interleaves_are_put_in_order(pdf: Callable[..., ParsedDocument]):
    left, right = [], []
    for part in range(3):
        left.append(put_lines(*(f"{line[:-1]}{part}" for line in PROSE), x=60, y=100 + 100 * part))
        right.append(put_lines(*(f"{line[:-1].upper()}{part}" for line in PROSE), x=320, y=130 + 100 * part))
    document = pdf(all_of(*(part for pair in zip(left, right, strict=True) for part in pair)))
    text = document.text
    assert text.index("widths2") < text.index("SAY0") and text.index("SAY0") < text.index("SAY1") < text.index("SAY2")


def test_the_cells_of_a_table_with_wrapped_text_stay_in_the_order_of_the_file(pdf: Callable[..., ParsedDocument]):
    rows = []
    for row in range(3):
        for x, words in ((60, PROSE[:3]), (320, PROSE[3:])):
            rows += [(x, 100 + 60 * row + 12 * line, f"{text} {row}") for line, text in enumerate(words)]
    text = pdf(put(*rows)).text
    assert [text.index(f"as {row}") < text.index(f"widths. {row}") for row in range(3)] == [True] * 3
    assert text.index("widths. 0") < text.index("says 1")


def test_a_two_column_article_keeps_its_order_and_loses_its_page_numbers(bench_data: Path):
    document = parse(bench_data / "documents/pypdf/026-latex-multicolumn/multicolumn.pdf")
    first = document.text[: document.pages[0].char_end]
    ends = ("Your Name", "a sample document", "Nam dui ligula", "Fusce mauris.", "Nam feugiat")
    assert [first.index(end) for end in ends] == sorted(first.index(end) for end in ends)
    assert first.endswith("Nam feugiat")
    assert "| Denmark | 5.8 | 42,951 | Copenhagen | Danish |" in document.text


def test_headers_and_page_numbers_that_repeat_are_dropped(pdf: Callable[..., ParsedDocument]):
    def page(number: int) -> Draw:
        return all_of(
            put((72, 40, "Annual report"), (480, 40, "ACME Corporation")),
            put_lines(f"Body of page {number}.", *PROSE, y=110),
            put((280, 810, f"Page {number} of 4")),
        )

    document = pdf(*map(page, range(1, 5)))
    body = [document.text[page.char_start : page.char_end] for page in document.pages]
    assert body == [f"Body of page {number}.\n\n" + "\n".join(PROSE) for number in range(1, 5)]


def test_what_stands_in_the_margins_but_does_not_repeat_is_kept(pdf: Callable[..., ParsedDocument]):
    first_lines = ("Alpha opens.", "Beta follows.", "Gamma ends.")
    document = pdf(*(put_lines(text, *PROSE, y=50) for text in first_lines))
    assert all(text in document.text for text in first_lines)


def test_the_header_of_a_table_that_goes_over_pages_is_kept(pdf: Callable[..., ParsedDocument]):
    def page(number: int) -> Draw:
        rows = [("Part", "Amount"), *((f"part {number}{row}", str(7 * number + row)) for row in range(9))]
        return put(
            *((x, 60 + 12 * y, text) for y, row in enumerate(rows) for x, text in zip((72, 300), row, strict=True))
        )

    assert pdf(*map(page, range(1, 4))).text.count("| Part | Amount |") == 3


def test_numbers_in_the_margins_that_do_not_count_the_pages_are_kept(pdf: Callable[..., ParsedDocument]):
    numbers = ("1204", "87", "4411", "5")
    document = pdf(*(all_of(put_lines(*PROSE), put((280, 810, number))) for number in numbers))
    assert all(number in document.text for number in numbers)


def test_a_page_with_nothing_but_a_header_keeps_it(pdf: Callable[..., ParsedDocument]):
    header = put((72, 40, "Annual report"))
    document = pdf(*(all_of(header, put_lines(*PROSE)) for _ in range(3)), header)
    assert document.text.count("Annual report") == 1
    assert document.text.endswith("Annual report")


def test_two_pages_are_too_few_to_know_a_header(pdf: Callable[..., ParsedDocument]):
    document = pdf(*(all_of(put((72, 40, "Header")), put_lines(*PROSE)) for _ in range(2)))
    assert document.text.count("Header") == 2


def test_without_an_outline_larger_and_bold_lines_are_headings(pdf: Callable[..., ParsedDocument]):
    document = pdf(
        all_of(
            put((72, 100, "The whole of the"), (72, 124, "long title"), size=20),
            put((72, 160, "1 First part"), size=14),
            put_lines(*PROSE, y=180),
            put((72, 270, "A bold line"), font="Helvetica-Bold"),
            put_lines(*PROSE, y=284),
            put((72, 380, "Larger, but a sentence that ends with a full stop."), size=14),
            put_lines(*PROSE, *PROSE, y=400),
        )
    )
    assert [text for kind, text in blocks(document) if kind.startswith("heading")] == [
        "# The whole of the long title",
        "## 1 First part",
        "### A bold line",
    ]
    assert document.title == "The whole of the long title"


def test_a_text_in_bold_letters_only_has_no_headings(pdf: Callable[..., ParsedDocument]):
    lines = [(72, 100 + 12 * index, line) for index, line in enumerate(PROSE)]
    assert [kind for kind, _ in blocks(pdf(put(*lines, font="Helvetica-Bold")))] == ["paragraph"]


def test_bullets_and_numbers_begin_the_items_of_lists(pdf: Callable[..., ParsedDocument]):
    document = pdf(
        all_of(
            put((72, 100, "Bring:"), (72, 120, "\u2022"), (84, 120, "a pen, and"), (84, 132, "paper")),
            put((72, 144, "\u2022 some food"), (72, 164, "1. Open it"), (72, 176, "2. Eat it")),
            put((72, 200, "1998. was a year, and this is no item of a list.")),
        )
    )
    assert blocks(document) == [
        ("paragraph", "Bring:"),
        ("list", "- a pen, and\npaper"),
        ("list", "- some food"),
        ("list", "1. Open it"),
        ("list", "2. Eat it"),
        ("paragraph", "1998. was a year, and this is no item of a list."),
    ]
    pen = document.pages[0].lines[1]
    assert document.text[pen.char_start : pen.char_end] == "a pen, and"


def test_an_indented_line_after_a_full_stop_begins_a_paragraph(pdf: Callable[..., ParsedDocument]):
    lines = [*PROSE, "A new paragraph has a first line", *PROSE[1:]]
    pieces = [(92 if index == len(PROSE) else 72, 100 + 12 * index, line) for index, line in enumerate(lines)]
    assert blocks(pdf(put(*pieces))) == [("paragraph", "\n".join(PROSE)), ("paragraph", "\n".join(lines[len(PROSE) :]))]


def test_a_table_is_one_block_of_markdown_with_a_line_for_each_row(pdf: Callable[..., ParsedDocument]):
    rows = [
        ("City", "People", "Area"),
        ("Turin", "841,600", "130.2"),
        ("Ulm|Donau", "126,000", ""),
        ("Ghent", "265,086", "156.2"),
    ]
    pieces = [
        (x, 150 + 14 * y, text) for y, row in enumerate(rows) for x, text in zip((72, 200, 300), row, strict=True)
    ]
    document = pdf(all_of(put((72, 100, "Some cities:")), put(*pieces), put((72, 230, "The end."))))
    assert blocks(document) == [
        ("paragraph", "Some cities:"),
        (
            "table",
            "| City | People | Area |\n| --- | --- | --- |\n| Turin | 841,600 | 130.2 |\n"
            "| Ulm\\|Donau | 126,000 |  |\n| Ghent | 265,086 | 156.2 |",
        ),
        ("paragraph", "The end."),
    ]
    drawn = [document.text[line.char_start : line.char_end] for line in document.pages[0].lines]
    assert drawn[1:3] == ["| City | People | Area |", "| Turin | 841,600 | 130.2 |"]
    assert document.pages[0].lines[2].rect == pytest.approx((72, 156, 324, 166), abs=4)


@pytest.mark.parametrize(
    "rows",
    [
        [("Name:", "Ada"), ("Born:", "1815"), ("Died:", "1852")],
        [
            ("Introduction . . . . . . . . .", "1"),
            ("Methods . . . . . . . . .", "7"),
            ("Results . . . . . . . . .", "9"),
        ],
        [("(1)", "the first thing"), ("(2)", "the second thing"), ("(3)", "the third thing")],
        [("one", "two"), ("three", "four")],
        [("1", "20"), ("2", "30"), ("3", "50")],
    ],
    ids=["form", "contents", "list", "too few rows", "no header"],
)
def test_what_only_looks_like_a_table_stays_as_lines(pdf: Callable[..., ParsedDocument], rows: list[tuple[str, str]]):
    document = pdf(
        put(*((x, 150 + 14 * y, text) for y, row in enumerate(rows) for x, text in zip((72, 300), row, strict=True)))
    )
    assert "table" not in {kind for kind, _ in blocks(document)}
    assert document.text.split() == " ".join(" ".join(row) for row in rows).split()


def test_a_broken_word_takes_the_form_that_it_has_elsewhere():
    texts = ["a self-published and well-known remark by him self-", "published, energetic, of ener-", "gy, pre-", "and"]
    texts += ["postwar Jean-", "Paul, state-of-", "the-art, ener-"]
    rows = [Row(text, hyphenated=text.endswith("-")) for text in texts]
    join_words([rows])
    text = "".join(row.text + ("" if row.hyphenated else "\n") for row in rows)
    assert text == (
        "a self-published and well-known remark by him self-published, energetic, of energy, pre-\nand\n"
        "postwar Jean-Paul, state-of-the-art, ener-\n"
    )


def test_ligatures_and_shaped_letters_become_plain_ones():
    assert (
        normal("e\ufb03cient \ufedf\ufe8e A\u0301\xa0\u2019s soft\xadhy \U0001d400\U0001d7d9 \uf0b7")
        == "efficient لا Á ’s softhy A1 •"
    )
    assert normal("a\x03b \x84") == "a b"
    assert normal("\x0c") == ""
