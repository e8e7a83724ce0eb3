"""The ingest in progress, and what the last one did."""

from __future__ import annotations

import streamlit as st

from ...eval.report.wording import counted
from ...ingest.report import IngestReport
from .ingesting import Ingest
from .state import shared
from .words import duration, plain, short

_EVERY = 0.5
_LISTED = 100


@st.fragment(run_every=_EVERY)
def show_ingest() -> None:
    """Show the ingest in progress until it ends; then the page is drawn anew."""
    ingest = shared().ingests.last
    if ingest is None or ingest.ended:
        st.rerun()
    progress = ingest.progress
    if progress is None:
        st.progress(0.0, "Looking at the files …")
    else:
        parts = [f"{progress.files_done} of {progress.files} files"]
        if rate := ingest.chunks_per_second:
            parts.append(f"{rate:.0f} chunks/s")
        if (left := ingest.remaining_seconds) is not None:
            parts.append(f"about {duration(left)} left")
        if progress.path:
            parts.append(short(progress.path))
        st.progress(progress.fraction, plain(" · ".join(parts)))
    st.button(
        "Cancelling …" if ingest.cancelling else "Cancel",
        key="cancel-ingest",
        icon=":material/cancel:",
        on_click=ingest.cancel,
        disabled=ingest.cancelling,
        help="What is stored stays; adding the same files again goes on from there.",
    )


def show_outcome(ingest: Ingest) -> None:
    """Show what an ingest that has ended did, each file that failed with its remedy."""
    report = ingest.report
    if ingest.cancelled:
        st.info(ingest.error)
    elif ingest.error:
        st.error(ingest.error)
    elif report is not None:
        changes = {"added": report.added, "updated": report.updated, "removed": report.removed, "moved": report.moved}
        told = [f"{count} {name}" for name, count in changes.items() if count] or ["nothing has changed"]
        st.success(f"{', '.join(told).capitalize()}; {report.unchanged} unchanged ({duration(report.seconds)}).")
        _show_problems(report)


def _show_problems(report: IngestReport) -> None:
    groups: dict[str, list[str]] = {
        "could not be read": [f"{path}: {reason}" for path, reason in report.failed],
        "gave no text on some pages": [
            f"{path}{': pages ' + ', '.join(map(str, pages)) if pages else ''}" for path, pages in report.empty
        ],
        "hold words that speak to the assistant": [f"{path}: {count} places" for path, count in report.instructions],
        "are nearly the same as another": [f"{d.path}: like {d.of} ({d.similarity:.0%})" for d in report.duplicates],
        "are of a format that is not read": list(report.unsupported),
    }
    for what, lines in groups.items():
        if lines:
            with st.expander(f"{counted(len(lines), 'file')} {what}", icon=":material/warning:"):
                for line in lines[:_LISTED]:
                    st.text(line)
                if len(lines) > _LISTED:
                    st.caption(f"and {len(lines) - _LISTED} more")
