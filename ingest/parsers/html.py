"""HTML: what the page says, without its navigation, turned into Markdown. Nothing that it links to is loaded."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from bs4.element import PreformattedString
from markdownify import ATX, MarkdownConverter

from ..parsed import ParsedDocument, ParseOptions
from .markdown import read_markdown
from .text import clean, decode

_NEVER_TEXT = ["script", "style", "template", "noscript", "title", "svg", "iframe", "object", "select", "button"]
_BOILERPLATE = ["nav", "form", "header", "footer", "aside"]
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads an HTML page.

    Raises:
        ParseError: The file is not text.
    """
    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    return read_html(decode(data, path, declared), "text/html")


def read_html(html: str, media_type: str, title: str = "") -> ParsedDocument:
    """Reads HTML as Markdown; without a title given, the page's <title> or first heading is the title."""
    # The line feed keeps Beautiful Soup from warning that a short text looks like a file's name.
    soup = BeautifulSoup(_XML_DECLARATION.sub("", html, count=1) + "\n", "lxml")
    title = title or (" ".join(soup.title.get_text().split()) if soup.title else "")
    return read_markdown(_markdown(_content(soup)), media_type, clean(title))


def _content(soup: BeautifulSoup) -> Tag:
    for tag in soup(_NEVER_TEXT):
        tag.decompose()
    for node in soup.find_all(string=lambda string: isinstance(string, PreformattedString)):
        node.extract()  # comments, processing instructions
    for image in soup("img"):
        image.replace_with(str(image.get("alt") or ""))
    whole = _length(soup)
    for tag in soup(_BOILERPLATE):
        own = tag.name in ("header", "footer", "aside") and tag.find_parent(["main", "article"])
        # What holds most of the text is no boilerplate: some frameworks wrap the page in one form.
        if not tag.decomposed and not own and _length(tag) < whole / 2:
            tag.decompose()
    mains = (tag for tag in map(soup.find, ("main", "article")) if isinstance(tag, Tag))
    return next((tag for tag in mains if _length(tag) > _length(soup) / 2), soup)


def _length(tag: Tag) -> int:
    return sum(len(string) for string in tag.stripped_strings)


def _markdown(content: Tag) -> str:
    converter = MarkdownConverter(
        heading_style=ATX,
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
        strip=["a"],  # addresses would fill the chunks and say little
        strong_em_symbol="",
        table_infer_header=True,
        wrap=True,  # without a width this joins the lines of a paragraph
        wrap_width=None,
    )
    try:
        text: str = converter.convert_soup(content)
    except RecursionError:  # markup nested some hundred levels deep: keep the words, give up the structure
        text = content.get_text("\n")
    return _BLANK_LINES.sub("\n\n", clean(text)).strip()
