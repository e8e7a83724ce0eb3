"""Lists as Markdown writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .building import DocumentBuilder

_BULLETS = "*+-"


class ListItem(NamedTuple):
    """An item of a list that may be nested."""

    level: int
    """0 is outermost."""
    number: int | None
    """None for an item with a bullet."""
    text: str


def add_list(builder: DocumentBuilder, items: Iterable[ListItem]) -> None:
    """Add a list: an item a line, and a block for each outermost item with those inside it."""
    lines: list[str] = []
    indents = [0]  # where the text of the items around the next one starts
    for item in items:
        text = " ".join(item.text.split())
        if not text:
            continue
        del indents[max(item.level, 0) + 1 :]
        if len(indents) == 1:
            builder.item("\n".join(lines))
            lines.clear()
        marker = _BULLETS[(len(indents) - 1) % 3] if item.number is None else f"{item.number}."
        lines.append(f"{' ' * indents[-1]}{marker} {text}")
        indents.append(indents[-1] + len(marker) + 1)
    builder.item("\n".join(lines))
