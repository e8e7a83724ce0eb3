"""The settings of one chat: those that differ from the server's, and its filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from ...errors import SettingsError
from ...retrieval.filters import as_filter
from ..chats import Chat
from ..settings import Settings
from .state import owner, shared
from .words import plain

FILTER = "filter"
"""The key of a chat's conditions among its settings."""
_CHANGED = "chat-settings-changed"
NEW = "new-chat-settings"
"""Where a session keeps the settings of a chat that is yet to begin."""
_OFFERED = {
    "strict": "Only supported sentences",
    "hits": "Passages",
    "search_mode": "Search",
    "widen": "Wider passages",
    "min_confidence": "Answer from this probability",
    "temperature": "Temperature",
    "max_tokens": "Longest answer",
    "seed": "Seed",
}
"""The settings of a chat, by name, with their labels."""
_SAFE = {"hits": (1, 12), "temperature": (0, 1.5), "max_tokens": (16, 1024), "seed": (0, 999)}
"""Narrower ranges than what is possible, where most of that is of no use here."""


def settings_of(chat: Chat) -> Settings:
    """The server's settings with those of a chat; one that this Ragstone does not know, or refuses, is left out."""
    settings = shared().engines.settings
    for name, value in chat.settings.items():
        if name != FILTER:
            try:
                settings = settings.with_values({name: value})
            except SettingsError:
                continue
    return settings


def conditions_of(chat: Chat | None) -> list[str]:
    """The conditions that documents have to meet to be used in a chat."""
    given: Any = chat.settings.get(FILTER, []) if chat else []
    return [str(condition) for condition in given]


@st.fragment
def show_chat_settings(chat_id: str | None) -> None:
    """Let a chat's settings be changed; those of a chat that is yet to begin are kept until it does."""
    with st.expander("Documents and settings", key="chat-settings", on_change="rerun") as settings:
        if settings.open:  # what is closed is not drawn
            _show_fields(shared().chats.get(chat_id, owner()) if chat_id else None)


def _show_fields(chat: Chat | None) -> None:
    own = dict(chat.settings) if chat else dict(st.session_state.get(NEW, {}))
    base = shared().engines.settings
    key = chat.id if chat else "new"
    chosen = {name: value for name in _OFFERED if (value := _field(name, own, base, key)) != getattr(base, name)}
    conditions = _filter_field(own, key)
    if conditions:
        chosen[FILTER] = conditions
    # Only what is changed here is stored: another tab may have changed the chat since this one was drawn.
    if st.session_state.pop(_CHANGED, False):
        if chat is None:
            st.session_state[NEW] = chosen
        else:
            shared().chats.configure(chat, chosen)


def _note_change() -> None:
    st.session_state[_CHANGED] = True


def _field(name: str, own: Mapping[str, Any], base: Settings, chat: str) -> Any:
    """A widget for a setting, within its range and with its explanation."""
    about = Settings.about(name)
    value = own.get(name, getattr(base, name))
    key, label = f"{chat}-{name}", _OFFERED[name]
    if isinstance(value, bool):
        return st.toggle(label, value, key=key, help=about["about"], on_change=_note_change)
    if about["choices"]:
        choices = list(about["choices"])
        return st.selectbox(label, choices, choices.index(value), key=key, help=about["about"], on_change=_note_change)
    low, high = _SAFE.get(name, (about["low"], about["high"]))
    kind = type(value)
    low, high = kind(min(low, value)), kind(max(high, value))
    return st.slider(label, low, high, value, key=key, help=about["about"], on_change=_note_change)


def _filter_field(own: Mapping[str, Any], chat: str) -> list[str]:
    """Which documents may be used."""
    known = [name for name in shared().engines.library.collections() if name]
    given = [str(condition) for condition in own.get(FILTER, [])]
    chosen = [name for condition in given if (name := _collection_of(condition)) is not None]
    names = known + [name for name in chosen if name not in known]  # it narrows the chat also when it is empty by now
    conditions: list[str] = []
    if names:
        kept = st.multiselect(
            "Collections",
            names,
            chosen,
            key=f"{chat}-collections",
            placeholder="All",
            on_change=_note_change,
        )
        conditions += [_in_collection(name) for name in kept]
    other = " ".join(condition for condition in given if _collection_of(condition) is None)
    text = st.text_input(
        "Filter",
        other,
        key=f"{chat}-filter",
        placeholder="type=pdf",
        on_change=_note_change,
        help="Such as type=pdf, tag=urgent, author=Jane or date>=2024",
    )
    try:
        if text.strip():
            as_filter([text.strip()], None)
            conditions.append(text.strip())
    except SettingsError as error:
        st.caption(f":red[{plain(str(error))}]")
    return conditions


def _in_collection(name: str) -> str:
    return 'collection="' + name.replace('"', '""') + '"'


def _collection_of(condition: str) -> str | None:
    """The name of the collection in a condition of `_in_collection`; None of any other."""
    quoted = re.fullmatch(r'collection="((?:[^"]|"")*)"', condition)
    return quoted[1].replace('""', '"') if quoted else None
