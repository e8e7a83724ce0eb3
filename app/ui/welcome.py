"""What an empty chat shows."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ...eval.report.wording import counted
from .ingest_view import show_ingest
from .state import shared

SAMPLES = Path(__file__).parents[1] / "samples"
QUESTIONS = (
    "What is the greatest depth of water along the cable route?",
    "What was the state of health of the battery in the capacity test of January 2022?",
    "Which company manufactured the subsea cable?",
)


def show_welcome() -> None:
    """Tell what can be done: add documents where there are none, else ask."""
    both = shared()
    documents = both.engines.library.counts()[0]
    if both.ingests.last and not both.ingests.last.ended:
        show_ingest()
    elif not documents:
        st.markdown(
            "There are no documents yet. Add yours on the page **Library**, or look around with samples: nineteen "
            "files of a fictional energy cooperative. Nothing leaves this machine."
        )
        if st.button("Add the sample documents", key="add-samples", type="primary", icon=":material/library_add:"):
            both.ingests.start([SAMPLES], "samples")
            st.rerun()
    else:
        st.markdown(
            f"{counted(documents, 'document')}. Every sentence of an answer is checked against the passages: "
            "**✓** supported, **?** not supported, **–** nothing to check. A number opens the passage in its place."
        )
        if both.engines.library.documents_at(str(SAMPLES)):
            for question in QUESTIONS:
                if st.button(question, key=f"try-{question}", icon=":material/arrow_forward:", type="tertiary"):
                    st.session_state["suggested"] = question
                    st.rerun()
