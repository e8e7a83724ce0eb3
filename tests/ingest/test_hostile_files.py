"""Files made to do harm: each ends soon, in text or in a reason, and nothing outside it is touched."""

import bz2
import gzip
import io
import lzma
import socket
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter

from ragstone.ingest.isolation import Limits, ParserPool
from ragstone.ingest.parsed import ParseOptions
from ragstone.ingest.parsers import Reading, read

SECRET = "the words of another file"
SECONDS = 5
"""That any one file may take, on a busy machine too; most take none worth mentioning."""
LETTERS = "abcdefghij"
ENTITIES = '<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 20}">' for before, name in zip(LETTERS, LETTERS[1:], strict=False)
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
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
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


def aliases() -> str:
    lists = (f"{name}: &{name} [{','.join([f'*{before}'] * 20)}]\n" for before, name in zip(LETTERS, LETTERS[1:]))
    return "a: &a [x]\n" + "".join(lists)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(row: int, column: str, value: str, formula: str = "") -> str:
    return f'<row r="{row}"><c r="{column}{row}" t="str"><f>{formula}</f><v>{value}</v></c></row>'


SPACES = b" " * (64 << 20)
PAGE = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</A 5 0 R>>>>>>"
FORM = "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>/Length 20>>stream\n"
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
    "many.zip": lambda: zipped(dict.fromkeys(map(str, range(20_001)), "")),
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
    "form.pdf": lambda: pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        PAGE,
        "<</Length 5>>stream\n/A Do\nendstream ",
        f"{FORM}/A Do /A Do /A Do\nendstream ",
    ),
    "pages.pdf": lambda: pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99999999>>"),
}
