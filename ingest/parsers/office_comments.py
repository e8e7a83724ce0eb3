"""The comments in Office Open XML: in texts, workbooks and presentations, of old programs and with replies."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from .charts import drawing_text
from .package import Package, related, whole_number

_LONGEST_ABOUT = 100
"""Characters of the words that a comment is on which are said again beside it."""
_REPEATS_A_THREAD = "tc="
"""So starts the author of a cell's comment that says the same as one with replies, for old programs."""


def sheet_comments(package: Package, workbook: str, sheet: str) -> Iterator[str]:
    """The comments on the cells of a sheet.

    Raises:
        ParseError: A part is corrupt.
    """
    for root in _roots(package, sheet, "comments"):
        authors = [author.text or "" for author in root.iterfind("{*}authors/{*}author")]
        for one in root.iterfind("{*}commentList/{*}comment"):
            place = whole_number(one.get("authorId"), len(authors))
            author = authors[place] if place < len(authors) else ""
            if not author.startswith(_REPEATS_A_THREAD):
                text = "".join(part.text or "" for part in one.iterfind("{*}text//{*}t"))
                yield _comment(text, author, one.get("ref") or "")
    people = _names(package, workbook, "person", "displayName")
    for root in _roots(package, sheet, "threadedComment"):
        for one in root.iterfind("{*}threadedComment"):
            yield _comment(one.findtext("{*}text"), people.get(one.get("personId") or "", ""), one.get("ref") or "")


def slide_comments(package: Package, presentation: str, slide: str) -> Iterator[str]:
    """The comments on a slide.

    Raises:
        ParseError: A part is corrupt.
    """
    roots = list(_roots(package, slide.lstrip("/"), "comments"))
    authors: dict[str, str] = {}
    for kind in ("commentAuthors", "authors") if roots else ():
        authors |= _names(package, presentation.lstrip("/"), kind, "name")
    for root in roots:
        for one in root.iter("{*}cm", "{*}reply"):
            text = one.findtext("{*}text") or drawing_text(one.find("{*}txBody"))
            yield _comment(text, authors.get(one.get("authorId") or "", ""))


def text_comments(package: Package, main: str) -> Iterator[str]:
    """The comments on a text, each with the words that it is on.

    Raises:
        ParseError: A part is corrupt.
    """
    comments = [one for root in _roots(package, main, "comments") for one in root.iterfind("{*}comment")]
    on: dict[str, list[str]] = {}
    begun: set[str] = set()
    for element in package.xml(main).iter("{*}commentRangeStart", "{*}commentRangeEnd", "{*}t") if comments else ():
        name, number = etree.QName(element).localname, _attribute(element, "id")
        if name == "t":
            for one in begun:
                on.setdefault(one, []).append(element.text or "")
        elif name == "commentRangeStart":
            begun.add(number)
        else:
            begun.discard(number)
    for one in comments:
        words = "".join(part.text or "" for part in one.iter("{*}t"))
        about = " ".join("".join(on.get(_attribute(one, "id"), ())).split())
        yield _comment(words, _attribute(one, "author"), f'"{about[:_LONGEST_ABOUT]}"' if about else "")


def _attribute(element: etree._Element, name: str) -> str:
    return element.get(f"{{{etree.QName(element).namespace}}}{name}") or ""


def _roots(package: Package, part: str, kind: str) -> Iterator[etree._Element]:
    return (package.xml(found) for found in dict.fromkeys(related(package, part, kind).values()) if found in package)


def _names(package: Package, part: str, kind: str, attribute: str) -> dict[str, str]:
    """People's names by their ids."""
    people = (one for root in _roots(package, part, kind) for one in root)
    return {one.get("id") or "": one.get(attribute) or "" for one in people}


def _comment(text: str | None, author: str, cell: str = "") -> str:
    """One line that says what is a comment, on what and by whom."""
    if not (words := " ".join((text or "").split())):
        return ""
    on, by = f" on {cell}" if cell else "", f" by {author}" if author else ""
    return f"Comment{on}{by}: {words}"
