import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ragstone.app.monitoring import Use, UsedHit, UseLog
from ragstone.app.times import stamp
from ragstone.retrieval.library import Library

PAGE = "from ragstone.app.ui.monitor_page import show\nshow()\n"
USE = Use(
    asked_at=stamp(datetime.now(UTC)),
    question="How *much* is the <b>toll</b>?",
    embedder="",
    vector=None,
    hits=(UsedHit(1, 1, 0.2, 0.2),),
    model="tiny",
    abstained=True,
    confidence=0.2,
    support=None,
    timings_ms={"total": 200.0},
    tokens={"prompt": 300, "completion": 0},
)


def test_what_was_not_answered_is_shown_and_those_who_ask_are_told_what_is_kept(
    sample_library: Path,
    tmp_path: Path,
    model_store: Any,
    monkeypatch: pytest.MonkeyPatch,
    library: Callable[..., Library],
):
    opened = library(Path(shutil.copytree(sample_library, tmp_path / "copy")))
    monkeypatch.setenv("RAGSTONE_LIBRARY", str(opened.folder))
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    st.cache_resource.clear()
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not app.exception and "Nothing is kept of real use" in app.markdown[0].value
    assert app.caption[0].value.startswith("0 questions")
    for question in (USE.question, "Where is the toll paid?"):
        UseLog(opened).add(replace(USE, question=question), keep_days=90)
    monkeypatch.setenv("RAGSTONE_MONITOR", "text")
    st.cache_resource.clear()
    app.run()
    assert not app.exception
    assert app.markdown[0].value.startswith("Each question is kept")
    assert [text.value for text in app.text] == [USE.question, "Where is the toll paid?"]
    assert "toll" in app.markdown[1].value and "2 not answered" in app.markdown[1].value
    assert len(app.table) == 2
    st.cache_resource.clear()
