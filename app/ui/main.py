"""The script that Streamlit runs for every view of every session."""

from pathlib import Path

import streamlit as st

from ragstone.app.ui import (
    chat_page,
    evaluation_page,
    feedback_page,
    library_page,
    models_page,
    monitor_page,
    questions_page,
    search_page,
)
from ragstone.errors import RagstoneError

st.set_page_config(page_title="Ragstone", page_icon=str(Path(__file__).with_name("icon.png")), layout="centered")

# Streamlit's own "Stop" would end the drawing of the page, and not the answer.
# Its captions are too faint to be read by everybody (WCAG 2.2, 1.4.3).
st.html(
    "<style>[data-testid=stStatusWidget] { display: none } .stMainBlockContainer { padding-top: 4.5rem } "
    "[data-testid=stCaptionContainer] { opacity: 0.8 }</style>"
)

page = st.navigation(
    [
        st.Page(chat_page.show, title="Chat", icon=":material/chat:", url_path="chat", default=True),
        st.Page(search_page.show, title="Search", icon=":material/search:", url_path="search"),
        st.Page(library_page.show, title="Library", icon=":material/folder:", url_path="library"),
        st.Page(models_page.show, title="Models", icon=":material/memory:", url_path="models"),
        st.Page(evaluation_page.show, title="Evaluation", icon=":material/monitoring:", url_path="evaluation"),
        st.Page(monitor_page.show, title="Use", icon=":material/query_stats:", url_path="use"),
        st.Page(questions_page.show, title="Questions", icon=":material/quiz:", url_path="questions"),
        st.Page(feedback_page.show, title="Feedback", icon=":material/rate_review:", url_path="feedback"),
    ],
    position="top",
)
try:
    page.run()
except RagstoneError as error:
    st.error(str(error), icon=":material/error:")
