import io
import struct
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import cell_area, opendocument, read, xlsx
from ragstone.ingest.parsers.sheets import Value, regions, value_text
from ragstone.ingest.parsers.spreadsheet import parse

ODF = "urn:oasis:names:tc:opendocument:xmlns"
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def read_sheets(data: bytes, name: str = "book.xlsx", *passwords: str) -> ParsedDocument:
    return parse(data, Path(name), ParseOptions(passwords=passwords))


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.char_start : block.char_end]) for block in document.blocks]


class Book:
    """A workbook that is being written."""

    def __init__(self) -> None:
        self.file = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.file)

    def sheet(self, name: str | None = None) -> xlsxwriter.worksheet.Worksheet:
        return self.book.add_worksheet(name)

    def data(self) -> bytes:
        self.book.close()
        return self.file.getvalue()


def with_sheet(xml: str) -> bytes:
    """A workbook whose only sheet is this XML."""
    book, out = Book(), io.BytesIO()
    book.sheet()
    with zipfile.ZipFile(io.BytesIO(book.data())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, xml if name == "xl/worksheets/sheet1.xml" else old.read(name))
    return out.getvalue()


def ods(table: str, member: str = "content.xml") -> bytes:
    out = io.BytesIO()
    names = "".join(f' xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "table", "text", "manifest"))
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, f"<office:document-content{names}>{body}</office:document-content>")
    return out.getvalue()


def test_a_sheet_is_a_heading_and_a_table_and_an_empty_one_is_left_out():
    book = Book()
    sheet = book.sheet("Staff")
    sheet.write_row("B3", ["Name", "Age"])
    sheet.write_row("B4", ["Ada", 36.0])
    book.sheet("Nothing")
    hidden = book.sheet("Secret")
    hidden.hide()
    hidden.write("A1", "found")
    assert blocks(read_sheets(book.data())) == [
        ("heading", "## Staff"),
        ("table", "| Name | Age |\n| --- | --- |\n| Ada | 36 |"),
        ("heading", "## Secret"),
        ("paragraph", "found"),
    ]


def test_values_are_written_as_people_read_them():
    book = Book()
    sheet = book.sheet()
    formats = {code: book.book.add_format({"num_format": code}) for code in CODES}
    for row, (code, value, _) in enumerate(CASES):
        sheet.write(row, 0, "x")
        sheet.write(row, 1, value, formats[code])
    lines = read_sheets(book.data()).text.splitlines()
    shown = [line.split(" | ")[1].removesuffix(" |") for line in lines if line.startswith("| x")]
    assert shown == [text for _, _, text in CASES]


CASES: list[tuple[str, Value, str]] = [
    ("General", 5.0, "5"),
    ("General", 0.1 + 0.2, "0.3"),
    ("General", -3, "-3"),
    ("General", True, "TRUE"),
    ("0%", 0.25, "25%"),
    ("0.0%", 0.2567, "25.67%"),
    ("0.0000%", 0.12345678, "12.3457%"),
    ("#,##0.00 [$€-407]", 1234.5, "1234.5"),
    ('"yards: "0', 4, "4"),
    ("dd/mm/yyyy", date(2024, 1, 31), "2024-01-31"),
    ("[$-409]d. mmmm yyyy hh:mm", datetime(2024, 1, 31, 13, 5), "2024-01-31 13:05"),
    ("yyyy-mm-dd hh:mm:ss", datetime(2024, 1, 31, 13, 5, 9), "2024-01-31 13:05:09"),
    ("hh:mm", time(7, 30), "07:30:00"),
    ("[h]:mm", timedelta(hours=30, minutes=5), "30:05:00"),
    ("mmm", date(1900, 1, 2), "1900-01-02"),
]
CODES = dict.fromkeys(code for code, _, _ in CASES)


def test_a_formula_shows_the_value_that_was_last_seen():
    book = Book()
    sheet = book.sheet()
    sheet.write_formula("A1", "=1+1", value=3)
    sheet.write_formula("A2", '=WEBSERVICE("http://localhost:9")', value="cached")
    assert blocks(read_sheets(book.data()))[1:] == [("paragraph", "3\ncached")]


def test_a_formula_that_nobody_computed_is_shown_itself():
    rows = (
        "<row><c><v>2</v></c><c><f>A1*3</f><v></v></c><c><f>SUM(A1:A2)</f></c></row>"  # as openpyxl writes them
        '<row><c t="str"><f>IF(A1&gt;1,"","low")</f><v></v></c><c><f>A1*4</f><v>8</v></c></row>'  # an empty text is one
    )
    assert blocks(read_sheets(with_sheet(SHEET.format(rows))))[1:] == [
        ("table", "| 2 | =A1*3 | =SUM(A1:A2) |\n| --- | --- | --- |\n|  | 8 |  |")
    ]


def test_charts_and_comments_follow_the_cells_of_their_sheet():
    book = Book()
    sheet = book.sheet("Ducks")
    sheet.write_column("A1", ["Year", 2019, 2020])
    sheet.write_column("B1", ["Wild", 120, 135])
    sheet.write_comment("B2", "Counted\ntwice", {"author": "Ann"})
    for made, place in ((book.book.add_chart({"type": "bar"}), sheet), (book.book.add_chart({"type": "line"}), None)):
        made.add_series({"name": "=Ducks!$B$1", "categories": "=Ducks!$A$2:$A$3", "values": "=Ducks!$B$2:$B$3"})
        made.set_title({"name": "Ducks by year"})
        if place:
            place.insert_chart("D1", made)
        else:
            book.book.add_chartsheet("Shown").set_chart(made)
    table = "| Year | Wild |\n| --- | --- |\n| 2019 | 120 |\n| 2020 | 135 |"
    chart = "|  | Wild |\n| --- | --- |\n| 2019 | 120 |\n| 2020 | 135 |"
    assert blocks(read_sheets(book.data())) == [
        ("heading", "## Ducks"),
        ("table", table),
        ("paragraph", "Ducks by year"),
        ("table", chart),
        ("paragraph", "Comment on B2 by Ann: Counted twice"),
        ("heading", "## Shown"),
        ("paragraph", "Ducks by year"),
        ("table", chart),
    ]


def test_comments_with_replies_name_who_wrote_them(bench_data: Path):
    path = bench_data / "documents" / "docling" / "xlsx" / "sources" / "xlsx_comments.xlsx"
    assert [text for _, text in blocks(read_sheets(path.read_bytes()))][-5:] == [
        "Comment on A1 by John Reviewer: Why Python specifically?",
        "Comment on B2 by Jane Editor: Which libraries are you referring to?",
        "Comment on F7 by Jane Smith (JS): Minimum number of saltwater ducks",
        "Comment on F7 by Marcus Sterling (MS): I never thought it would be so low",
        "Comment on G12 by Jane Smith (JS): Maximum number of ducks",
    ]


def test_a_merged_cell_is_written_once():
    book = Book()
    sheet = book.sheet()
    sheet.merge_range("A1:C1", "Wide")
    sheet.write_row("A2", [1, 2, 3])
    assert blocks(read_sheets(book.data()))[1:] == [("table", "| Wide |  |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |")]


def test_empty_rows_and_columns_part_tables():
    rows = {0: {0: "Title"}, 2: {0: "a", 1: "b", 3: "x"}, 3: {0: "1", 1: "2"}, 4: {3: "y", 4: "z"}}
    assert list(regions(rows)) == [[["Title"]], [["a", "b"], ["1", "2"]], [["x"]], [["y", "z"]]]


def test_one_stray_cell_far_away_costs_nothing():
    book = Book()
    sheet = book.sheet()
    sheet.write("A1", "here")
    sheet.write("XFD1048576", "there")
    assert [text for _, text in blocks(read_sheets(book.data()))[1:]] == ["here", "there"]


def test_cells_without_references_follow_one_another():
    rows = '<row><c><v>1</v></c><c t="inlineStr"><is><r><t>two</t></r></is></c></row><row><c><v>3</v></c></row>'
    assert blocks(read_sheets(with_sheet(SHEET.format(rows))))[1:] == [
        ("table", "| 1 | two |\n| --- | --- |\n| 3 |  |")
    ]


def test_a_long_text_in_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlsx, "_MOST_CHARS", 100_000)
    book = Book()
    sheet = book.sheet()
    for row in range(100):
        sheet.write(row, 0, "x" * 10_000)
    with pytest.raises(ParseError, match="more than 100,000 characters"):
        read_sheets(book.data())


@pytest.mark.parametrize("entity", ['"expanded"', 'SYSTEM "file:///etc/passwd"'])
def test_a_sheet_with_entities_is_refused(entity: str):
    cell = '<row r="1"><c r="A1" t="str"><v>a&e;b</v></c></row>'
    with pytest.raises(ParseError, match="document type"):
        read_sheets(with_sheet(f"<!DOCTYPE x [<!ENTITY e {entity}>]>" + SHEET.format(cell)))


def test_a_locked_workbook_is_opened_with_its_password():
    book, locked = Book(), io.BytesIO()
    book.sheet().write("A1", "inside")
    OOXMLFile(io.BytesIO(book.data())).encrypt("secret", locked)
    assert "inside" in read_sheets(locked.getvalue(), "book.xlsx", "wrong", "secret").text
    with pytest.raises(EncryptedError, match="password"):
        read_sheets(locked.getvalue(), "book.xlsx", "wrong")


def test_a_workbook_that_excel_locks_by_itself_needs_no_password():
    book, locked = Book(), io.BytesIO()
    book.sheet().write("A1", "inside")
    OOXMLFile(io.BytesIO(book.data())).encrypt("VelvetSweatshop", locked)
    assert "inside" in read_sheets(locked.getvalue()).text


def test_an_opendocument_sheet_keeps_its_cells_apart_from_repeated_empty_ones():
    cells = (
        '<table:table table:name="Data"><table:table-row table:number-rows-repeated="3"/><table:table-row>'
        '<table:table-cell table:number-columns-repeated="2"/>'
        '<table:table-cell office:value-type="string"><text:p>Day</text:p></table:table-cell>'
        '<table:table-cell office:value-type="string" table:number-columns-repeated="2"><text:p>n</text:p>'
        "</table:table-cell></table:table-row><table:table-row>"
        '<table:table-cell table:number-columns-repeated="2"/>'
        '<table:table-cell office:value-type="date" office:date-value="2024-01-31T00:00:00"><text:p>31/1</text:p>'
        '</table:table-cell><table:table-cell office:value-type="boolean" office:boolean-value="true"/>'
        '<table:table-cell office:value-type="percentage" office:value="0.5"><text:p>50%</text:p></table:table-cell>'
        '</table:table-row><table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
    )
    assert blocks(read_sheets(ods(cells), "book.ods")) == [
        ("heading", "## Data"),
        ("table", "| Day | n | n |\n| --- | --- | --- |\n| 2024-01-31 | TRUE | 50% |"),
    ]


def test_cells_that_are_repeated_without_end_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opendocument, "_MOST_CELLS", 1000)
    row = '<table:table-row table:number-rows-repeated="999999"><table:table-cell table:number-columns-repeated="9999">'
    with pytest.raises(ParseError, match="more cells than are read"):
        read_sheets(ods(f"<table:table>{row}<text:p>x</text:p></table:table-cell></table:table-row></table:table>"))


def test_a_locked_opendocument_sheet_is_refused():
    data = ods("<manifest:encryption-data/>", "META-INF/manifest.xml")
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("content.xml", b"\x12\x34")
    with pytest.raises(EncryptedError, match="password"):
        read_sheets(out.getvalue(), "book.ods")


def test_how_far_the_cells_of_binary_workbooks_reach_is_known_before_they_are_read():
    number = struct.pack("<HHHHHd", 0x203, 14, 65535, 9, 0, 1.5)
    run = struct.pack("<HHHHHIHIH", 0xBD, 18, 3, 0, 0, 0, 0, 0, 200)
    assert list(cell_area._xls_cells(number + run + b"\x03\x02")) == [(65535, 9), (3, 200)]
    row = bytes((0, 4)) + struct.pack("<I", 7)
    cell = bytes((0x85, 0, 8)) + struct.pack("<II", 300, 0)
    assert list(cell_area._xlsb_cells(row + cell + b"\x80")) == [(7, 300)]
    with pytest.raises(ParseError, match="reaches over"):
        cell_area._check([(1_000_000, 16_000)], Path("book.xlsb"))


@pytest.mark.parametrize(
    ("value", "text"), [(1e20, "1e+20"), (datetime(2024, 1, 2), "2024-01-02"), (timedelta(hours=-1), "-1:00:00")]
)
def test_values_of_old_workbooks_are_written_likewise(value: Value, text: str):
    assert value_text(value) == text


def test_an_old_workbook_is_read(bench_data: Path):
    (reading,) = read(bench_data / "documents" / "markitdown" / "files" / "test.xls")
    assert reading.document is not None
    assert reading.document.text.startswith(
        "## Sheet1\n\n| Alpha | Beta | Gamma | Delta |\n| --- | --- | --- | --- |\n"
    )


@pytest.mark.parametrize("name", ["book.xlsx", "book.xls", "book.xlsb", "book.ods"])
@pytest.mark.parametrize("data", [b"PK\x03\x04 nonsense", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), b"text"])
def test_what_is_no_spreadsheet_is_refused(name: str, data: bytes):
    with pytest.raises(ParseError):
        read_sheets(data, name)
