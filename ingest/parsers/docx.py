"""DOCX: mammoth turns it into HTML, which is then read like any other."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import mammoth
from bs4 import BeautifulSoup

from ...errors import EncryptedError, ParseError
from ..parsed import ParsedDocument, ParseOptions
from .html import read_html

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_MATH = re.compile(rb"<m:oMathPara\b.*?</m:oMathPara>|<m:oMath\b.*?</m:oMath>", re.DOTALL)
_MATH_TEXT = re.compile(rb"<m:t(?: [^>]*)?>([^<]*)</m:t>")
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a Word document.

    Raises:
        EncryptedError: The document is locked with a password.
        ParseError: The file is no Word document, or a corrupt one.
    """
    if data.startswith(_OLE):  # a locked .docx is wrapped in the container of the old .doc
        if _ENCRYPTED_STREAM in data:
            raise EncryptedError("the document is locked with a password", remedy="Save it without one", path=path)
        raise ParseError("the file is an old Word document", remedy="Save it as .docx", path=path)
    try:
        html = mammoth.convert_to_html(_with_plain_math(data), style_map=_STYLES, convert_image=_alt_text).value
        title = _title(data)
    except MemoryError:
        raise
    except Exception as error:  # mammoth lets through whatever its zip and XML readers raise
        what = f"the document is corrupt ({type(error).__name__})"
        raise ParseError(what, remedy="Open it in a word processor and save it again", path=path) from error
    return read_html(html, _MEDIA_TYPE, title)


def _with_plain_math(data: bytes) -> io.BytesIO:
    """The document with its equations as runs of plain text: mammoth would leave them out."""
    plain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as package, zipfile.ZipFile(plain, "w") as copy:
        for name in package.namelist():
            part = b"" if name.startswith("word/media/") else package.read(name)
            copy.writestr(name, _MATH.sub(_math_run, part) if name == "word/document.xml" else part)
    return plain


def _math_run(math: re.Match[bytes]) -> bytes:
    return b'<w:r><w:t xml:space="preserve">' + b"".join(_MATH_TEXT.findall(math[0])) + b"</w:t></w:r>"


def _alt_text(image: Any) -> list[Any]:
    return [mammoth.html.text(image.alt_text or "")]


def _title(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        if "docProps/core.xml" not in package.namelist():
            return ""
        title = BeautifulSoup(package.read("docProps/core.xml"), "xml").find("title")
    return " ".join(title.get_text().split()) if title else ""
