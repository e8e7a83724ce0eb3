"""The page of real use: figures, drift, and what the documents did not answer."""

from __future__ import annotations

import json

import streamlit as st

from ...eval.drift import Shift
from ...eval.report.wording import counted, spread
from ...eval.stats import Estimate
from ..monitor_report import Topic, Usage, report_usage
from .state import shared
from .words import plain, short

KEPT = {
    "figures": "Figures of each question are kept on the machine that answers, without its text.",
    "embeddings": "Figures and the embedding of each question are kept on the machine that answers.",
    "text": "Each question is kept on the machine that answers, with its figures.",
}
"""By the setting `monitor`: what those who ask are told."""
_OFF = (
    "Nothing is kept of real use. `monitor = 'figures'` in `ragstone.toml` turns it on, without any text; "
    "`'embeddings'` and `'text'` keep more. See `docs/monitoring.md`."
)
_DAYS = (1, 7, 30, 90)


def show() -> None:
    """Show the page."""
    st.header("Use", anchor=False)
    engines = shared().engines
    st.markdown(KEPT.get(engines.settings.monitor, _OFF))
    days = st.segmented_control("The last days", _DAYS, default=7, required=True)
    usage = report_usage(engines.library, days or 7)
    st.caption(f"{counted(usage.period.n, 'question')}; {usage.baseline.n:,} before that to compare with.")
    if not usage.period.n:
        return
    _show_topics(usage)
    st.subheader("Figures", anchor=False)
    st.table([_figure(name, value, usage) for name, value in usage.figures.items() if value.n])
    st.subheader("Drift", anchor=False)
    st.table([_shift(shift) for shift in usage.drift])
    st.download_button(
        "Export as JSON",
        json.dumps(usage.as_json(), ensure_ascii=False, indent=2),
        "use.json",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_topics(usage: Usage) -> None:
    st.subheader("Missing documents", anchor=False)
    if not usage.topics:
        st.markdown("Everything was answered.")
    for topic in usage.topics[:50]:
        with st.container(border=True):
            _show_topic(topic)


def _show_topic(topic: Topic) -> None:
    name = topic.name if topic.terms else short(topic.name)
    st.markdown(f"**{plain(name)}** · {topic.n} not answered")
    for question in topic.questions:
        st.text(question)
    if topic.terms and topic.documents:
        st.caption(f"Nearest: {plain(', '.join(f'{short(path)} ({n})' for path, n in topic.documents))}")


def _figure(name: str, value: Estimate, usage: Usage) -> dict[str, str]:
    before = usage.baseline_figures[name]
    told = {"": name, "mean": spread(value), "n": f"{value.n:,}"}
    return told | {"before": spread(before), "n before": f"{before.n:,}"}


def _shift(shift: Shift) -> dict[str, str]:
    told = {"": shift.name, "test": shift.test, "n": f"{shift.n:,} / {shift.n_baseline:,}"}
    if shift.statistic is None or shift.p_holm is None:
        return told | {"statistic": "-", "p (Holm)": "-", "verdict": "too few to test"}
    verdict = "shifted" if shift.shifted else "no shift shown"
    return told | {"statistic": f"{shift.statistic:.3f}", "p (Holm)": f"{shift.p_holm:.4f}", "verdict": verdict}
