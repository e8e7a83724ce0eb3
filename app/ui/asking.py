"""Asking: a question is stored, and its answer begun."""

from __future__ import annotations

import streamlit as st

from ..chats import Chat, Message, history
from .chat_settings import NEW, conditions_of, settings_of
from .state import owner, shared


def ask(chat: Chat | None, question: str, messages: list[Message], instead_of: int | None = None) -> None:
    """Store a question and have it answered, after these messages; in a new chat if there is none yet."""
    both = shared()
    if chat is None:
        chat = both.chats.create(owner(), st.session_state.pop(NEW, {}))
        st.query_params["chat"] = chat.id
    if instead_of is not None:
        both.generations.stop(m.id for m in both.chats.messages(chat) if m.id >= instead_of)
    number = both.chats.ask(chat, question, instead_of)
    both.generations.start(number, question, history(messages), settings_of(chat), conditions_of(chat))
