"""What is told in the same words in several places; imports nothing, for every command needs it."""

from __future__ import annotations

NO_DOCUMENT = "No document matches the filter."


def reason(error: Exception) -> str:
    """The first line of what a library says went wrong, as part of a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
