"""Why an answer is as it is: what was found, what the model was given, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from .words import plain, short

_TIMINGS = {"retrieve": "passages found", "first_token": "first word", "total": "whole answer"}


def show_reasons(answer: Mapping[str, Any]) -> None:
    """Explain an answer, as `ask --json` writes it."""
    if answer["query"] != answer["question"]:
        st.markdown(f"Searched for: *{plain(answer['query'])}*")
    given = set(answer.get("given", ()))
    st.dataframe(
        [
            {
                "rank": hit["rank"],
                "document": short(hit["document"]),
                "page": hit["page"],
                "probability": hit["probability"],
                "cosine": hit["similarity"],
                "BM25": hit["bm25"],
                "by meaning": hit["ranks"]["dense"],
                "by words": hit["ranks"]["lexical"],
                "given to the model": "yes" if hit["rank"] in given else "no",
            }
            for hit in answer["hits"]
        ],
        hide_index=True,
        column_config={
            "probability": st.column_config.NumberColumn(format="%.2f", help="That the passage answers the question"),
            "cosine": st.column_config.NumberColumn(format="%.2f"),
            "BM25": st.column_config.NumberColumn(format="%.1f"),
            "by meaning": st.column_config.NumberColumn(help="The rank by cosine of embeddings"),
            "by words": st.column_config.NumberColumn(help="The rank by BM25"),
        },
    )
    timings = [
        f"{name} after {answer['timings_ms'][key] / 1000:.1f} s"
        for key, name in _TIMINGS.items()
        if key in answer["timings_ms"]
    ]
    tokens = answer["tokens"]
    read = f"; {tokens['prompt']} tokens read, {tokens['completion']} written" if tokens else ""
    st.caption(f"Model {plain(answer['model'])}: {', '.join(timings)}{read}.")
    if answer["confidence"] is not None:
        signals = ", ".join(f"{name} {value:.2f}" for name, value in answer["signals"].items())
        st.caption(f"Probability that the passages hold the answer: {answer['confidence']:.2f} ({plain(signals)}).")
