"""Serving the browser application."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import net_util
from streamlit.file_util import get_static_dir

from .assets import Assets
from .guard import Guard

SCRIPT = Path(__file__).with_name("main.py")
_HEAVY = (".chat_page", ".evaluation_page")
"""The pages whose modules take most of a second to load."""


def serve(address: str, port: int, password: str | None, upload_mb: int, serves_folders: bool) -> None:
    """Serve until it is interrupted.

    Args:
        address: Where to listen.
        port: Where to listen.
        password: What opens it; None for none.
        upload_mb: The largest file that can be uploaded, in MiB.
        serves_folders: Whether those who may enter may also have folders of this machine read.
    """
    any_host = address not in ("localhost", "127.0.0.1", "::1")
    guard = Middleware(Guard, password=password, port=port, any_host=any_host)
    assets = Middleware(Assets, folder=Path(get_static_dir()))
    logging.getLogger("streamlit").setLevel(logging.WARNING)
    # Streamlit asks a server of Amazon for it: to print it, and to compare it with the origin of a foreign page.
    net_util.get_external_ip = lambda: None
    st.App(SCRIPT, middleware=[guard, assets], secrets={"serves_folders": serves_folders}, lifespan=_loaded).run(
        config={
            "server.address": address,
            "server.port": port,
            "server.headless": True,
            "server.fileWatcherType": "none",
            "server.runOnSave": False,
            "server.maxUploadSize": upload_mb,
            "server.enableStaticServing": False,
            "server.enableAgentApi": False,
            "browser.gatherUsageStats": False,
            # Python collects as it always does; a whole collection after every run is half of a rerun's time.
            "runner.postScriptGC": False,
            "client.toolbarMode": "viewer",
            "client.showErrorDetails": "none",
            "global.developmentMode": False,
            "logger.level": "warning",
            "theme.light.primaryColor": "#1d5f8a",
            "theme.dark.primaryColor": "#2d7bae",
        }
    )


@asynccontextmanager
async def _loaded(_: st.App) -> AsyncIterator[None]:
    """Load what the pages need beside the start, so that the first who comes need not wait for it."""
    threading.Thread(target=lambda: [import_module(name, __package__) for name in _HEAVY], daemon=True).start()
    yield
