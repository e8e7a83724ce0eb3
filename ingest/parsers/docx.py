"""DOCX: mammoth turns it into HTML, which is then read like any other."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import mammoth
from lxml import etree

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .charts import read_chart
from .html import read_html
from .office_comments import text_comments
from .office_lock import OLE, is_locked_package, unlock
from .office_margins import word_margins
from .office_math import math_text
from .package import Package, core_metadata, related, xml_parser

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MAIN = "word/document.xml"
_REWRITTEN = (_MAIN, "word/footnotes.xml", "word/endnotes.xml")
_STYLE_SHEET = "word/styles.xml"
_LOOKS = [f"{{*}}{name}" for name in "docDefaults latentStyles rPr tblPr tblStylePr trPr tcPr".split()]
"""What styles say of looks: mammoth does not use it, and to read it took most of the time for a short document."""
_LONGEST_TEXT = 4 << 20
"""Bytes between two tags: mammoth's XML reader takes the square of that."""
_REPLACED = {
    '<input checked="checked" type="checkbox" />': "[x] ",
    '<input type="checkbox" />': "[ ] ",
    "\u2191</a>": "</a>",  # from a note back to its mark
}
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
"""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a Word document.

    Raises:
        EncryptedError: The document is locked with a password.
        ParseError: The file is no Word document, or a corrupt one.
    """
    if is_locked_package(data):
        data = unlock(data, path, options)
    elif data.startswith(OLE):
        raise ParseError("the file is an old Word document", remedy="Save it as .docx", path=path)
    package = Package(data, path)
    plain = package.plain_copy(_Rewriter(package))
    try:
        html = mammoth.convert_to_html(io.BytesIO(plain), style_map=_STYLES, convert_image=_alternative_text).value
    except MemoryError:
        raise
    except Exception as error:  # mammoth lets through whatever its XML reader and a corrupt part raise
        raise package.corrupt(error) from error
    for written, replacement in _REPLACED.items():
        html = html.replace(written, replacement)
    header, footer = (_paragraphs(_unsaid(word_margins(package, _MAIN, kind), html)) for kind in ("header", "footer"))
    html = f"{header}{html}{footer}{_paragraphs(text_comments(package, _MAIN))}"
    title, metadata = core_metadata(package)
    return replace(read_html(html, _MEDIA_TYPE, title), metadata=metadata)


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _unsaid(lines: Iterable[str], html: str) -> Iterator[str]:
    """The lines that do not stand in the text, as a running title does."""
    return (line for line in lines if escape(line) not in html)


def _alternative_text(image: Any) -> list[Any]:
    return [mammoth.html.text(f" {image.alt_text or ''} ")]


class _Rewriter:
    """Rewrites a part so that mammoth keeps what it would leave out: equations, charts, double strikes.

    Of styles it is given fewer to read.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        self._charts: Mapping[str, str] = related(package, _MAIN, "chart")

    def __call__(self, name: str, part: bytes) -> bytes:
        if len(part) > _LONGEST_TEXT and max(map(len, part.split(b"<"))) > _LONGEST_TEXT:
            raise self._package.too_large(f"it holds a text of more than {_LONGEST_TEXT >> 20} MiB")
        lacks = b"oMath" not in part and b"dstrike" not in part and not self._charts
        if name != _STYLE_SHEET and (name not in _REWRITTEN or lacks):
            return part
        try:
            root = etree.fromstring(part, xml_parser())
            if name == _STYLE_SHEET:
                etree.strip_elements(root, *_LOOKS)
            else:
                for twice in root.iter("{*}dstrike"):
                    twice.tag = f"{{{etree.QName(twice).namespace}}}strike"
                self._equations(root)
                self._add_charts(root)
        except (etree.XMLSyntaxError, ValueError, RecursionError) as error:
            raise self._package.corrupt(error) from error
        return bytes(etree.tostring(root))

    def _equations(self, root: etree._Element) -> None:
        word = f"{{{etree.QName(root).namespace}}}"
        for math in list(root.iter("{*}oMathPara", "{*}oMath")):
            parent = math.getparent()
            if parent is not None and etree.QName(parent).localname != "oMathPara":
                run = _text_run(word, math_text(math))
                run.tail = math.tail
                parent.replace(math, run)

    def _add_charts(self, root: etree._Element) -> None:
        word = f"{{{etree.QName(root).namespace}}}"
        for chart in list(root.iter("{*}chart")):
            reference = next((value for key, value in chart.attrib.items() if key.endswith("}id")), "")
            part = self._charts.get(reference, "")
            paragraph = next(chart.iterancestors(f"{word}p"), None)
            if paragraph is None or part not in self._package:
                continue
            title, rows = read_chart(self._package.xml(part))
            if rows:
                paragraph.addnext(_table(word, rows))
            paragraph.append(_text_run(word, title))


def _text_run(word: str, text: str) -> etree._Element:
    run = etree.Element(f"{word}r")
    etree.SubElement(run, f"{word}t").text = text
    return run


def _table(word: str, rows: list[list[str]]) -> etree._Element:
    table = etree.Element(f"{word}tbl")
    for row in rows:
        line = etree.SubElement(table, f"{word}tr")
        for text in row:
            cell = etree.SubElement(line, f"{word}tc")
            etree.SubElement(cell, f"{word}p").append(_text_run(word, text))
    return table
