import os
import time
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import SUFFIXES, parse
from ragstone.ingest.parsers.spans import heading_title
from ragstone.ingest.parsers.text import clean

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FOLDERS = [DATA / "documents" / name for name in ("docling", "pypdf", "markitdown", "flask")]
WriteFile = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def check(document: ParsedDocument) -> ParsedDocument:
    """Asserts what holds for every parsed document."""
    text, end = document.text, 0
    assert not set("\r\0") & set(text)
    text.encode()  # fails on a lone surrogate
    for block in document.blocks:
        assert end <= block.char_start < block.char_end <= len(text)
        assert text[block.char_start : block.char_end].strip()
        assert not text[end : block.char_start].strip(), "text outside all blocks"
        assert (block.level in range(1, 7)) if block.kind == "heading" else block.level == 0
        end = block.char_end
    assert not text[end:].strip(), "text outside all blocks"
    assert [page.number for page in document.pages] == list(range(1, len(document.pages) + 1))
    done = 0
    for page in document.pages:
        assert done <= page.char_start <= page.char_end <= len(text)
        assert not text[done : page.char_start].strip(), "text outside all pages"
        end, done = page.char_start, page.char_end
        for line in page.lines:
            assert end <= line.char_start < line.char_end <= page.char_end
            assert text[line.char_start : line.char_end].strip()
            assert line.rect[0] <= line.rect[2] and line.rect[1] <= line.rect[3]
            end = line.char_end
    assert not document.pages or not text[done:].strip(), "text outside all pages"
    return document


def blocks(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, document.text[block.char_start : block.char_end]) for block in document.blocks]


def test_every_benchmark_document_is_parsed_or_refused_with_a_parse_error():
    files = [path for folder in FOLDERS for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not files:
        pytest.skip(f"no benchmark documents in {DATA}")
    refused, empty = set(), set()
    for path in files:
        try:
            if not check(parse(path, ParseOptions(ocr="off"))).text:
                empty.add(path.suffix)
        except ParseError as error:
            assert str(path) in str(error)
            refused.add(path.name)
    assert refused == {"2206.01062_pg3.pdf", "libreoffice-writer-password.pdf", "unreadablemetadata.pdf"}
    assert empty == {".pdf"}  # scans


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_an_empty_file_is_refused(write: WriteFile, suffix: str):
    with pytest.raises(ParseError, match="the file is empty"):
        parse(write(f"empty{suffix}", b""))


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_binary_content_is_refused_behind_every_suffix(write: WriteFile, suffix: str):
    with pytest.raises(ParseError):
        parse(write(f"image{suffix}", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))))


def test_control_characters_without_a_nul_are_binary_too(write: WriteFile):
    with pytest.raises(ParseError, match="binary"):
        parse(write("data.txt", bytes([1, 2, 65, 66]) * 100))


@pytest.mark.parametrize("name", ["drawing.dwg", "Makefile"])
def test_a_file_without_a_parser_is_refused_with_what_to_convert_it_to(write: WriteFile, name: str):
    with pytest.raises(ParseError, match="Convert it to PDF"):
        parse(write(name, "text"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_refused(write: WriteFile):
    path = write("secret.txt", "text")
    path.chmod(0)
    with pytest.raises(ParseError, match="cannot be read"):
        parse(path)


def test_a_folder_named_like_a_file_and_a_missing_file_are_refused(tmp_path: Path):
    (tmp_path / "folder.txt").mkdir()
    for name in ("folder.txt", "missing.txt"):
        with pytest.raises(ParseError, match="cannot be read"):
            parse(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(write: WriteFile, encoding: str):
    text = "Größe: 12 m²\n\nEl Niño y la mañana, el café de la forêt."
    assert check(parse(write("text.txt", text.encode(encoding)))).text == text


def test_another_code_page_is_detected(write: WriteFile):
    text = "Привет, как дела? Сегодня хорошая погода в Москве.\n" * 5
    assert check(parse(write("text.txt", text.encode("cp1251")))).text == text


@pytest.mark.parametrize(
    ("encoding", "line"), [("cp1252", "2,Müller aus Köln"), ("cp1251", "2,Срок уведомления"), ("cp932", "2,契約の期間")]
)
@pytest.mark.parametrize("before", ["1,ordinary words\n" * 20_000, "1,ordinary words\n" * 200, "no line " * 50_000])
def test_text_is_decoded_however_late_its_first_letter_beyond_ascii_comes(
    write: WriteFile, encoding: str, line: str, before: str
):
    text = before + line
    assert parse(write("late.txt", text.encode(encoding))).text == text


def test_one_bad_byte_does_not_turn_utf8_into_another_encoding(write: WriteFile):
    data = ("Größe und Länge. " * 20).encode() + b"\xff"
    assert check(parse(write("text.txt", data))).text == "Größe und Länge. " * 20 + "\ufffd"


def test_line_ends_are_normalised_and_surrogates_repaired():
    assert clean("a\r\nb\rc\0d\ud83d\ude00e\ud83df") == "a\nb\ncd\U0001f600e\ufffdf"


def test_letters_are_composed_ligatures_spelled_out_and_soft_hyphens_dropped():
    assert clean("cafe\u0301 \ufb01nds o\ufb03ce\u00ads \ufb06") == "caf\u00e9 finds offices st"
    assert clean("a\u0323\u0301") == clean("a\u0301\u0323") == "\u1ea1\u0301"


def test_a_long_run_of_combining_marks_takes_no_time_worth_mentioning():
    start = time.perf_counter()
    assert clean("a" + "\u0301\u0323" * 200_000).startswith("\u1ea1")
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["Hello, world of text.", "Привет, как дела? Хорошо, спасибо."])
def test_wide_encodings_are_recognized_without_a_byte_order_mark(write: WriteFile, encoding: str, text: str):
    assert check(parse(write("text.txt", text.encode(encoding)))).text == text


def test_blank_lines_part_the_paragraphs_of_plain_text(write: WriteFile):
    document = check(parse(write("notes.log", "one\r\ntwo\r\n  \r\n\r\n   three \r\n")))
    assert blocks(document) == [("paragraph", 0, "one\ntwo"), ("paragraph", 0, "three")]


def test_underlined_titles_are_headings_in_rst_only(write: WriteFile):
    text = (
        "=====\nTitle\n=====\n\nIntro.\n\nPart\n----\nText\n----\nand more.\n\nSmall\n~~~~~\n\nNext part\n---------\n"
    )
    document = check(parse(write("page.rst", text)))
    assert [(level, heading_title(found)) for kind, level, found in blocks(document) if kind == "heading"] == [
        (1, "Title"),
        (2, "Part"),
        (3, "Small"),
        (2, "Next part"),
    ]
    assert document.title == "Title"
    assert {block.kind for block in check(parse(write("page.txt", text))).blocks} == {"paragraph"}


def test_markdown_blocks_keep_the_files_own_text(write: WriteFile):
    text = (
        "---\ntitle: 'A title'\n---\n# Head *x*\npara\nmore\n\n- a\n  - nested\n\n  still a\n- b\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\n# no heading\n```\n\n> quoted\n\nSub\n---\n\n[link]: http://x\n"
    )
    document = check(parse(write("page.md", text.replace("\n", "\r\n"))))
    assert (document.text, document.title) == (text, "A title")
    assert blocks(document) == [
        ("paragraph", 0, "---\ntitle: 'A title'\n---"),
        ("heading", 1, "# Head *x*"),
        ("paragraph", 0, "para\nmore"),
        ("list", 0, "- a\n  - nested\n\n  still a"),
        ("list", 0, "- b"),
        ("table", 0, "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("code", 0, "```py\n# no heading\n```"),
        ("paragraph", 0, "> quoted"),
        ("heading", 2, "Sub\n---"),
        ("paragraph", 0, "[link]: http://x"),
    ]


def test_html_loses_scripts_and_navigation_and_keeps_its_structure(write: WriteFile):
    html = """<?xml version="1.0"?><html><head><title>A
        title</title><script>var hidden = 1;</script><style>p {}</style></head><body>
        <nav>Home</nav><header>Site name</header><main><header><h1>Big <em>one</em></h1></header>
        <p>Some <b>bold</b> <a href="/x">link</a>
        # no heading, though the line starts with a mark</p>
        <ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><img src="data:image/png;base64,AAAA" alt="A cat">
        <pre>x = 1\n\n  y</pre><table><tr><td>k</td><td>v</td></tr><tr><td>1</td><td>2</td></tr></table>
        <!-- hidden --></main><form>Search</form><footer>Imprint</footer></body></html>"""
    document = check(parse(write("page.html", html)))
    assert document.title == "A title"
    assert blocks(document) == [
        ("heading", 1, "# Big one"),
        ("paragraph", 0, "Some bold link # no heading, though the line starts with a mark"),
        ("list", 0, "* a\n  + b"),
        ("list", 0, "* c"),
        ("paragraph", 0, "A cat"),
        ("code", 0, "```\nx = 1\n\n  y\n```"),
        ("table", 0, "| k | v |\n| --- | --- |\n| 1 | 2 |"),
    ]


def test_a_form_around_the_whole_page_is_not_boilerplate(write: WriteFile):
    html = "<body><form><p>Everything stands in here.</p></form><nav>Menu</nav></body>"
    assert check(parse(write("page.htm", html))).text == "Everything stands in here."


def test_a_page_that_is_a_document_keeps_its_header_its_notes_and_its_signature(write: WriteFile):
    head, ruling = "<header><h1>Order 4 O 221/23</h1></header>", "<p>The defendant pays EUR 8,300.</p>"
    foot = "<aside>Appeal lodged on 3 May 2024.</aside><footer>Judge: Dr. Annegret Sommer</footer>"
    text = "# Order 4 O 221/23\n\nThe defendant pays EUR 8,300.\n\n"
    text += "Appeal lodged on 3 May 2024.\n\nJudge: Dr. Annegret Sommer"
    contents = '<nav role="doc-toc"><a href="#a">1 Facts</a></nav>'
    reasons = "The reasons are those that the court gave orally on that day, and nothing is to be added to them."
    assert check(parse(write("order.html", head + ruling + foot))).text == text
    assert check(parse(write("pandoc.html", contents + head + ruling + foot))).text == text
    main = check(parse(write("main.html", f"{head}<main>{ruling}<p>{reasons}</p></main>{foot}"))).text
    assert main == text.replace("\n\nAppeal", f"\n\n{reasons}\n\nAppeal")


def test_the_frame_of_a_site_is_left_out_by_its_links_too(write: WriteFile):
    menu = "<header><a href='/'>Home</a> | <a href='/n'>News</a></header>"
    html = f"{menu}<p>The defendant pays EUR 8,300.</p><footer><a href='/i'>Imprint</a> 2024</footer>"
    assert check(parse(write("page.html", html))).text == "The defendant pays EUR 8,300."


def test_html_is_decoded_as_it_declares(write: WriteFile):
    html = '<meta charset="koi8-r"><p>Привет</p>'
    assert check(parse(write("page.html", html.encode("koi8-r")))).text == "Привет"


def test_deeply_nested_html_keeps_its_words(write: WriteFile):
    html = "<div>" * 5000 + "deep" + "</div>" * 5000
    assert check(parse(write("page.html", html))).text == "deep"


def test_a_csv_is_one_table_with_its_header(write: WriteFile):
    csv = 'name,notes,age\r\n"Lovelace, Ada","first\r\nprogrammer",36\r\nBabbage,,79\r\n'
    text = "| name | notes | age |\n| --- | --- | --- |\n| Lovelace, Ada | first programmer | 36 |\n| Babbage |  | 79 |"
    assert blocks(check(parse(write("people.csv", csv)))) == [("table", 0, text)]


def test_a_table_without_a_header_numbers_its_columns(write: WriteFile):
    document = check(parse(write("numbers.tsv", "1\tone\n2\ttwo\textra\n")))
    assert document.text.split("\n") == [
        "| column 1 | column 2 | column 3 |",
        "| --- | --- | --- |",
        "| 1 | one |  |",
        "| 2 | two | extra |",
    ]


@pytest.mark.parametrize(
    ("csv", "header"),
    [
        ("country,2001,2002\nItaly,5,6.5\nGermany,7,8\n", "| country | 2001 | 2002 |"),
        ("1,2,3\na,b,c,d\na,b,c,d\n", "| 1 | 2 | 3 | column 4 |"),
        ("2020-01-01,5\n2020-01-02,6\n", "| column 1 | column 2 |"),
        ('name;text\nx;"a, b, c"\ny;z, q\n', "| name | text |"),
        ("1,5;2,5\n2,5;3,1\n", "| column 1 | column 2 |"),
        ("sep=;\na;b\n1;2\n", "| a | b |"),
        ("a|b\n1|2, 3, 4\n", "| a | b |"),
    ],
)
def test_the_delimiter_and_the_header_of_a_table_are_found(write: WriteFile, csv: str, header: str):
    assert check(parse(write("table.csv", csv))).text.split("\n")[0] == header


def test_a_title_above_a_csv_is_not_its_header(write: WriteFile):
    document = check(parse(write("export.csv", "Report of May\n\nname,amount\nx,1\ny,2\n")))
    assert [(kind, text.split("\n")[0]) for kind, _, text in blocks(document)] == [
        ("paragraph", "Report of May"),
        ("table", "| name | amount |"),
    ]


def test_a_row_of_a_hundred_thousand_cells_does_not_fill_up_all_others(write: WriteFile):
    document = check(parse(write("wide.csv", "," * 100_000 + "x\n" + "a,b\n" * 10_000)))
    assert len(document.text) < 1_000_000


def test_a_csv_field_may_be_long(write: WriteFile):
    document = check(parse(write("long.csv", "name,text\nx," + "word " * 100_000)))
    assert len(document.text) > 400_000


def test_a_docx_keeps_headings_lists_tables_and_its_title(tmp_path: Path):
    file = docx.Document()
    file.core_properties.title = "The title"
    file.add_heading("Chapter", level=1)
    file.add_paragraph("Some text.")
    file.add_paragraph("An item", style="List Bullet")
    table = file.add_table(rows=2, cols=2)
    for index, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"cell {index}"
    file.save(str(tmp_path / "file.docx"))
    document = check(parse(tmp_path / "file.docx"))
    assert document.title == "The title"
    assert blocks(document) == [
        ("heading", 1, "# Chapter"),
        ("paragraph", 0, "Some text."),
        ("list", 0, "* An item"),
        ("table", 0, "| cell 0 | cell 1 |\n| --- | --- |\n| cell 2 | cell 3 |"),
    ]


def test_an_equation_in_a_docx_leaves_its_letters(tmp_path: Path):
    file = docx.Document()
    paragraph = file.add_paragraph("The area is ")
    namespace = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    equation = f'<m:oMath xmlns:m="{namespace}"><m:r><m:t>A=π</m:t></m:r><m:r><m:t>r</m:t></m:r></m:oMath>'
    paragraph._p.append(docx.oxml.parse_xml(equation))
    file.save(str(tmp_path / "file.docx"))
    assert check(parse(tmp_path / "file.docx")).text == "The area is A=πr"


def test_a_locked_and_an_old_word_document_are_told_apart(write: WriteFile):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    with pytest.raises(EncryptedError, match="password"):
        parse(write("locked.docx", ole + "EncryptedPackage".encode("utf-16-le")))
    with pytest.raises(ParseError, match="old Word document"):
        parse(write("old.docx", ole))


def test_a_corrupt_docx_is_refused(write: WriteFile):
    with pytest.raises(ParseError, match="corrupt"):
        parse(write("bad.docx", b"PK\x03\x04 and then nonsense"))
