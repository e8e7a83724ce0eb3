"""What in a passage speaks to the assistant, and the passage without it.

What was found at ingest comes with the chunk. Its words are looked at once more here, which takes less than a
millisecond: a library may be older than the detector, and a passage may come from elsewhere.
"""

from __future__ import annotations

from ..ingest.instructions import find_instructions
from ..retrieval.records import Chunk
from .spans import Spans, joined

OMITTED = " … "
"""Stands for what is left out of a passage."""


def hidden_spans(chunk: Chunk) -> Spans:
    """Where in a chunk's text something speaks to the assistant."""
    length = len(chunk.text)
    known = [(i.char_start - chunk.char_start, i.char_end - chunk.char_start) for i in chunk.instructions]
    found = [(max(start, 0), min(end, length)) for start, end in known]
    found += [(i.char_start, i.char_end) for i in find_instructions(chunk.text)]
    return joined(found)


def without(text: str, shown: Spans | None, hidden: Spans) -> Spans | None:
    """What is left of the shown part of a text.

    Args:
        text: A passage.
        shown: What of it is to be shown; None for all.
        hidden: What must not be.

    Returns:
        The spans that stay, of which none is blank; None for the whole text.
    """
    if not hidden:
        return shown
    kept: list[tuple[int, int]] = []
    for start, end in shown or ((0, len(text)),):
        for out_start, out_end in hidden:
            if out_start < end and out_end > start:
                kept.append((start, out_start))
                start = out_end
        kept.append((start, end))
    return tuple((start, end) for start, end in kept if text[start:end].strip())


def cleaned(text: str) -> str:
    """A text without what in it speaks to the assistant, as far as its words tell."""
    hidden = tuple((i.char_start, i.char_end) for i in find_instructions(text))
    spans = without(text, None, hidden)
    return text if spans is None else OMITTED.join(text[start:end].strip() for start, end in spans)
