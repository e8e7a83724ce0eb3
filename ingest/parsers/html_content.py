"""Which part of an HTML page is its own text, and not the frame of the site that it is on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

NEVER_TEXT = (
    *("script", "style", "template", "noscript", "title", "svg", "iframe", "object", "select", "button"),
    *("rp", "annotation"),
)
_FRAME = frozenset(("header", "footer", "aside"))
_NAVIGATION = frozenset(("nav", "form"))
_MAINS = ("main", "article")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Characters that an element holds."""

    all: Mapping[etree._Element, int]
    in_tables: Mapping[etree._Element, int]
    """Those in the tables inside it."""
    in_links: Mapping[etree._Element, int]
    """Those in the links inside it."""


def content(root: etree._Element) -> etree._Element:
    """The element that holds the page's own text, emptied of all else.

    A header, a footer or an aside outside the page's main part is a site's frame if the page has a navigation, or if
    most of it is links; in a page that is a document by itself they are its title, its signature and its notes.
    """
    for element in [*root.iter(*NEVER_TEXT), *root.xpath("//*[@hidden and @hidden != 'until-found']")]:
        element.clear(keep_tail=True)
    sizes = sizes_of(root)
    framed = bool(root.xpath("//nav[not(@role = 'doc-toc')]"))
    own: set[etree._Element] = set()
    for element in list(root.iter()):
        if element.tag in _MAINS or element.getparent() in own:
            own.add(element)
        linking = sizes.in_links.get(element, 0) > sizes.all[element] / 2
        frame = element.tag in _FRAME and element not in own and (framed or linking)
        # What holds most of the text is no boilerplate: some frameworks wrap the page in one form.
        if (frame or element.tag in _NAVIGATION) and sizes.all[element] < sizes.all[root] / 2:
            element.clear(keep_tail=True)
    return next((main for main in (next(root.iter(tag), root) for tag in _MAINS) if _is_all(main, root, framed)), root)


def _is_all(main: etree._Element, root: etree._Element, framed: bool) -> bool:
    """Whether what stands around the main part of a page is the site's, and not the document's."""
    sizes = sizes_of(root)
    around = sizes.all[root] - sizes.all[main]
    linking = sizes.in_links.get(root, 0) - sizes.in_links.get(main, 0) > around / 2
    return sizes.all[main] > sizes.all[root] / 2 and (framed or linking)


def sizes_of(root: etree._Element) -> Sizes:
    """The sizes of all elements."""
    held: defaultdict[etree._Element, int] = defaultdict(int)
    within: dict[str, defaultdict[etree._Element, int]] = {"table": defaultdict(int), "a": defaultdict(int)}
    for element in reversed(list(root.iter())):
        held[element] += len((element.text or "").strip())
        parent = element.getparent()
        if parent is not None:
            held[parent] += held[element] + len((element.tail or "").strip())
            for tag, inside in within.items():
                if size := held[element] if element.tag == tag else inside.get(element):
                    inside[parent] += size
    return Sizes(held, within["table"], within["a"])
