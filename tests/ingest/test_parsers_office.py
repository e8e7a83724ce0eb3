import io
import re
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.document import Document
from msoffcrypto.format.ooxml import OOXMLFile
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.presentation import Presentation as PresentationFile
from pptx.util import Inches

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import docx as docx_parser
from ragstone.ingest.parsers import package, parse, read
from ragstone.ingest.parsers import pptx as pptx_parser

TITLE_ONLY, TITLE_AND_CONTENT, BLANK = 5, 1, 6
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
REFERENCES = {n: f"&e{n - 1};" * 10 for n in range(1, 8)}
ENTITIES = "".join(f'<!ENTITY e{n} "{references}">' for n, references in REFERENCES.items())
BOMB = f'<!DOCTYPE x [<!ENTITY e0 "aaaaaaaaaa">{ENTITIES}]>'


def blocks(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, document.text[block.char_start : block.char_end]) for block in document.blocks]


def saved(file: Document | PresentationFile) -> bytes:
    data = io.BytesIO()
    file.save(data)
    return data.getvalue()


def read_docx(data: bytes, *passwords: str) -> ParsedDocument:
    return docx_parser.parse(data, Path("file.docx"), ParseOptions(passwords=passwords))


def read_pptx(data: bytes, *passwords: str) -> ParsedDocument:
    return pptx_parser.parse(data, Path("file.pptx"), ParseOptions(passwords=passwords))


def locked(data: bytes, password: str) -> bytes:
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, out)
    return out.getvalue()


def changed(data: bytes, **members: bytes) -> bytes:
    """A package with some members put in the place of others; `/` and `.` are written `__` and `_`."""
    given = {name.replace("__", "/").replace("_", "."): content for name, content in members.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {**dict.fromkeys(old.namelist()), **given}:
            new.writestr(name, given[name] if name in given else old.read(name))
    return out.getvalue()


def member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return file.read(name)


def test_a_slide_is_a_page_with_its_title_first_and_its_notes_last():
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_AND_CONTENT])
    slide.shapes.title.text = "Plan\nfor 2025"
    body = slide.placeholders[1].text_frame
    body.text = "First"
    for level, text in ((1, "Inside"), (0, "Second")):
        paragraph = body.add_paragraph()
        paragraph.text, paragraph.level = text, level
    slide.notes_slide.notes_text_frame.text = "Say hello."
    deck.slides.add_slide(deck.slide_layouts[BLANK])
    last = deck.slides.add_slide(deck.slide_layouts[BLANK])
    last.shapes.add_textbox(Inches(1), Inches(1), Inches(1), Inches(1)).text_frame.text = "No title here"
    document = read_pptx(saved(deck))
    assert blocks(document) == [
        ("heading", 1, "# Plan for 2025"),
        ("list", 0, "* First\n  + Inside"),
        ("list", 0, "* Second"),
        ("paragraph", 0, "Notes: Say hello."),
        ("heading", 1, "# Slide 3"),
        ("paragraph", 0, "No title here"),
    ]
    pages = [document.text[page.char_start : page.char_end] for page in document.pages]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert "\n\n".join(filter(None, pages)) == document.text and pages[1] == ""
    assert document.title == "Plan for 2025"


def test_shapes_are_read_row_by_row_and_groups_as_one():
    deck = Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    group = shapes.add_group_shape()
    for where, left, top, text in (
        (shapes, 1, 5, "bottom"),
        (shapes, 5, 1, "right"),
        (shapes, 1, 1.1, "left"),
        (group.shapes, 1, 3, "group"),
    ):
        where.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1)).text_frame.text = text
    assert read_pptx(saved(deck)).text.split("\n\n") == ["# Slide 1", "left", "right", "group", "bottom"]


def test_a_merged_cell_of_a_slides_table_is_written_once():
    deck = Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY]).shapes
    shapes.title.text = "T"
    table = shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(2)).table
    for row, texts in enumerate((("a", "b"), ("c", ""), ("d", "e"))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(1, 1))
    assert blocks(read_pptx(saved(deck)))[1:] == [("table", 0, "| a | b |\n| --- | --- |\n| c |  |\n| d | e |")]


def test_a_chart_becomes_a_table_of_its_values():
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("2024", (1.1, 2))
    data.add_series("2025", (0.1 + 0.2, 4))
    deck = Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sales"
    rows = "|  | 2024 | 2025 |\n| --- | --- | --- |\n| East | 1.1 | 0.3 |\n| West | 2 | 4 |"
    assert blocks(read_pptx(saved(deck)))[1:] == [("paragraph", 0, "Sales"), ("table", 0, rows)]


def test_a_diagram_becomes_a_list():
    main = "http://schemas.openxmlformats.org/drawingml/2006/main"
    diagram = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    points = "".join(
        f"<d:pt><d:t><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></d:t></d:pt>" for text in ("Plan", "Do")
    )
    model = f'<d:dataModel xmlns:d="{diagram}" xmlns:a="{main}"><d:ptLst>{points}</d:ptLst></d:dataModel>'
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    name = PackURI("/ppt/diagrams/data1.xml")
    part = Part(name, CONTENT_TYPE.DML_DIAGRAM_DATA, deck.part.package, model.encode())
    frame = slide.shapes.add_table(1, 1, 0, 0, 1, 1)._element
    data = frame.find(f".//{{{main}}}graphicData")
    data.set("uri", diagram)
    data[:] = [
        parse_xml(
            f'<d:relIds xmlns:d="{diagram}" r:dm="{slide.part.relate_to(part, RELATIONSHIP_TYPE.DIAGRAM_DATA)}" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/>'
        )
    ]
    assert blocks(read_pptx(saved(deck)))[1:] == [("list", 0, "* Plan"), ("list", 0, "* Do")]


def test_a_chart_in_a_word_document_becomes_a_table(bench_data: Path):
    (reading,) = read(bench_data / "documents" / "docling" / "docx" / "sources" / "drawingml.docx")
    assert reading.document is not None
    tables = [text for kind, _, text in blocks(reading.document) if kind == "table"]
    assert tables[0].splitlines()[:3] == [
        "|  | Series 1 | Series 2 | Series 3 |",
        "| --- | --- | --- | --- |",
        "| Category 1 | 4.3 | 2.4 | 2 |",
    ]


def test_office_files_tell_their_author_and_dates():
    file = docx.Document()
    file.core_properties.title, file.core_properties.author = "The title", "Ada"
    file.core_properties.subject, file.core_properties.keywords = "", "a, b"
    file.add_paragraph("Text.")
    document = read_docx(saved(file))
    assert document.title == "The title"
    assert document.metadata["author"] == "Ada" and document.metadata["keywords"] == "a, b"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z", document.metadata["created"])
    assert "subject" not in document.metadata


def test_a_locked_file_is_opened_with_one_of_the_passwords():
    file, deck = docx.Document(), Presentation()
    file.add_paragraph("Hidden.")
    deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY]).shapes.title.text = "Hidden"
    assert read_docx(locked(saved(file), "secret"), "secret").text == "Hidden."
    assert read_pptx(locked(saved(deck), "secret"), "wrong", "secret").text == "# Hidden"


def test_a_locked_file_without_the_right_password_is_refused():
    data = locked(saved(docx.Document()), "secret")
    with pytest.raises(EncryptedError, match="no password was given"):
        read_docx(data)
    with pytest.raises(EncryptedError, match="none of the passwords given opens it"):
        read_docx(data, "wrong")


def test_equations_are_kept_as_text():
    def run(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    fraction = f"<m:f><m:num>{run('a+1')}</m:num><m:den>{run('b')}</m:den></m:f>"
    root = f"<m:rad><m:deg/><m:e>{run('x')}</m:e></m:rad>"
    power = f"<m:sSup><m:e>{run('c')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"
    total = f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{run("k=1")}</m:sub><m:sup>{run("n")}</m:sup>'
    total += f"<m:e>{run('k')}</m:e></m:nary>"
    file = docx.Document()
    paragraph = file.add_paragraph("So ")
    equation = f'<m:oMath xmlns:m="{MATH}">{fraction}{run("=")}{root}{power}{total}</m:oMath>'
    paragraph._p.append(docx.oxml.parse_xml(equation))
    assert read_docx(saved(file)).text == r"So \frac{a+1}{b}=\sqrt{x}c^2∑_{k=1}^n k"


def test_struck_words_are_marked_as_struck():
    file = docx.Document()
    paragraph = file.add_paragraph("The rent is ")
    paragraph.add_run("EUR 900").font.strike = True
    paragraph.add_run(" and heating").font.double_strike = True
    paragraph.add_run(" EUR 1,000.")
    assert read_docx(saved(file)).text == "The rent is ~~EUR 900 and heating~~ EUR 1,000."


def test_the_comments_of_a_word_document_follow_its_text():
    file = docx.Document()
    paragraph = file.add_paragraph("The rent is ")
    runs = [paragraph.add_run("EUR "), paragraph.add_run("1,000")]
    paragraph.add_run(" a month.")
    file.add_comment(runs, text="Too much <for> us?", author="Ann Lee", initials="AL")
    assert [text for _, _, text in blocks(read_docx(saved(file)))] == [
        "The rent is EUR 1,000 a month.",
        'Comment on "EUR 1,000" by Ann Lee: Too much <for> us?',
    ]


def test_a_footnote_stands_after_the_text_without_a_link_back():
    file = docx.Document()
    paragraph = file.add_paragraph("Claim")
    paragraph._p.append(docx.oxml.parse_xml(f'<w:r xmlns:w="{WORD}"><w:footnoteReference w:id="2"/></w:r>'))
    note = f'<w:footnotes xmlns:w="{WORD}"><w:footnote w:id="2"><w:p><w:r><w:t>Proof.</w:t></w:r></w:p></w:footnote>'
    data = changed(saved(file), word__footnotes_xml=f"{note}</w:footnotes>".encode())
    assert blocks(read_docx(data)) == [("paragraph", 0, "Claim[1]"), ("list", 0, "1. Proof.")]


def paged(paragraph: Any, instruction: str, result: str) -> None:
    """Appends a field as Word writes it, with what it showed when the file was saved."""
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    runs = f"{begin}<w:r><w:instrText> {instruction} </w:instrText></w:r>{separate}<w:r><w:t>{result}</w:t></w:r>{end}"
    for run in docx.oxml.parse_xml(f'<w:p xmlns:w="{WORD}">{runs}</w:p>'):
        paragraph._p.append(run)


def test_headers_and_footers_of_a_word_document_are_kept_once_without_page_numbers():
    file = docx.Document()
    file.add_paragraph("Lease of hall B")
    section = file.sections[0]
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "Kessler & Sons\tRef. 4711"
    section.header.paragraphs[0].text = "Kessler & Sons"
    section.header.add_paragraph("Lease of hall B")
    footer = section.footer.paragraphs[0]
    footer.add_run("Court of Hamburg, HRB 1234 | Page ")
    paged(footer, "PAGE", "1")
    footer.add_run(" of ")
    paged(footer, "NUMPAGES", "7")
    paged(section.footer.add_paragraph(), "FILENAME", "lease.docx")
    wanted = ["Kessler & Sons", "Ref. 4711", "Lease of hall B", "Court of Hamburg, HRB 1234", "lease.docx"]
    assert [text for _, _, text in blocks(read_docx(saved(file)))] == wanted


def test_a_table_with_lists_in_its_cells_is_one_block():
    file = docx.Document()
    table = file.add_table(2, 2)
    for index, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"c{index}"
        cell.add_paragraph("item", style="List Bullet")
    rows = "| c0 - item | c1 - item |\n| --- | --- |\n| c2 - item | c3 - item |"
    assert blocks(read_docx(saved(file))) == [("table", 0, rows)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["word__document_xml", "docProps__core_xml", "word___rels__document_xml_rels"])
def test_a_docx_whose_xml_defines_entities_is_refused(name: str, encoding: str):
    bomb = f'<?xml version="1.0" encoding="{encoding}"?>{BOMB}<x>&e7;</x>'.encode(encoding)
    with pytest.raises(ParseError, match="document type"):
        read_docx(changed(saved(docx.Document()), **{name: bomb}))


@pytest.mark.parametrize("external", ['SYSTEM "file:///etc/hostname"', 'SYSTEM "http://localhost:9/x"'])
def test_a_pptx_whose_xml_refers_to_outside_is_refused(external: str):
    data = saved(Presentation())
    presentation = member(data, "ppt/presentation.xml").replace(b"<p:presentation", b"<!DOCTYPE x %s><p:presentation")
    with pytest.raises(ParseError, match="document type"):
        read_pptx(changed(data, ppt__presentation_xml=presentation % external.encode()))


def test_entities_stay_unexpanded_where_xml_is_parsed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("inside.xml", '<!DOCTYPE x [<!ENTITY e "expanded">]><x>&e;</x>')
        file.writestr("outside.xml", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>')
        file.writestr("bomb.xml", f"{BOMB}<x>&e7;</x>")
    opened = package.Package(out.getvalue(), Path("file.zip"))
    for name in ("inside.xml", "outside.xml"):
        root = opened.xml(name)
        assert root.text is None and [type(child).__name__ for child in root] == ["_Entity"]
    with pytest.raises(ParseError, match="corrupt"):
        opened.xml("bomb.xml")


def test_a_package_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    file = docx.Document()
    file.add_paragraph("Text.")
    inflated = changed(saved(file), word__comments_xml=b" " * (package.RATIO_FROM + 1))
    with pytest.raises(ParseError, match="times its size"):
        read_docx(inflated)
    monkeypatch.setattr(package, "MAX_BYTES", 1 << 20)
    with pytest.raises(ParseError, match="unpacks to more than 1 MiB"):
        read_docx(changed(saved(file), word__comments_xml=bytes(range(256)) * 8192))
    monkeypatch.setattr(package, "MAX_MEMBERS", 5)
    with pytest.raises(ParseError, match="more than 5 files"):
        read_docx(saved(file))


@pytest.mark.parametrize("name", ["file.docx", "file.pptx"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str):
    file = docx.Document() if name.endswith("docx") else Presentation()
    path = tmp_path / name
    path.write_bytes(saved(file)[:-2000])
    with pytest.raises(ParseError, match="corrupt"):
        parse(path)


def test_an_old_presentation_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / "old.pptx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(ParseError, match=r"Save it as \.pptx"):
        parse(path)


def test_comments_follow_their_slide(bench_data: Path):
    (reading,) = read(bench_data / "documents" / "docling" / "pptx" / "sources" / "powerpoint_comments.pptx")
    assert reading.document is not None
    first, second, third = (reading.document.text[page.char_start : page.char_end] for page in reading.document.pages)
    assert first.split("\n\n")[-2:] == [
        "Comment by John Reviewer: This is a sample reviewer comment",
        "Comment by Jane Smith: This is a sample response",
    ]
    assert "Comment" not in second
    assert third.endswith("\n\nComment by Jane Smith: I need to try this out!")


def test_a_text_without_end_in_a_docx_is_refused():
    file = docx.Document()
    file.add_paragraph("word " * 1_000_000)
    with pytest.raises(ParseError, match="a text of more than 4 MiB"):
        read_docx(saved(file))
