"""The page of chats."""

from __future__ import annotations

import streamlit as st

from ..chats import Chat, Message
from .asking import ask
from .chat_sidebar import show_sidebar
from .message_view import show_answered, show_running
from .monitor_page import KEPT
from .state import owner, shared
from .welcome import show_welcome
from .words import plain

_SHOWN = 12
"""Messages; earlier ones are shown on request."""


def show() -> None:
    """Show the chat that the address names, or a new one."""
    chat = _open_chat()
    show_sidebar(chat)
    st.subheader(plain(chat.title) if chat and chat.title else "Ask your documents", anchor=False)
    may_ask = chat is None or chat.owner == owner()
    if not may_ask:
        st.caption("Somebody shares this chat with you: you can read it, and not write to it.")
    messages = _messages(chat) if chat else []
    running = _show_messages(messages, may_ask)
    if not messages:
        show_welcome()
    if may_ask:
        _show_input(chat, messages, running)


def _open_chat() -> Chat | None:
    number = st.query_params.get("chat")
    chat = shared().chats.get(number, owner()) if number else None
    if number and chat is None:
        st.query_params.clear()
        st.info("There is no such chat, or it is not shared with you.")
    return chat


def _messages(chat: Chat) -> list[Message]:
    both = shared()
    hidden = max(0, both.chats.count(chat) - _SHOWN)
    latest = None if hidden and st.toggle(f"Show {hidden} earlier messages", key=f"earlier-{chat.id}") else _SHOWN
    messages = both.generations.messages(chat, latest=latest)
    if any(message.state == "running" and not both.generations.of(message.id) for message in messages):
        messages = both.generations.messages(chat, latest=latest)  # it ended between the two looks
    return messages


def _show_messages(messages: list[Message], may_ask: bool) -> bool:
    """Show messages; whether one is being answered."""
    running = False
    for message in messages:
        with st.chat_message("user"):
            st.text(message.question)
        with st.chat_message("assistant"):
            if shared().generations.of(message.id):
                running = True
                show_running(message, may_stop=may_ask)
            else:
                show_answered(message, may_ask=may_ask, is_last=message is messages[-1])
    return running


def _show_input(chat: Chat | None, messages: list[Message], running: bool) -> None:
    counted = shared().engines.library.counts()[0]
    suggested = st.session_state.pop("suggested", None)
    asked = st.chat_input(
        "Ask a question" if counted else "Add documents first", key="question", disabled=running or not counted
    )
    if shared().engines.settings.monitor != "off":
        st.caption(KEPT[shared().engines.settings.monitor])
    if question := (asked or suggested or "").strip():
        ask(chat, question, messages)
        st.rerun()
