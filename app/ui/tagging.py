"""Giving documents tags, and taking them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ...errors import SettingsError
from ...retrieval import tags
from ...retrieval.records import Document
from .state import shared

_GIVEN = "given-tags"


def show_tagging(documents: Sequence[Document]) -> None:
    """Let tags of these documents be changed."""
    with st.popover("Tag", icon=":material/sell:"):
        theirs = sorted({tag for document in documents for tag in document.tags})
        # A number in the keys makes new, empty fields once a change is made.
        key = f"{_GIVEN}-{st.session_state.setdefault(_GIVEN, 0)}"
        new = st.multiselect(
            "Give",
            [tag for tag in tags.all_tags(shared().engines.library) if not all(tag in d.tags for d in documents)],
            key=key,
            accept_new_options=True,
            placeholder="A tag, or a new one",
            help="A search or a chat can be narrowed to it: tag=urgent. Tags stay when a file is read again or moves.",
        )
        old = st.multiselect("Take", theirs, key=f"{key}-take", placeholder="None") if theirs else []
        if st.button("Change tags", type="primary", key="change-tags", disabled=not (new or old)):
            _change(documents, new, old)


def _change(documents: Sequence[Document], new: Sequence[str], old: Sequence[str]) -> None:
    library, ids = shared().engines.library, [document.id for document in documents]
    try:
        tags.tag(library, ids, *new)
        tags.untag(library, ids, *old)
    except SettingsError as error:
        st.error(str(error))
        return
    st.session_state[_GIVEN] += 1
    st.rerun()
