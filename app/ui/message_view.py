"""One answer: while it is written, and when it is there, with its sources, its reasons and what people say of it."""

from __future__ import annotations

import time
from typing import Any, Literal

import streamlit as st

from ..chats import Message
from .answer_view import show_answer
from .asking import ask
from .marks import answer_html, legend
from .reasons import show_reasons
from .sources import Place, cited_places, places_of, show_place
from .state import owner, shared
from .trust import trust

Form = Literal["Correct", "Edit"]
"""What can be opened below an answer, by the name of its button."""

_EVERY = 0.3
"""Seconds between two looks at an answer that is being written."""


@st.fragment(run_every=_EVERY)
def show_running(message: Message, *, may_stop: bool) -> None:
    """Show what there is of an answer, until it is whole."""
    made = shared().generations.of(message.id)
    if made is None:
        st.rerun()
    draft, stage = made.draft(), f"{made.stage.capitalize()} …"
    show_answer(f"answer-{message.id}", answer_html(draft) if draft else "", "", stage=stage)
    with st.container(horizontal=True, vertical_alignment="center"):
        if may_stop:
            st.button("Stop", key=f"stop-{message.id}", icon=":material/stop_circle:", on_click=made.stop)
        st.caption(f"{stage} {time.monotonic() - made.started:.0f} s")


@st.fragment
def show_answered(message: Message, *, may_ask: bool, is_last: bool) -> None:
    """Show an answer that has ended.

    Args:
        message: The message.
        may_ask: Whether this session may ask in this chat.
        is_last: Whether nothing came after it.
    """
    answer = message.answer
    if message.state == "failed":
        st.error(message.error, icon=":material/error:")
    elif message.state == "stopped":
        st.caption(message.error or "Stopped. This is what there was.")
    elif message.state == "running":
        st.caption("Another process is writing this answer. Reload to see more of it.")
    if answer:
        places = places_of(answer)
        opened = _opened(message)
        place = places[opened] if opened is not None and opened < len(places) else None
        key = f"answer-{message.id}"
        show_answer(
            key,
            answer_html(answer, [name for name, at in cited_places(answer).items() if at == place]),
            str(answer["answer"]),
            on_cited=lambda: _open_cited(message, places),
        )
        if told := legend(answer):
            st.caption(told)
        for sentence in answer["removed"]:
            st.caption(f"Left out, {'not checked' if sentence.get('why') else 'not supported'}: {sentence['text']}")
        if place is not None and opened is not None:
            _show_source(message, places, opened)
    _show_actions(message, may_ask, is_last)
    if answer:
        # What is closed is not drawn: in a long chat that is most of the work.
        with st.expander("Why this answer", key=f"why-{message.id}", on_change="rerun") as why:
            if why.open:
                show_reasons(answer)
                _show_passage_buttons(message, places)


def _opened(message: Message) -> int | None:
    """The index of the place that is shown."""
    index: int | None = st.session_state.get(f"open-{message.id}")
    return index


def _open(message: Message, index: int | None) -> None:
    st.session_state[f"open-{message.id}"] = index


def _open_cited(message: Message, places: list[Place]) -> None:
    """Open the citation that was clicked, or close it if it was open."""
    clicked = cited_places(message.answer).get(st.session_state[f"answer-{message.id}"]["cited"])
    index = places.index(clicked) if clicked else None
    _open(message, None if index == _opened(message) else index)


def _show_source(message: Message, places: list[Place], index: int) -> None:
    place, key = places[index], f"source-{message.id}"
    with st.container(border=True, key=key):
        with st.container(horizontal=True, vertical_alignment="center"):
            for name, icon, to in (("Previous", "arrow_back", index - 1), ("Next", "arrow_forward", index + 1)):
                st.button(
                    name,
                    key=f"{key}-{name}",
                    icon=f":material/{icon}:",
                    disabled=not 0 <= to < len(places),
                    on_click=_open,
                    args=(message, to),
                )
            st.caption(f"{index + 1} of {len(places)}")
            st.button("Close", key=f"{key}-close", icon=":material/close:", on_click=_open, args=(message, None))
        show_place(shared().engines.library, place, key)
        if place.citation is not None and st.button(
            "This source is wrong", key=f"{key}-wrong-{place.citation}", icon=":material/flag:"
        ):
            shared().feedback.wrong_source(message.id, owner(), place.citation)
            st.toast("Noted. It is in the list of feedback.")


def _show_passage_buttons(message: Message, places: list[Place]) -> None:
    labels = [place.label for place in places]
    with st.container(horizontal=True):
        for index, label in enumerate(labels):
            # The same source can carry several sentences, each in another place.
            which = f", place {labels[: index + 1].count(label)}" if labels.count(label) > 1 else ""
            key = f"place-{message.id}-{index}"
            st.button(f"Open {label.lower()}{which}", key=key, on_click=_open, args=(message, index))


def _show_actions(message: Message, may_ask: bool, is_last: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"actions-{message.id}"):
        if message.answer and message.state == "done":
            _show_trust(message.answer)
        if message.answer:
            _show_thumbs(message)
            _show_form_button(message, "Correct", "rate_review")
        if (
            may_ask
            and is_last
            and st.button("Ask again", key=f"again-{message.id}", icon=":material/refresh:", type="tertiary")
        ):
            _ask_again(message, message.question)
        if may_ask:
            _show_form_button(message, "Edit", "edit")
    form: Form | None = st.session_state.get(f"form-{message.id}")
    if form == "Correct":
        _show_correction(message)
    elif form == "Edit":
        _show_edit(message)


def _show_trust(answer: dict[str, Any]) -> None:
    told = trust(answer)
    with st.popover(f":{told.colour}[{told.words}]", icon=told.icon, type="tertiary"):
        st.markdown("\n\n".join(told.why))


def _show_thumbs(message: Message) -> None:
    vote = message.votes.get(owner())
    key = f"thumbs-{message.id}"

    def store() -> None:
        given = st.session_state[key]
        kind = None if given is None else ("good" if given else "bad")
        shared().feedback.vote(message.id, owner(), kind)  # type: ignore[arg-type]  # one of the two
        st.toast("Noted." if kind else "Taken back.")

    st.feedback("thumbs", key=key, default=None if vote is None else int(vote == "good"), on_change=store)


def _show_form_button(message: Message, form: Form, icon: str) -> None:
    """A button that opens a form below the answer, or closes it."""
    key = f"form-{message.id}"

    def turn() -> None:
        st.session_state[key] = None if st.session_state.get(key) == form else form

    st.button(form, key=f"{key}-{form}", icon=f":material/{icon}:", type="tertiary", on_click=turn)


def _show_correction(message: Message) -> None:
    with st.form(f"correct-{message.id}"):
        text = st.text_area("What should the answer be?")
        sent = st.form_submit_button("Send", type="primary")
    if sent and text.strip():
        shared().feedback.correct(message.id, owner(), text)
        st.success("Kept in the library, with the question and the answer.")


def _show_edit(message: Message) -> None:
    with st.form(f"edit-{message.id}"):
        question = st.text_area("Question", message.question)
        st.caption("The answers after this question are put aside; the export as JSON has them.")
        sent = st.form_submit_button("Ask", type="primary")
    if sent and question.strip():
        del st.session_state[f"form-{message.id}"]
        _ask_again(message, question.strip())


def _ask_again(message: Message, question: str) -> None:
    both = shared()
    chat = both.chats.get(message.chat_id, owner())
    if chat is not None:
        ask(chat, question, [m for m in both.generations.messages(chat) if m.id < message.id], instead_of=message.id)
    st.rerun()
