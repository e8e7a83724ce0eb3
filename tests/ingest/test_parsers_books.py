import io
import time
import zipfile
from pathlib import Path

import pytest

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import epub, opendocument, rtf

ODF = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = (
    "".join(
        f' xmlns:{name}="{ODF}:{namespace}:1.0"'
        for name, namespace in (
            *((name, name) for name in ("office", "text", "table", "style", "presentation", "meta")),
            *(("draw", "drawing"), ("svg", "svg-compatible")),
        )
    )
    + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>The book</dc:title><dc:creator>Ada</dc:creator><dc:creator>Bob</dc:creator>"
    '<dc:language>en</dc:language><dc:date>1843</dc:date><meta property="dcterms:modified">2024-01-02T03:04:05Z</meta>'
    '</metadata><manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    '<item id="a" href="text/a%20b.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="c" href="cover.png" media-type="image/png"/></manifest><spine><itemref idref="n"/><itemref idref="b"/>'
    '<itemref idref="a"/><itemref idref="c"/><itemref idref="missing"/></spine></package>'
)
BOOK = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": OPF,
    "OEBPS/nav.xhtml": "<nav><ol><li>Contents</li></ol></nav>",
    "OEBPS/b.xhtml": "<body><section><header><h1>One</h1></header><p>First words, and more of them.</p>"
    "<aside>[1] A note.</aside></section></body>",
    "OEBPS/text/a b.xhtml": "<body><h1>Two</h1><ul><li>x</li><li>y</li></ul></body>",
}


def package(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


def blocks(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, document.text[block.char_start : block.char_end]) for block in document.blocks]


def read_odf(content: str, kind: str = "text", **members: str) -> ParsedDocument:
    styles = (
        '<office:automatic-styles><text:list-style style:name="L1">'
        '<text:list-level-style-number text:level="1" style:num-format="1"/></text:list-style>'
        '<style:style style:name="P1" style:parent-style-name="Title"/></office:automatic-styles>'
    )
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    xml = f"<office:document-content{NAMES}>{styles}{body}</office:document-content>"
    return opendocument.parse(package({"content.xml": xml} | members), Path("file.odt"), ParseOptions())


def read_epub(**members: str) -> ParsedDocument:
    given = {name.replace("__", "/").replace("_", "."): content for name, content in members.items()}
    return epub.parse(package(BOOK | given), Path("book.epub"), ParseOptions())


def read_rtf(body: str) -> ParsedDocument:
    return rtf.parse(b"{\\rtf1\\ansi\\ansicpg1252 " + body.encode("latin-1") + b"}", Path("file.rtf"), ParseOptions())


def test_a_text_keeps_headings_lists_notes_and_its_title():
    document = read_odf(
        '<text:p text:style-name="P1">The report</text:p><text:h text:outline-level="2">Part</text:h>'
        '<text:p>A<text:s text:c="2"/>b<text:line-break/>c<text:note><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>Why.</text:p></text:note-body></text:note>.</text:p>"
        '<text:list text:style-name="L1"><text:list-item><text:p>one</text:p><text:list><text:list-item>'
        "<text:p>inside</text:p></text:list-item></text:list></text:list-item>"
        "<text:list-item><text:p>two</text:p></text:list-item></text:list>"
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
    )
    assert document.title == "The report"
    assert blocks(document) == [
        ("heading", 1, "# The report"),
        ("heading", 2, "## Part"),
        ("paragraph", 0, "A  b\nc[1]."),
        ("paragraph", 0, "[1] Why."),
        ("list", 0, "1. one\n   + inside"),
        ("list", 0, "2. two"),
    ]


def test_a_table_of_a_text_writes_covered_cells_once_and_repeated_ones_in_bounds():
    header = (
        "<table:table-header-rows><table:table-row><table:table-cell><text:p>h</text:p></table:table-cell>"
        "<table:covered-table-cell/></table:table-row></table:table-header-rows>"
    )
    row = "<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><text:list>"
    row += "<text:list-item><text:p>a</text:p></text:list-item></text:list></table:table-cell></table:table-row>"
    document = read_odf(f"<table:table>{header}{row}</table:table>")
    assert blocks(document) == [("table", 0, "| h |  |\n| --- | --- |\n| 1 | - a |")]
    endless = '<table:table-cell table:number-columns-repeated="999999999"><text:p>x</text:p></table:table-cell>'
    repeated = f'<table:table-row table:number-rows-repeated="999999999">{endless}</table:table-row>'
    assert len(read_odf(f"<table:table>{repeated}</table:table>").text) < 20_000_000


def test_a_slide_of_a_presentation_is_a_page():
    document = read_odf(
        '<draw:page><draw:frame svg:x="1cm" svg:y="5cm"><draw:text-box><text:p>below</text:p></draw:text-box>'
        '</draw:frame><draw:frame svg:x="1in" svg:y="2cm"><draw:text-box><text:p>above</text:p></draw:text-box>'
        '</draw:frame><draw:frame presentation:class="title" svg:y="9cm"><draw:text-box><text:p>Title</text:p>'
        "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Speak.</text:p>"
        "</draw:text-box></draw:frame></presentation:notes></draw:page><draw:page/>"
        "<draw:page><draw:frame><draw:image/><svg:desc>A duck</svg:desc></draw:frame></draw:page>",
        "presentation",
    )
    assert document.text.split("\n\n") == ["# Title", "above", "below", "Notes: Speak.", "# Slide 3", "A duck"]
    assert [document.text[page.char_start : page.char_end][:7] for page in document.pages] == ["# Title", "", "# Slide"]


def test_a_chart_in_a_text_is_a_table():
    chart = f'<office:document-content{NAMES} xmlns:chart="{ODF}:chart:1.0"><chart:title><text:p>Sales</text:p>'
    chart += "</chart:title><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
    chart += "<table:table-cell><text:p>1</text:p></table:table-cell></table:table-row></table:table>"
    members = {"Object 1/content.xml": f"{chart}</office:document-content>"}
    frame = '<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>'
    assert blocks(read_odf(frame, **members)) == [("paragraph", 0, "Sales"), ("table", 0, "| a | 1 |\n| --- | --- |")]


def test_headers_and_footers_of_an_opendocument_text_are_kept_once_without_page_numbers():
    header = "<style:header><text:p>Kessler &amp; Sons<text:tab/>Ref. 4711</text:p></style:header>"
    first = "<style:header-first><text:p>Kessler &amp; Sons</text:p></style:header-first>"
    number = "<text:p>HRB 1234<text:tab/>Page <text:page-number>1</text:page-number> of seven</text:p>"
    footer = f"<style:footer>{number}<text:p>Lease of hall B</text:p></style:footer>"
    page = f'<style:master-page style:name="Standard">{header}{first}{footer}</style:master-page>'
    styles = f"<office:document-styles{NAMES}><office:master-styles>{page}</office:master-styles>"
    document = read_odf("<text:p>Lease of hall B</text:p>", **{"styles.xml": f"{styles}</office:document-styles>"})
    wanted = ["Kessler & Sons", "Ref. 4711", "Lease of hall B", "HRB 1234"]
    assert [text for _, _, text in blocks(document)] == wanted


def test_an_opendocument_file_tells_its_author_and_dates():
    meta = (
        f"<office:document-meta{NAMES}><office:meta><dc:title>T</dc:title><dc:creator>Bob</dc:creator>"
        "<meta:initial-creator>Ada</meta:initial-creator><meta:creation-date>2024-01-02T03:04:05.5</meta:creation-date>"
        "<dc:date>soon</dc:date><meta:keyword>a</meta:keyword><meta:keyword>b</meta:keyword></office:meta>"
        "</office:document-meta>"
    )
    document = read_odf("<text:p>x</text:p>", **{"meta.xml": meta})
    assert (document.title, document.metadata) == (
        "T",
        {"author": "Ada", "created": "2024-01-02T03:04:05.5", "keywords": "a, b"},
    )


def test_a_deeply_nested_opendocument_file_is_read_or_refused():
    for depth in (60, 250, 5000):
        nested = "<text:list><text:list-item>" * depth + "<text:p>x</text:p>" + "</text:list-item></text:list>" * depth
        try:
            assert "x" in read_odf(nested).text
        except ParseError as error:
            assert "corrupt" in str(error)


def test_a_book_is_read_chapter_by_chapter_in_the_order_of_its_spine():
    document = read_epub()
    assert blocks(document) == [
        ("heading", 1, "# One"),
        ("paragraph", 0, "First words, and more of them."),
        ("paragraph", 0, "[1] A note."),
        ("heading", 1, "# Two"),
        ("list", 0, "* x"),
        ("list", 0, "* y"),
    ]
    assert document.title == "The book"
    assert document.metadata == {
        "author": "Ada, Bob",
        "language": "en",
        "created": "1843",
        "modified": "2024-01-02T03:04:05Z",
    }


def test_a_book_with_encrypted_chapters_is_refused_and_one_with_hidden_fonts_is_not():
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData><CipherData>'
        '<CipherReference URI="{}"/></CipherData></EncryptedData></encryption>'
    )
    with pytest.raises(EncryptedError, match="DRM"):
        read_epub(**{"META-INF/encryption_xml": encryption.format("OEBPS/text/a%20b.xhtml")})
    assert read_epub(**{"META-INF/encryption_xml": encryption.format("OEBPS/fonts/a.otf")}).title == "The book"


@pytest.mark.parametrize("name", ["META-INF/container_xml", "OEBPS/book_opf"])
@pytest.mark.parametrize("content", ["", "<open", "<empty/>", "\x00\x01"])
def test_a_book_without_its_contents_is_refused_or_empty(name: str, content: str):
    try:
        assert not read_epub(**{name: content}).text
    except ParseError as error:
        assert "corrupt" in str(error)


def test_rtf_keeps_text_whatever_its_encoding():
    fonts = r"{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 Gothic;}}"
    cyrillic, japanese = r"{\f1\'cf\'f0\'e8\'e2\'e5\'f2}", r"{\f2\'93\'fa\'96{}\'7b}"
    text = rf"\u8364? \uc2\u8364\'80\'80\uc1  caf\'e9 \u-10179?\u-8704? \{{x\}} {cyrillic} \emdash "
    assert read_rtf(fonts + text).text == "€ € café 😀 {x} Привет —"
    assert read_rtf(fonts + japanese.replace("{}", "")).text == "日本"


def test_rtf_keeps_headings_lists_tables_and_notes():
    document = read_rtf(
        r"{\info{\title The report}{\author Ada}{\creatim\yr2020\mo3\dy4\hr5\min6}{\revtim\yr0}}"
        r"{\header Page header}\pard\outlinelevel1\b Chapter\b0\par\pard One\line two."
        r"{\super\chftn{\footnote\pard {\super\chftn} A note.}}\par"
        r'{\field{\*\fldinst{HYPERLINK "http://localhost"}}{\fldrslt link}}{\*\unknown gone}\par'
        r"{\listtext\pard 1.\tab}First\par{\listtext\'b7\tab}\ilvl1 Inside\par\pard\par"
        r"\trowd\pard\intbl A\cell B\cell\row\trowd\pard\intbl 1\cell 2\par more\cell\row\pard End{\pict\bin3 }x}}.\par"
    )
    assert blocks(document) == [
        ("heading", 2, "## Chapter"),
        ("paragraph", 0, "One\ntwo.[1]"),
        ("paragraph", 0, "[1] A note."),
        ("paragraph", 0, "link"),
        ("list", 0, "1. First\n   + Inside"),
        ("table", 0, "| A | B |\n| --- | --- |\n| 1 | 2 more |"),
        ("paragraph", 0, "End."),
    ]
    assert (document.title, document.metadata) == ("The report", {"author": "Ada", "created": "2020-03-04T05:06"})


def test_hostile_rtf_ends_soon():
    start = time.monotonic()
    for body, left in {
        "{" * 100_000: "text",
        r"{\field{\*\fldinst{" * 50_000: "",
        r"{\fonttbl" + r"\f1" * 100_000: "",
        "\\u0 " * 100_000: "text",
    }.items():
        assert read_rtf(body + " text").text == left
    assert time.monotonic() - start < 20


def test_what_is_not_rtf_is_refused():
    with pytest.raises(ParseError, match="not RTF"):
        rtf.parse(b"plain text", Path("file.rtf"), ParseOptions())


def test_rtf_marks_what_is_struck_and_leaves_out_what_a_tracked_change_deleted():
    rent = r"The rent is {\strike EUR {\b 900}} {\deleted or so }EUR 1,000.\par"
    more = r"\striked1 All of it\'21\striked0  but {\strike\plain this}.\par \strike gone\par\plain here\par"
    assert read_rtf(rent + more).text == (
        "The rent is ~~EUR 900~~ EUR 1,000.\n\n~~All of it!~~ but this.\n\n~~gone~~\n\nhere"
    )
