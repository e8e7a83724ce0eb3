"""Headers and footers of text documents: letterheads and references, each said once and without the page numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from .package import Package, related

_NUMBER = "\ufffc"
"""Stands where the number of a page did."""
_PART = re.compile(r"\t|\n|\s*[|\u2013\u2014\u00b7\u2022]\s*|\s+-\s+")
"""Between the parts of a line: what a part with a page number says beside it goes with the number."""
_TWO_LETTERS = re.compile(r"[^\W\d_].*?[^\W\d_]", re.DOTALL)
_CHANGES = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES|SECTION|STYLEREF)\b", re.IGNORECASE)
"""Fields of Word that say something else on each page."""
_OPEN_DOCUMENT = "{{urn:oasis:names:tc:opendocument:xmlns:{}:1.0}}{}"
_NUMBERS = [_OPEN_DOCUMENT.format("text", name) for name in ("page-number", "page-count", "chapter")]
_TAB = _OPEN_DOCUMENT.format("text", "tab")


def word_margins(package: Package, main: str, kind: str) -> list[str]:
    """The lines of the `header` or `footer` parts of a Word document.

    Raises:
        ParseError: A part is corrupt.
    """
    parts = dict.fromkeys(related(package, main, kind).values())
    roots = (package.xml(part) for part in parts if part in package)
    return _lines(_word_text(paragraph) for root in roots for paragraph in root.iter("{*}p"))


def open_margins(styles: etree._Element, kind: str, text: Callable[[etree._Element], str]) -> list[str]:
    """The lines of the headers or footers of an OpenDocument text's master pages.

    Args:
        styles: The root of `styles.xml`; its page numbers are taken out.
        kind: `header` or `footer`.
        text: Gives the words of an element, its paragraphs on lines of their own.
    """
    names = [_OPEN_DOCUMENT.format("style", f"{kind}{which}") for which in ("", "-first", "-left")]
    margins = [one for page in styles.iter(_OPEN_DOCUMENT.format("style", "master-page")) for one in page.iter(*names)]
    for margin in margins:
        for number in margin.iter(*_NUMBERS):
            number.text = _NUMBER
        for tab in margin.iter(_TAB):
            tab.tail = f"\t{tab.tail or ''}"
    return _lines(map(text, margins))


def _lines(texts: Iterable[str]) -> list[str]:
    """Each part that has words, once."""
    parts = (part for text in texts for part in _PART.split(text) if _NUMBER not in part)
    return list(dict.fromkeys(" ".join(part.split()) for part in parts if _TWO_LETTERS.search(part)))


def _word_text(paragraph: etree._Element) -> str:
    """A paragraph's own words, with a mark for each field that changes from page to page."""
    return "".join(_word_words(paragraph))


def _word_words(paragraph: etree._Element) -> Iterator[str]:
    fields: list[str] = []  # what those that are open are
    for element in paragraph.iter("{*}t", "{*}tab", "{*}br", "{*}instrText", "{*}fldChar", "{*}fldSimple"):
        if next(element.iterancestors("{*}p"), None) is not paragraph:
            continue  # of a text box, whose paragraphs come by themselves
        name = etree.QName(element).localname
        if name == "fldChar":
            kind = _attribute(element, "fldCharType")
            if kind == "begin":
                fields.append("")
            elif kind == "end" and fields and _CHANGES.match(fields.pop()):
                yield _NUMBER
        elif name == "instrText" and fields:
            fields[-1] += element.text or ""
        elif name == "fldSimple" and _CHANGES.match(_attribute(element, "instr")):
            yield _NUMBER
        elif name == "t" and not any(map(_CHANGES.match, fields)):
            simple = next(element.iterancestors("{*}fldSimple"), None)
            if simple is None or not _CHANGES.match(_attribute(simple, "instr")):
                yield element.text or ""
        elif name in ("tab", "br") and etree.QName(element.getparent()).localname == "r":
            yield "\t"


def _attribute(element: etree._Element, name: str) -> str:
    return element.get(f"{{{etree.QName(element).namespace}}}{name}") or ""
