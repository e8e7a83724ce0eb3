"""The page of models: which one answers, which there are, and how to get another."""

from __future__ import annotations

import streamlit as st

from ...errors import RagstoneError
from ...generation.models import ModelStore
from ...generation.models.catalogue import Model
from .state import serves_folders, shared
from .words import plain

_EVERY = 0.5


def show() -> None:
    """Show the page."""
    both = shared()
    settings = both.engines.settings
    store = ModelStore(settings.models_dir, settings.offline)
    st.header("Models", anchor=False)
    if settings.server:
        st.info(f"Answers come from the server {plain(settings.server)}, model {plain(settings.model)}.")
        return
    st.markdown(f"**{plain(settings.model)}** answers. {_where_it_runs()}")
    st.caption("A change holds for the next answers, of everybody who uses this server, until it is started again.")
    for model in store.catalogue.values():
        if model.kind == "chat":
            _show_model(store, model, in_use=model.name == settings.model)
    if not serves_folders():
        return
    own = st.text_input("Another file on the server", placeholder="/path/to/model.gguf", key="own-model")
    if own.strip() and st.button("Use this file"):
        _use(own.strip())


def _where_it_runs() -> str:
    offload = shared().engines.offload
    if offload is None:
        return "It is loaded with the first question."
    layers, total = offload
    return f"{layers} of its {total} layers are on the GPU." if layers else "It runs on the CPU."


def _show_model(store: ModelStore, model: Model, *, in_use: bool) -> None:
    pull = shared().pulls.of(model.name)
    with st.container(border=True):
        st.markdown(f"**{plain(model.title)}**")
        st.caption(
            f"{model.name} · {model.bytes / 1e6:,.0f} MB · {model.licence} · context of {model.context:,} tokens"
        )
        if pull is not None and not pull.ended:
            _show_pull(model.name)
        elif store.is_present(model.name):
            if in_use:
                st.caption("✓ In use")
            elif st.button("Use", key=f"use-{model.name}"):
                _use(model.name)
        else:
            if pull is not None and pull.error:
                st.caption(plain(pull.error))
            offline = store.offline
            told = "The network is not to be used (RAGSTONE_OFFLINE)." if offline else "Its bytes are checked."
            if st.button("Download", key=f"pull-{model.name}", icon=":material/download:", disabled=offline, help=told):
                shared().pulls.start(store, model.name)
                st.rerun()


@st.fragment(run_every=_EVERY)
def _show_pull(name: str) -> None:
    pull = shared().pulls.of(name)
    if pull is None or pull.ended:
        st.rerun()
    st.progress(pull.fraction, plain(f"{pull.step}: {pull.fraction:.0%}"))
    st.button("Cancel", key=f"cancel-{name}", on_click=pull.cancel)


def _use(model: str) -> None:
    try:
        shared().engines.use_model(model)
    except RagstoneError as error:
        st.error(str(error))
        return
    st.rerun()
