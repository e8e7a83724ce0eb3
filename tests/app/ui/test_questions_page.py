from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ragstone.eval.making.drafts import Draft, EvidencePlace, read_rows, write_rows
from ragstone.eval.readers.own import read_own
from ragstone.retrieval.library import Library

PAGE = "from ragstone.app.ui.questions_page import show\nshow()\n"
QUOTE = "The M10 bolts on the busbars are tightened to 38 newton metres."


def drafts(library: Path) -> list[Draft]:
    """Two questions; the evidence of the first is a sentence of the sample documents."""
    with Library(library) as opened:
        of = next(one for one in opened.documents() if "battery" in one.path)
        text = opened.text(of.id)
        start = text.index("M10")
    place = EvidencePlace(of.path, start, start + 20, text[start : start + 20])
    return [
        Draft("one", "What torque do the M10 bolts need?", "numeric", "38 Nm", evidence=(place,)),
        Draft("two", "Who made the <b>bolts</b>?", "unanswerable", answerable=False, remark="look"),
    ]


def find(app: AppTest, key: str, kind: str = "button") -> Any:
    (found,) = [one for one in app.get(kind) if one.key and one.key.endswith(key)]
    return found


def test_questions_are_kept_dropped_and_corrected_with_their_evidence_in_view(
    tmp_path: Path, sample_library: Path, model_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGSTONE_LIBRARY", str(sample_library))
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    st.cache_resource.clear()
    (tmp_path / "other.csv").write_text("name,age\nAnna,7\n", "utf-8")
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not app.exception and "No set of questions yet" in app.markdown[0].value

    path = tmp_path / "set.csv"
    write_rows(path, [draft.row() for draft in drafts(sample_library)])
    app.run()
    assert not app.exception
    assert app.selectbox[0].options == ["set.csv"]
    assert app.caption[0].value == "2 questions: 2 to review, 0 kept, 0 dropped"
    shown = [text.value for text in app.text]
    assert shown[:2] == ["What torque do the M10 bolts need?", "38 Nm"]
    assert "Right is to say that the documents do not answer it." in shown

    find(app, "one-Keep").click().run()
    find(app, "two-Drop").click().run()
    assert not app.exception
    assert app.caption[0].value == "2 questions: 0 to review, 1 kept, 1 dropped"
    assert [one.id for one in read_own(path).questions] == ["one"]
    find(app, "two-Drop").click().run()  # once more takes it back
    assert [row["keep"] for row in read_rows(path)] == ["true", ""]

    find(app, "one-edit", "toggle").set_value(True).run()
    app.text_area[0].set_value("What torque do the bolts of the busbars need?")
    app.text_input[0].set_value("38 Nm|38 newton metres")
    (save,) = [one for one in app.button if one.label == "Save and keep"]
    save.click().run()
    assert not app.exception
    question = read_own(path).questions[0]
    assert question.question == "What torque do the bolts of the busbars need?"
    assert question.references == ("38 Nm", "38 newton metres")

    app.multiselect[0].set_value([""]).run()
    assert app.text[0].value == "Who made the <b>bolts</b>?"


def test_the_evidence_is_marked_where_it_stands(
    tmp_path: Path, sample_library: Path, model_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGSTONE_LIBRARY", str(sample_library))
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(model_store.folder))
    st.cache_resource.clear()
    first, _ = drafts(sample_library)
    write_rows(tmp_path / "set.jsonl", [first.row()])
    app = AppTest.from_string(PAGE, default_timeout=60)
    app.session_state["question-set.jsonl-one-evidence"] = True
    app.run()
    assert not app.exception
    assert any(f"<mark>{first.evidence[0].quote}</mark>" in one.proto.body for one in app.get("html"))
