"""Names and texts as the pages show them."""

from __future__ import annotations

from pathlib import PurePath


def plain(text: str) -> str:
    """Text that Streamlit's Markdown leaves as it is, on one line."""
    line = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~$:" else c for c in line)


def short(document: str) -> str:
    """A document's path without what stands before its folder."""
    return "/".join(PurePath(document).parts[-2:])


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
