"""What the sessions share, and what a session knows of itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import streamlit as st

from ..chats import Chats
from ..feedback import FeedbackStore
from ..settings import Settings
from .engines import Engines
from .evaluating import Evaluations
from .generating import Generations
from .guard import owner_of
from .ingesting import Ingests
from .pulling import Pulls


@dataclass(frozen=True, slots=True)
class Shared:
    """What there is once for all sessions."""

    engines: Engines
    chats: Chats
    feedback: FeedbackStore
    generations: Generations
    ingests: Ingests
    pulls: Pulls
    evaluations: Evaluations


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """What there is once for all sessions, opened by the first."""
    engines = Engines(Settings.load())
    chats = Chats(engines.library)
    chats.end_interrupted()
    return Shared(
        engines,
        chats,
        FeedbackStore(engines.library),
        Generations(engines, chats),
        Ingests(engines),
        Pulls(),
        Evaluations(engines),
    )


def owner() -> str:
    """Whose chats this session may see: those of its browser, else only its own."""
    known = owner_of(st.context.cookies)
    if known is not None:
        return known
    if "owner" not in st.session_state:
        st.session_state["owner"] = secrets.token_hex(16)
    return str(st.session_state["owner"])


def serves_folders() -> bool:
    """Whether folders of the server may be read from the browser (see `serving.serve`)."""
    try:
        return bool(st.secrets["serves_folders"])
    except (KeyError, FileNotFoundError):
        return False
