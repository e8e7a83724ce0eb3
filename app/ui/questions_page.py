"""The page of questions: a set made from documents or feedback, each to be kept, dropped or corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from ...errors import DataError
from ...eval.making.drafts import decide, evidence_of, read_rows
from ...eval.readers.own import is_own, rows_of
from ...eval.report.wording import counted
from .sources import Place, show_place
from .state import shared
from .words import plain, short

SHOWN = 20
"""Questions on a page."""
_STATES = {"": "to review", "true": "kept", "false": "dropped"}
_TRUTH = {"yes": "true", "1": "true", "no": "false", "0": "false"}
_COLOURS = {"": "orange", "true": "green", "false": "gray"}


def show() -> None:
    """Show the page."""
    st.header("Questions", anchor=False)
    files = question_files(Path())
    if not files:
        st.markdown(
            "No set of questions yet. `ragstone eval make-questions` makes one from your documents, "
            "`ragstone eval feedback-questions` from your feedback; those in this folder are shown here."
        )
        return
    path = Path(st.selectbox("Set", [str(file) for file in files]))
    rows = read_rows(path)
    st.caption(_counted(rows))
    left, right = st.columns(2)
    states = left.multiselect("Show", list(_STATES), format_func=_STATES.__getitem__, placeholder="All")
    groups = list(dict.fromkeys(str(row.get("group") or "") for row in rows))
    wanted = right.multiselect("Types", groups, format_func=lambda name: name or "no type", placeholder="All")
    found = [
        row
        for row in rows
        if (not states or state_of(row) in states) and (not wanted or str(row.get("group") or "") in wanted)
    ]
    pages = max(1, -(-len(found) // SHOWN))
    page = st.number_input("Page", 1, pages, step=1) if pages > 1 else 1
    documents = {document.path: document.id for document in shared().engines.library.documents()}
    for row in found[SHOWN * (int(page) - 1) :][:SHOWN]:
        _show_question(path, row, documents)
    if found:
        st.caption(
            f"Evaluate with those that are not dropped: `ragstone eval run --questions {path}`; every night: "
            f'`questions = "{path}"` in `nightly.toml`.'
        )


def question_files(folder: Path) -> list[Path]:
    """The files of questions in a folder, by name."""
    return sorted(file for file in folder.iterdir() if is_own(file) and _is_readable(file))


def state_of(row: Mapping[str, Any]) -> str:
    """`true` for a question that was kept, `false` for one that was dropped, and empty before."""
    told = str(row.get("keep") or "" if row.get("keep") is not False else "false").strip().lower()
    return _TRUTH.get(told, told if told in _STATES else "")


def _is_readable(file: Path) -> bool:
    try:
        return next(rows_of(file), None) is not None
    except DataError:  # another table, or a log
        return False


def _counted(rows: list[dict[str, Any]]) -> str:
    states = Counter(map(state_of, rows))
    return f"{counted(len(rows), 'question')}: " + ", ".join(
        f"{states[state]} {name}" for state, name in _STATES.items()
    )


def _show_question(path: Path, row: dict[str, Any], documents: Mapping[str, int]) -> None:
    key, state = f"question-{path}-{row['id']}", state_of(row)
    with st.container(border=True):
        group = f" · {plain(str(row['group']))}" if row.get("group") else ""
        st.markdown(f":{_COLOURS[state]}[{_STATES[state]}]{group}")
        st.text(str(row["question"]))
        st.text(_answer(row))
        if row.get("remark"):
            st.caption(plain(str(row["remark"])))
        with st.container(horizontal=True, vertical_alignment="center"):
            for name, icon, value in (("Keep", "check", "true"), ("Drop", "close", "false")):
                st.button(
                    name,
                    key=f"{key}-{name}",
                    icon=f":material/{icon}:",
                    type="primary" if state == value else "secondary",
                    on_click=_decide,
                    args=(path, row["id"], {"keep": "" if state == value else value}),
                )
            edited = st.toggle("Edit", key=f"{key}-edit")
        if edited:
            _show_form(path, row, key)
        places = evidence_of(row)
        if places:
            with st.expander(_where(places), key=f"{key}-evidence", on_change="rerun") as evidence:
                for number, place in enumerate(places if evidence.open else ()):
                    _show_evidence(place, f"Evidence {number + 1}", documents, f"{key}-{number}")


def _show_evidence(place: Any, label: str, documents: Mapping[str, int], key: str) -> None:
    document_id = documents.get(place.document, -1)  # ids change when a document is read anew
    at = Place(label, place.document, document_id, place.char_start, place.char_end, place.quote)
    show_place(shared().engines.library, at, key)


def _show_form(path: Path, row: Mapping[str, Any], key: str) -> None:
    with st.form(f"{key}-form", border=False):
        question = st.text_area("Question", str(row["question"]))
        answer = st.text_input("Answer", _reference(row), help="Several right answers are parted by |")
        answerable = st.checkbox("The documents answer it", _is_answerable(row))
        sent = st.form_submit_button("Save and keep", type="primary")
    if sent and question.strip():
        column = next((name for name in ("answer", "answers", "references") if row.get(name)), "answer")
        column = "answers" if column == "answer" and "|" in answer else column
        cleared = {name: "" for name in ("answer", "answers", "references") if name in row}
        told = {column: answer.strip()} if answerable else {}
        _decide(
            path,
            str(row["id"]),
            {**cleared, **told, "question": question.strip(), "answerable": str(answerable).lower(), "keep": "true"},
        )
        st.session_state.pop(f"{key}-edit", None)
        st.rerun()


def _decide(path: Path, row_id: str, changes: Mapping[str, Any]) -> None:
    try:
        decide(path, row_id, **changes)
    except DataError as error:
        st.toast(str(error), icon=":material/error:")


def _is_answerable(row: Mapping[str, Any]) -> bool:
    return str(row.get("answerable", "")).strip().lower() not in ("false", "no", "0")


def _reference(row: Mapping[str, Any]) -> str:
    given = next((row[name] for name in ("answer", "answers", "references") if row.get(name)), "")
    return "|".join(map(str, given)) if isinstance(given, list) else str(given)


def _answer(row: Mapping[str, Any]) -> str:
    if not _is_answerable(row):
        return "Right is to say that the documents do not answer it."
    return _reference(row) or "No reference answer."


def _where(places: list[Any]) -> str:
    return "Evidence: " + ", ".join(dict.fromkeys(plain(short(place.document)) for place in places))
