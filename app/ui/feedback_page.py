"""The page of feedback: what this person said of answers."""

from __future__ import annotations

import json
from dataclasses import asdict

import streamlit as st

from ...eval.making.drafts import table_of
from ..feedback_questions import drafts_of
from .state import owner, shared
from .words import plain, short

_KINDS = {"good": "👍 good", "bad": "👎 bad", "correction": "correction", "wrong source": "wrong source"}


def show() -> None:
    """Show the page."""
    st.header("Feedback", anchor=False)
    said = shared().feedback.all(owner=owner())
    if not said:
        st.markdown("Nothing yet. Thumbs, corrections and wrong sources of your chats are listed here.")
        return
    kinds = st.multiselect("Kinds", list(_KINDS), format_func=_KINDS.__getitem__, placeholder="All")
    shown = [one for one in said if not kinds or one.kind in kinds]
    st.caption(f"{len(shown)} of {len(said)}")
    with st.container(horizontal=True):
        st.download_button(
            "Export as JSON",
            lambda: json.dumps([asdict(one) for one in shown], ensure_ascii=False, indent=2),
            "feedback.json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Export as questions",
            lambda: table_of([draft.row() for draft in drafts_of(shown)]),
            "feedback-questions.csv",
            icon=":material/quiz:",
            on_click="ignore",
        )
    for one in shown[:200]:
        with st.container(border=True):
            st.markdown(f"**{_KINDS[one.kind]}** · {one.given_at[:10]}")
            st.text(one.question)
            st.caption(plain(str(one.answer.get("answer", ""))))
            if one.citation is not None:
                cited = [c["document"] for c in one.answer.get("citations", ()) if c["n"] == one.citation]
                st.caption(f"Source {one.citation}: {plain(', '.join(map(short, cited)))}")
            if one.text:
                st.text(one.text)
