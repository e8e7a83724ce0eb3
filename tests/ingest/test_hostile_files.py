"""Files made to do harm: each ends soon, in text or in a reason, and nothing outside it is touched."""

import bz2
import gzip
import io
import lzma
import socket
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter

from ragstone.ingest.isolation import Limits, ParserPool
from ragstone.ingest.parsed import ParseOptions
from ragstone.ingest.parsers import Reading, read

SECRET = "the words of another file"
SECONDS = 20
"""That any one file may take, on a busy machine too; most take none worth mentioning."""
LETTERS = "abcdefghij"
ENTITIES = '<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 20}">' for before, name in pairwise(LETTERS)
)
LAUGHS = f"<!DOCTYPE x [{ENTITIES}]>"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODF_NAMES = "".join(f' xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "table", "text"))
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="a.opf" '
    'media-type="application/oebps-package+xml"/></rootfiles></container>'
)
OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest><item id="a" href="a.xhtml" '
    'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
)


def zipped(members: Mapping[str, str | bytes], base: bytes = b"") -> bytes:
    """A zip file of these members and those of another one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        if base:
            with zipfile.ZipFile(io.BytesIO(base)) as old:
                members = {name: old.read(name) for name in old.namelist()} | dict(members)
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def nested_zip(depth: int) -> bytes:
    data = zipped({"a.txt": "deep"})
    for _ in range(depth):
        data = zipped({"a.zip": data})
    return data


def word(body: str, prolog: str = "") -> bytes:
    out = io.BytesIO()
    docx.Document().save(out)
    xml = f'{prolog}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return zipped({"word/document.xml": xml}, out.getvalue())


def sheet(rows: str, prolog: str = "", dimension: str = "A1") -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet()
    book.close()
    xml = f'{prolog}<worksheet xmlns="{S}"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>'
    return zipped({"xl/worksheets/sheet1.xml": xml}, out.getvalue())


def slide(prolog: str) -> bytes:
    out, made = io.BytesIO(), pptx.Presentation()
    made.slides.add_slide(made.slide_layouts[0])
    made.save(out)
    with zipfile.ZipFile(out) as archive:
        xml = archive.read("ppt/slides/slide1.xml").decode()
    head, body = xml.split("?>\n", 1)
    return zipped({"ppt/slides/slide1.xml": f"{head}?>{prolog}{body}"}, out.getvalue())


def odf(body: str, kind: str = "text", prolog: str = "") -> bytes:
    content = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    xml = f"{prolog}<office:document-content{ODF_NAMES}>{content}</office:document-content>"
    return zipped({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": xml})


def epub(body: str, prolog: str = "") -> bytes:
    page = f'{prolog}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
    return zipped({"META-INF/container.xml": CONTAINER, "a.opf": OPF, "a.xhtml": page})


def pdf(*objects: str) -> bytes:
    body = "".join(f"{number} 0 obj{one}endobj\n" for number, one in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R>>".encode()


def form_in_itself(times: int) -> bytes:
    """A PDF whose page shows a form that shows itself some times."""
    resources = "/Resources<</XObject<</A 5 0 R>>>>"
    shown = "/A Do " * times
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R{resources}>>",
        "<</Length 5>>stream\n/A Do\nendstream ",
        f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]{resources}/Length {len(shown)}>>stream\n{shown}\nendstream ",
    )


def aliases() -> str:
    lists = (f"{name}: &{name} [{','.join([f'*{before}'] * 20)}]\n" for before, name in pairwise(LETTERS))
    return "a: &a [x]\n" + "".join(lists)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(row: int, column: str, value: str, formula: str = "") -> str:
    return f'<row r="{row}"><c r="{column}{row}" t="str"><f>{formula}</f><v>{value}</v></c></row>'


SPACES = b" " * (20 << 20)
HARMFUL: dict[str, Callable[[], str | bytes]] = {
    "bomb.zip": lambda: zipped({"a.txt": SPACES}),
    "bomb.txt.gz": lambda: gzip.compress(SPACES, 1),
    "bomb.txt.bz2": lambda: bz2.compress(SPACES, 1),
    "bomb.txt.xz": lambda: lzma.compress(SPACES, preset=0),
    "bomb.tgz": lambda: tarred("a.txt", SPACES),
    "bomb.docx": lambda: word(paragraph("x") + SPACES.decode()),
    "bomb.xlsx": lambda: sheet(SPACES.decode()),
    "bomb.odt": lambda: odf(SPACES.decode()),
    "bomb.epub": lambda: epub(SPACES.decode()),
    "nested.zip": lambda: nested_zip(20),
    "laughs.docx": lambda: word(paragraph("&j;"), LAUGHS),
    "laughs.xlsx": lambda: sheet(cell(1, "A", "&j;"), LAUGHS),
    "laughs.pptx": lambda: slide(LAUGHS),
    "laughs.odt": lambda: odf("<text:p>x &j;</text:p>", prolog=LAUGHS),
    "laughs.ods": lambda: odf("<table:table/>", "spreadsheet", LAUGHS),
    "laughs.epub": lambda: epub("<p>x &j;</p>", LAUGHS),
    "laughs.xml": lambda: f"{LAUGHS}<x>x &j;</x>",
    "laughs.html": lambda: f"{LAUGHS}<p>x &j;</p>",
    "laughs.yaml": aliases,
    "self.yaml": lambda: "a: &a\n  b: *a\n",
    "code.yaml": lambda: "!!python/object/apply:os.mkdir [made]\n",
    "deep.json": lambda: "[" * 300_000,
    "deep.xml": lambda: "<a>" * 100_000 + "x" + "</a>" * 100_000,
    "deep.html": lambda: "<div>" * 200_000 + "x",
    "deep.md": lambda: ">" * 50_000 + " x",
    "deep.toml": lambda: "a = " + "[" * 50_000,
    "deep.rtf": lambda: r"{\rtf1 " + "{" * 200_000 + "x",
    "deep.eml": lambda: "Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 3000,
    "deep.docx": lambda: word("<w:sdt><w:sdtContent>" * 20_000),
    "deep.cs": lambda: "a<" * 100_000,
    "attributes.html": lambda: "<p " + "".join(f"a{number}=1 " for number in range(100_000)) + ">x",
    "spans.html": lambda: "<table><tr><td colspan=999 rowspan=65534>x<td>y" + "<tr><td>y" * 2000,
    "wide.csv": lambda: "," * 100_000 + "x\n" + "1\n" * 100_000,
    "far.xlsx": lambda: sheet(cell(1, "A", "x") + cell(1_048_576, "XFD", "y"), dimension="A1:XFD1048576"),
    "beyond.xlsx": lambda: sheet(cell(1, "A", "x") + cell(4_294_967_295, "ZZZZZZZ", "y")),
    "spaces.odt": lambda: odf('<text:p>x<text:s text:c="2000000000"/>y</text:p>'),
    "binary.rtf": lambda: r"{\rtf1 x\bin99999999999 y}",
    "pages.pdf": lambda: pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99999999>>"),
    "form.pdf": lambda: form_in_itself(1),
}
REFUSED = {
    "bomb.zip": "200 times its size",
    "bomb.txt.gz": "200 times its size",
    "bomb.txt.bz2": "200 times its size",
    "bomb.txt.xz": "200 times its size",
    "bomb.tgz": "200 times its size",
    "bomb.docx": "300 times its size",
    "bomb.xlsx": "300 times its size",
    "bomb.odt": "300 times its size",
    "bomb.epub": "300 times its size",
    "nested.zip": "more than is read of one file",
    "laughs.docx": "a document type in its XML",
    "laughs.xlsx": "a document type in its XML",
    "laughs.pptx": "a document type in its XML",
    "laughs.odt": "corrupt",
    "laughs.xml": "amplification",
    "deep.json": "nested too deeply",
    "deep.xml": "Excessive depth",
    "deep.docx": "corrupt",
    "pages.pdf": "no page of it can be read",
}
"""Of these files nothing is read, and why."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Reading]]:
    """What came of each file."""
    folder = tmp_path_factory.mktemp("harmful")
    for name, content in HARMFUL.items():
        data = content()
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with ParserPool(Limits(jobs=2, seconds=SECONDS, ocr="off")) as pool:
        files = ((name, folder / name) for name in HARMFUL)
        return {name: [reading for reading, _ in readings] for name, readings in pool.read_all(files)}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_large_or_too_deep_is_refused(outcomes: dict[str, list[Reading]], name: str):
    assert not any(reading.document for reading in outcomes[name])
    assert any(reading.error and REFUSED[name] in reading.error.what for reading in outcomes[name])


@pytest.mark.parametrize("name", sorted(HARMFUL.keys() - REFUSED.keys()))
def test_what_can_be_read_of_a_hostile_file_is_read_in_time_and_little_larger_than_it(
    outcomes: dict[str, list[Reading]], name: str
):
    data = HARMFUL[name]()
    for reading in outcomes[name]:
        assert reading.error is None or "parser" not in reading.error.what, reading.error
        if reading.document:
            assert "lollol" not in reading.document.text
            assert len(reading.document.text) <= 4 * len(data)


def test_a_parser_that_eats_all_memory_leaves_only_a_reason(tmp_path: Path):
    path = tmp_path / "form.pdf"
    path.write_bytes(form_in_itself(3))
    with ParserPool(Limits(seconds=SECONDS, memory_mb=150, ocr="off")) as pool:
        ((_, ((reading, _),)),) = pool.read_all([("form.pdf", path)])
    assert reading.document is None and reading.error is not None
    assert "crashed its parser" in reading.error.what or "more memory" in reading.error.what


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A socket that nobody connects to: what a library written in C asks for would come here too."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.fixture
def url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/x"


def text_of(path: Path, data: str | bytes) -> str:
    """All that the readings of a file say; its errors too."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    readings = read(path, ParseOptions(ocr="off"))
    return "\n".join(one.document.text if one.document else str(one.error or one.part) for one in readings)


PAGES = {
    "page.html": "<base href='{0}'><link rel=stylesheet href='{0}'><script src='{0}'></script><img src='{0}'>"
    "<iframe src='{0}'></iframe><object data='{0}'></object><meta http-equiv=refresh content='0;url={0}'><p>own",
    "doctype.html": "<!DOCTYPE html SYSTEM '{0}'><p>own",
    "page.md": "own ![image]({0}) <img src='{0}'>\n\n<iframe src='{0}'></iframe>",
    "page.rst": ".. include:: {0}\n.. image:: {0}\n.. csv-table::\n   :url: {0}\n\nown\n",
    "page.adoc": "include::{0}[]\n\nimage::{0}[]\n\nown\n",
    "dtd.xml": "<!DOCTYPE x SYSTEM '{0}'><x>own</x>",
    "style.xml": "<?xml-stylesheet href='{0}'?><x>own</x>",
    "include.xml": "<x xmlns:i='http://www.w3.org/2001/XInclude'>own<i:include href='{0}'/></x>",
    "entity.xml": "<!DOCTYPE x [<!ENTITY e SYSTEM '{0}'><!ENTITY % p SYSTEM '{0}'>]><x>own &e;</x>",
    "schema.xml": "<x xmlns:s='http://www.w3.org/2001/XMLSchema-instance' s:noNamespaceSchemaLocation='{0}'>own</x>",
    "mail.eml": 'Subject: own\nContent-Type: message/external-body; access-type=URL; URL="{0}"\n\nx',
    "html.eml": "Subject: own\nContent-Type: text/html\n\n<img src='{0}'><link rel=stylesheet href='{0}'>own",
    "field.rtf": r"{{\rtf1 own {{\field{{\*\fldinst INCLUDEPICTURE {0} }}}}{{\*\template {0}}}}}",
    "book.ipynb": '{{"cells": [{{"cell_type": "markdown", "source": "own ![x]({0})"}}]}}',
    "list.yaml": "a: !!python/object/apply:urllib.request.urlopen ['{0}']\nb: own\n",
    "table.csv": 'name,value\nown,"=WEBSERVICE(""{0}"")"\n',
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("where", ["server", "file"])
def test_what_a_page_refers_to_is_not_loaded(tmp_path: Path, url: str, name: str, where: str):
    (tmp_path / "secret.txt").write_text(SECRET)
    target = url if where == "server" else (tmp_path / "secret.txt").as_uri()
    text = text_of(tmp_path / name, PAGES[name].format(target))
    assert SECRET not in text
    assert "own" in text or "entit" in text.lower()


def related(data: bytes, part: str, kinds: Mapping[str, str], target: str) -> bytes:
    """An Office document with external relations of a part."""
    relation = '<Relationship Id="x{0}" Type="{1}" Target="{2}" TargetMode="External"/>'
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(part).decode()
    added = "".join(relation.format(number, kind, target) for number, kind in enumerate(kinds.values()))
    return zipped({part: xml.replace("</Relationships>", f"{added}</Relationships>")}, data)


KINDS = {
    name: f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{name}"
    for name in ("image", "attachedTemplate", "aFChunk", "oleObject", "externalLink", "chart", "comments", "drawing")
}


def test_what_office_files_refer_to_is_not_loaded(tmp_path: Path, url: str):
    image = '<w:p><w:r><w:t>own</w:t></w:r></w:p><w:altChunk r:id="x2" xmlns:r="{}"/>'.format(KINDS["image"][:-6])
    formula = cell(1, "A", "own", "WEBSERVICE(&quot;" + url + "&quot;)")
    picture = f'<text:p>own<draw:image xmlns:draw="d" xlink:href="{url}" xmlns:xlink="x"/></text:p>'
    files = {
        "a.docx": related(word(image), "word/_rels/document.xml.rels", KINDS, url),
        "a.xlsx": related(sheet(formula), "xl/_rels/workbook.xml.rels", KINDS, url),
        "a.pptx": related(slide(""), "ppt/slides/_rels/slide1.xml.rels", KINDS, url),
        "a.odt": odf(picture),
        "a.epub": epub(f'<p>own<img src="{url}"/></p>', f'<!DOCTYPE html SYSTEM "{url}">'),
    }
    for name, data in files.items():
        assert "own" in text_of(tmp_path / name, data) or name == "a.pptx"


def test_what_a_pdf_would_do_when_it_is_opened_is_not_done(tmp_path: Path, url: str):
    actions = f"<</S/URI/URI({url})/Next[<</S/Launch/F(made)>><</S/JavaScript/JS(app.launchURL\\('{url}'\\))>>]>>"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    data = pdf(
        f"<</Type/Catalog/Pages 2 0 R/OpenAction{actions}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page,
        "<</Length 33>>stream\nBT /F 12 Tf 9 9 Td (own) Tj ET    \nendstream ",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    assert text_of(tmp_path / "a.pdf", data) == "own"  # and `url` sees that nothing asks for it


def test_no_archive_writes_outside_itself(tmp_path: Path):
    names = ["../out.txt", "/tmp/../out.txt", "..\\out.txt", "a/../../out.txt", "C:\\out.txt"]
    folder = tmp_path / "inner"
    folder.mkdir()
    for name, data in {"a.zip": zipped(dict.fromkeys(names, "own")), "a.tgz": tarred("../out.txt", b"own")}.items():
        assert "own" in text_of(folder / name, data)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tgz", "a.zip", "inner"]


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path):
    (tmp_path / "secret.txt").write_text(SECRET)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo(f"link{kind.decode()}.txt")
            member.type, member.linkname = kind, str(tmp_path / "secret.txt")
            archive.addfile(member)
    assert SECRET not in text_of(tmp_path / "a.tar", out.getvalue())


def test_what_is_written_as_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    text_of(tmp_path / "a.yaml", "!!python/object/apply:os.mkdir [made]\n")
    text_of(tmp_path / "a.py", "import os\nos.mkdir('made')\n")
    text_of(tmp_path / "a.rst", ".. raw:: html\n   :file: /etc/passwd\n\n.. exec::\n   os.mkdir('made')\n")
    assert not (tmp_path / "made").exists()
