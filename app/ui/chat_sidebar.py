"""The list of chats, and what can be done with the open one."""

from __future__ import annotations

import streamlit as st

from ..chats import Chat, as_json, as_markdown
from .chat_settings import show_chat_settings
from .state import owner, shared
from .words import plain

_LISTED = 40


def show_sidebar(chat: Chat | None) -> None:
    """Show the chats; `chat` is the open one."""
    with st.sidebar:
        if st.button("New chat", key="new-chat", icon=":material/add:", width="stretch", type="primary"):
            _go("")
        _show_chats(chat.id if chat else "")
        st.divider()
        if chat is not None:
            _show_actions(chat)
        if chat is None or chat.owner == owner():
            show_chat_settings(chat.id if chat else None)


@st.fragment
def _show_chats(open_id: str) -> None:
    found = shared().chats.of(owner())
    words = ""
    if found:
        words = st.text_input("Search chats", key="chat-words", placeholder="Words of a chat", icon=":material/search:")
    if words:
        found = shared().chats.of(owner(), words)
    if words and not found:
        st.caption("No chat holds these words.")
    for one in found[:_LISTED]:
        _show_link(one, is_open=one.id == open_id)
    if len(found) > _LISTED:
        st.caption(f"and {len(found) - _LISTED} more: search for them")


def _show_link(chat: Chat, *, is_open: bool) -> None:
    icon = ":material/group:" if chat.shared else None
    label = plain(chat.title or "New chat")
    if st.button(label, key=f"chat-{chat.id}", icon=icon, width="stretch", type="secondary" if is_open else "tertiary"):
        _go(chat.id)


def _show_actions(chat: Chat) -> None:
    with st.expander("This chat", key="chat-actions", on_change="rerun") as actions:
        if not actions.open:  # what is closed is not drawn
            return
        own = chat.owner == owner()
        if own:
            _show_naming(chat)
        _show_exports(chat)
        if own:
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown("The chat, its answers and what was said of them go for good.")
                if st.button("Delete it", key=f"delete-{chat.id}", type="primary"):
                    _delete(chat)


def _show_naming(chat: Chat) -> None:
    # Only what is changed here is stored: another tab may have changed the chat since this one was drawn.
    chats, key, shares = shared().chats, f"title-{chat.id}", f"share-{chat.id}"
    st.text_input("Title", chat.title, key=key, max_chars=200, on_change=lambda: _rename(chat, key))
    st.toggle(
        "Let others read it",
        chat.shared,
        key=shares,
        help="Everybody who can open this page then sees the chat.",
        on_change=lambda: chats.share(chat, st.session_state[shares]),
    )


def _show_exports(chat: Chat) -> None:
    messages = shared().generations.messages
    with st.container(horizontal=True):
        st.download_button(
            "Markdown",
            lambda: as_markdown(chat, messages(chat)),
            "chat.md",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            lambda: as_json(chat, messages(chat, replaced=True)),
            "chat.json",
            icon=":material/download:",
            on_click="ignore",
        )


def _delete(chat: Chat) -> None:
    chats = shared().chats
    shared().generations.stop(message.id for message in chats.messages(chat))
    chats.delete(chat)
    _go("")


def _rename(chat: Chat, key: str) -> None:
    if st.session_state[key].strip():
        shared().chats.rename(chat, st.session_state[key])


def _go(chat_id: str) -> None:
    """Open another chat, or a new one."""
    st.query_params.clear()
    if chat_id:
        st.query_params["chat"] = chat_id
    st.rerun()
