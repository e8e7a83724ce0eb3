"""Passages in their place: the page of a PDF with the words marked, or the text around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...errors import ParseError
from ...generation.citations import rects_of
from ...retrieval.disk import sha256_of
from ...retrieval.library import Library
from ...retrieval.records import Document
from .marks import cite
from .page_image import page_image
from .words import plain, short

_BEFORE, _AFTER = 300, 600
"""Characters shown before and after a passage."""
_CSS = """<style>
.passage { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.55; max-height: 26rem; overflow-y: auto;
  border: 1px solid rgba(128,128,128,.4); border-radius: .5rem; padding: .75rem; font-size: .95rem; }
.passage mark { background: #ffe15a; color: #111; padding: .1em .1em; border-bottom: 2px solid #b06000; }
</style>"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands."""

    label: str
    document: str
    document_id: int
    char_start: int
    char_end: int
    quote: str
    citation: int | None = None
    """Its number, if an answer cites it."""


def places_of(answer: Mapping[str, Any]) -> list[Place]:
    """What an answer cites, in the order of its sentences, and then the other passages that were found."""
    places = list(dict.fromkeys(cited_places(answer).values()))
    numbers = {place.citation for place in places}
    return places + [place_of(hit) for hit in answer.get("hits", ()) if hit["rank"] not in numbers]


def cited_places(answer: Mapping[str, Any]) -> dict[str, Place]:
    """Where each citation of an answer leads, by its name (see `marks.cite`).

    Of the passage that carries the sentence, to the words that do; of any other, to what the answer rests on in it.
    """
    whole = {citation["n"]: citation for citation in answer.get("citations", ())}
    found = {}
    for index, sentence in enumerate(answer.get("sentences", ())):
        for n in sentence["citations"]:
            evidence = sentence["evidence"]
            at = evidence if evidence and evidence["n"] == n else whole[n]
            found[cite(index, n)] = Place(
                f"Source {n}", at["document"], at["document_id"], at["char_start"], at["char_end"], at["quote"], n
            )
    return found


def place_of(hit: Mapping[str, Any]) -> Place:
    """Where a hit, as `--json` writes it, stands."""
    label = f"Passage {hit['rank']}"
    return Place(label, hit["document"], hit["document_id"], hit["char_start"], hit["char_end"], hit["text"])


def show_place(library: Library, place: Place, key: str) -> None:
    """Show a passage where it stands, and offer its file. What is not sure to be the same text is not marked."""
    document = library.document(place.document_id)
    st.markdown(f"**{place.label}** · {plain(short(place.document))}")
    if document is None:
        st.info("This document has changed or left the library since the answer was given. What it said then:")
        _show_text(place.quote, 0, len(place.quote))
        return
    text = library.text(place.document_id)
    certain = text[place.char_start : place.char_end] == place.quote
    page, rects = rects_of(library, place.document_id, place.char_start, place.char_end) if certain else (None, ())
    file, part = library.source_of(place.document_id) or (Path(), "")
    unchanged = not part and _is_unchanged(file, document)
    if page is not None:
        st.caption(f"Page {page} of {document.pages}")
    drawn = page is not None and unchanged and document.media_type == "application/pdf"
    drawn = drawn and _show_page(file, page or 1, rects, document.sha256, place.quote, key)
    if not drawn:
        start, end = (place.char_start, place.char_end) if certain else (0, 0)
        if not certain:
            st.info("The text is not what it was when the answer was given, so nothing is marked.")
        _show_text(text, start, end)
    if unchanged:
        st.download_button(
            "Download the file", lambda: file.read_bytes(), file.name, key=f"{key}-file", on_click="ignore"
        )
    elif not part:
        st.caption("The file itself has changed, moved or gone since it was read; this is the text as it was.")


def _show_page(file: Path, page: int, rects: tuple[Any, ...], digest: str, quote: str, key: str) -> bool:
    whole = not rects or st.toggle("Whole page", key=f"{key}-whole")
    try:
        image = _cached_image(str(file), page, rects, whole, digest)
    except ParseError as error:
        st.caption(str(error))
        return False
    st.image(image, width="stretch", alt="The page; what is marked in it stands below as text")
    if not rects:
        st.caption("Where on the page it stands is not known, so nothing is marked.")
    with st.expander("The marked words as text", expanded=not rects):
        st.text(quote)
    return True


@st.cache_data(max_entries=64, show_spinner=False)
def _cached_image(file: str, page: int, rects: tuple[Any, ...], whole: bool, digest: str) -> bytes:
    del digest  # part of the key: another content is another image
    return page_image(Path(file), page, rects, whole=whole)


def _show_text(text: str, start: int, end: int) -> None:
    """A part of a text with a span marked; nothing for an empty span."""
    low, high = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    marked = f"<mark>{escape(text[start:end])}</mark>" if end > start else ""
    before = ("… " if low else "") + escape(text[low:start])
    after = escape(text[end:high]) + (" …" if high < len(text) else "")
    st.html(f'{_CSS}<div class="passage" tabindex="0" role="region" aria-label="Passage">{before}{marked}{after}</div>')


def _is_unchanged(file: Path, document: Document) -> bool:
    """Whether the file is still the one that was read."""
    try:
        stat = file.stat()
        if (stat.st_size, stat.st_mtime_ns) == (document.size, document.mtime_ns):
            return True
        if stat.st_size != document.size:
            return False
        return sha256_of(file) == document.sha256
    except OSError:
        return False
