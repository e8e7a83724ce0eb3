"""EPUB: the chapters in their order, each read as the HTML that it is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from ...errors import EncryptedError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .html import read_html
from .package import Package, described
from .text import decode

_MEDIA_TYPE = "application/epub+zip"
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_CHAPTERS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_META_NAMES = {
    "title": "title",
    "creator": "author",
    "date": "created",
    "subject": "subject",
    "language": "language",
    "publisher": "publisher",
}
_ASIDES = re.compile(r"<(/?)(?:header|footer|aside)\b", re.IGNORECASE)


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a book.

    Raises:
        EncryptedError: The book is protected by DRM.
        ParseError: The file is no EPUB, or a corrupt one.
    """
    package = Package(data, path)
    opf = _opf_name(package)
    root = package.xml(opf)
    locked = _locked(package)
    chapters = []
    for name in dict.fromkeys(_spine(root, opf)):
        if name in locked:
            raise EncryptedError("the book is protected by DRM", remedy="Get a copy without it", path=path)
        if name in package:
            chapters.append(_chapter(package.read(name), path))
            options.alive()
    title, metadata = _metadata(root)
    return _joined(chapters, title, metadata)


def _opf_name(package: Package) -> str:
    """The name of the member that lists the others."""
    for rootfile in package.xml(_CONTAINER).iter("{*}rootfile"):
        if name := rootfile.get("full-path"):
            return str(name)
    raise package.corrupt("no list of contents")


def _spine(root: etree._Element, opf: str) -> Iterator[str]:
    """The names of the members that are chapters, in reading order, without the table of contents."""
    items = {item.get("id"): item for item in root.iterfind("{*}manifest/{*}item")}
    for reference in root.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _CHAPTERS or "nav" in item.get("properties", "").split():
            continue
        yield posixpath.normpath(posixpath.join(posixpath.dirname(opf), unquote(item.get("href", ""))))


def _locked(package: Package) -> set[str]:
    """The names of encrypted members; those that are only obfuscated, fonts, are never chapters."""
    if _ENCRYPTION not in package:
        return set()
    references = package.xml(_ENCRYPTION).iter("{*}CipherReference")
    return {posixpath.normpath(unquote(reference.get("URI", ""))) for reference in references}


def _chapter(data: bytes, path: Path) -> ParsedDocument:
    # In a chapter these are its title and its notes, not a site's frame.
    html = _ASIDES.sub(r"<\1div", decode(data, path))
    return read_html(html, _MEDIA_TYPE)


def _metadata(root: etree._Element) -> tuple[str, dict[str, str]]:
    found = root.find("{*}metadata")
    if found is None:
        return "", {}
    title, metadata = described(found, _META_NAMES)
    changed = [meta.text or "" for meta in found.iter("{*}meta") if meta.get("property") == "dcterms:modified"]
    return title, metadata | ({"modified": changed[0].strip()} if changed else {})


def _joined(chapters: list[ParsedDocument], title: str, metadata: dict[str, str]) -> ParsedDocument:
    builder = DocumentBuilder()
    for chapter in chapters:
        builder.append(chapter.text, chapter.blocks)
    title = title or next((chapter.title for chapter in chapters if chapter.text.strip() and chapter.title), "")
    return builder.build(_MEDIA_TYPE, title, metadata)
