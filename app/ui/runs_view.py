"""A run's figures: over time, beside another run, and its worst answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ...eval.report.data import Report
from ...eval.report.items import ItemShown
from ...eval.report.wording import number, shorten
from ...eval.run_sets import RunSet
from .run_charts import differences_chart, figures_over_time, trend_chart
from .words import plain


def show_trends(runs: Sequence[RunSet]) -> None:
    """Let a figure be chosen, and show it over the runs.

    Args:
        runs: Oldest first.
    """
    figures = figures_over_time(runs)
    if not figures:
        st.caption("No figure could be scored.")
        return
    left, right = st.columns(2)
    unit = left.selectbox("Set", list(dict.fromkeys(unit for unit, _ in figures)))
    metric = right.selectbox("Figure", [metric for of, metric in figures if of == unit])
    points = figures[unit, metric]
    st.vega_lite_chart(trend_chart(metric, points))
    st.caption(
        "The bars are 95 % intervals. Runs of other items or documents are no trend: the report tells them apart."
    )
    with st.expander("As a table"):
        st.table([{"run": run.name, "mean [95 %]": str(value)} for run, value in reversed(points)])


def show_comparison(report: Report) -> None:
    """Show how a run differs from its baseline."""
    if not report.baseline:
        st.caption("Choose a run to compare with.")
        return
    for warning in report.warnings:
        st.caption(plain(warning))
    chart = differences_chart(report.changes)
    if chart is None:
        st.caption("The two have no figure in common.")
        return
    st.vega_lite_chart(chart)
    st.caption(
        "▲ better, ▼ worse, ■ different, ● no difference, ✚ too few sources to tell, each by its own 95 % "
        "interval over the items that both have scored. "
        "Among many figures one that leaves out 0 is to be expected; the report corrects for that."
    )
    with st.expander("As a table"):
        st.table(
            [
                {
                    "figure": f"{change.unit} {change.metric}",
                    "now": str(change.value),
                    "before": str(change.baseline),
                    "difference": str(change.difference),
                    "verdict": change.verdict,
                }
                for change in report.changes
            ]
        )


def show_worst(report: Report) -> None:
    """Show the worst items as a table, and one of them in full."""
    items = [*report.worst, *report.worst_others]
    if not items:
        st.caption("No item is worse than it can be.")
        return
    st.dataframe(
        [
            {
                "no.": place,
                "quality": number(item.quality),
                "set": item.unit,
                "question": shorten(item.question, 120),
                "answer": shorten(item.error or item.answer, 120),
            }
            for place, item in enumerate(items, 1)
        ],
        hide_index=True,
    )
    labels = [f"{place}. {shorten(item.question or item.id, 80)}" for place, item in enumerate(items, 1)]
    chosen = st.selectbox("In full", range(len(items)), index=None, format_func=labels.__getitem__, placeholder="None")
    if chosen is not None:
        _show_item(items[chosen])


def _show_item(item: ItemShown) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(item.question or item.id)}**")
        for reference in item.references:
            st.caption(f"Right would be: {plain(reference)}")
        if item.error:
            st.error(plain(item.error))
        st.text(item.answer)
        for sentence in item.sentences:
            cited = f" [{', '.join(map(str, sentence.citations))}]" if sentence.citations else ""
            st.caption(f"{plain(sentence.verdict)}{plain(cited)}: {plain(sentence.text)}")
        values = [f"{name} {number(value)}" for name, value in item.values.items()]
        st.caption(plain(" · ".join([*values, *(f"{name}: {why}" for name, why in item.reasons.items())])))
        for document, text in item.passages:
            with st.expander(plain(document)):
                st.text(text)
        if item.other:
            st.json(dict(item.other), expanded=False)
