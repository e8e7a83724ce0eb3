"""What the sessions share, and what a session knows of itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import streamlit as st

from ..chats import Chats
from ..feedback import FeedbackStore
from ..settings import Settings
from .engines import Engines
from .generating import Generations
from .guard import owner_of
from .ingesting import Ingests


@dataclass(frozen=True, slots=True)
class Shared:
    """What there is once for all sessions."""

    engines: Engines
    chats: Chats
    feedback: FeedbackStore
    generations: Generations
    ingests: Ingests


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """What there is once for all sessions, opened by the first."""
    engines = Engines(Settings.load())
    chats = Chats(engines.library)
    chats.end_interrupted()
    return Shared(engines, chats, FeedbackStore(engines.library), Generations(engines, chats), Ingests(engines))


def owner() -> str:
    """Whose chats this session may see: those of its browser, else only its own."""
    known = owner_of(st.context.cookies)
    if known is None:
        known = st.session_state.setdefault("owner", secrets.token_hex(16))
    return str(known)
