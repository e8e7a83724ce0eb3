"""The groups of documents that are nearly the same, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ...ingest.likeness import Alike, near_duplicates
from ...retrieval.records import Document
from .state import shared
from .words import plain, short

_SHOWN = 20
"""Groups at a time."""


def show_duplicates(documents: Sequence[Document], remove: Callable[[Sequence[Document]], None]) -> None:
    """Show the groups, each with a way to keep one of its documents only.

    Args:
        documents: Of the library.
        remove: Removes documents.
    """
    named = {document.id: document for document in documents}
    groups = [[one for one in group if one.id in named] for group in _groups(shared().engines.library.revision)]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return
    count = f"{len(groups)} groups" if len(groups) > 1 else "1 group"
    with st.expander(f"{count} of near-identical documents", icon=":material/file_copy:"):
        st.caption(
            "A search shows a passage once and names where else it stands, so they do no harm; they take room, and an "
            "old version may be cited instead of the new one. Keep the one that counts: the others leave the "
            "library, and your files stay where they are."
        )
        for number, group in enumerate(groups[:_SHOWN]):
            _show_group(number, group, [named[one.id] for one in group], remove)
        if len(groups) > _SHOWN:
            st.caption(f"and {len(groups) - _SHOWN} groups more, which come up when these are done")


@st.cache_data(show_spinner="Comparing the documents ...", max_entries=2)
def _groups(revision: int) -> list[list[Alike]]:
    """They are computed once for each state of the library, which the revision names."""
    signatures = shared().engines.library.signatures()
    return near_duplicates({document: signature for document, (_, signature) in signatures.items()})


def _show_group(
    number: int,
    group: Sequence[Alike],
    documents: Sequence[Document],
    remove: Callable[[Sequence[Document]], None],
) -> None:
    ids = "-".join(str(one.id) for one in group)
    with st.container(border=True):
        lines = {
            one.id: f"{plain(document.path)} · {document.size // 1000:,} kB · {document.added_at[:10]}"
            + (f" · {one.similarity:.0%} like the first" if place else "")
            for place, (one, document) in enumerate(zip(group, documents, strict=True))
        }
        kept = st.radio(f"Group {number + 1}: keep", list(lines), format_func=lines.__getitem__, key=f"keep-{ids}")
        others = [document for document in documents if document.id != kept]
        label = f"Remove the other {len(others)}" if len(others) > 1 else f"Remove {short(others[0].path)}"
        if st.button(plain(label), key=f"keep-only-{ids}", icon=":material/delete:"):
            remove(others)
