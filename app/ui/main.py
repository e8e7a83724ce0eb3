"""The script that Streamlit runs for every view of every session."""

from pathlib import Path

import streamlit as st

from ragstone.app.ui import chat_page
from ragstone.errors import RagstoneError

st.set_page_config(page_title="Ragstone", page_icon=str(Path(__file__).with_name("icon.png")), layout="centered")

page = st.navigation(
    [
        st.Page(chat_page.show, title="Chat", icon=":material/chat:", url_path="chat", default=True),
    ],
    position="top",
)
try:
    page.run()
except RagstoneError as error:
    st.error(str(error), icon=":material/error:")
