"""The page that searches passages."""

from __future__ import annotations

import streamlit as st

from ...errors import RagstoneError
from ...eval.report.wording import counted
from ...retrieval.records import Hit
from ...retrieval.retriever import Mode
from ...retrieval.tags import all_tags
from .sources import place_of, show_place
from .state import shared
from .words import plain, short

_MODES: dict[Mode, str] = {"hybrid": "Meaning and words", "dense": "Meaning", "lexical": "Words"}
_FAMILIES = ("pdf", "docx", "pptx", "spreadsheet", "html", "markdown", "text", "table", "mail", "epub", "code", "image")
_SHOWN = 600
"""Characters of a passage before it is opened."""


def show() -> None:
    """Show the page; the query stands in the address, so that a reload keeps it."""
    st.header("Search", anchor=False)
    query = st.text_input("Search for", st.query_params.get("q", ""), key="query", icon=":material/search:")
    conditions, mode, k, least = _show_facets()
    if not query.strip():
        return
    st.query_params["q"] = query
    try:
        with shared().engines.lease() as rag:
            hits = rag.search(query, k, mode, filter=conditions, min_probability=least if mode == "hybrid" else 0.0)
    except RagstoneError as error:
        st.error(str(error))
        return
    st.caption(counted(len(hits), "passage") if hits else "Nothing was found. Loosen a facet, or try other words.")
    for hit in hits:
        _show_hit(hit)


def _show_facets() -> tuple[list[str], Mode, int, float]:
    """Let the search be narrowed: conditions, mode, the most hits, the least probability."""
    counts = shared().engines.library.collections()
    with st.expander("Narrow it down", icon=":material/tune:"):
        left, right = st.columns(2)
        with left:
            collections = st.multiselect(
                "Collections",
                [name for name in counts if name],
                format_func=lambda name: f"{name} ({counts[name]})",
                placeholder="All",
            )
            names = all_tags(shared().engines.library)
            tags = st.multiselect(
                "Tags", list(names), format_func=lambda name: f"{name} ({names[name]})", placeholder="All"
            )
            types = st.multiselect("Formats", _FAMILIES, placeholder="All")
            author = st.text_input("Author")
        with right:
            since = st.date_input("Written since", None)
            mode = st.segmented_control(
                "By", list(_MODES), format_func=_MODES.__getitem__, default="hybrid", required=True
            )
            k = st.slider("Passages", 1, 50, 10)
            least = st.slider("Least probability", 0.0, 1.0, 0.0, 0.05, help="That a passage answers the query.")
    conditions = [f"collection={_quoted(collections)}"] if collections else []
    conditions += [f"tag={_quoted(tags)}"] if tags else []
    conditions += [f"type={','.join(types)}"] if types else []
    conditions += [f"author~={_quoted([author.strip()])}"] if author.strip() else []
    conditions += [f"date>={since.isoformat()}"] if since else []
    return conditions, mode, k, least


def _quoted(values: list[str]) -> str:
    return ",".join('"' + value.replace('"', '""') + '"' for value in values)


@st.fragment
def _show_hit(hit: Hit) -> None:
    chunk, key = hit.chunk, f"hit-{hit.chunk.id}"
    with st.container(border=True):
        page = f", page {chunk.page}" if chunk.page else ""
        sure = "" if hit.probability is None else f" · probability {hit.probability:.2f}"
        st.markdown(f"**{hit.rank}. {plain(short(chunk.document))}**{page}{sure}")
        if chunk.heading:
            st.caption(plain(chunk.heading))
        if st.toggle("In its place", key=key):
            show_place(shared().engines.library, place_of(hit.as_json()), key)
        else:
            st.text(chunk.text[:_SHOWN] + (" …" if len(chunk.text) > _SHOWN else ""))
        if hit.also_in:
            st.caption(f"Also in: {plain(', '.join(hit.also_in))}")
